"""What adapters do at the border: bounded patience, and errors without a trace of secrets."""

from __future__ import annotations

from datetime import timedelta
from ssl import SSLCertVerificationError, SSLError
from typing import TYPE_CHECKING, TypeVar

from urllib3.exceptions import (
    ConnectTimeoutError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
)

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

MEANINGS: dict[type[BaseException], str] = {
    ProxyError: "the proxy lets nothing through, or ended the connection; see HTTPS_PROXY",
    SSLCertVerificationError: "its certificate is not trusted; see REQUESTS_CA_BUNDLE",
    SSLError: "no secure connection",
    NameResolutionError: "its name does not resolve",
    ConnectionRefusedError: "it refuses connections",
    ConnectTimeoutError: "it cannot be reached in time",
    TimeoutError: "it does not answer in time",
    ReadTimeoutError: "it does not answer in time",
    ConnectionError: "it ended the connection",
    ProtocolError: "it ended the connection",
}
"""What the errors of the network mean; the first that fits wins."""
T = TypeVar("T")


class WaitTooLongError(Exception):
    """A service asked for more patience than a run has."""

    def __init__(self, seconds: float) -> None:
        """Say how many seconds it asked for."""
        super().__init__(f"asked to wait for {seconds:.0f} seconds")
        self.seconds = seconds


NEVER_SENT = (NewConnectionError, ConnectTimeoutError, SSLCertVerificationError, WaitTooLongError)
"""What goes wrong before a request is sent. An error of a proxy may come after: that is how a
connection is told of, too, which ended inside its tunnel."""


def translated(call: Callable[[], T], translate: Callable[[Exception], RotationError]) -> T:
    """Make a vendor's call; raise what ``translate`` makes of whatever it raises.

    A vendor's code raises more than its documentation names, when an answer makes no sense.

    The vendor's error is not chained: its frames hold headers and bodies as local variables, and
    its text may quote an answer, with tokens in them. All that may be told is in the translation.
    An error of our own leaves these frames behind, too.
    """
    try:
        return call()
    except RotationError as exc:
        error = exc
    except Exception as exc:  # noqa: BLE001 - translated, whatever it is
        error = translate(exc)
    raise error.with_traceback(None)


def words(exc: BaseException) -> str:
    """Say what went wrong in words that cannot hold a value."""
    for cause in causes(exc):
        for kind, meaning in MEANINGS.items():
            if isinstance(cause, kind):
                return meaning
        if isinstance(cause, WaitTooLongError):
            return str(cause)
    if type(exc) is OSError:  # as requests raises it before it connects
        return "no certificates; see whether REQUESTS_CA_BUNDLE names a file"
    return type(exc).__name__


def was_sent(exc: BaseException) -> bool:
    """Tell whether a call that raised may have reached the service."""
    return not any(isinstance(cause, NEVER_SENT) for cause in causes(exc))


def causes(exc: BaseException) -> list[BaseException]:
    """Give an error and all that led to it, in whichever way its library keeps that."""
    found = [exc]
    for each in found:
        kept = (getattr(each, name, None) for name in ("reason", "inner_exception"))
        linked = (each.__cause__, each.__context__, *kept, *each.args)
        found += [
            one
            for one in linked
            if isinstance(one, BaseException) and all(one is not f for f in found)
        ]
    return found
