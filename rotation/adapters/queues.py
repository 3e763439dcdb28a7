"""Requests on a Storage queue, and a table that knows which secrets wait there.

Behaviour of the service: Azure Storage REST reference, *Put Message*: a message stays hidden for at
most seven days, and must become visible before its life ends; a life of -1 never ends.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, TypeVar

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from rotation.adapters.storage import POISON, REQUESTS
from rotation.adapters.tables import PARTITION, ROW, Table, key_of
from rotation.model import SecretName

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from rotation.adapters.storage import Queue, Tables
    from rotation.order import Order
    from rotation.ports import Clock

QUEUED = "RotationQueued"
LONGEST_WAIT = timedelta(hours=3)
"""No note is for longer: whoever wrote one, or the clock it was written by, is not believed."""
PARTITION_KEY = "queued"
AT_ONCE = timedelta(0)
FOR_EVER = -1
LONGEST_HIDDEN = timedelta(days=7) - timedelta(seconds=1)
T = TypeVar("T")


class StorageRequests:
    """The queue ``rotation-requests``."""

    def __init__(self, queue: Queue) -> None:
        """Take the client of the queue."""
        self._client, self._poison, self._line = queue.client, queue.poison, queue.line

    def put(
        self, order: Order, *, after: timedelta = AT_ONCE, life: timedelta | None = None
    ) -> None:
        """See ``RequestQueue``."""
        if life is not None and after >= life:
            return  # nobody would ever get to see it, and the service takes no such message
        text = json.dumps(order.as_dict())
        hidden = ceil(min(after, LONGEST_HIDDEN).total_seconds())
        # In whole seconds, and a message that is hidden until its end is refused.
        lives = FOR_EVER if life is None else max(ceil(life.total_seconds()), hidden + 1)

        def send() -> object:
            return self._client.send_message(text, visibility_timeout=hidden, time_to_live=lives)

        def send_unless_missing() -> bool:
            try:
                send()
            except ResourceNotFoundError:
                return False
            return True

        if not self._ask("write to", send_unless_missing):
            self._make()
            self._ask("write to", send)

    def poisoned(self) -> int:
        """See ``RequestQueue``."""

        def call() -> int:
            try:
                return self._poison.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                return 0  # the host makes it with its first message

        return self._line.ask(f"the queue {POISON}", "read", call)

    def exists(self) -> bool:
        """Tell whether there is such a queue."""

        def call() -> bool:
            try:
                self._client.get_queue_properties()
            except ResourceNotFoundError:
                return False
            return True

        return self._ask("read", call)

    def make(self) -> bool:
        """Make the queue; tell whether it was missing."""
        is_missing = not self.exists()  # the service's answer to making it again says nothing
        if is_missing:
            self._make()
        return is_missing

    def _make(self) -> None:
        def call() -> None:
            with suppress(ResourceExistsError):  # somebody else was faster
                self._client.create_queue()

        self._ask("make", call)

    def _ask(self, operation: str, call: Callable[[], T]) -> T:
        return self._line.ask(f"the queue {REQUESTS}", operation, call)


class TableBacklog:
    """The table ``RotationQueued``: one row a secret that waits."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        """Take the account's tables, and the clock that tells who has waited for too long."""
        self._table = Table(tables, QUEUED)
        self._clock = clock

    def waiting(self) -> frozenset[SecretName]:
        """See ``Backlog``."""
        now = self._clock()
        return self._noted(f"until gt '{_text(now)}' and until le '{_text(now + LONGEST_WAIT)}'")

    def overdue(self) -> frozenset[SecretName]:
        """See ``Backlog``."""
        now = self._clock()
        return self._noted(f"(until le '{_text(now)}' or until gt '{_text(now + LONGEST_WAIT)}')")

    def _noted(self, until: str) -> frozenset[SecretName]:
        """Give the secrets with a note for which this condition holds."""
        pages = self._table.pages(f"{PARTITION} eq '{PARTITION_KEY}' and {until}")
        return frozenset(
            SecretName(str(row["vault"]), str(row["secret"]))
            for page in pages
            for row in page
            if {"vault", "secret"} <= row.keys()  # anything else is none of ours
        )

    def note(self, names: Collection[SecretName], until: datetime) -> None:
        """See ``Backlog``."""
        self._table.put_all(
            {
                PARTITION: PARTITION_KEY,
                ROW: key_of(name),
                "vault": name.folded.vault,
                "secret": name.folded.name,
                "until": _text(until),
            }
            for name in names
        )

    def clear(self, name: SecretName) -> None:
        """See ``Backlog``."""
        self._table.delete(PARTITION_KEY, key_of(name))


def _text(instant: datetime) -> str:
    """Write an instant so that a later one sorts last."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
