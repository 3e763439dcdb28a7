"""How a picture gets onto the terminal: characters that its encoding has, and colours."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from rotation.console.rows import flowing
from rotation.console.strip import GLYPHS, Part

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from rich.console import ConsoleOptions

    from rotation.console.strip import Cells

STYLES = {
    Part.CALM: "green",
    Part.WINDOW: "yellow",
    Part.QUIET: "dim",
    Part.GRACE: "blue",
    Part.END: "bold",
    Part.DEAD: "bold red",
    Part.BEYOND: "bold",
    Part.NOW: "dim",
    Part.STORED: "bold",
    Part.EXTENDED: "bold green",
    Part.RETIRED: "bold",
    Part.FAILED: "bold red",
}


def drawn(cells: Cells, options: ConsoleOptions) -> Text:
    """Draw one row of a picture."""
    text = Text()
    for part, same in groupby(cells):
        glyph, style = _glyph(part, options)
        text.append(glyph * len([*same]), style)
    return text


def explained(
    words: Mapping[Part, str], parts: Collection[Part], options: ConsoleOptions
) -> Iterator[Text]:
    """Write the legend of a picture, on as many lines as it takes: only what is drawn.

    Args:
        words: what each part means, in their order.
        parts: those that are drawn.
        options: of the console.
    """
    told = ((_glyph(part, options), word) for part, word in words.items() if part in parts)
    yield from flowing(
        [Text.assemble(glyph, f" {word}") for glyph, word in told], options.max_width
    )


def _glyph(part: Part | None, options: ConsoleOptions) -> tuple[str, str]:
    """Give a character and its style; a blank for nothing."""
    return (GLYPHS[part][options.ascii_only], STYLES[part]) if part else (" ", "")
