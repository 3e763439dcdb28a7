"""The life that each token of a fleet has left, on one axis. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.fleet import State
from rotation.timeline.axis import ahead

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotation.timeline.axis import Axis
    from rotation.timeline.urgency import Standing

NARROWEST = 0.6
"""Per cent of the picture that a part of a bar has at least: so that it is seen."""
QUIET = frozenset({State.WATCHED, State.SKIPPED, State.REJECTED, State.BLOCKED})
"""The states in which nobody renews a token."""


@dataclass(frozen=True)
class Bar:
    """What is drawn of it; places and widths in per cent."""

    calm: tuple[float, float] | None = None
    """Until its renewal is due; all of it, where there is none."""
    window: tuple[float, float] | None = None
    """From then to its expiry."""
    grace: tuple[float, float] | None = None
    """How long its predecessor still works."""
    end: float | None = None
    """The expiry; None if there is none, or it lies beyond the axis."""
    is_beyond: bool = False
    is_dead: bool = False
    is_quiet: bool = False
    """Whether nobody renews it, and its window means nothing."""


def axis_of(standings: Iterable[Standing], now: datetime) -> Axis:
    """Give the one axis on which all bars of a fleet stand."""
    return ahead((one.ends_at for one in standings if one.ends_at), now)


def bar(one: Standing, axis: Axis, now: datetime) -> Bar:
    """Draw the life that a token has left at the instant ``now``."""
    if one.ends_at is None:
        return Bar()
    if one.ends_at <= now:
        return Bar(is_dead=True, end=axis.place(one.ends_at))
    due_at = min(max(one.renewal_at or one.ends_at, now), one.ends_at)
    calm, window = axis.span(now, due_at), axis.span(due_at, one.ends_at)
    grace = axis.span(now, one.grace_ends_at) if one.grace_ends_at else None
    is_beyond = axis.is_beyond(one.ends_at)
    return Bar(
        calm=calm if due_at > now else None,
        window=(window[0], max(window[1], NARROWEST)) if due_at < one.ends_at else None,
        grace=grace and (grace[0], max(grace[1], NARROWEST)),
        end=None if is_beyond else axis.place(one.ends_at),
        is_beyond=is_beyond,
        is_quiet=one.state in QUIET,
    )
