"""What adapters do at the border: bounded patience, and errors without a trace of secrets."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.errors import RotationError

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
E = TypeVar("E", bound=Exception)


def translated(
    call: Callable[[], T], vendor: tuple[type[E], ...], translate: Callable[[E], RotationError]
) -> T:
    """Make a vendor's call; raise what ``translate`` makes of a ``vendor`` error.

    The vendor's error is not chained: its frames hold headers and bodies as local variables, and
    its text may quote an answer, with tokens in them. All that may be told is in the translation.
    """
    try:
        return call()
    except vendor as exc:
        error = translate(exc)
    raise error
