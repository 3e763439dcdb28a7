"""Whether the tables and the queue are there and can be read; and how to make what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotation.adapters.journal import EVENTS, TIMELINE
from rotation.adapters.locks import LOCKS
from rotation.adapters.queues import QUEUED, StorageRequests
from rotation.adapters.storage import REQUESTS
from rotation.adapters.tables import Table

if TYPE_CHECKING:
    from rotation.adapters.storage import Queue, Tables


class AzureStorageCheck:
    """Looks at each thing that the rotator keeps in the account."""

    tables = (EVENTS, TIMELINE, LOCKS, QUEUED)
    """Their names."""
    queue = REQUESTS
    """Its name."""

    def __init__(self, tables: Tables, queue: Queue) -> None:
        """Take the clients of the account."""
        self._tables = {name: Table(tables, name) for name in self.tables}
        self._queue = StorageRequests(queue)

    def has_table(self, name: str) -> bool:
        """Tell whether there is such a table, by reading it.

        Raises:
            ServiceError: it cannot be read.
        """
        return self._tables[name].exists()

    def has_queue(self) -> bool:
        """Tell whether there is the queue, by reading it.

        Raises:
            ServiceError: it cannot be read.
        """
        return self._queue.exists()

    def create(self) -> tuple[str, ...]:
        """Make what is missing; give its names.

        Raises:
            ServiceError: one of them could not be made.
        """
        made = tuple(name for name, table in self._tables.items() if table.make())
        return (*made, self.queue) if self._queue.make() else made
