"""Secrets and orders over the queue: what comes late, twice, broken or not at all does no harm."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from rotation.decision import Action
from rotation.errors import OrderError, UnavailableError
from rotation.events import Kind
from rotation.fan_out import PATIENCE, FanOut
from rotation.model import SecretName
from rotation.order import Extent, Verb
from rotation.report import Ending
from rotation.worker import Worker
from sandbox.fault import Fault, unavailable
from sandbox.furniture import VAULT, Placement, place
from sandbox.ports import MemoryBacklog, MemoryLocks, MemoryRequests
from tests.story.stage import DAY, HOUR, MINUTE, SECRET, Stage

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime, timedelta

    from rotation.order import Order
    from rotation.report import Outcome, RunReport

NAMES = [f"feed-{number:02}" for number in range(12)]


@dataclass
class Works:
    """A stage with a queue: scans put on it what workers take off it, in other processes."""

    stage: Stage = field(default_factory=Stage)

    def __post_init__(self) -> None:
        """Make the queue and the backlog."""
        clock = self.stage.clock
        self.queue = MemoryRequests(clock)
        self.backlog = MemoryBacklog(clock)
        self.fan_out = FanOut(self.queue, self.backlog, clock)
        self.locks = MemoryLocks()

    def due(self, names: Collection[str] = NAMES) -> None:
        """Place secrets whose tokens are due."""
        for name in names:
            place(self.stage.world, Placement(name, age=25 * DAY))

    def scan(self, fan_out: FanOut | None = None) -> RunReport:
        """Scan once."""
        self.stage.fan_out = fan_out or self.fan_out
        return self.stage.run(self.stage.process(self.locks))

    def worker(self) -> Worker:
        """Start another worker."""
        process = self.stage.process(self.locks)
        process.journal.events = self.stage.events
        return Worker(process.rotator, self.fan_out, process.ports.pause)

    def work(self) -> list[Outcome]:
        """Do what is on the queue."""
        worker, done = self.worker(), []
        while (message := self.queue.take()) is not None:
            done.append(worker.handle(message.text))
        self.stage.check_at_any_moment()
        return done

    def empty(self) -> None:
        """Lose all that is on the queue."""
        while self.queue.take():
            pass

    def message(self, order: Order) -> str:
        """Write an order as a message."""
        return json.dumps(order.as_dict())


@pytest.fixture
def works() -> Works:
    """Give a stage with a queue."""
    return Works()


class Away:
    """A queue and a backlog that cannot be reached."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts
        self.cleared: list[SecretName] = []

    def poisoned(self) -> int:
        """Fail."""
        self._reach("poisoned")
        return 0

    def _reach(self, part: str) -> None:
        if part in self.parts:
            message = "the storage cannot be reached"
            raise UnavailableError(message, service="storage", operation=part)

    def put(
        self, order: Order, *, after: timedelta | None = None, life: timedelta | None = None
    ) -> None:
        """Fail."""
        del order, after, life
        self._reach("put")

    def waiting(self) -> frozenset[SecretName]:
        """Fail, or know of none."""
        self._reach("waiting")
        return frozenset()

    def overdue(self) -> frozenset[SecretName]:
        """Fail, or know of none."""
        self._reach("overdue")
        return frozenset()

    def note(self, names: Collection[SecretName], until: datetime) -> None:
        """Fail, or forget them."""
        del names, until
        self._reach("note")

    def clear(self, name: SecretName) -> None:
        """Fail, or remember it."""
        self.cleared.append(name)
        self._reach("clear")


def test_a_scan_only_queues_and_workers_settle(works: Works) -> None:
    """One message for each secret that needs something, with no value in it; then all are fresh."""
    works.due()
    place(works.stage.world, Placement("fresh", age=DAY))

    report = works.scan()

    assert report.counts["queued"] == len(NAMES)
    assert report.counts["settled"] == 1
    assert not report.has_failures
    assert not report.needs_somebody
    assert len(works.queue.visible()) == len(NAMES)
    assert not works.stage.world.leaks_in(str(works.queue.visible()))
    assert {outcome.ending for outcome in works.work()} == {Ending.SETTLED}
    assert not works.scan().has_failures
    assert all(len(works.stage.bound(name)) == 2 for name in NAMES)


def test_what_waits_is_not_queued_again(works: Works) -> None:
    """A scan an hour later adds nothing to the queue."""
    works.due()
    works.scan()
    works.stage.clock.advance(HOUR)

    assert works.scan().counts["queued"] == len(NAMES)
    assert len(works.queue.visible()) == len(NAMES)


