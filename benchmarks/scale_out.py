"""How a queue of due secrets shrinks under more workers: ``python -m benchmarks.scale_out``.

A scan has put every due secret on the queue. Worker processes of eight threads each take them off
and renew them: the product's own worker, rules and steps, at its own paces, on the sandbox's
world, which enforces the published limits of Key Vault and Azure DevOps and counts each 429.

Each call to Key Vault, Azure DevOps and Entra takes a round trip of 25 to 75 ms, and each message
six more for the queue, the lock, the journal and the note of what waits. All of it passes in
virtual time (``benchmarks/virtual_time.py``): what is measured is waiting, at services, at the
product's own paces and for each other, from the first message to the last; the processor's time is
not, nor is the scan, nor how fast the platform starts workers. Efficiency is the time of one worker
over n times that of n workers.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.figure import Figure
from benchmarks.paced import paced
from benchmarks.virtual_time import VirtualTime
from rotation.adapters.pace import Paces
from rotation.fan_out import FanOut
from rotation.model import Defaults, SecretName
from rotation.order import Order, Verb
from rotation.rotator import Scope
from rotation.worker import Worker
from sandbox.furniture import ORGANIZATION, Placement, place
from sandbox.ports import InProcess, MemoryBacklog, MemoryLocks, MemoryRequests
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DAY = timedelta(days=1)
THREADS = 8
"""Messages that one worker has in hand: ``batchSize`` and ``newBatchThreshold`` of host.json."""
TRIP = (0.025, 0.075)
"""Seconds of a round trip, at least and at most."""
STORAGE_TRIPS = 6
"""Round trips to the storage account for each message."""
INSTANCES = 40
"""What infra/main.bicep allows: each worker takes this part of a vault's limit."""
RENEWED = 2
"""Versions of a secret that was renewed once."""
PUBLISHED = 30.0
"""New versions a second that a vault takes."""


@dataclass(frozen=True)
class Fleet:
    """What is due, and who settles it."""

    secrets: int = 10_000
    vaults: int = 100
    owners: int = 100
    workers: int = 1
    instances: int = INSTANCES
    tstus_a_call: float = 0.1
    """What a call to Azure DevOps uses: not published."""


SPREAD = Fleet()
"""Where no limit binds."""
FEW = Fleet(secrets=4_000, vaults=2, workers=8, instances=8)
"""Where those of the vaults do: eight workers could create more than twice what these take."""
ONE = Fleet(secrets=1_000, owners=1, workers=8, tstus_a_call=0.3)
"""Where that of an owner does: a call uses as much as a third of a typical user."""


@dataclass(frozen=True)
class Measured:
    """What came of it."""

    fleet: Fleet
    seconds: float
    """In virtual time."""
    refused: int
    """429s that the services gave."""

    @property
    def rate(self) -> float:
        """Secrets renewed a second."""
        return self.fleet.secrets / self.seconds


def main() -> int:
    """Measure, and print every number.

    Returns:
        0 if every goal is reached, 1 otherwise.
    """
    found = list(figures())
    for figure in found:
        print(f"{figure.what}, {figure.against}: {figure.value:.3g} {figure.unit}")
    return 0 if all(figure.is_reached for figure in found) else 1


def figures() -> Iterator[Figure]:
    """Give the efficiency of more workers, and what they do where the limits bind."""
    spread = [replace(SPREAD, workers=workers) for workers in (1, 2, 4, 8)]
    print("workers  vaults  owners   secrets   seconds  secrets a second  429s")
    # Two at a time, each in a process of its own: what is measured does not depend on it.
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        found = [_shown(measured) for measured in pool.map(measure, [*spread, FEW, ONE])]
    alone, *more, few, _ = found
    for many in more:
        yield Figure(
            f"fan-out: 10,000 due secrets, {many.fleet.workers} workers",
            "efficiency, against one worker in virtual time",
            alone.seconds / many.fleet.workers / many.seconds,
            at_least=0.9,
        )
    yield Figure(
        f"fan-out: {few.fleet.secrets:,} due secrets of {few.fleet.vaults} vaults, 8 workers",
        "new versions, against what the vaults take",
        few.rate / (few.fleet.vaults * PUBLISHED),
        at_most=1.0,
    )
    yield Figure(
        "fan-out: answers of Key Vault and Azure DevOps in all of that",
        "429s, with the limits enforced as they are published",
        sum(measured.refused for measured in found),
        unit="",
        at_most=0,
    )


