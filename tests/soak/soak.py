"""A long run: processes of the product, killed at random, in bad weather, for as long as asked.

What must hold is looked up every second in the world itself, which lives in this process; the
product's processes reach it over HTTPS alone, and a storage account of Azurite beside it.
"""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from sandbox.azurite import Azurite
from sandbox.https import Sandbox
from tests.app import child
from tests.app.storeroom import POISON, Storeroom
from tests.search import Search
from tests.soak import host
from tests.soak.clock import LeapingClock
from tests.soak.plan import plan
from tests.soak.process import Process
from tests.soak.town import Town
from tests.soak.watch import Watch
from tests.story.invariant import HOUR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rotation.order import Order
    from tests.soak.watch import Growth

HOUR_SECONDS = 6.0
"""After so many seconds the clock leaps to the next hour."""
LOOK_SECONDS, PAUSE_SECONDS = 1.0, 0.05
FROZEN_SECONDS = 3.0
CALM_HOURS = 10
"""So many hours of quiet weather an order may take, at most."""
QUIET_RUNS = 4
"""In quiet weather, an hour apart: what was left lying about has outlived its grace by then."""
WATCHED, MORTAL = "watched", ("killed-0", "killed-1")
"""One host is never killed, since it is watched; the others are."""
FAN_OUT = {WATCHED: "queue", "killed-0": "queue", "killed-1": "inline"}
"""Whether what is due is settled from the queue, or by the scan itself."""


@dataclass
class Result:
    """What came of a long run."""

    counted: Counter[str]
    faults: list[str]
    """What did not hold."""
    growth: list[Growth]
    """Of the host that was never killed; empty if the run was too short to tell."""

    @property
    def is_fine(self) -> bool:
        """Whether everything held, and nothing grew."""
        return not self.faults and all(found.is_steady for found in self.growth)


