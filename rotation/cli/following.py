"""What is new in the journal since the last look."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Row = Mapping[str, str]

OVERLAP = timedelta(minutes=15)
"""How far before the newest event is looked again: several processes write at once, each when it
has the time, and a settling takes ten minutes at most."""


class Follower:
    """Knows what was told already."""

    def __init__(
        self, read: Callable[[datetime], Iterable[Row]], start: datetime, told: Iterable[Row]
    ) -> None:
        """Begin after what was told.

        Args:
            read: gives the events since an instant, the newest first.
            start: nothing before it is told.
            told: the events that were told already.
        """
        self._read = read
        self._start = self._newest = start
        self._told: Counter[frozenset[tuple[str, str]]] = Counter()
        self._remember(told)

    def news(self) -> list[Row]:
        """Give the events that are new, the oldest first."""
        found = [*self._read(max(self._start, self._newest - OVERLAP))]
        known, news = self._told.copy(), []
        for row in reversed(found):
            key = frozenset(row.items())
            if known[key]:
                known[key] -= 1
            else:
                news.append(row)
        self._remember(found)
        return news

    def _remember(self, rows: Iterable[Row]) -> None:
        found = [*rows]
        self._told = Counter(frozenset(row.items()) for row in found)
        times = (datetime.fromisoformat(row["time"]) for row in found)
        self._newest = max([self._newest, *times])
