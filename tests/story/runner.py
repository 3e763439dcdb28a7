"""A process of the rotator that goes on only when it is told: from remote call to remote call.

It stands still before each remote call, and again when the call has taken effect and its answer has
not been seen. One that is not told to go on any more is dead: not a line of its code runs, no
``except`` and no ``finally``. (Its threads are wound up when the story has been judged.)
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

from sandbox.fault import Call
from sandbox.ports import InProcess, MemoryLocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Self

    from rotation.model import SecretName
    from rotation.ports import Lock, Locks
    from rotation.rotator import Scope
    from sandbox.world import World

    Work = Callable[[InProcess], object]


class WoundUpError(BaseException):
    """The story is over: nobody looks at its world any more."""


@dataclass(frozen=True)
class Stop:
    """Where a process stands still."""

    call: Call
    is_after: bool
    """Whether the call has taken effect; its answer has not been seen."""

    def __str__(self) -> str:
        """Write it for a message: ``after create_pat contoso/...``."""
        where = "after" if self.is_after else "before"
        return f"{where} {self.call.operation} {self.call.target}"


def whole_run(process: InProcess) -> object:
    """Do what a process of the rotator does: one run."""
    return process.rotator.run()


class _Gate:
    """Locks that are asked for by a remote call."""

    def __init__(self, locks: Locks, stand: Callable[[Stop], None]) -> None:
        self._locks = locks
        self._stand = stand

    @contextmanager
    def hold(self, name: SecretName) -> Iterator[Lock]:
        self._stand(Stop(Call("storage", "take_lock", str(name)), is_after=False))
        with self._locks.hold(name) as lock:
            yield lock


class Runner:
    """One process of the rotator, standing before its first remote call."""

    def __init__(
        self, world: World, scope: Scope, work: Work = whole_run, locks: Locks | None = None
    ) -> None:
        """Start the process.

        Args:
            world: what it works on, through a view of its own.
            scope: what it looks after.
            work: what it does.
            locks: shared with other processes, and taken by a call that it stands before, too; its
                own without.
        """
        self._view = world.view()
        self._view.before_call = lambda call: self._stand(Stop(call, is_after=False))
        self._view.after_effect = lambda call: self._stand(Stop(call, is_after=True))
        gate = _Gate(locks, self._stand) if locks else MemoryLocks()
        self.process = InProcess(self._view, scope, locks=gate)
        self.stop: Stop | None = None
        """Where it stands; None when it has ended."""
        self._work = work
        self._stood: SimpleQueue[Stop | None] = SimpleQueue()
        self._told: SimpleQueue[None] = SimpleQueue()
        self._is_wound_up = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        self._wait()

    def go(self) -> Stop | None:
        """Let it go on to where it stands next; None if it ends first.

        Raises:
            BaseException: what ended it; the rotator promises that nothing does.
        """
        self._told.put(None)
        self._wait()
        return self.stop

    def go_to(self, number: int) -> Stop | None:
        """Let it go on until it stands for the ``number``-th time, counted from 0."""
        for _ in range(number):
            if not self.go():
                break
        return self.stop

    def stops(self) -> Iterator[Stop]:
        """Let it go on to its end, and give where it stood on the way."""
        while self.stop:
            yield self.stop
            self.go()

    def finish(self) -> None:
        """Let it go on to its end."""
        for _ in self.stops():
            pass

    def __enter__(self) -> Self:
        """Begin a story in which it may die."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wind up what is left of the process when the story has been judged."""
        self._is_wound_up = True
        if self.stop:
            self._told.put(None)
        self._thread.join()

    def _wait(self) -> None:
        self.stop = self._stood.get()
        if self._failure:
            raise self._failure

    def _stand(self, stop: Stop) -> None:
        if not self._is_wound_up:
            self._stood.put(stop)
            self._told.get()
        if self._is_wound_up:
            raise WoundUpError

    def _live(self) -> None:
        try:
            self._work(self.process)
        except WoundUpError:
            return
        except BaseException as exc:  # noqa: BLE001 - told to whoever drives it
            self._failure = exc
        self._stood.put(None)
