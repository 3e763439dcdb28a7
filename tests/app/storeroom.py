"""What lies in a storage account, seen from outside: rows and messages as they are."""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.azurite import Account

QUEUE = "rotation-requests"
POISON = f"{QUEUE}-poison"
AT_MOST = 32
"""Messages that can be looked at in one go."""


@dataclass(frozen=True)
class Storeroom:
    """An account, entered by its key whatever way the product goes."""

    account: Account

    def queue(self, name: str = QUEUE) -> QueueClient:
        """Give a client of a queue that does to messages what is said, and no more."""
        return QueueClient.from_connection_string(self.account.connection_string, name)

    def put(self, text: str) -> None:
        """Put a message on the queue, as base64; make the queue if there is none."""
        with self.queue() as queue:
            with suppress(ResourceExistsError):
                queue.create_queue()
            queue.send_message(base64.b64encode(text.encode()).decode())

    def count(self, name: str = QUEUE) -> int:
        """Count the messages of a queue, hidden ones included; 0 if there is none."""
        with self.queue(name) as queue:
            try:
                return queue.get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                return 0

    def messages(self, name: str = QUEUE) -> list[str]:
        """Give the messages of a queue that are not hidden, as they lie there."""
        with self.queue(name) as queue:
            try:
                return [message.content for message in queue.peek_messages(AT_MOST)]
            except ResourceNotFoundError:
                return []

    def rows(self, table: str) -> list[Mapping[str, object]]:
        """Give all rows of a table; none if there is no such table."""
        with TableServiceClient.from_connection_string(self.account.connection_string) as service:
            try:
                return list(service.get_table_client(table).list_entities())
            except ResourceNotFoundError:
                return []

    def tables(self) -> set[str]:
        """Give the names of the tables."""
        with TableServiceClient.from_connection_string(self.account.connection_string) as service:
            return {table.name for table in service.list_tables()}

    def everything(self) -> str:
        """Give all rows, and all messages, also without their base64, as one text."""
        return "\n".join(self._everything())

    def _everything(self) -> Iterator[str]:
        for table in self.tables():
            yield from map(str, self.rows(table))
        for name in (QUEUE, POISON):
            for content in self.messages(name):
                yield content
                yield base64.b64decode(content + "===").decode(errors="replace")
