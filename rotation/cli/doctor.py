"""The command that tries every precondition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rotation.cli.frame import FINE, NEEDS_SOMEBODY, output_option, show, with_service
from rotation.cli.teaching import Command
from rotation.console.doctor import show_diagnoses

if TYPE_CHECKING:
    from rotation.cli.frame import Surroundings


@click.command(
    cls=Command,
    examples=[
        ("rotation doctor", "one line for each trial, with what helps where one fails"),
        ("rotation doctor --output json", "the same for a script"),
    ],
)
@output_option
@click.pass_obj
def doctor(around: Surroundings, output: str) -> int:
    """Try every precondition for real, and say how to mend what fails; change nothing.

    Ends with 1 if anything does not work.
    """
    found = with_service(around, lambda service: [*service.doctor.examine()])
    show(output, [vars(diagnosis) for diagnosis in found], lambda: show_diagnoses(found))
    return NEEDS_SOMEBODY if any(d.severity == "error" for d in found) else FINE
