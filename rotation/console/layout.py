"""Where bars and words go, in a window of some width: words first. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from rotation.console.rows import INDENT
from rotation.console.strip import GAP

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
        bar = min(max(free // 2 - GAP, BESIDE_BAR), MOST_BAR)
        return Layout(bar, free - bar - GAP)
    if free >= LEAST_BAR:
        return Layout(min(free, MOST_BAR))
    free = room - INDENT
    return Layout(min(free, MOST_BAR) if free >= LEAST_BAR else 0, is_stacked=True)
