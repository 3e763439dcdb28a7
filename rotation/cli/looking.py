"""The commands that look at all secrets, and the one that does what is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rotation.cli.frame import FINE, NEEDS_SOMEBODY, output_option, show, with_rotator
from rotation.cli.teaching import Command
from rotation.console.looking import show_plan, show_run, show_status

if TYPE_CHECKING:
    from rotation.cli.frame import Surroundings


@click.command(
    cls=Command,
    examples=[
        ("rotation run", "do now what the timer would do"),
        (
            "rotation run --output json 2>events.log",
            "the report for a script, the events in a file",
        ),
    ],
)
@output_option
@click.pass_obj
def run(around: Surroundings, output: str) -> int:
    """Scan once and do what is due, here and now.

    Events go to stderr, one JSON object a line.
    """
    report = with_rotator(around, lambda rotator, tell: rotator.run(tell), "Settling")
    show(output, report.as_dict(), lambda: show_run(report))
    return NEEDS_SOMEBODY if report.needs_somebody else FINE


@click.command(
    cls=Command,
    examples=[
        ("rotation plan", "every secret, what would be done to it, and why"),
        ("rotation plan --output json", "the same for a script"),
    ],
)
@output_option
@click.pass_obj
def plan(around: Surroundings, output: str) -> int:
    """Say what a run would do now, and why; change nothing."""
    fleet = with_rotator(around, lambda rotator, tell: rotator.survey(tell), "Looking")
    show(output, fleet.plan(), lambda: show_plan(fleet))
    return NEEDS_SOMEBODY if fleet.needs_somebody else FINE


@click.command(
    cls=Command,
    examples=[
        ("rotation status", "every secret, every owner, and what must be done by when"),
        ("rotation status --output json", "the same for a script"),
    ],
)
@output_option
@click.pass_obj
def status(around: Surroundings, output: str) -> int:
    """Show every managed secret and every owner.

    The most urgent secret comes first. Bars on one axis of time show the life that each token has
    left.

    Ends with 1 if anything is expired or about to, failing, rejected or blocked, or an owner must
    sign in.
    """
    fleet = with_rotator(around, lambda rotator, tell: rotator.survey(tell), "Looking")
    show(output, fleet.status(), lambda: show_status(fleet))
    return NEEDS_SOMEBODY if fleet.needs_somebody else FINE
