"""The command that tries every precondition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rotation.cli.frame import FINE, NEEDS_SOMEBODY, output_option, show, with_service
from rotation.cli.teaching import Command
from rotation.console.doctor import show_diagnoses
from rotation.diagnosis import has_errors
from rotation.export import as_list

if TYPE_CHECKING:
    from rotation.cli.frame import Surroundings


@click.command(
    cls=Command,
    examples=[
        ("rotation doctor", "one line for each trial, with what helps where one fails"),
        ("rotation doctor --fix", "make the tables and the queue, if they are missing"),
        ("rotation doctor --output json", "the same for a script"),
    ],
)
@output_option
@click.option("--fix", is_flag=True, help="Make the tables and the queue that are missing.")
@click.pass_obj
def doctor(around: Surroundings, output: str, *, fix: bool) -> int:
    """Try every precondition; change nothing, but with --fix.

    Says how to mend what fails. Ends with 1 if anything does not work.
    """
    found = with_service(around, lambda service: [*service.doctor.examine(mends=fix)])
    show(output, as_list(found), lambda: show_diagnoses(found))
    return NEEDS_SOMEBODY if has_errors(found) else FINE
