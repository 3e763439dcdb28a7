"""How many calls may be made in any span of time: the form of the services' published limits. Pure.

A service counts over a window that slides, and so does this: what was let through comes free when
it is older than the span. Instants are seconds of any one clock that never goes back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """So many calls in any span of so many seconds."""

    calls: int
    seconds: float

    def share(self, part: float) -> Limit:
        """Give the part of it that one of several callers may use, ``part`` of the whole.

        Less than one call in the span is one call in a longer one.
        """
        calls = self.calls * part
        if calls >= 1:
            return Limit(int(calls), self.seconds)
        return Limit(1, self.seconds / calls)


class Window:
    """What was let through lately, and what will be: nothing is let through beyond the limit."""

    def __init__(self, limit: Limit) -> None:
        """Begin with nothing."""
        self._limit = limit
        self._let_through: deque[float] = deque(maxlen=limit.calls)

    def free_at(self, now: float, kept: int = 0) -> float:
        """Tell when the next call may be made.

        Args:
            now: the present.
            kept: calls that others may still make, which must find room, too.

        Returns:
            An instant, ``now`` or later; for as long as those who wait leave room for nobody, the
            end of one span from now.
        """
        count, most = len(self._let_through), self._limit.calls
        if count + kept < most:
            return now
        if kept >= most:
            return now + self._limit.seconds
        return max(now, self._let_through[count + kept - most] + self._limit.seconds)

    def let_through(self, at: float) -> None:
        """Note a call; ``at`` is never earlier than that of the call before."""
        self._let_through.append(at)
