"""What is to be done, in lanes that take turns: one that is slow holds up no other. Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator
    from datetime import datetime

T = TypeVar("T")


class Lanes(Generic[T]):
    """Things to do, each in its lane; within a lane, in the order in which they came."""

    def __init__(self, things: Iterable[T], lane_of: Callable[[T], Hashable]) -> None:
        """Line everything up.

        Args:
            things: all that is to be done.
            lane_of: tells in which lane a thing is.
        """
        self._lane_of = lane_of
        self._lines: dict[Hashable, deque[T]] = {}
        for thing in things:
            self._lines.setdefault(lane_of(thing), deque()).append(thing)
        self._turns = deque(self._lines)
        """The lanes in which something waits, the one whose turn it is first."""
        self._rests: dict[Hashable, datetime] = {}

    @property
    def are_left(self) -> bool:
        """Whether there is still something to do."""
        return bool(self._turns)

    def __iter__(self) -> Iterator[T]:
        """Take everything, without any rest."""
        while thing := self._take(lambda _: True):
            yield thing

    def take(self, now: datetime) -> T | None:
        """Take the next thing of the next lane that does not rest at the instant ``now``.

        Returns:
            None if nothing can be taken: all that is left is in lanes that rest.
        """
        return self._take(lambda lane: self._rests.get(lane, now) <= now)

    def _take(self, is_open: Callable[[Hashable], bool]) -> T | None:
        for _ in range(len(self._turns)):
            lane = self._turns.popleft()
            if is_open(lane):
                thing = self._lines[lane].popleft()
                if self._lines[lane]:
                    self._turns.append(lane)
                return thing
            self._turns.append(lane)
        return None

    def put_back(self, thing: T, until: datetime) -> None:
        """Let a thing that was taken be the next one of its lane again, which rests until then."""
        lane = self._lane_of(thing)
        if not self._lines[lane]:
            self._turns.append(lane)
        self._lines[lane].appendleft(thing)
        self._rests[lane] = until

    def next_at(self, now: datetime) -> datetime:
        """Tell when something can be taken: ``now``, or when the first lane has rested."""
        return min((self._rests.get(lane, now) for lane in self._turns), default=now)
