"""The line of life of one secret: each of its tokens as a bar, and what happened to it. Pure.

The journal tells of the tokens that are gone; Azure DevOps, of those that live. Either may be
missing: what is drawn is what is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rotation.events import ALERTS, Kind
from rotation.page.axis import Axis, Tick, dates
from rotation.page.event_view import SHORT
from rotation.page.when import date, minute
from rotation.schedule import retirement_at, superseded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rotation.model import Token
    from rotation.page.urgency import Standing

LANES = 6
"""Tokens that are drawn: the youngest."""
TOP, LANE = 26.0, 34.0
"""Pixels above the first bar, and from one to the next."""
MARGIN = 0.04
"""The share of the picture that is left free at both ends."""
APART = 0.8
"""Per cent: marks of one kind that are nearer to each other are one."""
RIGHT_HALF = 50.0
MARKS = {
    Kind.TOKEN_STORED: "stored",
    Kind.TOKEN_ADOPTED: "stored",
    Kind.TOKEN_EXTENDED: "extended",
    Kind.TOKEN_RETIRED: "retired",
}


@dataclass(frozen=True)
class Mark:
    """Something that happened at one instant."""

    kind: str
    """``stored``, ``extended``, ``retired`` or ``failed``."""
    place: float
    y: float
    title: str


@dataclass(frozen=True)
class Lane:
    """One token, from its creation to its end; places and widths in per cent."""

    label: str
    y: float
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

    height: float
    ticks: tuple[Tick, ...]
    now: float
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    text: str
    """What it shows, for those who do not see it."""


@dataclass
class _Life:
    """What is known of one token."""

    id: str
    starts_at: datetime
    ends_at: datetime
    replaced_at: datetime | None = None
    is_over: bool = False
    happened: list[tuple[str, datetime]] = field(default_factory=list)


def life(one: Standing, events: Iterable[Mapping[str, str]], now: datetime) -> Life | None:
    """Draw the line of life of a secret.

    Args:
        one: how it stands.
        events: of this secret, the newest first.
        now: the instant of the look.

    Returns:
        The picture; None if nothing is known that could be drawn.
    """
    s = one.finding.snapshot
    tokens = {} if s.recorded is None else {t.authorization_id: t for t in (s.recorded,)}
    tokens.update({token.authorization_id: token for token in s.bound})
    # A predecessor works until its grace is over, though it would live for longer.
    ending = superseded(s, now) if one.grace_ends_at else ()
    tokens |= {t.authorization_id: _until(t, retirement_at(t, s)) for t in ending}
    told = [(at, row) for row in events if (at := _instant(row.get("time", "")))]
    told.reverse()
    lives = _lives(told, tokens)
    whole = (known for known in lives.values() if known.starts_at < known.ends_at)
    drawn = sorted(whole, key=lambda known: known.starts_at)[-LANES:]
    failures = [(at, row) for at, row in told if row.get("event") in ALERTS]
    if not drawn:
        return None
    first, last = drawn[0].starts_at, max(now, *(known.ends_at for known in drawn))
    margin = (last - first) * MARGIN
    axis = Axis(first - margin, last + margin)
    current = s.mandate.recorded.authorization_id if s.mandate.recorded else ""
    lanes = [
        _lane(known, axis, TOP + n * LANE, one if known.id == current else None)
        for n, known in enumerate(drawn)
    ]
    marks = [
        Mark(kind, axis.place(at), TOP + n * LANE, f"{known.id[:SHORT]} {kind} {minute(at)}")
        for n, known in enumerate(drawn)
        for kind, at in known.happened
    ]
    bottom = TOP + len(drawn) * LANE
    marks += _failed([found for found in failures if found[0] >= first], axis, bottom)
    return Life(
        height=bottom + LANE,
        ticks=dates(axis),
        now=axis.place(now),
        lanes=tuple(lanes),
        marks=tuple(marks),
        text=_text(drawn, marks, current),
    )


def _until(token: Token, ends_at: datetime) -> Token:
    return replace(token, valid_to=min(token.valid_to, ends_at))


def _lives(
    told: Sequence[tuple[datetime, Mapping[str, str]]], tokens: Mapping[str, Token]
) -> dict[str, _Life]:
    """Put together what is known of each token, oldest event first."""
    lives: dict[str, _Life] = {}
    for at, row in told:
        kind, token_id = row.get("event", ""), row.get("authorization_id", "")
        if kind == Kind.TOKEN_LOST and (lost := lives.get(token_id)):
            lost.ends_at, lost.is_over = at, True
        if not token_id or kind in ALERTS or kind == Kind.LIFETIME_CLAMPED:
            continue
        ends_at = _instant(row.get("expires_at", "")) or at
        known = lives.setdefault(token_id, _Life(token_id, at, ends_at))
        if not known.is_over:
            known.ends_at = max(known.ends_at, ends_at)
        if kind == Kind.TOKEN_STORED and (former := lives.get(_former(row))):
            former.replaced_at = at
        if kind == Kind.TOKEN_RETIRED:
            known.ends_at, known.is_over = at, True
        if kind in MARKS:
            known.happened.append((MARKS[Kind(kind)], at))
    for token_id, token in tokens.items():
        known = lives.setdefault(token_id, _Life(token_id, token.valid_from, token.valid_to))
        known.starts_at = min(known.starts_at, token.valid_from)
        known.ends_at = known.ends_at if known.is_over else token.valid_to
    return lives


def _lane(known: _Life, axis: Axis, y: float, current: Standing | None) -> Lane:
    turn = known.replaced_at
    if current:
        turn = current.renewal_at
    turn = min(max(turn, known.starts_at), known.ends_at) if turn else known.ends_at
    calm, rest = axis.span(known.starts_at, turn), axis.span(turn, known.ends_at)
    return Lane(
        label=known.id[:SHORT],
        y=y,
        calm=calm,
        rest=rest if rest[1] > 0 else None,
        is_current=current is not None,
        is_right=calm[0] > RIGHT_HALF,
    )


def _failed(
    failures: Iterable[tuple[datetime, Mapping[str, str]]], axis: Axis, y: float
) -> list[Mark]:
    marks: list[Mark] = []
    for at, row in failures:
        place = axis.place(at)
        if not marks or place - marks[-1].place >= APART:
            marks.append(Mark("failed", place, y, f"{row.get('event', '')} {minute(at)}"))
    return marks


def _text(drawn: Sequence[_Life], marks: Sequence[Mark], current: str) -> str:
    failed = sum(mark.kind == "failed" for mark in marks)
    parts = [f"{len(drawn)} token{'' if len(drawn) == 1 else 's'} since {date(drawn[0].starts_at)}"]
    parts += [
        f"the present one lives until {minute(known.ends_at)}"
        for known in drawn
        if known.id == current
    ]
    if failed:
        parts.append(f"trouble at {failed} time{'' if failed == 1 else 's'}")
    return f"{'; '.join(parts)}. The events below tell the same."


def _former(row: Mapping[str, str]) -> str:
    return row.get("previous_authorization_id", "")


def _instant(text: str) -> datetime | None:
    """Read an instant of the journal; None if it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo and found.year > 1 else None
