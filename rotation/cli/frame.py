"""What is around each command: the product put together, its result written, its exit code."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, TypeVar

import click

from rotation import settings
from rotation.console.terminal import LogLines, complain, progress
from rotation.errors import RotationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.ports import Clock
    from rotation.rotator import Rotator
    from rotation.wiring import Service

T = TypeVar("T")
FINE, NEEDS_SOMEBODY, WRONG_USAGE = 0, 1, 2
"""The exit codes."""

output_option = click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How results are written to stdout.",
)


def with_rotator(
    clock: Clock | None, work: Callable[[Rotator, Callable[[int, int], None]], T], verb: str
) -> T:
    """Do ``work`` with the rotator and show its progress.

    Args:
        clock: tells the present instant; the real one if None.
        work: takes the rotator, and what to tell how many secrets of how many are done.
        verb: what is being done.
    """

    def watched(service: Service) -> T:
        with progress(verb) as tell:
            return work(service.rotator, tell)

    return with_service(clock, watched)


def with_service(clock: Clock | None, work: Callable[[Service], T]) -> T:
    """Put the product together as the settings say, and do ``work`` with it.

    Raises:
        SettingsError: settings are missing or wrong; nothing was touched.
    """
    for name in settings.unknown_names():
        complain(f"{name} is not a setting of this version and has no effect")
    chosen = settings.load()
    _log_events()
    from rotation import wiring

    with wiring.open_service(chosen, clock or wiring.now) as service:
        return work(service)


def _log_events() -> None:
    """Write events to stderr, one JSON object a line, beside any progress that is shown there."""
    logger = logging.getLogger("rotation")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.handlers = [LogLines()]


def show(output: str, result: object, draw: Callable[[], None]) -> None:
    """Write a result to stdout.

    Args:
        output: ``json`` or ``table``.
        result: in its stable form, for JSON.
        draw: draws it for people.

    Raises:
        RotationError: nobody takes it.
    """
    try:
        if output == "json":
            click.echo(json.dumps(result, indent=2))
        else:
            draw()
    except OSError as exc:
        message = f"the result cannot be written: {exc.strerror}"
        raise RotationError(message, hint="what the command was to do, is done") from None
