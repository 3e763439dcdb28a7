"""What is around each command: the product put together, its result written, its exit code."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from rotation.clock import now
from rotation.console.terminal import LogLines, complain, progress
from rotation.errors import RotationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from rotation.ports import Clock
    from rotation.rotator import Rotator
    from rotation.settings import Settings
    from rotation.wiring import Service

    class OpenService(Protocol):
        """Puts the product together, as ``rotation.wiring.open_service`` does."""

        def __call__(self, settings: Settings, clock: Clock) -> AbstractContextManager[Service]:
            """Put it together, for a ``with`` block."""


T = TypeVar("T")
FINE, NEEDS_SOMEBODY, WRONG_USAGE = 0, 1, 2
"""The exit codes."""
TABLE, JSON = "table", "json"

output_option = click.option(
    "--output",
    type=click.Choice([TABLE, JSON]),
    default=TABLE,
    show_default=True,
    help="How results are written to stdout.",
)


@dataclass
class Surroundings:
    """What a command takes from outside."""

    clock: Clock | None = None
    """Tells the present instant; the real one if None."""
    open_service: OpenService | None = None
    """Puts the product together; the composition root if None."""
    is_debugging: bool = False
    """Whether an error is told with its stack."""

    def now(self) -> datetime:
        """Tell the present instant."""
        return (self.clock or now)()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def with_rotator(
    around: Surroundings, work: Callable[[Rotator, Callable[[int, int], None]], T], verb: str
) -> T:
    """Do ``work`` with the rotator and show its progress.

    Args:
        around: what the command takes from outside.
        work: takes the rotator, and what to tell how many secrets of how many are done.
        verb: what is being done.
    """

    def watched(service: Service) -> T:
        with progress(verb) as tell:
            return work(service.rotator, tell)

    return with_service(around, watched)


def with_service(around: Surroundings, work: Callable[[Service], T]) -> T:
    """Put the product together as the settings say, and do ``work`` with it.

    Raises:
        SettingsError: settings are missing or wrong; nothing was touched.
    """
    from rotation import settings

    for name in settings.unknown_names():
        complain(f"{name} is not a setting of this version and has no effect")
    chosen = settings.load()
    _log_events()
    from rotation import wiring

    open_service = around.open_service or wiring.open_service
    with open_service(chosen, around.clock or now) as service:
        return work(service)


def _log_events() -> None:
    """Write events to stderr, one JSON object a line, beside any progress that is shown there."""
    logger = logging.getLogger("rotation")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    lines = LogLines()
    # The command's own result shows how the fleet stands.
    lines.addFilter(lambda record: record.name != "rotation.fleet")
    logger.handlers = [lines]


def show(output: str, result: object, draw: Callable[[], None]) -> None:
    """Write a result to stdout.

    Args:
        output: ``json`` or ``table``.
        result: in its stable form, for JSON.
        draw: draws it for people.

    Raises:
        RotationError: nobody takes it.
    """
    write(draw if output == TABLE else lambda: click.echo(json.dumps(result, indent=2)))


def write(draw: Callable[[], None]) -> None:
    """Write something to stdout; end quietly if whoever reads it has seen enough.

    Raises:
        RotationError: nobody takes it.
    """
    try:
        draw()
    except BrokenPipeError:
        # What is left in the buffer goes nowhere: Python would complain of it as it ends.
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        sys.exit(NEEDS_SOMEBODY)
    except OSError as exc:
        message = f"the result cannot be written: {exc.strerror}"
        raise RotationError(message, hint="what the command was to do, is done") from None
