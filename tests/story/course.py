"""The course of a life: time passes, runs come and go, die, sleep and meet; people do the rest."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sandbox.fault import Fault
from sandbox.ports import MemoryLocks
from tests.story.estate import Estate
from tests.story.people import People
from tests.story.stage import DAY, HOUR
from tests.year.weather import ANYWHERE, BY_SERVICE, REFUSALS

if TYPE_CHECKING:
    from tests.story.runner import Runner

MINUTE = timedelta(minutes=1)
SPANS = (5 * MINUTE, 30 * MINUTE, HOUR, 8 * HOUR, DAY, 3 * DAY, 10 * DAY, 21 * DAY)
NIGHT = 36 * HOUR
"""Nobody sleeps for longer."""
SETTLING = 11 * MINUTE
"""A settling is over by then. A process that people have disturbed sleeps for at least as long:
an edit in the very seconds between a read and a write may be lost, which is accepted."""


@dataclass(frozen=True)
class Moment:
    """Where in a run a process stands still: for the n-th time at a kind of call."""

    operation: str
    """The call; ``*`` for any."""
    number: int
    """Counted from 0: before each call, and after it."""

    def reach(self, runner: Runner) -> bool:
        """Let a process go on until then; tell whether it came so far."""
        stops = (stop for stop in runner.stops() if self.operation in {"*", stop.call.operation})
        return any(number == self.number for number, _ in enumerate(stops))


@dataclass
class Sleeper:
    """A process that stands still somewhere in a run, and may go on."""

    runner: Runner
    since: datetime
    is_disturbed: bool = False
    """Whether people have done something since then."""


WRITES = ("create_pat", "set_secret", "revoke_pat", "update_pat", "update_secret")
MOMENTS = st.one_of(
    st.builds(Moment, st.just("*"), st.integers(0, 70)),
    st.builds(Moment, st.sampled_from(WRITES), st.integers(0, 3)),
)
FAULTS = st.one_of(
    *(
        st.builds(
            Fault, st.sampled_from(ANYWHERE + kinds), st.just(service), after=st.integers(0, 12)
        )
        for service, kinds in BY_SERVICE.items()
    ),
    st.builds(
        Fault,
        st.sampled_from(REFUSALS),
        st.just("azure-devops"),
        st.sampled_from(["create_pat", "update_pat"]),
    ),
)


class Course(RuleBasedStateMachine):
    """One life of an estate, without the deeds of people."""

    counted: ClassVar[Counter[str]] = Counter()
    """Over all lives."""

    def __init__(self) -> None:
        """Begin it."""
        super().__init__()
        self.estate = Estate()
        self.people = People(self.estate)
        self.opened = ExitStack()
        self.sleepers: list[Sleeper] = []
        self.counted["random lives"] += 1

    @rule(span=st.sampled_from(SPANS))
    def wait(self, span: timedelta) -> None:
        """Let time pass."""
        self.estate.clock.advance(span)

    # --- Runs ----------------------------------------------------------------------------------

    @rule(lives_on=st.booleans())
    def run_plainly(self, *, lives_on: bool) -> None:
        """Run, as a new process or as one that lives on."""
        self.estate.run(self.estate.resident if lives_on else None)
        self.estate.check()

    @rule(count=st.integers(2, 12), span=st.sampled_from([HOUR, 8 * HOUR, DAY]))
    def run_regularly(self, count: int, span: timedelta) -> None:
        """Let the process that lives on run again and again."""
        for _ in range(count):
            self.estate.clock.advance(span)
            self.estate.use()
            self.run_plainly(lives_on=True)
            self.estate.use()

    @rule(lives_on=st.booleans())
    def run_twice(self, *, lives_on: bool) -> None:
        """Run, and run again at once: what was settled does not change (I7)."""
        begun_at = self.estate.clock()
        self.run_plainly(lives_on=lives_on)
        before = {name: self.estate.shown(name) for name in self.estate.settled()}
        self.run_plainly(lives_on=lives_on)
        if self.estate.clock() == begun_at:  # no call took so long that something else is due
            assert before == {name: self.estate.shown(name) for name in before}, "I7"

    @rule(weather=st.lists(FAULTS, min_size=1, max_size=4), lives_on=st.booleans())
    def run_in_bad_weather(self, weather: list[Fault], *, lives_on: bool) -> None:
        """Run while calls fail."""
        self.estate.world.faults.add(*weather)
        self.estate.run(self.estate.resident if lives_on else None)
        self.estate.world.faults.clear()

    @rule(choices=st.lists(st.booleans(), max_size=120))
    def run_together(self, choices: list[bool]) -> None:
        """Let two runs go on in turns, with locks that hold nobody off."""
        locks = MemoryLocks(fail_open=True)
        with self.estate.runner(locks=locks) as one, self.estate.runner(locks=locks) as other:
            for choice in choices:
                runner = one if choice else other
                if runner.stop:
                    runner.go()
            one.finish()
            other.finish()

    # --- Runs that come to grief ---------------------------------------------------------------

    @rule(moment=MOMENTS)
    def crash(self, moment: Moment) -> None:
        """Let a run die somewhere."""
        moment.reach(self.opened.enter_context(self.estate.runner()))

    @precondition(lambda self: len(self.sleepers) < 2)
    @rule(moment=MOMENTS)
    def fall_asleep(self, moment: Moment) -> None:
        """Let a run stand still somewhere."""
        runner = self.opened.enter_context(self.estate.runner())
        if moment.reach(runner):
            self.sleepers.append(Sleeper(runner, self.estate.clock()))

    @precondition(lambda self: self.sleepers)
    @rule(which=st.integers(0, 1))
    def wake(self, which: int) -> None:
        """Let it go on, unless it has slept for too long."""
        sleeper, estate = self.sleepers.pop(which % len(self.sleepers)), self.estate
        if sleeper.is_disturbed:
            estate.clock.advance(max(sleeper.since + SETTLING - estate.clock(), timedelta(0)))
        if estate.clock() - sleeper.since <= NIGHT:
            estate.check_at_any_moment()
            estate.deliver(sleeper.runner, is_disturbed=sleeper.is_disturbed)
            sleeper.runner.finish()

    def disturb(self) -> None:
        """Note that people do something, whoever sleeps."""
        self.counted["random deeds of people"] += 1
        for sleeper in self.sleepers:
            sleeper.is_disturbed = True

    # --- What must always hold -----------------------------------------------------------------

    @invariant()
    def holds(self) -> None:
        """Look after each step, and let everybody use the values."""
        self.counted["random steps"] += 1
        self.estate.check_at_any_moment()
        self.estate.use()

    def teardown(self) -> None:
        """Judge the end, and let go of the dead."""
        with self.opened:
            self.estate.conclude()
