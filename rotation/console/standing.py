"""How all secrets stand: a table with a bar for the life that each token has left.

All bars stand on one axis, and the most urgent secret comes first, as on the status page. In a
window that is too narrow for a row, its words stand beneath each other: nothing is cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from rotation.console.drawing import drawn, explained
from rotation.console.layout import layout
from rotation.console.rows import beneath, beside, stacked, width_of, widths_of, wrapped
from rotation.console.strip import OF_FLEET, head, of_bar, parts_of
from rotation.console.table import STYLES, date
from rotation.errors import plain
from rotation.fleet import Actor, State
from rotation.schedule import DAY, shown
from rotation.timeline.axis import dates_ahead
from rotation.timeline.bar import axis_of, bar
from rotation.timeline.urgency import by_urgency
from rotation.timeline.when import left

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from rich.console import Console, ConsoleOptions

    from rotation.console.layout import Layout
    from rotation.fleet import Fleet
    from rotation.timeline.urgency import Standing

HEADS = tuple(Text(name, "bold") for name in ("Secret", "State", "Days left", "Next (UTC)"))
FORESEEN = frozenset({Actor.ROTATOR, Actor.NOBODY})
"""With these the next date is told, if there is one; anybody else is waited for."""
PLAIN = frozenset({State.FRESH, State.RETIRING, State.WATCHED})
"""The states that need no sentence, where there is little room for one."""


class Standings:
    """The table, in the form that the width of the console asks for."""

    def __init__(self, fleet: Fleet) -> None:
        """Take the secrets, and the instant of the look at them."""
        self._now = fleet.checked_at
        self._standings = by_urgency(fleet)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """Draw it: a head with the axis, the rows, and what the bars mean."""
        now, rows = self._now, [_row(one, self._now) for one in self._standings]
        widths = widths_of([HEADS, *rows])
        form = layout(width_of(widths), options.max_width)
        sheet = _Sheet(console, options.max_width, form, widths)
        axis = axis_of(self._standings, now)
        bars = [of_bar(bar(one, axis, now), form.bar) for one in self._standings]
        yield from sheet.head(Text(head(dates_ahead(axis, now), form.bar), "bold"))
        for one, row, cells in zip(self._standings, rows, bars, strict=True):
            if form.is_stacked:
                yield from stacked(console, options.max_width, row[0], *_summary(one, now))
            yield from sheet.row(one, row, drawn(cells, options))
        yield from explained(OF_FLEET, parts_of(bars), options)


@dataclass(frozen=True)
class _Sheet:
    """Where the words, bars and sentences of a table go."""

    console: Console
    room: int
    form: Layout
    widths: Sequence[int]

    def head(self, dates: Text) -> Iterator[Text]:
        """Give the heads of the columns; the dates are that of the bars."""
        if self.form.is_stacked:
            yield from beneath(self.console, self.room, dates)
            return
        why = [Text("Why", "bold")] if self.form.why else []
        yield beside([*HEADS, dates, *why], [*self.widths, self.form.bar])

    def row(self, one: Standing, cells: Sequence[Text], picture: Text) -> Iterator[Text]:
        """Give the lines of a secret; its name and its words, if they are stacked, stand above."""
        why = Text(plain(one.message))
        if self.form.why:
            widths = [*self.widths, self.form.bar]
            first, *more = [*wrapped(why, self.console, self.form.why)] or [Text()]
            yield beside([*cells, picture, first], widths)
            for line in more:
                yield beside([*(Text() for _ in widths), line], widths)
            return
        if self.form.is_stacked:
            yield from beneath(self.console, self.room, picture)
        else:
            yield beside([*cells, picture], self.widths)
        if one.needs_attention or one.state not in PLAIN:
            yield from beneath(self.console, self.room, why)


def _row(one: Standing, now: datetime) -> tuple[Text, ...]:
    """Give the words of a row."""
    return (
        Text(plain(str(one.name))),
        _state(one),
        Text(_days(one, now), _loud(one)),
        Text(date(one.next_at) if one.actor in FORESEEN else one.actor),
    )


def _summary(one: Standing, now: datetime) -> list[Text]:
    """Say the same as a row, in words that need no head above them."""
    ends_at, is_over = one.ends_at, one.ends_at is not None and one.ends_at <= now
    lives = f"{left(ends_at, now)}{' left' if ends_at and not is_over else ''}"
    told = [Text(lives, _loud(one))]
    if one.state is not State.EXPIRED:
        told.insert(0, _state(one))
    if one.actor not in FORESEEN:
        whose = "an" if one.actor is Actor.ADMINISTRATOR else "its"
        told.append(Text(f"waits for {whose} {one.actor}"))
    elif one.next_at:
        told.append(Text(f"next {shown(one.next_at)}"))
    return told


def _state(one: Standing) -> Text:
    return Text(one.state, STYLES[one.state])


def _days(one: Standing, now: datetime) -> str:
    return f"{(one.ends_at - now) / DAY:.1f}" if one.ends_at else "-"


def _loud(one: Standing) -> str:
    """Give the style of how long a token lives: somebody should know, or need not."""
    return "bold red" if one.alert else "none"
