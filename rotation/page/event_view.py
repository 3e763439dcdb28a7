"""What the pages show of the journal: rows, a page of them, and why there are none. Pure.

The rows come from a table that others may write, too: what does not look like an event is shown as
far as it goes, and never trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from rotation.errors import plain
from rotation.events import ALERTS, Kind
from rotation.timeline.life import SHORT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Rows = Iterable[Mapping[str, str]]

ROWS = 100
"""Events on one page."""
SEARCHED = 5000
"""Rows of the journal that are read for one page, at most."""
QUIET = frozenset({Kind.SCAN_STARTED, Kind.SCAN_COMPLETED})
"""What happens every hour."""
WARNINGS, ALL = "warnings", "all"


@dataclass(frozen=True)
class EventRow:
    """One event."""

    time: str
    """As a machine reads it."""
    when: str
    kind: str
    vault: str
    secret: str
    what: str
    is_alert: bool


@dataclass(frozen=True)
class EventsView:
    """Some events, the newest first."""

    rows: tuple[EventRow, ...] = ()
    page: int = 1
    has_more: bool = False
    only: str = ""
    note: str = ""
    """Why there are none, if they could not be read."""


def view(events: Rows, only: str = "", page: int = 1, size: int = ROWS) -> EventsView:
    """Make one page of events.

    Args:
        events: the newest first; no more of them are taken than are needed.
        only: ``warnings``, ``all``, or else everything but what happens every hour.
        page: which one, from 1 on.
        size: events on a page.
    """
    wanted = (row for row in islice(events, SEARCHED) if _is_wanted(row, only))
    begin = (page - 1) * size
    found = list(islice(wanted, begin, begin + size + 1))
    return EventsView(
        rows=tuple(map(row_of, found[:size])),
        page=page,
        has_more=len(found) > size,
        only=only if only in {WARNINGS, ALL} else "",
    )


def row_of(row: Mapping[str, str]) -> EventRow:
    """Make the row of one event."""
    time, kind = plain(row.get("time", "")), plain(row.get("event", ""))
    return EventRow(
        time=time,
        when=time.replace("T", " ").removesuffix("Z"),
        kind=kind,
        vault=plain(row.get("vault", "")),
        secret=plain(row.get("secret", "")),
        what=what(row),
        is_alert=kind in ALERTS,
    )


def what(row: Mapping[str, str]) -> str:
    """Say what happened: the order and who gave it, the words, and which token it was."""
    order, by = row.get("order"), row.get("requested_by")
    token, former = row.get("authorization_id"), row.get("previous_authorization_id")
    parts: Sequence[str | None] = (
        f"{order}, asked for by {by}" if order and by else order,
        None if row.get("secret") else row.get("owner"),
        ": ".join(filter(None, (row.get("reason"), row.get("message")))),
        token and f"token {token[:SHORT]}",
        former and f"in place of {former[:SHORT]}",
        (until := row.get("expires_at")) and f"until {until[:10]}",
    )
    return plain("; ".join(filter(None, parts)))


def _is_wanted(row: Mapping[str, str], only: str) -> bool:
    kind = row.get("event")
    return only == ALL or (kind in ALERTS if only == WARNINGS else kind not in QUIET)
