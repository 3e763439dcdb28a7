"""The commands that look at all secrets, and the one that does what is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rotation.cli.frame import FINE, NEEDS_SOMEBODY, output_option, show, with_rotator
from rotation.console.looking import show_plan, show_run, show_status

if TYPE_CHECKING:
    from rotation.ports import Clock


@click.command()
@output_option
@click.pass_obj
def run(clock: Clock | None, output: str) -> int:
    """Scan once and do what is due, here and now.

    Events go to stderr, one JSON object a line.
    """
    report = with_rotator(clock, lambda rotator, tell: rotator.run(tell), "Settling")
    show(output, report.as_dict(), lambda: show_run(report))
    return NEEDS_SOMEBODY if report.needs_somebody else FINE


@click.command()
@output_option
@click.pass_obj
def plan(clock: Clock | None, output: str) -> int:
    """Say what a run would do now, and why; change nothing."""
    fleet = with_rotator(clock, lambda rotator, tell: rotator.survey(tell), "Looking")
    show(output, fleet.plan(), lambda: show_plan(fleet))
    return NEEDS_SOMEBODY if fleet.needs_somebody else FINE


@click.command()
@output_option
@click.pass_obj
def status(clock: Clock | None, output: str) -> int:
    """Show every managed secret and every owner.

    Ends with 1 if anything is expired, failing, rejected or blocked, or an owner must sign in.
    """
    fleet = with_rotator(clock, lambda rotator, tell: rotator.survey(tell), "Looking")
    show(output, fleet.status(), lambda: show_status(fleet))
    return NEEDS_SOMEBODY if fleet.needs_somebody else FINE
