"""HTTP sessions that wait for as long as they are asked to, within reason, and repeat with care."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response, Session
from urllib3.util import Retry

from rotation.adapters.border import (
    BACKOFF,
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    RETRIES,
    TOO_MANY,
    TRANSIENT,
)
from rotation.adapters.pace import AFTER_REFUSALS
from rotation.adapters.wait import ClearAdapter, seconds_asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse

    from rotation.adapters.pace import Pace, Paces

POOL = 64
"""Connections kept to one host: as many as secrets may be settled at once."""


class PlainSession(Session):
    """An HTTP session with time-outs that follows no redirect and takes nothing from ``.netrc``.

    A redirect would carry what is secret to a host that nobody has named.
    """

    def __init__(self, read_timeout: float | None = None) -> None:
        """Start without connections.

        Args:
            read_timeout: seconds until an answer must come, if not ``READ_TIMEOUT``.
        """
        super().__init__()
        self.auth = _as_it_is
        self._read_timeout = read_timeout

    def request(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - as its parent
        """Send a request."""
        timeouts = CONNECT_TIMEOUT, self._read_timeout or READ_TIMEOUT
        kwargs.setdefault("timeout", timeouts)
        return super().request(*args, **{**kwargs, "allow_redirects": False})


def _as_it_is(request: PreparedRequest) -> PreparedRequest:
    """Leave a request alone; with such a function, the library does not ask ``.netrc``."""
    return request


@contextmanager
def paid_by(owner: str) -> Iterator[None]:
    """Make the requests inside a ``with`` block at the pace of an owner, whose limit they use."""
    token = _PAYER.set(owner)
    try:
        yield
    finally:
        _PAYER.reset(token)


_PAYER: ContextVar[str] = ContextVar("payer", default="")
"""Said beside a request, since a library lies between who knows it and who has to."""


def open_session(paces: Paces) -> Session:
    """Make an HTTP session with pooled connections that repeats idempotent calls only.

    Args:
        paces: at which pace it calls for whom.
    """
    session = PlainSession()
    session.mount("https://", _PatientAdapter(paces))
    return session


def _patient_retry(paces: Paces) -> Retry:
    class PatientRetry(Retry):  # a class, since urllib3 makes the next one from the type alone
        """Lets all threads wait that call for the same owner, and not for longer than they may."""

        def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
            return seconds_asked(response.headers)

        def sleep(self, response: BaseHTTPResponse | None = None) -> None:
            pace = paces.owner(_PAYER.get())
            asked = self.get_retry_after(response) if response else None
            if response:
                pace.heard(response.status, response.headers)
            if asked:
                pace.stay_away(asked)
            else:
                paces.sleep(self.get_backoff_time())
            pace.admit()

    return PatientRetry(
        total=RETRIES,
        # What broke after the request was sent, other than by a lost connection (bad TLS, say), is
        # repeated for every method: for none, then.
        other=0,
        allowed_methods={"GET", "PUT", "DELETE"},
        status_forcelist=TRANSIENT,
        backoff_factor=BACKOFF,
        raise_on_status=False,
    )


class _PatientAdapter(ClearAdapter):
    """Makes each request at its owner's pace, which every answer may change, a success, too."""

    def __init__(self, paces: Paces) -> None:
        super().__init__(pool_maxsize=POOL, max_retries=_patient_retry(paces))
        self._paces = paces

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401
        pace = self._paces.owner(_PAYER.get())
        pace.admit()
        response = super().send(request, *args, **kwargs)
        pace.heard(response.status_code, response.headers)
        return response


class PacedAdapter(ClearAdapter):
    """Makes the requests to one vault at its pace; what repeats them stands above it.

    But a new version is never repeated there, since it may be there whatever the answer. Refused as
    one too many it is not, and what it holds would be lost: so that is repeated here.
    """

    def __init__(self, pace: Pace) -> None:
        """Take the vault's ``pace``."""
        super().__init__(pool_maxsize=POOL)
        self._pace = pace

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401
        """Send a request when it may be sent."""
        is_create = request.method == "PUT"
        repetitions = len(AFTER_REFUSALS) if is_create else 0
        while True:
            self._pace.admit(is_create=is_create)
            response = super().send(request, *args, **kwargs)
            self._pace.heard(response.status_code, response.headers)
            if response.status_code != TOO_MANY or not repetitions:
                return response
            response.close()
            repetitions -= 1
