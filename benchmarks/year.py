"""What a year of many secrets takes, and what it came to: ``python -m benchmarks.year``.

The year is that of ``tests/year``: the product's own rotator, hour by hour, in a world where calls
fail by chance, services are away for days, administrators change policies and kill tokens, runs
die, and pipelines use every value that they were given. All promises are judged every hour.

It is lived through in two towns at once, each with half of the secrets and a process of its own:
one process would leave the second processor idle.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterable

SECRETS, DAYS, TOWNS = 1000, 365, 2
ALIKE = "hours", "minutes_dead_at_most"
"""What is not to be added up."""
MINUTES = 2.0
"""The goal, on two processors."""


@dataclass(frozen=True)
class Lived:
    """What it took to live through it, and what it came to."""

    wall: float
    """Seconds."""
    processor: float
    """Seconds of processor time, of all towns together."""
    counted: Counter[str]
    """What happened, in all towns together."""
    hours: int
    """Simulated hours of a secret."""
    faults: tuple[str, ...]
    """The promises that were broken."""

    def __str__(self) -> str:
        """Write one figure a line."""
        rows = {
            "wall time, seconds": f"{self.wall:.1f}",
            "processor time, seconds": f"{self.processor:.1f}",
            "the same, µs a secret and hour": f"{self.processor / self.hours * 1e6:.1f}",
            **self.counted,
            "promises broken": len(self.faults),
        }
        return "\n".join(f"{name.replace('_', ' '):35}{value:>14}" for name, value in rows.items())


def live(secrets: int = SECRETS, days: int = DAYS, towns: int = TOWNS) -> Lived:
    """Live through a year in several towns at once.

    Args:
        secrets: how many there are in all; each town has its share.
        days: how long the year is.
        towns: how many processes there are.
    """
    began, before = time.monotonic(), _processor_seconds()
    living = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.year", str(secrets // towns), str(days), str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for seed in range(1, towns + 1)
    ]
    years: list[dict[str, Any]] = [json.loads(town.communicate()[0]) for town in living]
    counted: Counter[str] = Counter()
    for year in years:
        counted.update({name: value for name, value in year.items() if isinstance(value, int)})
    for name in ALIKE:
        counted[name] = max(year[name] for year in years)
    return Lived(
        time.monotonic() - began,
        _processor_seconds() - before,
        counted,
        sum(year["secrets"] * year["hours"] for year in years),
        tuple(fault for year in years for fault in year["faults"]),
    )


def figures() -> Iterable[Figure]:
    """Live through it, print what it came to, and give the figures of the table."""
    lived = live()
    print(lived)
    at_once = f"{TOWNS} towns of {SECRETS // TOWNS} at once, a process each"
    yield Figure(
        f"a simulated year of {SECRETS:,} secrets, hourly: wall time",
        at_once,
        lived.wall / 60,
        "minutes",
        at_most=MINUTES,
    )
    yield Figure(
        "the same: promises broken",
        "I1 to I6, judged every hour",
        len(lived.faults),
        "",
        at_most=0,
    )


def main() -> int:
    """Live through a year, and print what it came to.

    Returns:
        0 if every promise was kept, 1 otherwise.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.year")
    parser.add_argument("--secrets", type=int, default=SECRETS, help="in all towns together")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--towns", type=int, default=TOWNS, help="processes at once")
    asked = parser.parse_args()
    lived = live(asked.secrets, asked.days, asked.towns)
    print("\n".join([str(lived), *lived.faults]))
    return 1 if lived.faults else 0


def _processor_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    sys.exit(main())
