"""One table of the account: rows in and out, and the table itself made when it is missed.

Behaviour of the service: Azure Storage REST reference, *Table service*: keys take no slash, no
backslash, no ``#``, no ``?`` and no control characters (*Understanding the Table service data
model*); a transaction has at most 100 rows of one partition and succeeds or fails as a whole
(*Performing entity group transactions*).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core import MatchConditions
from azure.core.exceptions import (
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import TableTransactionError, UpdateMode

from rotation.adapters.storage import AGAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rotation.adapters.storage import Tables
    from rotation.model import SecretName

PARTITION, ROW = "PartitionKey", "RowKey"
BATCH = 100
"""Rows of one transaction."""
PAGE = 1000
"""Rows of one page: the most that the service gives."""
NOT_FOUND, CONFLICT = 404, 409

_ODD = re.compile(r"[^0-9A-Za-z.-]")
Row = dict[str, str]
T = TypeVar("T")


def key(text: str) -> str:
    """Write a text so that it may be a part of a key, and has no colon in it."""
    return _ODD.sub(lambda found: f"_{ord(found[0]):x}_", text)


def key_of(name: SecretName) -> str:
    """Give the key of a secret: ``kv-build:feed``, whatever the case."""
    return f"{key(name.folded.vault)}:{key(name.folded.name)}"


class Table:
    """One table. What is missing on reading is empty; on writing, it is made."""

    def __init__(self, tables: Tables, name: str) -> None:
        """Take the account's tables, and the name of this one."""
        self.name = name
        self._client = tables.client(name)
        self._line = tables.line

    def insert(self, row: Row) -> str | None:
        """Insert a row; give its ETag, or None if there is one with its keys already."""

        def call() -> str | None:
            try:
                return str(self._client.create_entity(row, retry_on_methods=AGAIN)["etag"])
            except ResourceExistsError:
                return None

        return self._write("write to", call)

    def insert_all(self, rows: Iterable[Row]) -> None:
        """Insert rows, one transaction for each partition; those that are there stay."""
        self._in_batches("create", rows, self.insert)

    def put_all(self, rows: Iterable[Row]) -> None:
        """Insert or replace rows, one transaction for each partition."""
        self._in_batches("upsert", rows, None)

    def delete_all(self, rows: Iterable[Row]) -> None:
        """Delete rows, one transaction for each partition; those that are gone count as done."""
        self._in_batches("delete", rows, lambda row: self.delete(row[PARTITION], row[ROW]))

    def replace(self, row: Row, etag: str) -> str | None:
        """Replace a row that is as it was; give its new ETag, or None if it is not, or gone."""

        def call() -> str | None:
            try:
                found = self._client.update_entity(
                    row,
                    UpdateMode.REPLACE,
                    etag=etag,
                    match_condition=MatchConditions.IfNotModified,
                )
                return str(found["etag"])
            except (ResourceModifiedError, ResourceNotFoundError):
                return None

        return self._ask("write to", call)

    def get(self, partition: str, row: str) -> tuple[Mapping[str, Any], str] | None:
        """Give a row and its ETag; None if there is none."""

        def call() -> tuple[Mapping[str, Any], str] | None:
            try:
                found = self._client.get_entity(partition, row)
            except ResourceNotFoundError:
                return None
            return found, str(found.metadata["etag"])

        return self._ask("read", call)

    def delete(self, partition: str, row: str, etag: str | None = None) -> None:
        """Delete a row, if it is as it was where an ETag is given; one that is gone is done."""

        def call() -> None:
            if etag is None:
                self._client.delete_entity(partition, row)
                return
            unchanged = MatchConditions.IfNotModified
            try:
                self._client.delete_entity(partition, row, etag=etag, match_condition=unchanged)
            except ResourceModifiedError:
                return

        self._ask("delete from", call)

    def pages(
        self, query: str, *, size: int = PAGE, keys_only: bool = False
    ) -> Iterator[list[Mapping[str, Any]]]:
        """Give the rows that a query finds in the order of their keys, page by page.

        Args:
            query: in the service's language; its values are keys and instants, without quotes.
            size: the most rows of a page.
            keys_only: whether nothing but the keys is needed.
        """
        pages = self._client.query_entities(
            query,
            results_per_page=size,
            select=[PARTITION, ROW] if keys_only else None,
        ).by_page()

        def turn() -> list[Mapping[str, Any]] | None:
            try:
                page = next(pages, None)
            except ResourceNotFoundError:
                return None
            return None if page is None else list(page)

        while (rows := self._ask("read", turn)) is not None:
            yield rows

    def exists(self) -> bool:
        """Tell whether there is such a table, by reading it."""

        def call() -> bool:
            try:
                next(self._client.list_entities(results_per_page=1).by_page(), None)
            except ResourceNotFoundError:
                return False
            return True

        return self._ask("read", call)

    def make(self) -> bool:
        """Make the table; tell whether it was missing."""

        def call() -> bool:
            try:
                self._client.create_table(retry_on_methods=AGAIN)
            except ResourceExistsError:
                return False
            return True

        return self._ask("make", call)

    def _in_batches(
        self, verb: str, rows: Iterable[Row], one: Callable[[Row], object] | None
    ) -> None:
        """Do the same to rows in transactions; where one is in the way, row by row."""
        for batch in _batches(rows):

            def call(batch: Sequence[Row] = batch) -> bool:
                try:
                    operations = [(verb, row, {"mode": UpdateMode.REPLACE}) for row in batch]
                    if verb != "upsert":
                        operations = [(verb, row) for row in batch]  # type: ignore[misc]
                    self._client.submit_transaction(operations, retry_on_methods=AGAIN)
                except TableTransactionError as exc:
                    # A row that is there already, or is gone: a replay, or an answer that was lost.
                    is_missing = verb != "delete" and exc.status_code == NOT_FOUND
                    if one is None or is_missing or exc.status_code not in {NOT_FOUND, CONFLICT}:
                        raise
                    return False
                return True

            if not self._write("write to", call) and one:
                for row in batch:
                    one(row)

    def _write(self, operation: str, call: Callable[[], T]) -> T:
        """Make a call that needs the table; where there is none, make it and try again."""

        def unless_missing() -> tuple[T] | None:
            try:
                return (call(),)
            except ResourceNotFoundError:
                return None
            except TableTransactionError as exc:
                if exc.status_code != NOT_FOUND:
                    raise
                return None

        answer = self._ask(operation, unless_missing)
        if answer is None:
            self.make()
            return self._ask(operation, call)
        return answer[0]

    def _ask(self, operation: str, call: Callable[[], T]) -> T:
        return self._line.ask(f"the table {self.name}", operation, call)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Part rows by their partition, and into as many as a transaction takes; each row once."""
    parted: dict[str, dict[str, Row]] = {}
    for row in rows:
        parted.setdefault(row[PARTITION], {}).setdefault(row[ROW], row)
    for partition in parted.values():
        together = [*partition.values()]
        for first in range(0, len(together), BATCH):
            yield together[first : first + BATCH]
