"""Locks in a table: one row a secret, taken, renewed and released by its ETag.

A holder believes in its lock until the instant that its row names. Everybody else believes in it
for a ``MARGIN`` longer, by clocks of their own. So a holder knows that its lock is lost before
anybody can take it, as long as two clocks are no further apart than that.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from socket import gethostname
from threading import Lock as ThreadLock
from typing import TYPE_CHECKING
from uuid import uuid4

from rotation.adapters.local import LocalLocks
from rotation.adapters.tables import PARTITION, ROW, Table, key_of
from rotation.errors import LockHeldError, RotationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from rotation.adapters.storage import Tables
    from rotation.model import SecretName
    from rotation.ports import Clock, Lock

LOCKS = "RotationLocks"
LEASE = timedelta(minutes=2)
MARGIN = timedelta(minutes=2)
"""A minute by which two clocks may differ, and one for a call that began under the lock."""
LONGEST = LEASE + timedelta(hours=1)
"""A row that claims to hold for longer makes no sense: no clock is an hour ahead, and the row of a
dead holder would lock its secret for ever."""
ROW_KEY = "lock"

LOGGER = logging.getLogger("rotation")


class TableLocks:
    """Locks among all processes that use the account, and among the threads of each."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        """Take the account's tables, and the clock by which leases are counted."""
        self._table = Table(tables, LOCKS)
        self._clock = clock
        self._threads = LocalLocks()
        self._outage = _Outage()

    @contextmanager
    def hold(self, name: SecretName) -> Iterator[Lock]:
        """See ``Locks``."""
        with self._threads.hold(name) as among_threads:
            held = self._take(name)
            try:
                yield held or among_threads
            finally:
                if held:
                    held.release()

    def _take(self, name: SecretName) -> _Held | None:
        """Take the lock of ``name``; None if that cannot be known, and so everybody gets it."""
        until = self._clock() + LEASE
        row = {PARTITION: key_of(name), ROW: ROW_KEY, "holder": _name(), "until": _text(until)}
        try:
            etag = self._insert_or_replace(row)
        except RotationError as exc:
            self._outage.tell(exc)
            return None
        self._outage.end()
        if etag is None:
            message = f"another run holds the lock of {name}"
            raise LockHeldError(message)
        return _Held(self._table, self._clock, self._outage, row, etag, until)

    def _insert_or_replace(self, row: dict[str, str]) -> str | None:
        """Give the ETag of the row; None if somebody else's is there."""
        if etag := self._table.insert(row):
            return etag
        if (found := self._table.get(row[PARTITION], row[ROW])) is None:
            return self._table.insert(row)  # released in this very moment
        other, etag = found
        if other.get("holder") == row["holder"]:
            return etag  # our own: the answer to the insert was lost
        now = self._clock()
        if now - MARGIN < _until(other) <= now + LONGEST:
            return None
        return self._table.replace(row, etag)


@dataclass
class _Outage:
    """Says once that the locks fail open, until they work again."""

    _is_told: bool = False
    _guard: ThreadLock = field(default_factory=ThreadLock)

    def tell(self, exc: RotationError) -> None:
        with self._guard:
            was_told, self._is_told = self._is_told, True
        if not was_told:
            told = "locks are only among the threads of this process, until the table answers: %s"
            LOGGER.warning(told, exc)

    def end(self) -> None:
        with self._guard:
            self._is_told = False


class _Held:
    """A row of ours, as long as its lease goes."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it knows, all of it from one place
        self,
        table: Table,
        clock: Clock,
        outage: _Outage,
        row: dict[str, str],
        etag: str,
        until: datetime,
    ) -> None:
        self._table = table
        self._clock = clock
        self._outage = outage
        self._row = row
        self._etag = etag
        self._until = until

    def is_held(self) -> bool:
        """See ``Lock``: renews the lease, when half of it is gone."""
        left = self._until - self._clock()
        if timedelta(0) < left <= LEASE / 2:
            self._renew()
        return self._clock() < self._until

    def _renew(self) -> None:
        until = self._clock() + LEASE
        row = {**self._row, "until": _text(until)}
        try:
            etag = self._table.replace(row, self._etag) or self._own_etag(row)
        except RotationError as exc:
            self._outage.tell(exc)  # it stays ours until the instant that everybody knows
            return
        if etag is None:
            self._until = datetime.min.replace(tzinfo=UTC)
        else:
            self._etag, self._until = etag, until

    def _own_etag(self, row: dict[str, str]) -> str | None:
        """Give the ETag if the row is as we have just written it: the answer was lost."""
        found = self._table.get(row[PARTITION], row[ROW])
        is_ours = found and {**row, **found[0]} == row
        return found[1] if found and is_ours else None

    def release(self) -> None:
        """Remove the row, if it is ours still; if that fails, it ends by itself."""
        with suppress(RotationError):
            self._table.delete(self._row[PARTITION], self._row[ROW], self._etag)


def _name() -> str:
    """Name one holding of one lock, so that people see where it is, and nobody has it twice."""
    return f"{gethostname()} {os.getpid()} {uuid4().hex}"


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def _until(row: Mapping[str, Any]) -> datetime:
    """Read until when a row holds; one that makes no sense has never held."""
    with suppress(ValueError, TypeError, OverflowError):
        return datetime.fromisoformat(str(row.get("until"))).astimezone(UTC)
    return datetime.min.replace(tzinfo=UTC)
