"""How the events of the journal are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from rotation.console.layout import GAP
from rotation.console.life import LifeLine
from rotation.console.rows import beneath, wrapped
from rotation.console.table import draw, new_table
from rotation.console.terminal import LEAST_PICTURE, LEAST_WIDTH, results
from rotation.errors import plain
from rotation.events import ALERTS
from rotation.timeline.life import SHORT, life

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table

    Row = Mapping[str, str]

KIND_WIDTH = 19
"""Columns of the longest kind of event."""


def show_life(rows: Iterable[Row], now: datetime) -> None:
    """Show the line of life of a secret, if its events tell of a token.

    Args:
        rows: the events of the secret, the newest first.
        now: the present instant.
    """
    if line := life(rows, now):
        draw(LifeLine(line), LEAST_PICTURE)
        results.print()


def show_events(rows: Sequence[Row], *, is_of_one: bool = False) -> None:
    """Show events as a table, in the order given.

    Args:
        rows: the events.
        is_of_one: whether they are all of a secret that was asked for: then it is not named.
    """
    if not rows:
        results.print("Nothing happened.")
        return
    draw(_Events(rows, is_of_one=is_of_one), LEAST_PICTURE)


class _Events:
    """The table; in a window without room for one, what happened is beneath the time."""

    def __init__(self, rows: Sequence[Row], *, is_of_one: bool) -> None:
        self._rows = rows
        self._is_of_one = is_of_one

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width >= LEAST_WIDTH:
            yield self._table()
            return
        for row in self._rows:
            secret = [] if self._is_of_one else [Text(where(row))]
            head = Text.assemble(time_of(row), " " * GAP, _kind(row))
            yield from wrapped(head, console, options.max_width)
            yield from beneath(console, options.max_width, *secret, Text(what(row)))

    def _table(self) -> Table:
        named = () if self._is_of_one else ("Secret",)
        table = new_table("Time (UTC)", "Event", *named, "What")
        for row in self._rows:
            secret = () if self._is_of_one else (Text(where(row)),)
            table.add_row(time_of(row), _kind(row), *secret, Text(what(row)))
        return table


def _kind(row: Row) -> Text:
    """Name what happened; a warning is loud."""
    return Text(plain(row["event"]), "bold red" if row["event"] in ALERTS else "")


def line_of(row: Row) -> str:
    """Show one event on one line."""
    return f"{time_of(row)}  {plain(row['event']):{KIND_WIDTH}}  {where(row)}  {what(row)}".rstrip()


def time_of(row: Row) -> str:
    """Show when it happened, to the second, in UTC."""
    return plain(row["time"]).replace("T", " ").removesuffix("Z")


def where(row: Row) -> str:
    """Name the secret, or else the vault; a hyphen if it is about neither."""
    return plain("/".join(row[key] for key in ("vault", "secret") if row.get(key))) or "-"


def what(row: Row) -> str:
    """Say what happened, in short: the order, the words, and what tells one token from another."""
    order = row.get("order", "")
    asked = f"{order} for {row['requested_by']}" if order and row.get("requested_by") else order
    reason, message = row.get("reason", ""), row.get("message", "")
    words = f"{reason}: {message}" if reason and message else reason or message
    token, before = (row.get(key, "") for key in ("authorization_id", "previous_authorization_id"))
    told = [
        asked,
        row.get("owner", "") if not row.get("secret") else "",
        words,
        token and f"token {token[:SHORT]}",
        before and f"instead of {before[:SHORT]}",
        row.get("expires_at") and f"until {row['expires_at'][:10]}",
    ]
    return plain("; ".join(filter(None, told)))