@pytest.mark.parametrize("is_lost", [False, True], ids=["nobody takes it", "never queued"])
def test_what_waits_in_vain_is_settled_by_the_scan(works: Works, *, is_lost: bool) -> None:
    """Workers may be switched off, or a scan may have died before its messages; it is said."""
    works.due()
    works.scan()
    if is_lost:
        works.empty()
    works.stage.clock.advance(PATIENCE)

    assert works.scan().counts["settled"] == len(NAMES)

    (said,) = [e for e in works.stage.events if e.event is Kind.ROTATION_FAILED]
    assert said.reason == "not-taken"
    assert "12 secrets" in str(said.message)
    assert not works.backlog.overdue()
    works.scan()
    assert not works.queue.visible()


def test_a_note_that_was_not_cleared_is_forgotten(works: Works) -> None:
    """A secret that a worker has settled long since is no alarm."""
    works.due()
    works.backlog.note([works.stage.order(Verb.ROTATE, secret="fresh").name], works.stage.clock())

    assert works.scan().counts["queued"] == len(NAMES)

    assert not works.backlog.overdue()
    assert not [e for e in works.stage.events if e.event is Kind.ROTATION_FAILED]


def test_what_was_settled_can_be_queued_again(works: Works) -> None:
    """A secret that a worker has settled, or has failed to, does not count as waiting any more."""
    works.due(NAMES[:1])
    works.stage.refuse("create_pat", "accessDenied")
    works.scan()
    (outcome,) = works.work()

    assert outcome.ending is Ending.FAILED
    assert not works.backlog.waiting()


def test_a_scan_a_day_has_every_value_proven(works: Works) -> None:
    """Whichever their hours are: the worker knows that it has come since the scan before."""
    for name in NAMES:
        place(works.stage.world, Placement(name, age=DAY))
    process = works.stage.process(works.locks)
    works.stage.fan_out = works.fan_out
    works.stage.run(process)
    works.work()
    works.stage.clock.advance(DAY)

    assert works.stage.run(process).counts["queued"] == len(NAMES)

    assert {outcome.actions for outcome in works.work()} == {(Action.PROVE,)}


def test_a_message_that_comes_twice_or_late_does_no_harm(works: Works) -> None:
    """Also in another order, or a day later, when the secret has been settled long since."""
    works.due()
    works.scan()
    texts = [message.text for message in works.queue.visible()]
    worker = works.worker()
    for text in [*texts, *reversed(texts)]:
        worker.handle(text)
    works.stage.check()
    before = works.stage.fingerprint()

    works.stage.clock.advance(30 * HOUR)
    for text in texts:
        assert works.worker().handle(text).ending is Ending.SETTLED

    assert works.stage.fingerprint() == before


def test_a_secret_that_is_gone_or_taken_off_is_passed_over(works: Works) -> None:
    """Its message is done with."""
    works.due(NAMES[:2])
    works.scan()
    vault = works.stage.world.vault(VAULT)
    vault.delete(NAMES[0])
    vault.set(NAMES[1], "something else")

    assert {outcome.reason for outcome in works.work()} == {"deleted", "unmanaged"}


def test_a_secret_of_a_vault_that_is_watched_no_more_is_passed_over(works: Works) -> None:
    """Its message came before the settings changed: that is no failure, and no lock is taken."""
    order = works.stage.order(Verb.ROTATE)
    elsewhere = replace(order, verb=Verb.SETTLE, name=SecretName("kv-other", SECRET))

    outcome = works.worker().handle(works.message(elsewhere))

    assert (outcome.ending, outcome.reason) == (Ending.SKIPPED, "unknown-vault")
    assert not works.stage.events


@pytest.mark.parametrize("part", ["put", "waiting", "overdue", "note"])
def test_what_cannot_be_queued_is_settled_by_the_scan(works: Works, part: str) -> None:
    """The queue is for speed: without it nothing stays undone, and that is said."""
    works.due()
    away = Away(part, "clear")

    report = works.scan(FanOut(away, away, works.stage.clock))

    assert report.counts["settled"] == len(NAMES)
    said = [e for e in works.stage.events if e.event is Kind.ROTATION_FAILED]
    assert {event.reason for event in said} == {"not-queued"}
    assert len(said) == (len(NAMES) if part == "put" else 1)


def written(**keys: str) -> str:
    """Write a message with other keys, or more."""
    usual = {"action": "settle", "vault": VAULT, "secret": SECRET, "requested_by": "somebody"}
    return json.dumps({**usual, "requested_at": "2026-11-22T07:00:00Z", **keys})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "nonsense",
        "\\u0000",
        '{"action": "settle"}',
        written(action="burn"),
        written(vault="../kv"),
        written(requested_at="yesterday"),
        written(action="rotate"),
        written(secret_value="nobody asked for it"),
    ],
)
def test_a_message_that_is_no_order_fails(works: Works, text: str) -> None:
    """The platform gives it up after a few times, where that alerts; nothing is touched."""
    place(works.stage.world, Placement("feed", age=25 * DAY))
    before = works.stage.fingerprint()

    with pytest.raises(OrderError, match="not an order") as refused:
        works.worker().handle(text)

    assert refused.value.reason == "malformed"
    assert works.stage.fingerprint() == before


