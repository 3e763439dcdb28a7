"""What carries the requests of Microsoft's client libraries: within time, and within reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.core.pipeline.transport import RequestsTransport

from rotation.adapters.border import CONNECT_TIMEOUT, PATIENCE, READ_TIMEOUT, WaitTooLongError
from rotation.adapters.patience import POOL, PlainSession
from rotation.adapters.wait import ClearAdapter

if TYPE_CHECKING:
    from collections.abc import Callable


def open_transport(sleep: Callable[[float], None]) -> RequestsTransport:
    """Make a library's transport, with time-outs and an end to its patience between two tries.

    Args:
        sleep: waits so many seconds.
    """

    def sleep_within_reason(duration: float) -> None:
        if duration > PATIENCE:
            raise WaitTooLongError(duration)
        sleep(duration)

    session = PlainSession()
    for scheme in ("https://", "http://"):
        session.mount(scheme, ClearAdapter(pool_maxsize=POOL))
    transport = RequestsTransport(
        session=session, connection_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT
    )
    transport.sleep = sleep_within_reason
    return transport
