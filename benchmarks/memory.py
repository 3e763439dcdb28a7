"""What more secrets take of memory in a scan: ``python -m benchmarks.memory``.

The peak of a process that scans 1,000 secrets, and of one that scans 100,000: twenty vaults, ten
owners, over HTTPS, without any round trip, since nobody waits for memory.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.far import running
from benchmarks.figure import Figure
from benchmarks.near import spent
from benchmarks.scan import CONCURRENCY, FAR

if TYPE_CHECKING:
    from collections.abc import Iterable

FEW, MANY = 1_000, 100_000


def main() -> int:
    """Measure, and print every number.

    Returns:
        0 if the goal is reached, 1 otherwise.
    """
    found = [figure.is_reached for figure in figures()]
    return 0 if all(found) else 1


def figures() -> Iterable[Figure]:
    """Measure, print the raw numbers, and give the row."""
    peaks = {}
    print(f"{'secrets':>9}{'peak MiB':>10}{'CPU s':>8}")
    for secrets in (FEW, MANY):
        with running(replace(FAR, secrets=secrets, round_trip=0)) as environment:
            run = spent("run", CONCURRENCY, environment)
        peaks[secrets] = run.megabytes
        print(f"{secrets:9,}{run.megabytes:10.1f}{run.cpu:8.1f}", flush=True)
    what = f"memory of a scan, from {FEW:,} to {MANY:,} secrets"
    yield Figure(what, "growth of the peak", peaks[MANY] - peaks[FEW], unit="MiB", at_most=20)


if __name__ == "__main__":
    sys.exit(main())
