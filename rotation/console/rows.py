"""Rows of words: beside each other, or beneath each other where a window is too narrow.

Nothing is cut off, and nothing stands behind the last word of a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from rotation.console.layout import GAP, INDENT, packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console


def widths_of(rows: Iterable[Sequence[Text]]) -> list[int]:
    """Give the columns that the cells of some rows take, each the widest of those below it."""
    return [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]


def width_of(widths: Sequence[int]) -> int:
    """Give the columns that a row takes whose cells take these."""
    return sum(widths) + GAP * (len(widths) - 1)


def beside(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """Put cells beside each other, each in its columns; the last one may go without."""
    line = Text()
    for cell, width in zip(cells, [*widths, 0], strict=False):
        line.append_text(cell).append(" " * (width - cell.cell_len + GAP))
    line.rstrip()
    return line


def beneath(console: Console, width: int, *texts: Text) -> Iterator[Text]:
    """Give what stands beneath a row, a little to the right, each text on its own lines."""
    for text in texts:
        yield from wrapped(text, console, width, INDENT)


def stacked(console: Console, width: int, name: Text, *told: Text) -> Iterator[Text]:
    """Give a name, and beneath it what is told of it, one thing after the other."""
    yield from wrapped(name, console, width)
    for line in flowing(told, width - INDENT, ", "):
        yield from beneath(console, width, line)


def wrapped(text: Text, console: Console, width: int, indent: int = 0) -> Iterator[Text]:
    """Give a text on as many lines as it takes; a word that is longer than a line is broken.

    Args:
        text: what is said.
        console: on which.
        width: of the lines.
        indent: columns of that which are left free at their beginnings.
    """
    for line in text.wrap(console, width - indent, overflow="fold"):
        line.rstrip()
        if line:
            line.pad_left(indent)
            yield line


def flowing(texts: Sequence[Text], width: int, gap: str = " " * GAP) -> Iterator[Text]:
    """Put texts one after the other, with a gap of two columns, and break lines only there."""
    for line in packed([text.cell_len for text in texts], width):
        yield Text(gap).join(texts[number] for number in line)
