"""What is known of each token of a secret: from its events, and from a look at it. Pure.

The journal tells of the tokens that are gone; Azure DevOps, of those that live. Either may be
missing, and others may write to the journal, too: what does not look like an event is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rotation.events import ALERTS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rotation.model import Token
    from rotation.timeline.urgency import Standing

    Row = Mapping[str, str]
    Dated = tuple[datetime, Row]

YEARS = range(2000, 3000)
"""Of events and tokens. Whatever claims another one was not written by the rotator."""
HOLDS = frozenset({Kind.TOKEN_STORED, Kind.TOKEN_ADOPTED, Kind.TOKEN_EXTENDED})
"""After these, the newest version holds the token."""
MARKS = {
    Kind.TOKEN_STORED: "stored",
    Kind.TOKEN_ADOPTED: "stored",
    Kind.TOKEN_EXTENDED: "extended",
    Kind.TOKEN_RETIRED: "retired",
}


@dataclass(frozen=True)
class Known:
    """What is known of the tokens of a secret beside what happened to them."""

    tokens: Mapping[str, Token] = field(default_factory=dict)
    """Those that Azure DevOps reports, by their ids."""
    current: str = ""
    """The id of the one that the newest version holds; empty if nobody can tell."""
    renewal_at: datetime | None = None
    """When its renewal is due."""


@dataclass
class TokenLife:
    """One token, from its creation to its end."""

    id: str
    starts_at: datetime
    ends_at: datetime
    replaced_at: datetime | None = None
    """When its successor was stored."""
    is_over: bool = False
    """Whether it ended before its date."""
    happened: list[tuple[str, datetime]] = field(default_factory=list)
    """``stored``, ``extended`` and ``retired``, and when."""


def dated(events: Iterable[Row]) -> list[Dated]:
    """Give the events whose time can be read, with it, in the order given."""
    return [(at, row) for row in events if (at := _instant(row.get("time", "")))]


def known_by_look(one: Standing) -> Known:
    """Give what a look at a secret tells of its tokens."""
    s = one.finding.snapshot
    tokens = {} if s.recorded is None else {s.recorded.authorization_id: s.recorded}
    tokens.update({token.authorization_id: token for token in s.bound})
    current = s.mandate.recorded.authorization_id if s.mandate.recorded else ""
    return Known(tokens, current, one.renewal_at)


def known_by_events(told: Sequence[Dated]) -> Known:
    """Give what the events of a secret tell by themselves, without a look; the newest come first.

    The one that was stored last is the current one, unless it is retired.
    """
    retired = {row.get("authorization_id") for _, row in told if _is(row, Kind.TOKEN_RETIRED)}
    last = next((row for _, row in told if _is(row, *HOLDS)), {})
    token_id = last.get("authorization_id", "")
    if token_id in retired:
        return Known()
    return Known(current=token_id, renewal_at=_instant(last.get("next_at", "")))


def lives(told: Iterable[Dated], tokens: Mapping[str, Token]) -> list[TokenLife]:
    """Put together what is known of each token.

    Args:
        told: the events of their secret, the oldest first.
        tokens: those that Azure DevOps reports, by their ids.
    """
    found: dict[str, TokenLife] = {}
    for at, row in told:
        _take_in(found, at, row)
    for token_id, token in tokens.items():
        known = found.setdefault(token_id, TokenLife(token_id, token.valid_from, token.valid_to))
        known.starts_at = min(known.starts_at, token.valid_from)
        known.ends_at = known.ends_at if known.is_over else token.valid_to
    return list(found.values())


def _take_in(found: dict[str, TokenLife], at: datetime, row: Row) -> None:
    """Add what one event tells."""
    kind, token_id = row.get("event", ""), row.get("authorization_id", "")
    if kind == Kind.TOKEN_LOST and (lost := found.get(token_id)):
        lost.ends_at, lost.is_over = at, True
    if not token_id or kind in ALERTS or kind == Kind.LIFETIME_CLAMPED:
        return
    ends_at = _instant(row.get("expires_at", "")) or at
    known = found.setdefault(token_id, TokenLife(token_id, at, ends_at))
    if not known.is_over:
        known.ends_at = max(known.ends_at, ends_at)
    former = found.get(row.get("previous_authorization_id", ""))
    if kind == Kind.TOKEN_STORED and former:
        former.replaced_at = at
    if kind == Kind.TOKEN_RETIRED:
        known.ends_at, known.is_over = at, True
    if kind in MARKS:
        known.happened.append((MARKS[Kind(kind)], at))


def _is(row: Row, *kinds: Kind) -> bool:
    return row.get("event") in kinds


def _instant(text: str) -> datetime | None:
    """Read an instant of the journal; None if it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo and found.year in YEARS else None
