"""The journal in two tables: by secret, and by day.

``RotationEvents`` has one partition a secret. ``RotationTimeline`` has the same rows with one
partition a day, so that reading by time and forgetting touch nothing else. In both, the keys are
such that the newest row comes first, and that an event which is written again is the same row.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rotation.adapters.tables import PAGE, PARTITION, ROW, Table, key, key_of
from rotation.model import SecretName

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from rotation.adapters.storage import Tables
    from rotation.events import Event
    from rotation.ports import Clock

EVENTS, TIMELINE = "RotationEvents", "RotationTimeline"
LENGTH = 4000
"""Characters of one column; the log has all of them. A column takes 64 KiB, a transaction 4 MiB."""
SKEW = timedelta(days=1)
"""How far the clock of another process may be ahead of ours, with much to spare."""

ESSENTIAL = {"event", "time", "run_id"}
"""What every event has."""
COLONS = 3
"""In each row key of the timeline, at least."""

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST_INSTANT, _LAST_NUMBER = 10**18 - 1, 10**10 - 1
_AFTER = ";"
"""Sorts after the colon that follows an instant in a key."""


class TableJournal:
    """Events in Table Storage."""

    def __init__(self, tables: Tables, clock: Clock, *, page: int = PAGE) -> None:
        """Take the account's tables.

        Args:
            tables: where the journal is.
            clock: tells which day is the newest.
            page: the most rows that are read at once.
        """
        self._events = Table(tables, EVENTS)
        self._timeline = Table(tables, TIMELINE)
        self._clock = clock
        self._page = page

    def write(self, events: Sequence[Event]) -> None:
        """See ``Journal``.

        The timeline comes first. What a crash leaves between the two is a row there which its
        secret lacks: ``since`` still gives it, and ``forget``, which walks the timeline, removes
        it. The other way round, a row would be left that nobody ever removes.
        """
        rows = [_row(event) for event in events]
        self._timeline.insert_all([_of_day(row, event) for row, event in _paired(rows, events)])
        self._events.insert_all(rows)

    def of_secret(self, name: SecretName) -> Iterator[Mapping[str, str]]:
        """See ``Journal``."""
        query = f"{PARTITION} eq '{key_of(name)}'"
        for page in self._events.pages(query, size=self._page):
            yield from _told(page)

    def since(self, instant: datetime) -> Iterator[Mapping[str, str]]:
        """See ``Journal``: one query a day, from the newest day backwards."""
        end = _inverted(instant) + _AFTER
        first, day = instant.astimezone(UTC).date(), (self._clock() + SKEW).astimezone(UTC).date()
        while day >= first:
            query = f"{PARTITION} eq '{day.isoformat()}' and {ROW} lt '{end}'"
            for page in self._timeline.pages(query, size=self._page):
                yield from _told(page)
            day -= timedelta(days=1)

    def forget(self, before: datetime) -> int:
        """See ``Journal``: one query, if there is nothing to forget."""
        day = before.astimezone(UTC).date().isoformat()
        # A range of partitions, in which the last is the only one that is not forgotten whole.
        older = f"{ROW} ge '{_inverted(before) + _AFTER}'"
        query = f"{PARTITION} le '{day}' and ({PARTITION} lt '{day}' or {older})"
        forgotten = 0
        for page in self._timeline.pages(query, size=self._page, keys_only=True):
            rows = [{PARTITION: row[PARTITION], ROW: row[ROW]} for row in page]
            # The timeline goes last: after a crash it still names what is to be forgotten.
            ours = [row for row in rows if row[ROW].count(":") >= COLONS]
            self._events.delete_all([_of_secret(row) for row in ours])
            self._timeline.delete_all(rows)
            forgotten += len(rows)
        return forgotten


def _paired(
    rows: Sequence[dict[str, str]], events: Sequence[Event]
) -> Iterator[tuple[dict[str, str], Event]]:
    return zip(rows, events, strict=True)


def _row(event: Event) -> dict[str, str]:
    columns = {name: _cut(text) for name, text in event.as_dict().items()}
    number = f"{_LAST_NUMBER - event.number:010}"
    return {
        PARTITION: key_of(SecretName(event.vault or "", event.secret or "")),
        ROW: f"{_inverted(event.time)}:{number}:{key(event.run_id)}",
        **columns,
    }


def _of_day(row: Mapping[str, str], event: Event) -> dict[str, str]:
    """Give the row of the timeline; its keys tell those of the row itself."""
    day = event.time.astimezone(UTC).date().isoformat()
    return {**row, PARTITION: day, ROW: f"{row[ROW]}:{row[PARTITION]}"}


def _of_secret(row: Mapping[str, str]) -> dict[str, str]:
    """Give the keys of the row by secret that belongs to one of the timeline."""
    instant, number, run_id, partition = row[ROW].split(":", 3)
    return {PARTITION: partition, ROW: f"{instant}:{number}:{run_id}"}


def _inverted(instant: datetime) -> str:
    """Write an instant so that a later one sorts first."""
    return f"{_LAST_INSTANT - (instant - _BEGINNING) // _MICROSECOND:018}"


def _cut(text: str) -> str:
    plain = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return plain if len(plain) <= LENGTH else f"{plain[: LENGTH - 1]}…"


def _told(page: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, str]]:
    """Give the events of a page; a row without what every event has is none of ours."""
    for row in page:
        if row.keys() >= ESSENTIAL:
            yield {name: str(value) for name, value in row.items() if name not in {PARTITION, ROW}}
