"""Where instants stand on a picture, in per cent of its width. Pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from rotation.schedule import DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

HORIZONS = tuple(days * DAY for days in (14, 30, 45, 60, 90, 120, 180, 270, 365))
"""How far ahead a picture of the fleet may look."""
STEPS = tuple(days * DAY for days in (1, 2, 7, 14, 30, 60, 90, 180, 365, 730, 1825, 3650))
"""The spans between two marks of an axis."""
YEARLY = 90 * DAY
"""Marks that are so far apart need a year."""
WHOLE = 100.0
MOST_TICKS = 6
GUTTER = 0.04
"""The share of a picture that lies before now, where what has expired stands; its other end has as
much."""
MOST = 0.95
"""The share of the fleet that must fit; what lives much longer runs off the picture."""


@dataclass(frozen=True)
class Tick:
    """A mark of an axis, and what is written at it."""

    place: float
    label: str


@dataclass(frozen=True)
class Axis:
    """A stretch of time, drawn from the left to the right."""

    starts_at: datetime
    ends_at: datetime

    def place(self, instant: datetime) -> float:
        """Tell where an instant stands; one outside stands at the edge."""
        share = (instant - self.starts_at) / (self.ends_at - self.starts_at)
        return round(WHOLE * min(max(share, 0.0), 1.0), 2)

    def span(self, starts_at: datetime, ends_at: datetime) -> tuple[float, float]:
        """Tell where a stretch begins, and how wide it is; nothing is narrower than nothing."""
        begin = self.place(starts_at)
        return begin, max(round(self.place(ends_at) - begin, 2), 0.0)

    def is_beyond(self, instant: datetime) -> bool:
        """Tell whether an instant lies off the right edge."""
        return instant > self.ends_at

    @property
    def step(self) -> timedelta:
        """Give the span between two marks: few enough to be read."""
        length = self.ends_at - self.starts_at
        return next((step for step in STEPS if length / step <= MOST_TICKS), STEPS[-1])


def ahead(ends: Iterable[datetime], now: datetime) -> Axis:
    """Give the axis of a fleet: from a little before now to where nearly all have expired."""
    lives = sorted(max(end - now, timedelta(0)) for end in ends)
    longest = lives[min(int(len(lives) * MOST), len(lives) - 1)] if lives else HORIZONS[0]
    horizon = next((span for span in HORIZONS if span >= longest), HORIZONS[-1])
    return Axis(now - horizon * GUTTER, now + horizon * (1 + GUTTER))


def days_ahead(axis: Axis, now: datetime) -> tuple[Tick, ...]:
    """Give the marks of the axis of a fleet: ``today``, ``7 days``, ``14 days``."""
    spans = (((at - now).days, at) for at in _ahead(axis, now))
    later = (Tick(axis.place(at), f"{days} day{'' if days == 1 else 's'}") for days, at in spans)
    return (_today(axis, now), *later)


def dates_ahead(axis: Axis, now: datetime) -> tuple[Tick, ...]:
    """Give the same marks, said as dates of one width: ``today``, ``29 Nov``, ``06 Dec``."""
    later = (Tick(axis.place(at), f"{at.astimezone(UTC):%d %b}") for at in _ahead(axis, now))
    return (_today(axis, now), *later)


def dates(axis: Axis) -> tuple[Tick, ...]:
    """Give the marks of the axis of one secret: midnights, with their dates."""
    start = axis.starts_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    form = "%b %Y" if axis.step >= YEARLY else "%d %b"
    ticks, at = [], start + DAY
    while at <= axis.ends_at:
        ticks.append(Tick(axis.place(at), f"{at:{form}}".lstrip("0")))
        at += axis.step
    return tuple(ticks)


def _today(axis: Axis, now: datetime) -> Tick:
    return Tick(axis.place(now), "today")


def _ahead(axis: Axis, now: datetime) -> Iterator[datetime]:
    at = now + axis.step
    while at <= axis.ends_at:
        yield at
        at += axis.step
