"""What the product asks of its services, hour after hour: ``python -m benchmarks.cost [--write]``.

For each size of tenant, a world with so many PATs in the middle of their lives, renewed at all
times of the month alike, and the hourly runs of some hours: the whole product, over HTTPS, with its
journal and its locks on Azurite. Each call is counted where it arrives. Then one more run, as a
process of its own, tells the processor time and the memory. Needs what ``make witnesses`` installs.

It prints the tables of docs/cost-and-limits.md in Markdown; ``--write`` puts them there.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from benchmarks.bill import Counts, write
from rotation import settings, wiring
from sandbox.azurite import Azurite
from sandbox.clock import ManualClock, wall
from sandbox.furniture import ORGANIZATION, Placement, place
from sandbox.https import Sandbox
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotation.rotator import Rotator
    from sandbox.azurite import Account
    from sandbox.fault import Call

PAGE = Path(__file__).parents[1] / "docs" / "cost-and-limits.md"
SIZES = {10: 480, 1_000: 48, 20_000: 6}
"""PATs, and the hours that are measured: fewer where each tells more."""
START = datetime(2027, 3, 1, 7, 7, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PERIOD, GRACE = 20 * DAY, 2 * DAY
"""From one renewal to the next, and the grace, as the defaults have them."""
PER_VAULT = 1_000
CROWD = 200
"""PATs that are due at once, to see what one renewal takes."""


@dataclass
class Ear(logging.Handler):
    """Hears what is written to the log, and how long it is."""

    lines: Counter[str] = field(default_factory=Counter)
    size: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Become a handler."""
        super().__init__()

    __hash__ = logging.Handler.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        """Count one line."""
        self.lines[record.name] += 1
        self.size[record.name] += len(record.getMessage().encode())


@dataclass
class Wire:
    """Counts what is sent to each service of the storage account."""

    services: dict[str, str]
    """By host and port."""
    sent: Counter[str] = field(default_factory=Counter)

    def listen(self, opened: ExitStack) -> None:
        """Begin to count; ``opened`` ends it."""
        send = requests.Session.send

        def sent(session: requests.Session, request: Any, **more: Any) -> requests.Response:  # noqa: ANN401 - handed on
            self.sent[self.services.get(urlsplit(request.url).netloc, "")] += 1
            return send(session, request, **more)

        requests.Session.send = sent  # type: ignore[assignment, method-assign]
        opened.callback(setattr, requests.Session, "send", send)


def main() -> int:
    """Measure each size, and print the tables.

    Returns:
        0.
    """
    asked = _asked()
    measured, renewal_calls = [], measure_renewal()
    for secrets in asked.secrets or SIZES:
        hours = asked.hours or SIZES.get(secrets, 24)
        began = time.monotonic()
        measured.append(measure(secrets, hours, renewal_calls))
        took = time.monotonic() - began
        print(f"{secrets:,} PATs, {hours} hours: measured in {took:.0f} s", file=sys.stderr)
    tables = write(measured)
    print("\n\n".join(tables.values()))
    if asked.write:
        PAGE.write_text(filled(PAGE.read_text(), tables))
    return 0


def filled(page: str, tables: dict[str, str]) -> str:
    """Put each table into its place on the page.

    Raises:
        ValueError: the page has no such place.
    """
    for name, text in tables.items():
        before, begin, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        if not (begin and end):
            message = f"no place for {name} on the page"
            raise ValueError(message)
        page = f"{before}{begin}{text}\n{end}{after}"
    return page


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost")
    parser.add_argument("--secrets", type=int, nargs="*", help="how many PATs, for each column")
    parser.add_argument("--hours", type=int, help="how many hourly runs are counted")
    parser.add_argument("--write", action="store_true", help="put the tables into the page")
    return parser.parse_args()


