"""How near many renewals come to what the calls alone take: ``python -m benchmarks.renewals``.

1,000 secrets are due at once. A renewal cannot do without five calls: read, preflight, create, try,
store; and a run not without the pages of its lists. With answers after a round trip of 100 ms, and
so many calls at once, that makes a time below which no run can be. There is no storage account, so
that the services can be far away as well.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.far import TOKENS_A_PAGE, Far, running
from benchmarks.figure import Figure
from benchmarks.near import spent

if TYPE_CHECKING:
    from collections.abc import Iterable

FAR = Far(1_000, vaults=20, owners=10, age_days=25, round_trip=0.1)
SECRETS_A_PAGE = 25
CALLS = 5
"""Of one renewal."""
CONCURRENCIES = (8, 32)


def main() -> int:
    """Measure, and print every number.

    Returns:
        0 if all goals are reached, 1 otherwise.
    """
    found = [figure.is_reached for figure in figures()]
    return 0 if all(found) else 1


def figures() -> Iterable[Figure]:
    """Measure, print the raw numbers, and give the rows."""
    pages = _pages(FAR.secrets, FAR.vaults, SECRETS_A_PAGE)
    pages += _pages(FAR.secrets, FAR.owners, TOKENS_A_PAGE)
    calls = FAR.secrets * CALLS + pages
    print(f"{FAR.secrets:,} due secrets: {FAR.secrets} x {CALLS} + {pages} unavoidable calls")
    print(f"{'calls at once':>13}{'bound s':>9}{'wall s':>9}{'CPU s':>9}{'share':>7}")
    for concurrency in CONCURRENCIES:
        bound = calls / concurrency * FAR.round_trip
        with running(FAR) as environment:
            run = spent("run", concurrency, environment)
        if run.done != FAR.secrets:
            message = f"{run.done} secrets were settled instead of {FAR.secrets}"
            raise RuntimeError(message)
        share = bound / run.wall
        numbers = f"{bound:9.1f}{run.wall:9.1f}{run.cpu:9.1f}{share:7.2f}"
        print(f"{concurrency:13}{numbers}", flush=True)
        what = f"{FAR.secrets:,} due secrets renewed, {concurrency} calls at once"
        against = "unavoidable calls / calls at once x round trip"
        yield Figure(what, against, share, unit="of the bound", at_least=0.85)


def _pages(things: int, lists: int, size: int) -> int:
    return lists * -(-(things // lists) // size)


if __name__ == "__main__":
    sys.exit(main())
