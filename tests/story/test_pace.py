"""A run keeps to what the services publish, and one that is slow does not hold up the others."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from benchmarks.paced import paced
from rotation.adapters.pace import Paces
from rotation.fan_out import PATIENCE, FanOut
from rotation.model import Defaults, SecretName
from rotation.order import Order, Verb
from rotation.order_desk import LocalDesk
from rotation.report import Ending
from rotation.rotator import Scope
from rotation.worker import Worker
from sandbox.clock import ManualClock
from sandbox.fault import Extra, Fault
from sandbox.furniture import ORGANIZATION, Placement, place
from sandbox.ports import InProcess, MemoryBacklog, MemoryRequests
from sandbox.world import World
from tests.story.stage import DAY, START

if TYPE_CHECKING:
    from collections.abc import Mapping

ADA, BOB = "ada@contoso.example", "bob@contoso.example"
A, B = "kv-a", "kv-b"
SECOND = timedelta(seconds=1)
ASKED = Extra({"Retry-After": "50"})


@dataclass
class Town:
    """Two vaults and two owners, the limits enforced, and a process that keeps its paces."""

    trip: float = 0.002
    """Seconds of a round trip: so short that the limits bind."""
    owners: tuple[str, ...] = (ADA, BOB)
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))

    def __post_init__(self) -> None:
        """Furnish the world."""
        self.world = World(self.clock)
        for vault in (A, B):
            self.world.add_vault(vault)
        members = [self.world.add_user(owner) for owner in self.owners]
        self.world.add_organization(ORGANIZATION, members)
        for owner in self.owners:
            self.world.connect(owner)
        self.world.limits.are_enforced = True
        self.paces = Paces(self.pause, self.elapsed)
        defaults = Defaults(self.owners, 30 * DAY, 90 * DAY, 2 * DAY)
        scope = Scope([A, B], self.owners, defaults, concurrency=1)
        view = paced(self.world, self.paces, lambda: self.trip)
        self.process = InProcess(view, scope, turns=self.paces)
        self.queue, self.backlog = MemoryRequests(self.clock), MemoryBacklog(self.clock)
        self.fan_out = FanOut(self.queue, self.backlog, self.clock)

    def elapsed(self) -> float:
        """Tell the seconds since the start."""
        return (self.clock() - START).total_seconds()

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(seconds=seconds))

    def due(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Place so many secrets of each vault and owner whose tokens are due."""
        for (vault, owner), count in counts.items():
            name, tags = owner.partition("@")[0], {"pat-owner": owner}
            for n in range(count):
                at = Placement(f"{name}-{n:04}", vault, owner=owner, age=25 * DAY, tags=tags)
                place(self.world, at)

    def renewed(self, vault: str) -> dict[str, timedelta]:
        """Tell after how long each secret of a vault was renewed."""
        kept = self.world.vault(vault)
        versions = {secret.name: kept.versions(secret.name) for secret in kept.list_secrets()}
        return {
            name: found[-1].created_at - START
            for name, found in versions.items()
            if len(found) == 2
        }

    def settle(self, name: str, vault: str = A) -> Order:
        """Give what the queue brings for a secret."""
        return Order(Verb.SETTLE, SecretName(vault, name), None, "scan", self.clock())

    def work(self, order: Order) -> Ending:
        """Do what the queue brings."""
        worker = Worker(self.process.rotator, self.fan_out, self.pause)
        return worker.handle(json.dumps(order.as_dict())).ending


@pytest.fixture
def town() -> Town:
    """Give the town."""
    return Town()


@pytest.mark.exhaustive
def test_one_process_never_meets_a_limit() -> None:
    """2,000 secrets of one vault are due at once: none of the calls is one too many."""
    town = Town(owners=tuple(f"owner-{number}@contoso.example" for number in range(8)))
    town.due({(A, owner): 250 for owner in town.owners})

    report = town.process.rotator.run()

    assert {outcome.ending for outcome in report.outcomes} == {Ending.SETTLED}
    assert len(town.renewed(A)) == 2000
    assert not town.world.limits.refused
    # The limit of the vault is what it took its time for: 24 a second, and not many fewer.
    assert timedelta(seconds=73) < town.clock() - START < timedelta(seconds=100)


