"""What adapters do at the border: bounded patience, and errors without a trace of secrets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from rotation.errors import RotationError

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_TIMEOUT = 10.0
"""Seconds until a connection must stand."""
READ_TIMEOUT = 60.0
"""Seconds until an answer must come: Azure DevOps may delay one by up to 30 (*Rate limits*)."""
RETRIES = 3
BACKOFF = 0.8
"""Seconds before the second repetition; it doubles."""
PATIENCE = 60
"""Seconds that a ``Retry-After`` may ask for; what asks for more is left to the next run."""
CLOCK_TOLERANCE = timedelta(minutes=5)
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP statuses that may be otherwise a moment later."""
TOO_MANY = 429

T = TypeVar("T")


class WaitTooLongError(Exception):
    """A service asked for more patience than a run has."""

    def __init__(self, seconds: float) -> None:
        """Say how many seconds it asked for."""
        super().__init__(f"asked to wait for {seconds:.0f} seconds")
        self.seconds = seconds


def translated(call: Callable[[], T], translate: Callable[[Exception], RotationError]) -> T:
    """Make a vendor's call; raise what ``translate`` makes of whatever it raises.

    A vendor's code raises more than its documentation names, when an answer makes no sense.

    The vendor's error is not chained: its frames hold headers and bodies as local variables, and
    its text may quote an answer, with tokens in them. All that may be told is in the translation.
    """
    try:
        return call()
    except RotationError:
        raise
    except Exception as exc:  # noqa: BLE001 - translated, whatever it is
        error = translate(exc)
    raise error


def words(exc: Exception) -> str:
    """Say what went wrong in words that cannot hold a value."""
    return str(exc) if isinstance(exc, WaitTooLongError) else type(exc).__name__
