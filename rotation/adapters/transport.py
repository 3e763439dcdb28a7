"""What carries the requests of Microsoft's client libraries: within time, and within reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.core.pipeline.transport import RequestsTransport

from rotation.adapters.border import CONNECT_TIMEOUT, PATIENCE, READ_TIMEOUT, WaitTooLongError
from rotation.adapters.patience import POOL, PacedAdapter, PlainSession
from rotation.adapters.wait import ClearAdapter

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.adapters.pace import Pace


def open_transport(sleep: Callable[[float], None], pace: Pace | None = None) -> RequestsTransport:
    """Make a library's transport, with time-outs and an end to its patience between two tries.

    Args:
        sleep: waits so many seconds.
        pace: at which it calls, if there is one to keep to.
    """

    def sleep_within_reason(duration: float) -> None:
        if duration > PATIENCE:
            raise WaitTooLongError(duration)
        sleep(duration)

    session = PlainSession()
    for scheme in ("https://", "http://"):
        adapter = PacedAdapter(pace) if pace else ClearAdapter(pool_maxsize=POOL)
        session.mount(scheme, adapter)
    transport = RequestsTransport(
        session=session, connection_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT
    )
    transport.sleep = sleep_within_reason
    return transport
