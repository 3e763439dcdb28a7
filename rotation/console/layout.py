"""Where bars and words go, in a window of some width: words first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP = 2
"""Columns between two things beside each other."""
INDENT = 2
"""Columns before what stands beneath a row."""
LEAST_BAR, MOST_BAR = 10, 40
"""Columns of a bar; below, it tells nothing, and above, nothing more."""
BESIDE_BAR, LEAST_WHY = 24, 32
"""Columns that a bar and a sentence have at least, to stand beside each other."""


@dataclass(frozen=True)
class Layout:
    """How the rows of a table of secrets are laid out."""

    bar: int
    """Columns of a bar; none at all if it has no room."""
    why: int = 0
    """Columns for a sentence beside the bar; if there are none, it goes beneath the row."""
    is_stacked: bool = False
    """Whether everything stands beneath the name, as the row is too wide for the window."""


def layout(row: int, room: int) -> Layout:
    """Find the room for bars and sentences, so that no word needs to be cut.

    Args:
        row: columns that the other words of a row take.
        room: columns of the window.
    """
    free = room - row - GAP
    if free >= BESIDE_BAR + GAP + LEAST_WHY:
        most = min(free - GAP - LEAST_WHY, MOST_BAR)
        bar = min(max(free // 2 - GAP, BESIDE_BAR), most)
        return Layout(bar, free - bar - GAP)
    if free >= LEAST_BAR:
        return Layout(min(free, MOST_BAR))
    free = room - INDENT
    return Layout(min(free, MOST_BAR) if free >= LEAST_BAR else 0, is_stacked=True)


def packed(widths: Sequence[int], room: int) -> list[list[int]]:
    """Put things one after the other, on as many lines as they need in a window.

    Args:
        widths: columns of each thing; none is broken.
        room: columns of the window.

    Returns:
        The numbers of the things on each line.
    """
    lines: list[list[int]] = []
    free = 0
    for number, width in enumerate(widths):
        if not lines or width + GAP > free:
            lines.append([])
            free = room + GAP
        lines[-1].append(number)
        free -= width + GAP
    return lines
