"""What the journal is told, and when; and what is said when it cannot be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from rotation.errors import UnavailableError
from rotation.events import Kind
from rotation.order import Verb
from rotation.recorder import BATCH, PATIENCE
from rotation.rotator import Rotator
from sandbox.fault import Delay, Fault, unavailable
from sandbox.furniture import Placement, place
from sandbox.ports import Journal, MemoryLocks
from tests.story.stage import DAY, HOUR, SECRET, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotation.events import Event
    from rotation.report import RunReport


class Table(Journal):
    """A journal that remembers what came in one go, and may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[Event]] = []
        self.is_away = False

    def write(self, events: Sequence[Event]) -> None:
        """Keep events, or fail."""
        if self.is_away:
            message = "the table cannot be reached"
            raise UnavailableError(message, service="storage", operation="write")
        self.batches.append([*events])
        super().write(events)


class Told:
    """A rotator on a stage, whose log and journal are apart."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.log, self.table = Journal(), Table()
        process = self.stage.process()
        ports = replace(process.ports, log=self.log, journal=self.table)
        self.rotator = Rotator(ports, process.sessions, MemoryLocks(), self.stage.scope)

    def run(self) -> RunReport:
        """Run once."""
        return self.rotator.run()

    def kept(self, kind: Kind) -> list[Event]:
        """Give the events of a kind that the journal keeps."""
        return [event for event in self.table.kept.values() if event.event is kind]


def test_what_settlings_tell_comes_in_one_go() -> None:
    """Of all secrets together, with the end of the run; and that it has begun comes at once."""
    told = Told()
    for name in ("feed-a", "feed-b"):
        place(told.stage.world, Placement(name, age=25 * DAY))

    told.run()

    first, last = told.table.batches
    assert [event.event for event in first] == [Kind.SCAN_STARTED]
    assert [(event.event, event.secret) for event in last] == [
        (Kind.TOKEN_CREATED, "feed-a"),
        (Kind.TOKEN_STORED, "feed-a"),
        (Kind.TOKEN_CREATED, "feed-b"),
        (Kind.TOKEN_STORED, "feed-b"),
        (Kind.SCAN_COMPLETED, None),
    ]


def test_many_events_wait_for_no_more() -> None:
    """A long run that dies takes no more than a batch with it; no settling is parted."""
    told = Told()
    for number in range(BATCH // 2 + 1):
        place(told.stage.world, Placement(f"feed-{number:02}", age=25 * DAY))

    told.run()

    _, full, rest = told.table.batches
    assert len(full) == BATCH
    assert [event.event for event in rest] == [
        Kind.TOKEN_CREATED,
        Kind.TOKEN_STORED,
        Kind.SCAN_COMPLETED,
    ]


def test_no_event_waits_for_long() -> None:
    """A minute after one was told, the next settling has all of them written."""
    told = Told()
    for name in ("feed-a", "feed-b", "feed-c"):
        place(told.stage.world, Placement(name, age=25 * DAY))
    late = Fault(Delay(PATIENCE), "azure-devops", "create_pat", after=1)
    told.stage.world.faults.add(late)

    told.run()

    _, waited, rest = told.table.batches
    assert {event.secret for event in waited} == {"feed-a", "feed-b"}
    assert {event.secret for event in rest} == {"feed-c", None}


def test_the_journal_has_what_the_log_has() -> None:
    """Every event of a run, in the order in which it was said."""
    told = Told()
    place(told.stage.world, Placement(SECRET, age=25 * DAY))
    place(told.stage.world, Placement("wrong", tags={"pat-grace-hours": "two"}))

    told.run()

    in_order = sorted(told.table.kept.values(), key=lambda event: event.number)
    assert in_order == told.log.events


def test_a_settling_that_fails_is_told_too() -> None:
    """The journal has why."""
    told = Told()
    place(told.stage.world, Placement(SECRET, age=25 * DAY))
    told.stage.world.faults.add(Fault(unavailable(), "azure-devops", "create_pat"))

    told.run()

    (failed,) = told.kept(Kind.ROTATION_FAILED)
    assert failed.secret == SECRET


def test_without_the_table_rotation_goes_on_and_the_gap_is_said() -> None:
    """In the log at once; in the journal, as soon as it is back, with how much is missing there."""
    told = Told()
    place(told.stage.world, Placement(SECRET, age=25 * DAY))
    told.table.is_away = True
    began_at = told.stage.clock()

    report = told.run()

    assert not report.has_failures
    assert {Kind.TOKEN_CREATED, Kind.TOKEN_STORED} < {event.event for event in told.log.events}
    gaps = [event for event in told.log.events if event.reason == "journal-gap"]
    assert gaps
    assert str(gaps[0].message).startswith("in the log only: ")
    assert str(gaps[0].message).endswith("; the table cannot be reached")
    assert not told.table.kept

    told.stage.clock.advance(HOUR)
    told.table.is_away = False
    told.run()

    (gap,) = told.kept(Kind.ROTATION_FAILED)
    missing = len([e for e in told.log.events if e.time == began_at and e.reason != "journal-gap"])
    assert gap.message == (
        f"missing here, and in the log: {missing} events since 2026-11-22 07:07 UTC"
    )
    told.stage.clock.advance(HOUR)
    told.run()
    assert len(told.kept(Kind.ROTATION_FAILED)) == 1


def test_an_order_is_told_with_who_asked() -> None:
    """As its message says it."""
    told = Told()
    place(told.stage.world, Placement(SECRET, age=5 * DAY))

    told.rotator.carry_out(told.stage.order(Verb.ROTATE))

    (done,) = told.kept(Kind.ORDER_DONE)
    assert (done.order, done.requested_by, done.requested_at) == (
        "rotate",
        "eve@contoso.example",
        told.stage.clock(),
    )
    assert [e.event for e in told.table.batches[0]] == [
        Kind.ORDER_RECEIVED,
        Kind.TOKEN_CREATED,
        Kind.TOKEN_STORED,
        Kind.ORDER_DONE,
    ]


def test_the_journal_forgets_by_itself() -> None:
    """After the days that are set; each run sees to it."""
    told = Told()
    place(told.stage.world, Placement(SECRET, age=DAY))
    told.run()
    assert told.table.kept
    old = {event.time for event in told.table.kept.values()}

    told.stage.clock.advance(timedelta(days=400, hours=1))
    told.run()

    assert not old & {event.time for event in told.table.kept.values()}


def test_a_journal_that_cannot_forget_stops_nothing() -> None:
    """The next run does it."""
    told = Told()

    class Clinging(Table):
        def forget(self, before: object) -> int:
            del before
            message = "the table cannot be reached"
            raise UnavailableError(message, service="storage", operation="forget")

    process = told.stage.process()
    ports = replace(process.ports, journal=Clinging())

    report = Rotator(ports, process.sessions, MemoryLocks(), told.stage.scope).run()

    assert not report.has_failures
