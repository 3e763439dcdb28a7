"""What an hour costs in which nothing is due: ``python -m benchmarks.quiet``.

1,000 secrets in one vault, of one owner; one in 24 is proven, as in every hour. The product runs in
a process of its own, over HTTPS, and answers take the 50 ms that ``benchmarks.bill`` assumes. The
price is that of the function app's time, without the free grant.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.bill import ASSUMED, HOURS, PRICES
from benchmarks.far import Far, running
from benchmarks.figure import Figure
from benchmarks.near import spent

if TYPE_CHECKING:
    from collections.abc import Iterable

FAR = Far(1_000, vaults=1, owners=1, age_days=5, round_trip=ASSUMED.latency)
RUNS = 3


def main() -> int:
    """Measure, and print every number.

    Returns:
        0.
    """
    found = [figure.is_reached for figure in figures()]
    return 0 if all(found) else 1


def figures() -> Iterable[Figure]:
    """Measure, print the raw numbers, and give the rows."""
    with running(FAR) as environment:
        runs = [spent("hour", ASSUMED.concurrency, environment) for _ in range(RUNS)]
    print(f"{'CPU s':>7}{'wall s':>8}")
    for run in runs:
        print(f"{run.cpu:7.2f}{run.wall:8.2f}")
    best = min(runs, key=lambda run: run.wall)
    price = PRICES["time"]
    dollars = max(best.wall, 1) * ASSUMED.memory * HOURS * price.dollars / price.per
    what = f"a quiet hour: {FAR.secrets:,} secrets, none due"
    yield Figure(what, "processor time of the run", min(r.cpu for r in runs), unit="CPU s")
    yield Figure(what, f"{price.what}, a month, no free grant", dollars, unit="dollars")


if __name__ == "__main__":
    sys.exit(main())
