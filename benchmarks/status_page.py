"""What loading the page of 2,000 secrets takes: ``python -m benchmarks.status_page``.

The first one who comes has everything looked at, over HTTPS; the sandbox that answers is in the
same process, and shares the processors. Whoever comes in the minute after that is shown the same
look. Each figure is the median of some loads; the page is measured as it is sent.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from benchmarks.cost import furnished
from benchmarks.figure import Figure
from rotation import settings, wiring
from rotation.page import look
from sandbox.https import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotation.lookout import Lookout
    from sandbox.clock import ManualClock

SECRETS = 2000
LOADS = 5
LATER = timedelta(minutes=2)
"""After that everything is looked at again."""
MEGABYTE = 1_000_000


def main() -> int:
    """Measure, and print every number.

    Returns:
        0 if all goals are reached, 1 otherwise.
    """
    found = [figure.is_reached for figure in figures()]
    return 0 if all(found) else 1


def figures() -> Iterable[Figure]:
    """Measure, print the raw numbers, and give the rows."""
    world = furnished(SECRETS)
    clock = cast("ManualClock", world.clock)
    looking, again, sizes = [], [], []
    with ExitStack() as opened:
        sandbox = opened.enter_context(Sandbox(world))
        before = dict(os.environ)
        opened.callback(os.environ.update, before)
        opened.callback(os.environ.clear)
        os.environ.update(sandbox.environment)
        logging.getLogger("rotation").setLevel(logging.ERROR)
        service = opened.enter_context(wiring.open_service(settings.load(), world.clock))
        print(f"{SECRETS:,} secrets in {len(world.vaults) - 1} vaults, {LOADS} loads")
        print("looking, wall s  CPU s  shown again, wall s  page, bytes  JSON, bytes")
        for _ in range(LOADS):
            clock.advance(LATER)
            begun = time.process_time()
            first, page = _load(service.lookout)
            cpu = time.process_time() - begun
            second, _ = _load(service.lookout)
            _, told = _load(service.lookout, "application/json")
            looking.append(first)
            again.append(second)
            sizes.append(page)
            print(f"{first:15.2f}  {cpu:5.2f}  {second:19.3f}  {page:11,}  {told:11,}")
    what = f"status page of {SECRETS:,} secrets"
    yield Figure(what, "everything looked at: wall time", statistics.median(looking), "s", 2)
    yield Figure(what, "shown again in the same minute", statistics.median(again), "s", 2)
    yield Figure(what, "as it is sent", max(sizes) / MEGABYTE, "MB", 1)


def _load(lookout: Lookout, accept: str = "text/html") -> tuple[float, int]:
    """Give the seconds that an answer takes, and its bytes."""
    request = look.Request({look.PRINCIPAL: "e30=", "Accept": accept}, {}, "true")
    begun = time.perf_counter()
    answer = look.show_fleet(request, lambda: lookout)
    if answer.status != look.GOOD:
        message = f"the page was not shown: {answer.status}"
        raise RuntimeError(message)
    return time.perf_counter() - begun, len(answer.body.encode())


if __name__ == "__main__":
    sys.exit(main())
