"""The tables, and what stands in their cells."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from rotation.console.terminal import LEAST_WIDTH, remarks, results, width
from rotation.fleet import State
from rotation.report import Ending
from rotation.schedule import shown

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import RenderableType

    from rotation.report import VaultFailure

STYLES = {
    State.FRESH: "green",
    State.RETIRING: "green",
    State.DUE: "yellow",
    State.WATCHED: "cyan",
    State.SKIPPED: "dim",
    State.FAILING: "bold red",
    State.BLOCKED: "bold red",
    State.REJECTED: "bold red",
    State.EXPIRED: "bold red",
    Ending.SETTLED: "green",
    Ending.LOCKED: "yellow",
    Ending.FAILED: "bold red",
}

LEAST = 16
"""Columns that are left for sentences, however long the names are."""


def new_table(*columns: str) -> Table:
    """Begin a table; only its last column may be broken into lines."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_last = column == columns[-1]
        table.add_column(
            column, overflow="fold", no_wrap=not is_last, min_width=LEAST if is_last else None
        )
    return table


def draw(drawn: RenderableType, least: int = LEAST_WIDTH) -> None:
    """Draw a table or a picture on stdout.

    Args:
        drawn: what is drawn.
        least: columns that it needs at least; a narrower terminal breaks its lines.
    """
    results.width = width(sys.stdout, least)
    results.print(drawn)


def remark_table(drawn: Table) -> None:
    """Draw a table on stderr: it belongs to a question, and is no result."""
    remarks.width = width(sys.stderr)
    remarks.print(drawn)


def coloured(word: State | Ending) -> str:
    """Give a word as markup, in the colour of how good it is."""
    style = STYLES.get(word, "bold red")
    return f"[{style}]{word}[/]"


def date(instant: datetime | None) -> str:
    """Show an instant to the minute, in UTC; a hyphen if there is none."""
    return shown(instant).removesuffix(" UTC") if instant else "-"


def day(instant: datetime | None) -> str:
    """Show the day of an instant, in UTC; a hyphen if there is none."""
    return date(instant)[:10]


def show_vaults(failures: tuple[VaultFailure, ...]) -> None:
    """Show the vaults that could not be listed, if there are any."""
    for failure in failures:
        text = Text(f"vault {failure.vault} could not be listed: {failure.message}", "bold red")
        results.print(text)
