"""Time that passes only when all wait: threads of many processes, one of which goes on at a time.

A minute of waiting takes no time then, and what is measured does not depend on the machine: the
processor's time is not in it, only what is waited for.
"""

from __future__ import annotations

import heapq
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypeVar
from unittest.mock import patch

from rotation import observer, sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

START = datetime(2027, 3, 1, 7, 7, tzinfo=UTC)
GLIMPSE = 0.002
"""Seconds after which somebody who waits for another thread looks again."""


class VirtualTime:
    """A clock (see ``sandbox.clock.Clock``) that threads move on by waiting."""

    def __init__(self) -> None:
        """Begin at the start."""
        self._now = 0.0
        self._gates: list[tuple[float, int, Lock]] = []
        self._numbers = count()
        self._left = 0
        self._end = Lock()
        self._failures: list[BaseException] = []

    def __call__(self) -> datetime:
        """Tell the present instant."""
        return START + timedelta(seconds=self._now)

    def elapsed(self) -> float:
        """Tell the seconds since the start."""
        return self._now

    def advance(self, span: timedelta) -> None:
        """Wait."""
        self.sleep(span.total_seconds())

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds, while others go on."""
        at = self._now + max(seconds, 0.0)
        if not self._gates or at < self._gates[0][0]:
            self._now = at  # nobody else comes before that
            return
        gate = self._gate(at)
        self._open_next()
        gate.acquire()

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Do all of this at once, each in a thread of its own, to the end.

        Raises:
            BaseException: what the first of them raised.
        """
        self._left = len(works)
        self._end.acquire()
        for work in works:
            Thread(target=self._do, args=(work, self._gate(self._now)), daemon=True).start()
        self._open_next()
        with self._end:  # the last one opens it
            pass
        self._end = Lock()
        for failure in self._failures:
            raise failure

    def _do(self, work: Callable[[], None], gate: Lock) -> None:
        gate.acquire()
        try:
            work()
        except BaseException as exc:  # noqa: BLE001 - raised where they are waited for
            self._failures.append(exc)
        self._left -= 1
        if self._left:
            self._open_next()
        else:
            self._end.release()

    def _gate(self, at: float) -> Lock:
        """Give a gate that is shut until an instant has come."""
        gate = Lock()
        gate.acquire()
        heapq.heappush(self._gates, (at, next(self._numbers), gate))
        return gate

    def _open_next(self) -> None:
        at, _, gate = heapq.heappop(self._gates)
        self._now = max(self._now, at)
        gate.release()

    @contextmanager
    def in_the_product(self) -> Iterator[None]:
        """Let the threads of the product wait for each other in this time, inside a ``with`` block.

        There are two places where one waits for what another one asks a service for. A real lock
        would stand still there for ever: whoever holds it goes on only when all others wait here.
        """
        with (
            patch.object(sessions, "Lock", partial(_Turnstile, self)),
            patch.object(observer, "Future", partial(_Promise, self)),
        ):
            yield


class _Turnstile:
    """A lock."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._is_held = False

    def __enter__(self) -> None:
        while self._is_held:
            self._time.sleep(GLIMPSE)
        self._is_held = True

    def __exit__(self, *_: object) -> None:
        self._is_held = False


class _Promise(Future[T]):
    """A future."""

    def __init__(self, time: VirtualTime) -> None:
        super().__init__()
        self._time = time

    def result(self, timeout: float | None = None) -> T:
        """Wait for the result, and give it."""
        self._wait()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for what went wrong, and give it."""
        self._wait()
        return super().exception(timeout)

    def _wait(self) -> None:
        while not self.done():
            self._time.sleep(GLIMPSE)