def furnished(secrets: int) -> World:
    """Give a world in which a renewal is due at any time of the month alike."""
    world = World(ManualClock(START))
    count = -(-secrets // PER_VAULT)
    owners = [f"owner-{number}@contoso.example" for number in range(count)]
    world.add_organization(ORGANIZATION, [world.add_user(owner) for owner in owners])
    for number, owner in enumerate(owners):
        world.add_vault(f"kv-{number}")
        world.connect(owner)
    for number in range(secrets):
        age, owner = PERIOD * (number + 0.5) / secrets, owners[number % count]
        newest = Placement(
            f"feed-{number:05}",
            vault=f"kv-{number % count}",
            owner=owner,
            age=age,
            tags={"pat-owner": owner},
        )
        if age < GRACE:  # its predecessor is there still
            place(world, replace(newest, age=age + PERIOD))
        place(world, newest)
    return world


@dataclass(frozen=True)
class Stand:
    """Where the product is looked at: in front of a world, with an account of its own."""

    world: World
    ear: Ear
    sent: Counter[str]
    rotator: Rotator

    def run(self) -> None:
        """Let an hour pass, and run once."""
        self.world.clock.advance(HOUR)
        self.rotator.run()

    def forget(self) -> None:
        """Begin to count anew."""
        for each in (self.world.calls, self.ear.lines, self.ear.size, self.sent):
            each.clear()


@contextmanager
def stand(world: World) -> Iterator[Stand]:
    """Put the product in front of a world; what has gathered there before is done once."""
    with ExitStack() as opened:
        sandbox = opened.enter_context(Sandbox(world))
        account = opened.enter_context(Azurite()).account()
        _settle_in(opened, {**sandbox.environment, **account.by_key})
        ear, wire = Ear(), Wire(_netlocs(account))
        logger = logging.getLogger("rotation")
        opened.callback(logger.setLevel, logger.level)
        opened.callback(logger.removeHandler, ear)
        logger.setLevel(logging.INFO)
        logger.addHandler(ear)
        wire.listen(opened)
        service = opened.enter_context(wiring.open_service(settings.load(), world.clock))
        service.rotator.run()
        found = Stand(world, ear, wire.sent, service.rotator)
        found.forget()
        yield found


def measure_renewal() -> int:
    """Give how many calls one renewal takes, in a run that renews many."""
    world = furnished(CROWD)
    with stand(world) as found:
        found.run()
        rest = len(world.calls) + found.sent.total()
        world.clock.advance(PERIOD)
        found.forget()
        found.run()
        return -(-(len(world.calls) + found.sent.total() - rest) // CROWD)


def measure(secrets: int, hours: int, renewal_calls: int) -> Counts:
    """Let the hours pass, and give what was counted."""
    world = furnished(secrets)
    counted, peaks = Counter[str](), Counter[str]()
    with stand(world) as found:
        for _ in range(hours):
            found.run()
            _count(world.calls, len(world.tenant.users), counted, peaks)
            world.calls.clear()
        lines, size, sent = (Counter(c) for c in (found.ear.lines, found.ear.size, found.sent))
        world.clock.advance(HOUR)
        seconds, megabytes = _process(world)
    return Counts(
        secrets=secrets,
        vaults=len(world.tenant.users),
        hours=hours,
        vault_calls=counted["key-vault"],
        vault_writes=counted["set_secret"],
        devops_calls=counted["azure-devops"],
        entra_calls=counted["entra"],
        identity_calls=counted["identity"],
        table_calls=sent["tables"],
        queue_calls=sent["queues"],
        event_lines=lines["rotation.events"],
        event_bytes=size["rotation.events"],
        fleet_lines=lines["rotation.fleet"],
        fleet_bytes=size["rotation.fleet"],
        vault_peak=peaks["vault"],
        owner_peak=peaks["owner"],
        renewal_calls=renewal_calls,
        cpu_seconds=round(seconds, 1),
        megabytes=megabytes,
    )


def _settle_in(opened: ExitStack, environment: dict[str, str]) -> None:
    before = dict(os.environ)
    opened.callback(os.environ.update, before)
    opened.callback(os.environ.clear)
    os.environ.update(environment)


def _netlocs(account: Account) -> dict[str, str]:
    urls = {"tables": account.table_url, "queues": account.queue_url}
    return {urlsplit(url).netloc: service for service, url in urls.items()}


def _count(calls: list[Call], owners: int, counted: Counter[str], peaks: Counter[str]) -> None:
    """Count the calls of one run, and note the most that one vault and one owner had."""
    counted.update(call.service for call in calls)
    counted.update(call.operation for call in calls if call.operation == "set_secret")
    vaults = Counter(c.target.split("/")[0] for c in calls if c.service == "key-vault")
    devops = sum(call.service == "azure-devops" for call in calls)
    peaks["vault"] = max(peaks["vault"], *vaults.values())
    peaks["owner"] = max(peaks["owner"], -(-devops // owners))


def _process(world: World) -> tuple[float, int]:
    """Run once as a process of its own; give its processor seconds, and its memory in MB."""
    offset = (world.clock() - wall()).total_seconds()
    command = [sys.executable, "-m", "sandbox", "rotation", "--offset", str(offset)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([*command, "run"], stdout=quiet, stderr=quiet)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"the run ended with {process.returncode}"
        raise RuntimeError(message)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


if __name__ == "__main__":
    sys.exit(main())
