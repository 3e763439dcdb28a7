"""Pictures as characters: what stands in each column of a terminal. Pure.

Each part has a character of its own, so nothing is told by colour alone; where the encoding has no
others, they are those of ASCII.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from rotation.timeline.axis import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rotation.timeline.axis import Tick
    from rotation.timeline.bar import Bar
    from rotation.timeline.life import Life


class Part(StrEnum):
    """What may stand in a column."""

    CALM = "calm"
    """Life of a token until its renewal is due."""
    WINDOW = "window"
    """Its renewal window."""
    QUIET = "quiet"
    """Life of a token that is not renewed, or not the current one."""
    GRACE = "grace"
    """The grace of a predecessor: two tokens work."""
    END = "end"
    DEAD = "dead"
    BEYOND = "beyond"
    NOW = "now"
    STORED = "stored"
    EXTENDED = "extended"
    RETIRED = "retired"
    FAILED = "failed"


GLYPHS = {
    Part.CALM: ("━", "="),
    Part.WINDOW: ("╍", "~"),
    Part.QUIET: ("─", "-"),
    Part.GRACE: ("═", "#"),
    Part.END: ("┫", "|"),
    Part.DEAD: ("●", "X"),
    Part.BEYOND: ("▸", ">"),
    Part.NOW: ("┊", ":"),
    Part.STORED: ("●", "o"),
    Part.EXTENDED: ("◆", "+"),
    Part.RETIRED: ("○", "x"),
    Part.FAILED: ("!", "!"),
}
"""How each is drawn: in Unicode, and in ASCII."""
OF_FLEET = {
    Part.CALM: "fresh",
    Part.WINDOW: "renewal window",
    Part.GRACE: "predecessor still works",
    Part.QUIET: "not renewed",
    Part.END: "expiry",
    Part.BEYOND: "lives on",
    Part.DEAD: "expired",
}
"""What the parts of the fleet's picture mean, in the order of its legend."""
OF_LIFE = {
    Part.CALM: "current",
    Part.WINDOW: "renewal window",
    Part.QUIET: "earlier",
    Part.GRACE: "in grace",
    Part.STORED: "stored",
    Part.EXTENDED: "extended",
    Part.RETIRED: "retired",
    Part.FAILED: "trouble",
    Part.NOW: "now",
}
"""The same for a line of life."""
Cells = tuple[Part | None, ...]


def of_bar(bar: Bar, width: int) -> Cells:
    """Draw the life that a token has left, in so many columns."""
    cells: list[Part | None] = [None] * width
    if not width:
        return ()
    _paint(cells, Part.QUIET if bar.is_quiet else Part.CALM, bar.calm)
    _paint(cells, Part.QUIET if bar.is_quiet else Part.WINDOW, bar.window)
    _paint(cells, Part.GRACE, bar.grace)
    if bar.end is not None:
        cells[_column(bar.end, width)] = Part.DEAD if bar.is_dead else Part.END
    if bar.is_beyond:
        cells[-1] = Part.BEYOND
    return tuple(cells)


def of_life(life: Life, width: int) -> list[Cells]:
    """Draw each token of a line of life, and the trouble below them, in so many columns."""
    rows: list[list[Part | None]] = [[None] * width for _ in (*life.lanes, None)]
    for cells, lane in zip(rows, life.lanes, strict=False):
        _paint(cells, Part.CALM if lane.is_current else Part.QUIET, lane.calm)
        _paint(cells, Part.WINDOW if lane.is_current else Part.GRACE, lane.rest)
    now = _column(life.now, width)
    for cells in rows:
        cells[now] = cells[now] or Part.NOW
    for mark in life.marks:
        rows[mark.lane][_column(mark.place, width)] = Part(mark.kind)
    return [tuple(cells) for cells in rows]


def head(ticks: Iterable[Tick], width: int) -> str:
    """Write the words of an axis, each from its mark on; those that have no room are left out."""
    line = ""
    for tick in ticks:
        at = _column(tick.place, width)
        is_free = not line or at > len(line)
        if is_free and at + len(tick.label) <= width:
            line = f"{line:{at}}{tick.label}" if at else tick.label
    return line


def parts_of(rows: Iterable[Sequence[Part | None]]) -> frozenset[Part]:
    """Give the parts that are drawn at all."""
    return frozenset(part for cells in rows for part in cells if part)


def _paint(cells: list[Part | None], part: Part, span: tuple[float, float] | None) -> None:
    """Fill a stretch; it is seen, however short it is."""
    if span is None:
        return
    first, last = (_column(place, len(cells)) for place in (span[0], span[0] + span[1]))
    for column in range(first, max(last, first + 1)):
        cells[column] = part


def _column(place: float, width: int) -> int:
    """Tell in which of so many columns something stands."""
    return min(int(place / WHOLE * width), width - 1)
