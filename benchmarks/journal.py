"""What reading a large journal costs: ``python -m benchmarks.journal [EVENTS]``.

Fills the journal of an account on Azurite with events of many secrets over many days, and counts
the requests that reading by time, reading by secret and forgetting make: each is a page, or the
end of one. Needs what ``make witnesses`` installs.
"""

from __future__ import annotations

import platform
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

from rotation.adapters.journal import TableJournal
from rotation.adapters.storage import open_tables
from rotation.events import Event, Kind
from rotation.model import SecretName
from rotation.storage import read
from sandbox.azurite import Azurite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVENTS = 100_000
DAYS = 100
SECRETS = 500
RUN = 100
"""Events that are written at once, all of one secret: more than a settling says."""
NOW = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Counter:
    """Counts the requests of this process."""

    requests: int = 0

    def listen(self) -> None:
        """Begin to count."""
        send = requests.Session.send

        def sent(session: requests.Session, request: Any, **more: Any) -> requests.Response:  # noqa: ANN401 - handed on
            self.requests += 1
            return send(session, request, **more)

        requests.Session.send = sent  # type: ignore[assignment, method-assign]


def main() -> int:
    """Fill, measure, and print every number.

    Returns:
        0 if the last day was read without the rest, 1 otherwise.
    """
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    counter = Counter()
    counter.listen()
    print(f"{events:,} events of {SECRETS} secrets in {DAYS} days, on Azurite")
    print(f"Python {platform.python_version()} on {platform.machine()}")
    print(f"{'what':44}{'rows':>9}{'requests':>10}{'seconds':>9}")
    with Azurite() as azurite:
        storage = read(azurite.account().connection_string, {}, is_microsoft=None)
        assert storage  # noqa: S101 - an account has a connection string
        tables = open_tables(storage, None, lambda: NOW, time.sleep)  # type: ignore[arg-type] # a key goes in
        with closing(tables):
            journal = TableJournal(tables, lambda: NOW)
            measure("write all of it", counter, lambda: fill(journal, events))
            read_day = measure("since: the last day", counter, lambda: since(journal, DAY))
            measure("since: its first 20 events", counter, lambda: first(journal, 20))
            measure("since: the last ten days", counter, lambda: since(journal, 10 * DAY))
            feed = SecretName("kv", "s7")
            measure("of one secret", counter, lambda: sum(1 for _ in journal.of_secret(feed)))
            nothing = NOW - 2 * DAYS * DAY
            measure("forget: nothing is old enough", counter, lambda: journal.forget(nothing))
            oldest = NOW - (DAYS - 1) * DAY
            measure("forget: the oldest day", counter, lambda: journal.forget(oldest))
    return 0 if read_day * DAYS < events else 1


def measure(what: str, counter: Counter, work: Callable[[], int]) -> int:
    """Do it, print what it cost, and give how many requests it made."""
    counter.requests, began = 0, time.perf_counter()
    rows = work()
    seconds = time.perf_counter() - began
    print(f"{what:44}{rows:9,}{counter.requests:10,}{seconds:9.2f}", flush=True)
    return counter.requests


def fill(journal: TableJournal, events: int) -> int:
    """Write so many events, spread evenly over the days; give how many."""
    for run in range(events // RUN):
        journal.write([*made(run, NOW - DAYS * DAY * (1 - run * RUN / events))])
    return events


def made(run: int, at: datetime) -> Iterator[Event]:
    """Give what one run says about one secret."""
    for number in range(RUN):
        yield Event(
            Kind.TOKEN_STORED,
            at + timedelta(milliseconds=number),
            f"run-{run}",
            vault="kv",
            secret=f"s{run % SECRETS}",
            organization="contoso",
            owner="ada@example.com",
            message="stored as the newest version",
            number=number,
        )


def since(journal: TableJournal, span: timedelta) -> int:
    """Count the events of the last ``span``."""
    return sum(1 for _ in journal.since(NOW - span))


def first(journal: TableJournal, count: int) -> int:
    """Read so many of the newest events."""
    return sum(1 for _ in zip(range(count), journal.since(NOW - DAYS * DAY), strict=False))


if __name__ == "__main__":
    sys.exit(main())
