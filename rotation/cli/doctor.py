"""The command that tries every precondition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rotation.cli.frame import FINE, NEEDS_SOMEBODY, output_option, show, with_service
from rotation.console.doctor import show_diagnoses
from rotation.diagnosis import has_errors
from rotation.export import as_list

if TYPE_CHECKING:
    from rotation.ports import Clock


@click.command()
@output_option
@click.option("--fix", is_flag=True, help="Make the tables and the queue that are missing.")
@click.pass_obj
def doctor(clock: Clock | None, output: str, *, fix: bool) -> int:
    """Try every precondition for real, and say how to mend what fails; change nothing else.

    Ends with 1 if anything does not work.
    """
    found = with_service(clock, lambda service: [*service.doctor.examine(mends=fix)])
    show(output, as_list(found), lambda: show_diagnoses(found))
    return NEEDS_SOMEBODY if has_errors(found) else FINE