class Soak:
    """One long run, from ``live`` to its end."""

    def __init__(self, folder: Path, seconds: float, seed: int) -> None:
        """Plan it.

        Args:
            folder: where the processes write.
            seconds: how long the bad weather lasts.
            seed: decides what there is, what goes wrong and when.
        """
        self.seconds = seconds
        self.chance = Random(seed)  # noqa: S311 - the same choices at every run
        self.clock = LeapingClock(folder / "clock")
        self.town = Town(self.clock, seed)
        self.counted: Counter[str] = Counter()
        self.faults = self.town.faults
        self._planned = deque(plan(seed, seconds))
        self._folder = folder
        self._environment: dict[str, str] = {}
        self._hosts: dict[str, Process] = {}
        self._waiting: list[Order] = []
        """Orders that were given and have had no effect yet."""
        self._began = 0.0
        self._thaws_at: float | None = None
        """When the storage is to answer again, in seconds since it began."""
        self._deeds: dict[str, Callable[[], None]] = {
            "kill a host": self._kill,
            "order a rotation": lambda: self._give(self.town.order()),
            "order a new secret": lambda: self._give(self.town.issue()),
            "revoke a token": self.town.kill_a_token,
            "take a service away": self.town.take_a_service_away,
            "freeze the storage": self._freeze,
        }

    def live(self) -> Result:
        """Live through it, calm the weather, and judge what is there in the end."""
        with ExitStack() as opened:
            sandbox = opened.enter_context(Sandbox(self.town.world))
            self._azurite = opened.enter_context(Azurite())
            account = self._azurite.account()
            self._storage = Storeroom(account)
            self._environment = {**sandbox.environment, **account.by_key}
            opened.callback(self._kill_all)
            for name in FAN_OUT:
                self._start(name)
            watch = Watch(self._hosts[WATCHED].process.pid or 0)
            self._live(watch)
            self._calm()
            self._settle()
            self._search()
        counted = {
            "simulated hours": self.clock.offset // HOUR,
            "calls": len(self.town.world.calls),
            "calls that failed": self.town.weather.failed,
            "calls into an outage": self.town.weather.unanswered,
            "uses of a value": self.town.consumers.uses,
            **{f"tokens: {name}": count for name, count in self.town.deeds.items()},
        }
        self.counted.update(counted)
        return Result(self.counted, self.faults, watch.growth() if watch.is_long_enough else [])

    # --- Bad weather ---------------------------------------------------------------------------

    def _live(self, watch: Watch) -> None:
        self._began = time.monotonic()
        leaps_at, looks_at = HOUR_SECONDS, 0.0
        while (now := time.monotonic() - self._began) < self.seconds:
            if self._thaws_at is not None and now >= self._thaws_at:
                self._azurite.thaw()
                self._thaws_at = None
            # Nobody asks the storage while it is frozen: who waits for it here could not thaw it.
            while self._thaws_at is None and self._planned and self._planned[0][0] <= now:
                what = self._planned.popleft()[1]
                self._deeds[what]()
                self.counted[what] += 1
            if now >= leaps_at and self._thaws_at is None:
                leaps_at = now + HOUR_SECONDS
                self._leap()
            if now >= looks_at:
                looks_at = now + LOOK_SECONDS
                self.town.look()
                watch.look()
                self._see_to_the_dead()
            time.sleep(PAUSE_SECONDS)

    def _leap(self) -> None:
        """Let an hour have passed, and deliver again what has had no effect.

        The queue lives by the machine's clock: what waits there for an hour would do so for ever.
        """
        self.clock.advance(HOUR - timedelta(seconds=HOUR_SECONDS))
        self._waiting = [order for order in self._waiting if not self.town.has_effect(order)]
        for order in self._waiting:
            self._put(order)

    def _give(self, order: Order) -> None:
        self._waiting.append(order)
        self._put(order)

    def _put(self, order: Order) -> None:
        self._storage.put(json.dumps(order.as_dict()))

    def _start(self, name: str) -> None:
        environment = {
            **self._environment,
            "ROTATION_FAN_OUT": FAN_OUT[name],
            "ROTATION_SCHEDULE": "0 0 * * * *",
        }
        delay = 0.0 if name == WATCHED else self.chance.uniform(0, HOUR_SECONDS / 2)
        work = partial(host.serve, self._folder / "clock", delay)
        self.counted["processes"] += 1
        place = self._folder / f"{name}-{self.counted['processes']}"
        self._hosts[name] = Process(place, work, environment)

    def _kill(self) -> None:
        name = self.chance.choice(MORTAL)
        self._hosts[name].kill()
        self._start(name)

    def _freeze(self) -> None:
        self._azurite.freeze()
        self._thaws_at = time.monotonic() - self._began + FROZEN_SECONDS

    def _see_to_the_dead(self) -> None:
        for name, process in [*self._hosts.items()]:
            if process.process.exitcode is not None:
                self.faults.append(f"{name} ended by itself: {process.process.exitcode}")
                self._start(name)

    def _kill_all(self) -> None:
        for process in self._hosts.values():
            process.kill()
        self._hosts.clear()

    # --- Quiet weather -------------------------------------------------------------------------

    def _calm(self) -> None:
        """Let all that was begun end well: orders first, then the hosts."""
        self._azurite.thaw()
        self.town.calm()
        for _ in range(CALM_HOURS):
            self._leap()
            if not self._waiting:
                break
            time.sleep(HOUR_SECONDS)
        self.faults += [f"{order.title} of {order.name} never came" for order in self._waiting]
        for name, process in self._hosts.items():
            process.process.terminate()
            code, _ = process.finish()
            if code != 0:
                self.faults.append(f"{name} did not end well: {code}")
        self._hosts.clear()

    def _settle(self) -> None:
        """Run until nothing is left to do, and judge what only holds then."""
        for _ in range(QUIET_RUNS):
            self.clock.advance(HOUR)
            self._run()
        before = self.town.state
        again = self._run()
        if self.town.state != before:
            self.faults.append("I7: a second run directly after a settled one changed something")
        for found in again["secrets"]:
            if found["outcome"] != "settled":
                self.faults.append(f"{found['secret']} is {found['outcome']}: {found['message']}")
        self.town.look(again)

    def _run(self) -> dict[str, Any]:
        """Let one process of the product run once, and give its report."""
        self.counted["processes"] += 1
        place = self._folder / f"run-{self.counted['processes']}"
        process = Process(place, child.run, self._environment, self.clock.offset)
        code, output = process.finish()
        if code != 0:
            self.faults.append(f"a run in quiet weather ended with {code}")
        report: dict[str, Any] = json.loads(output or '{"secrets": [], "started_at": null}')
        return report

    def _search(self) -> None:
        """Search all that was written and stored for every value that was ever handed out."""
        search = Search(self.town.world.issued)
        for name, text in self._texts():
            self.counted["characters searched"] += len(text)
            for form in search.forms_in(text):
                self.faults.append(f"I4: {name} holds a value, {form}")

    def _texts(self) -> Iterator[tuple[str, str]]:
        for path in self._folder.glob("*.*"):
            yield path.name, path.read_text(errors="replace")
        yield "the storage account", self._storage.everything()
        self.counted["messages given up"] = self._storage.count(POISON)
