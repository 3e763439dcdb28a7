"""The command that tries every precondition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rotation.cli.frame import FINE, NEEDS_SOMEBODY, output_option, show, with_service
from rotation.console.doctor import show_diagnoses

if TYPE_CHECKING:
    from rotation.ports import Clock


@click.command()
@output_option
@click.pass_obj
def doctor(clock: Clock | None, output: str) -> int:
    """Try every precondition for real, and say how to mend what fails; change nothing.

    Ends with 1 if anything does not work.
    """
    found = with_service(clock, lambda service: [*service.doctor.examine()])
    show(output, [vars(diagnosis) for diagnosis in found], lambda: show_diagnoses(found))
    return NEEDS_SOMEBODY if any(d.severity == "error" for d in found) else FINE