@pytest.mark.parametrize(
    ("fault", "busy"),
    [
        (Fault(ASKED, "key-vault", "set_secret", A), A),
        # The first two calls of this kind ask who the owners are, the third one is Ada's proof.
        (Fault(ASKED, "azure-devops", "connection_data", after=2), A),
    ],
    ids=["a vault", "an owner"],
)
def test_one_that_is_to_be_left_alone_holds_up_no_other(
    town: Town, fault: Fault, busy: str
) -> None:
    """All that is due elsewhere is done meanwhile; what is due there, in the same run, later."""
    town.due({(A, ADA): 60, (B, BOB): 60})
    town.world.faults.add(fault)

    report = town.process.rotator.run()

    assert {outcome.ending for outcome in report.outcomes} == {Ending.SETTLED}
    assert [outcome.name.vault for outcome in report.outcomes] == [A] * 60 + [B] * 60
    there, elsewhere = town.renewed(busy), town.renewed(B)
    assert (len(there), len(elsewhere)) == (60, 60)
    assert max(elsewhere.values()) < 10 * SECOND
    assert sorted(there.values())[1] >= 50 * SECOND


def test_the_queue_gets_the_vaults_and_owners_mixed(town: Town) -> None:
    """So the workers are not all at the same vault, or for the same owner, at the same time."""
    town.due({(A, ADA): 4, (A, BOB): 2, (B, BOB): 4})

    report = town.process.rotator.run(fan_out=town.fan_out)

    assert {outcome.ending for outcome in report.outcomes} == {Ending.QUEUED}
    assert [outcome.name for outcome in report.outcomes] == sorted(
        outcome.name for outcome in report.outcomes
    )
    queued = [json.loads(message.text) for message in town.queue.visible()]
    assert [(order["vault"], order["secret"].split("-")[0]) for order in queued] == [
        *[(A, "ada"), (A, "bob"), (B, "bob")] * 2,
        *[(A, "ada"), (B, "bob")] * 2,
    ]


def test_a_worker_waits_for_its_turn(town: Town) -> None:
    """For seconds it waits itself, and nothing is held meanwhile: then the secret is renewed."""
    town.due({(A, ADA): 1})
    town.paces.vault(A).stay_away(40)

    assert town.work(town.settle("ada-0000")) is Ending.SETTLED

    (renewed,) = town.renewed(A).values()
    assert 40 * SECOND <= renewed < 41 * SECOND
    assert not town.queue.visible()


@pytest.mark.parametrize("who", [A, ADA])
def test_what_must_wait_for_longer_goes_back_to_the_queue(town: Town, who: str) -> None:
    """Out of sight until its turn, and no longer than a scan waits for it; nothing was done."""
    town.due({(A, ADA): 1})
    pace = town.paces.vault(A) if who == A else town.paces.owner(ADA)
    pace.stay_away(300)
    order = town.settle("ada-0000")

    assert town.work(order) is Ending.WAITING

    assert Counter(call.operation for call in town.world.calls).keys() <= {
        "get_secret",
        "redeem",
    }
    assert (town.renewed(A), town.queue.left(), town.queue.visible()) == ({}, 1, [])
    town.clock.advance(299 * SECOND)
    assert not town.queue.visible()
    town.clock.advance(SECOND)
    (message,) = town.queue.visible()
    assert message.text == json.dumps(order.as_dict())
    assert message.ends_at
    assert abs(message.ends_at - START - PATIENCE) < SECOND
    assert town.work(order) is Ending.SETTLED


def test_an_order_waits_for_its_turn(town: Town) -> None:
    """Over the queue it comes again; given here, it is waited for."""
    town.due({(A, ADA): 1})
    version = town.world.vault(A).newest("ada-0000").id
    order = Order(Verb.ROTATE, SecretName(A, "ada-0000"), version, "ada", town.clock())
    town.paces.vault(A).stay_away(90)
    process = town.process

    assert town.work(order) is Ending.WAITING
    assert town.queue.left() == 1
    desk = LocalDesk(process.rotator, process.store, town.clock, town.pause, lambda: "ada")
    assert desk.submit(order).ending is Ending.DONE

    (renewed,) = town.renewed(A).values()
    assert 90 * SECOND <= renewed < 91 * SECOND
