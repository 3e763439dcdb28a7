"""Clocks that can be turned by hand: nothing in the sandbox waits for time to pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


def wall() -> datetime:
    """Tell the machine's own time, in UTC: the one place where the sandbox reads it."""
    return datetime.now(UTC)  # noqa: TID251 - every other clock is built on this one


class Clock(Protocol):
    """Tells the present instant, aware, in UTC, and can be moved on."""

    def __call__(self) -> datetime:
        """Tell the present instant."""
        ...

    def advance(self, span: timedelta) -> None:
        """Move the present by ``span``."""
        ...


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        """Set the clock to ``start``, which must be aware."""
        self._now = start.astimezone(UTC)

    def __call__(self) -> datetime:
        """Tell the present instant."""
        return self._now

    def advance(self, span: timedelta) -> None:
        """Move the present by ``span``."""
        self._now += span


class ShiftedClock:
    """The machine's clock, moved by an offset."""

    def __init__(self) -> None:
        """Start at the machine's own time."""
        self.offset = timedelta(0)

    def __call__(self) -> datetime:
        """Tell the present instant."""
        return wall() + self.offset

    def advance(self, span: timedelta) -> None:
        """Move the present by ``span``."""
        self.offset += span
