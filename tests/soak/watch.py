"""What a process holds, looked at from outside again and again, and whether that grows."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

PAGE = os.sysconf("SC_PAGE_SIZE")
MEGABYTE = 1_000_000
ENOUGH = 120
"""Samples below which nothing can be told: the first hours fill caches and pools."""
WARM_UP = 1 / 3
"""The part of the samples that is left out for the same reason."""


@dataclass(frozen=True)
class Holding:
    """What a process holds at one moment."""

    memory: float
    """Resident, in megabytes."""
    handles: int
    """Open files, sockets and the like."""
    threads: int


def holding(pid: int) -> Holding:
    """Look at a process.

    Raises:
        OSError: there is no such process.
    """
    place = Path("/proc", str(pid))
    pages = int((place / "statm").read_text().split()[1])
    handles, threads = (sum(1 for _ in (place / kind).iterdir()) for kind in ("fd", "task"))
    return Holding(pages * PAGE / MEGABYTE, handles, threads)


UNITS = {"memory": ", megabytes", "handles": "", "threads": ""}
BOUNDS = {"memory": 4.0, "handles": 8.0, "threads": 8.0}
"""By how much the median of the later half may exceed that of the earlier one.

What grows steadily has grown by twice that over both halves. Four megabytes are what an allocator
and its caches wobble by. A pool of connections keeps as many as were ever needed at once, and eight
threads work on the queue: a busy moment may leave that many more. In half an hour a process makes
three hundred scans, and as many settlings: what leaks is found from 30 kilobytes a scan on, and
from one handle or thread in twenty scans on.
"""


@dataclass(frozen=True)
class Growth:
    """How much of one thing was held in the earlier half, and in the later one."""

    what: str
    earlier: float
    later: float

    @property
    def is_steady(self) -> bool:
        """Whether it does not grow, as far as can be told."""
        return self.later - self.earlier <= BOUNDS[self.what]


@dataclass
class Watch:
    """Follows one process."""

    pid: int
    samples: list[Holding] = field(default_factory=list)

    def look(self) -> None:
        """Take a sample."""
        self.samples.append(holding(self.pid))

    @property
    def is_long_enough(self) -> bool:
        """Whether growth can be told from warming up."""
        return len(self.samples) >= ENOUGH

    def growth(self) -> list[Growth]:
        """Compare the halves of what was seen after the warm-up."""
        warm = self.samples[int(len(self.samples) * WARM_UP) :]
        half = len(warm) // 2
        return [
            Growth(
                what,
                median(getattr(sample, what) for sample in warm[:half]),
                median(getattr(sample, what) for sample in warm[half:]),
            )
            for what in BOUNDS
        ]
