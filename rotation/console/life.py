"""The line of life of one secret: its last tokens below each other, as on its status page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from rotation.console.drawing import drawn, explained
from rotation.console.layout import GAP
from rotation.console.rows import beside, wrapped
from rotation.console.strip import OF_LIFE, Part, head, of_life, parts_of
from rotation.timeline.life import SHORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions

    from rotation.timeline.life import Life

LEAST, MOST = 24, 72
"""Columns of the picture; where there are fewer, only its sentence is shown."""
TROUBLE = "trouble"


class LifeLine:
    """The picture, as wide as the console lets it be, below the sentence that says the same."""

    def __init__(self, life: Life) -> None:
        """Take what is drawn."""
        self._life = life

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Draw it: dates, a row for each token, one for trouble, and what the parts mean."""
        life = self._life
        yield from wrapped(Text(life.text), console, options.max_width)
        width = min(options.max_width - SHORT - GAP, MOST)
        if width < LEAST:
            return
        rows = of_life(life, width)
        names = [(lane.label, "bold" if lane.is_current else "") for lane in life.lanes]
        if any(mark.kind == Part.FAILED for mark in life.marks):
            names.append((TROUBLE, "bold red"))
        yield beside([Text(), Text(head(life.ticks, width))], [SHORT])
        for name, cells in zip(names, rows, strict=False):
            yield beside([Text(*name), drawn(cells, options)], [SHORT])
        yield from explained(OF_LIFE, parts_of(rows[: len(names)]), options)