def _shown(found: Measured) -> Measured:
    fleet = found.fleet
    numbers = f"{fleet.workers:7}{fleet.vaults:8}{fleet.owners:8}{fleet.secrets:10}"
    print(f"{numbers}{found.seconds:10.1f}{found.rate:18.1f}{found.refused:6}", flush=True)
    return found


def measure(fleet: Fleet) -> Measured:
    """Let a fleet renew all that is due, and look whether it has.

    Raises:
        RuntimeError: it has not, or has left a token that no secret holds.
    """
    time = VirtualTime()
    world, names = furnished(fleet, time)
    works = _Works(time, MemoryRequests(time), MemoryLocks())
    for name in names:
        works.queue.put(Order(Verb.SETTLE, name, None, "scan", time()))
    with time.in_the_product():
        workers = [works.worker(fleet, world, number) for number in range(fleet.workers)]
        time.run([worker for worker in workers for _ in range(THREADS)])
    _judge(world, names)
    return Measured(fleet, time.elapsed(), sum(world.limits.refused.values()))


def furnished(fleet: Fleet, time: VirtualTime) -> tuple[World, Sequence[SecretName]]:
    """Make the world, with all of it due; give the names in the order in which a scan queues them.

    Vaults and owners take turns there.
    """
    world = World(time)
    owners = [f"owner-{number}@contoso.example" for number in range(fleet.owners)]
    world.add_organization(ORGANIZATION, [world.add_user(owner) for owner in owners])
    for owner in owners:
        world.connect(owner)
    for number in range(fleet.vaults):
        world.add_vault(f"kv-{number}")
    for number in range(fleet.secrets):
        owner = owners[number % fleet.owners]
        vault, tags = f"kv-{number % fleet.vaults}", {"pat-owner": owner}
        place(world, Placement(f"feed-{number}", vault, owner=owner, age=25 * DAY, tags=tags))
    world.limits.are_enforced = True
    world.limits.tstus_a_call = fleet.tstus_a_call
    return world, [
        SecretName(f"kv-{number % fleet.vaults}", f"feed-{number}")
        for number in range(fleet.secrets)
    ]


@dataclass(frozen=True)
class _Works:
    """What the worker processes of a fleet have in common."""

    time: VirtualTime
    queue: MemoryRequests
    locks: MemoryLocks

    def worker(self, fleet: Fleet, world: World, number: int) -> Callable[[], None]:
        """Start a worker process; give what each of its threads does until nothing is left."""
        time, chance = self.time, random.Random(number)  # noqa: S311 - no secret
        owners = tuple(world.tenant.users)
        defaults = Defaults(owners, 30 * DAY, 90 * DAY, 2 * DAY)
        scope = Scope([f"kv-{n}" for n in range(fleet.vaults)], owners, defaults, THREADS)
        paces = Paces(time.sleep, time.elapsed, fleet.instances)
        view = paced(world, paces, lambda: chance.uniform(*TRIP))
        process = InProcess(view, scope, locks=self.locks, turns=paces)
        fan_out = FanOut(self.queue, MemoryBacklog(time), time)
        worker = Worker(process.rotator, fan_out, time.sleep)

        def work() -> None:
            while self.queue.left():
                time.sleep(sum(chance.uniform(*TRIP) for _ in range(STORAGE_TRIPS)))
                if message := self.queue.take():
                    worker.handle(message.text)

        return work


def _judge(world: World, names: Sequence[SecretName]) -> None:
    for name in names:
        count = len(world.vault(name.vault).versions(name.name))
        if count != RENEWED:
            message = f"{name} has {count} versions"
            raise RuntimeError(message)
    if (living := len(world.living_tokens())) != 2 * len(names):
        message = f"{living} tokens live"
        raise RuntimeError(message)


if __name__ == "__main__":
    sys.exit(main())
