"""HTTP sessions that wait for as long as they are asked to, within reason, and repeat with care."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response, Session
from urllib3.util import Retry

from rotation.adapters.border import (
    BACKOFF,
    CONNECT_TIMEOUT,
    PATIENCE,
    READ_TIMEOUT,
    RETRIES,
    TRANSIENT,
    WaitTooLongError,
)
from rotation.adapters.wait import ClearAdapter, seconds_asked

if TYPE_CHECKING:
    from collections.abc import Callable

    from urllib3 import BaseHTTPResponse

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


def open_session(sleep: Callable[[float], None]) -> Session:
    """Make an HTTP session with pooled connections that repeats idempotent calls only.

    Args:
        sleep: waits so many seconds.
    """
    session = PlainSession()
    session.mount("https://", _PatientAdapter(sleep))
    return session


def _patient_retry(sleep: Callable[[float], None]) -> Retry:
    class PatientRetry(Retry):  # a class, since urllib3 makes the next one from the type alone
        """Waits by ``sleep``, and not for longer than ``PATIENCE``."""

        def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
            return seconds_asked(response.headers)

        def sleep(self, response: BaseHTTPResponse | None = None) -> None:
            asked = self.get_retry_after(response) if response else None
            if asked and asked > PATIENCE:
                raise WaitTooLongError(asked)
            sleep(asked or self.get_backoff_time())

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
    """Honours a ``Retry-After`` that comes with a success, too, before the next request."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        super().__init__(pool_maxsize=POOL, max_retries=_patient_retry(sleep))
        self._sleep = sleep
        self._welcome_at = 0.0
        self._lock = Lock()

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401
        with self._lock:
            wait = self._welcome_at - time.monotonic()
        if wait > PATIENCE:
            raise WaitTooLongError(wait)
        if wait > 0:
            self._sleep(wait)
        try:
            response = super().send(request, *args, **kwargs)
        except WaitTooLongError as exc:
            self._stay_away(exc.seconds)
            raise
        seconds = response.headers.get("Retry-After", "")
        self._stay_away(int(seconds) if seconds.isdecimal() else 0)
        return response

    def _stay_away(self, seconds: float) -> None:
        with self._lock:
            self._welcome_at = max(self._welcome_at, time.monotonic() + seconds)
