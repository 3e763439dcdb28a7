"""A scan of 10,000 secrets, against a bare loop over the same lists: ``python -m benchmarks.scan``.

Twenty vaults, ten owners, round trips of 100 ms, over HTTPS, from one process to another. The bare
loop pages through the same lists with the same libraries and the same concurrency, and does nothing
with them. Both begin without access tokens. They take turns, and what counts is the median of the
ratios. What is slower by far, a *get* for each secret one after another, is measured in a sample.
"""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING

from benchmarks.far import Far, running
from benchmarks.figure import Figure
from benchmarks.near import Spent, spent

if TYPE_CHECKING:
    from collections.abc import Iterable

FAR = Far(10_000, vaults=20, owners=10, age_days=5, round_trip=0.1, is_prepared=True)
CONCURRENCY = 8
PAIRS = 5
SAMPLE = 80
"""Secrets that are read one after another."""
PAGES = FAR.secrets // 25
WHAT = f"scan of {FAR.secrets:,} secrets in {FAR.vaults} vaults, round trips of 100 ms"


def main() -> int:
    """Measure, and print every number.

    Returns:
        0 if all goals are reached, 1 otherwise.
    """
    found = [figure.is_reached for figure in figures()]
    return 0 if all(found) else 1


def figures() -> Iterable[Figure]:
    """Measure, print the raw numbers, and give the rows."""
    print(f"{WHAT}; {FAR.owners} owners, {CONCURRENCY} calls at once, {PAIRS} pairs")
    print(f"{'':20}{'product':>18}{'bare loop':>18}{'ratio':>16}")
    print(f"{'':20}{'wall s':>9}{'CPU s':>9}" * 2 + f"{'wall':>8}{'CPU':>8}")
    with running(FAR) as environment:
        pairs = [_pair(environment, number) for number in range(PAIRS)]
        script = spent("script", SAMPLE, environment)
    walls = [run.wall / loop.wall for run, loop in pairs]
    cpus = [run.cpu / loop.cpu for run, loop in pairs]
    listed = PAGES // FAR.vaults
    alone = script.wall / (listed + SAMPLE) * (PAGES + FAR.secrets)
    run = statistics.median(run.wall for run, _ in pairs)
    print(f"one after another: {listed} pages and {SAMPLE} gets in {script.wall:.1f} s,")
    print(f"so {PAGES} pages and {FAR.secrets:,} gets in {alone:,.0f} s")
    loop = "bare loop over the same lists: "
    yield Figure(WHAT, f"{loop}wall time", statistics.median(walls), at_most=1.10)
    yield Figure(WHAT, f"{loop}CPU time", statistics.median(cpus), at_most=2.5)
    yield Figure(WHAT, "list and a get per secret, in turn: wall time", alone / run, at_least=20)


def _pair(environment: dict[str, str], number: int) -> tuple[Spent, Spent]:
    """Let both have their turn; who begins changes."""
    works = ["run", "loop"] if number % 2 else ["loop", "run"]
    took = {work: spent(work, CONCURRENCY, environment) for work in works}
    run, loop = took["run"], took["loop"]
    for each in (run, loop):
        if each.done != FAR.secrets:
            message = f"{each.done} secrets instead of {FAR.secrets}"
            raise RuntimeError(message)
    print(
        f"pair {number + 1:<15}{run.wall:9.2f}{run.cpu:9.2f}{loop.wall:9.2f}{loop.cpu:9.2f}"
        f"{run.wall / loop.wall:8.2f}{run.cpu / loop.cpu:8.2f}",
        flush=True,
    )
    return run, loop


if __name__ == "__main__":
    sys.exit(main())
