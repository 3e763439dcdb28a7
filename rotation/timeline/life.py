"""The line of life of one secret: each of its tokens as a bar, and what happened to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.errors import plain
from rotation.events import ALERTS
from rotation.timeline.axis import Axis, Tick, dates
from rotation.timeline.history import dated, known_by_events, lives
from rotation.timeline.when import date, minute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from rotation.timeline.history import Dated, Known, TokenLife

EVENTS = 1000
"""The newest events of a secret, from which its line is drawn: one page of the journal."""
LANES = 6
"""Tokens that are drawn: the youngest."""
SHORT = 8
"""Letters of an id that are enough for people to tell it from others."""
MARGIN = 0.04
"""The share of the picture that is left free at both ends."""
APART = 0.8
"""Per cent: marks of one kind that are nearer to each other are one."""
RIGHT_HALF = 50.0


@dataclass(frozen=True)
class Mark:
    """Something that happened at one instant."""

    kind: str
    """``stored``, ``extended``, ``retired`` or ``failed``."""
    place: float
    lane: int
    """On which one it stands, from 0 on; trouble stands below the last."""
    title: str


@dataclass(frozen=True)
class Lane:
    """One token, from its creation to its end; places and widths in per cent."""

    label: str
    calm: tuple[float, float]
    """Until its renewal was due, or its successor came."""
    rest: tuple[float, float] | None
    """The renewal window of the current token, or the grace of one before."""
    is_current: bool
    is_right: bool
    """Whether its label stands at the right end of the bar."""


@dataclass(frozen=True)
class Life:
    """The whole picture."""

    ticks: tuple[Tick, ...]
    now: float
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    text: str
    """What it shows, for those who do not see it."""


def life(
    events: Iterable[Mapping[str, str]], now: datetime, known: Known | None = None
) -> Life | None:
    """Draw the line of life of a secret.

    Args:
        events: of this secret, the newest first.
        now: the instant of the look.
        known: what a look tells of its tokens; without one, what the events tell of them.

    Returns:
        The picture; None if nothing is known that could be drawn.
    """
    told = dated(events)
    known = known_by_events(told) if known is None else known
    told.reverse()
    whole = (one for one in lives(told, known.tokens) if one.starts_at < one.ends_at)
    drawn = sorted(whole, key=lambda one: one.starts_at)[-LANES:]
    if not drawn:
        return None
    first, last = drawn[0].starts_at, max(now, *(one.ends_at for one in drawn))
    margin = (last - first) * MARGIN
    axis = Axis(first - margin, last + margin)
    failures = [(at, row) for at, row in told if row.get("event") in ALERTS and at >= first]
    marks = [
        Mark(kind, axis.place(at), lane, f"{plain(one.id[:SHORT])} {kind} {minute(at)}")
        for lane, one in enumerate(drawn)
        for kind, at in one.happened
    ]
    marks += _failed(failures, axis, len(drawn))
    return Life(
        ticks=dates(axis),
        now=axis.place(now),
        lanes=tuple(_lane(one, axis, known) for one in drawn),
        marks=tuple(marks),
        text=_text(drawn, marks, known.current),
    )


def _lane(one: TokenLife, axis: Axis, known: Known) -> Lane:
    is_current = one.id == known.current
    turn = known.renewal_at if is_current else one.replaced_at
    turn = min(max(turn, one.starts_at), one.ends_at) if turn else one.ends_at
    calm, rest = axis.span(one.starts_at, turn), axis.span(turn, one.ends_at)
    return Lane(
        label=plain(one.id[:SHORT]),
        calm=calm,
        rest=rest if rest[1] > 0 else None,
        is_current=is_current,
        is_right=calm[0] > RIGHT_HALF,
    )


def _failed(failures: Iterable[Dated], axis: Axis, lane: int) -> list[Mark]:
    marks: list[Mark] = []
    for at, row in failures:
        place = axis.place(at)
        if not marks or place - marks[-1].place >= APART:
            marks.append(Mark("failed", place, lane, f"{row.get('event', '')} {minute(at)}"))
    return marks


def _text(drawn: Sequence[TokenLife], marks: Sequence[Mark], current: str) -> str:
    failed = sum(mark.kind == "failed" for mark in marks)
    parts = [f"{len(drawn)} token{'' if len(drawn) == 1 else 's'} since {date(drawn[0].starts_at)}"]
    parts += [
        f"the present one lives until {minute(one.ends_at)}" for one in drawn if one.id == current
    ]
    if failed:
        parts.append(f"trouble at {failed} time{'' if failed == 1 else 's'}")
    return f"{'; '.join(parts)}."