def test_an_order_goes_over_the_queue(works: Works) -> None:
    """It is carried out by whoever takes it."""
    place(works.stage.world, Placement(SECRET, age=5 * DAY))
    works.queue.put(works.stage.order(Verb.ROTATE))

    (outcome,) = works.work()

    assert (outcome.ending, outcome.reason) == (Ending.DONE, "done")
    assert not works.queue.visible()


def test_an_order_that_must_wait_goes_back_until_it_can_go_on(works: Works) -> None:
    """A leak: renewed at once, revoked as soon as the successor is a minute old."""
    leaked = place(works.stage.world, Placement(SECRET, age=5 * DAY))
    works.stage.killed.add(leaked.authorization_id)
    works.queue.put(works.stage.order(Verb.RETIRE, extent=Extent.NOW))

    (first,) = works.work()
    assert first.ending is Ending.WAITING
    assert works.work() == []
    works.stage.clock.advance(MINUTE)
    (second,) = works.work()

    assert second.ending is Ending.DONE
    assert len(works.stage.bound(SECRET)) == 1


def test_an_order_that_finds_the_lock_held_goes_back(works: Works) -> None:
    """It is tried again a minute later."""
    place(works.stage.world, Placement(SECRET, age=5 * DAY))
    order = works.stage.order(Verb.ROTATE)
    works.queue.put(order)
    with works.locks.hold(order.name):
        (outcome,) = works.work()
    assert outcome.ending is Ending.LOCKED
    works.stage.clock.advance(MINUTE)

    (outcome,) = works.work()

    assert outcome.ending is Ending.DONE


def test_a_secret_whose_lock_is_held_waits_on(works: Works) -> None:
    """The holder may have died: its message goes back, and ends with its life at the latest."""
    works.due([SECRET])
    works.scan()
    name = works.stage.order(Verb.ROTATE).name
    with works.locks.hold(name):
        (outcome,) = works.work()
        assert outcome.ending is Ending.LOCKED
        assert name in works.backlog.waiting()
        works.stage.clock.advance(MINUTE)
        assert len(works.work()) == 1
    works.stage.clock.advance(MINUTE)
    (outcome,) = works.work()

    assert outcome.ending is Ending.SETTLED
    assert not works.backlog.waiting()


def test_a_secret_whose_lock_is_held_for_ever_does_not_wait_for_ever(works: Works) -> None:
    """Two hours after the scan, its message is gone; the next scan sees to it."""
    works.due([SECRET])
    works.scan()
    with works.locks.hold(works.stage.order(Verb.ROTATE).name):
        for _ in range(PATIENCE // MINUTE):
            works.work()
            works.stage.clock.advance(MINUTE)
        assert works.work() == []


def test_an_order_that_failed_comes_again(works: Works) -> None:
    """It goes back to the queue, and takes effect once the outage is over."""
    place(works.stage.world, Placement(SECRET, age=5 * DAY))
    works.queue.put(works.stage.order(Verb.ROTATE))
    works.stage.world.faults.add(Fault(unavailable(), "azure-devops", "create_pat"))

    (outcome,) = works.work()
    assert outcome.ending is Ending.FAILED
    assert works.work() == []
    works.stage.clock.advance(MINUTE)
    (outcome,) = works.work()

    assert outcome.ending is Ending.DONE


def test_an_order_outlasts_an_outage_of_hours(works: Works) -> None:
    """It comes again, more and more seldom, until it can be carried out, or is a day old."""
    place(works.stage.world, Placement(SECRET, age=5 * DAY))
    works.queue.put(works.stage.order(Verb.ROTATE))
    works.stage.world.faults.add(Fault(unavailable(), "azure-devops", "list_pats", times=None))

    tried = 0
    ended: list[Outcome] = []
    while not ended:
        works.stage.clock.advance(MINUTE)
        done = works.work()
        tried += len(done)
        ended = [outcome for outcome in done if outcome.ending is not Ending.FAILED]

    assert ended[0].reason == "too-old"
    assert 8 < tried < 20
    assert not works.queue.visible()


def test_an_order_that_cannot_go_back_is_delivered_again(works: Works) -> None:
    """Nothing is acknowledged that is not somewhere else already."""
    place(works.stage.world, Placement(SECRET, age=5 * DAY))
    order = works.stage.order(Verb.ROTATE)
    away = Away("put")
    worker = replace(works.worker(), fan_out=FanOut(away, away, works.stage.clock))

    with works.locks.hold(order.name), pytest.raises(UnavailableError):
        worker.handle(works.message(order))


def test_workers_ask_for_what_is_common_once(works: Works) -> None:
    """A thousand secrets one by one cost no more lists of tokens than a run over all of them."""
    works.due()
    works.scan()
    asked: list[str] = []
    works.stage.world.before_call = lambda call: asked.append(call.operation)

    works.work()

    works.stage.world.before_call = lambda _call: None
    assert asked.count("list_pats") == 1
