"""The rules of time, lived through: rests, policies, graces, calendars, and wrong clocks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise, product
from random import Random
from typing import TYPE_CHECKING

import pytest

from rotation.events import Kind
from sandbox.clock import ManualClock
from sandbox.furniture import ORGANIZATION, Placement, place
from tests.story.plot import DUE, renewal
from tests.story.stage import DAY, GRACE, HOUR, SECRET, START, Stage

if TYPE_CHECKING:
    from rotation.ports import Clock, Locks, RequestQueue
    from sandbox.ports import InProcess

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
MODES = ("regenerate", "extend")
POLICIES = (1, 2, 7, 31, 61, 90)
LIFETIMES = (1, 2, 7, 30, 60, 90)
SHORT = {"pat-lifetime-days": "1"}


def times(stage: Stage, *kinds: Kind) -> list[datetime]:
    """Give when events of some kinds happened."""
    return [event.time for event in stage.events if event.event in kinds]


def limit(stage: Stage, lifespan: timedelta) -> None:
    """Let a policy of the organization shorten every life without a word."""
    organization = stage.world.organization(ORGANIZATION)
    organization.policy = replace(organization.policy, max_lifespan=lifespan)


class TestRest:
    """The rest after a renewal that failed, from process to process."""

    def test_it_doubles_to_a_day_and_ends_with_the_last_one(self) -> None:
        """Each run is a process of its own: 1, 2, 4, 8, 16, 24 hours, and at last every run."""
        stage = Stage()
        token = place(stage.world, Placement(SECRET, age=20 * DAY - HOUR))
        stage.refuse("create_pat", "disablePatCreationPolicyViolation")

        stage.live(token.valid_to - stage.clock() - HOUR)

        tried = times(stage, Kind.ROTATION_FAILED)
        rests = [(later - earlier) // HOUR for earlier, later in pairwise(tried)]
        last_day = token.valid_to - DAY
        assert rests[:6] == [1, 2, 4, 8, 16, 24]
        assert {rest for rest, at in zip(rests, tried[1:], strict=True) if at > last_day} == {1}
        assert max(rests) == 24
        assert sum(at > last_day for at in tried) == 23

    def test_a_count_at_its_end_is_still_a_count(self) -> None:
        """Whoever writes the greatest count into the tag does not make it unreadable."""
        stage = Stage()
        attempt = f"999999 {stage.clock() - 2 * DAY:%Y-%m-%dT%H:%M:%SZ}"
        place(stage.world, Placement(SECRET, age=DUE, tags={"pat-attempt": attempt}))
        stage.refuse("create_pat", "accessDenied")
        stage.run()
        stage.world.faults.clear()

        stage.live(25 * HOUR)

        assert len(times(stage, Kind.TOKEN_STORED)) == 1


class TestLifespan:
    """Lives that are shorter than was asked for."""

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize(("policy", "lifetime"), [*product(POLICIES, LIFETIMES)])
    def test_no_policy_makes_a_loop(self, mode: str, policy: int, lifetime: int) -> None:
        """About two renewals in each life that is really granted, whatever was asked for."""
        stage = Stage()
        tags = {"pat-lifetime-days": str(lifetime)}
        granted = min(policy, lifetime) * DAY
        place(stage.world, Placement(SECRET, mode=mode, lifetime=granted, tags=tags))
        limit(stage, policy * DAY)

        elapsed = 3 * granted
        stage.live(elapsed, every=max(HOUR, granted / 24))

        stored, extended = times(stage, Kind.TOKEN_STORED), times(stage, Kind.TOKEN_EXTENDED)
        assert len(stored) + len(extended) >= 1
        assert len(stored) <= 2 * elapsed / granted
        assert len(extended) <= 2 * elapsed / granted + len(stored)
        assert len(stage.bound(SECRET)) <= 3

    @pytest.mark.parametrize("mode", MODES)
    def test_a_policy_that_comes_later_makes_no_loop(self, mode: str) -> None:
        """What was made before it lives on; what is made after it is renewed in its time."""
        stage = Stage()
        place(stage.world, Placement(SECRET, mode=mode, age=10 * DAY))
        stage.live(5 * DAY, every=3 * HOUR)
        limit(stage, 3 * DAY)
        stage.live(15 * DAY, every=3 * HOUR)

        assert len(times(stage, Kind.TOKEN_STORED, Kind.TOKEN_EXTENDED)) <= 8


class TestGrace:
    """A grace that is longer than a life."""

    @pytest.mark.parametrize(("lifetime", "at_most"), [(1, 3), (2, 3), (30, 2), (90, 2)])
    def test_predecessors_end_by_themselves(self, lifetime: int, at_most: int) -> None:
        """Nothing is retired early, and nothing piles up."""
        stage = Stage()
        tags = {"pat-lifetime-days": str(lifetime), "pat-grace-hours": "8736"}
        place(stage.world, Placement(SECRET, lifetime=lifetime * DAY, tags=tags))

        for _ in range(6):
            stage.live(lifetime * DAY / 2, every=lifetime * HOUR)
            assert len(stage.bound(SECRET)) <= at_most

        assert times(stage, Kind.TOKEN_STORED)
        assert not times(stage, Kind.TOKEN_RETIRED, Kind.UNCLAIMED_TOKEN_FOUND)
        assert not any(token.revoked for token in stage.all_bound(SECRET))


class TestCalendar:
    """Leap days, ends of years, and the nights in which people turn their clocks."""

    @pytest.mark.parametrize(
        "start",
        [
            datetime(2028, 2, 9, 7, 7, tzinfo=UTC),
            datetime(2026, 12, 12, 7, 7, tzinfo=UTC),
            datetime(2027, 3, 8, 7, 7, tzinfo=UTC),
            datetime(2027, 10, 11, 7, 7, tzinfo=UTC),
        ],
        ids=lambda start: f"{start:%Y-%m-%d}",
    )
    def test_no_date_shifts_anything(self, start: datetime) -> None:
        """The same things happen at the same distances, whatever day it is."""
        assert happenings(start) == happenings(START)


@cache
def happenings(start: datetime) -> list[tuple[timedelta, str]]:
    """Tell what happens in 45 days, and how long after the start."""
    stage = Stage(clock=ManualClock(start))
    place(stage.world, Placement(SECRET))
    place(stage.world, Placement("agents", mode="extend"))
    stage.live(45 * DAY, every=3 * HOUR)
    return [(event.time - start, str(event.event)) for event in stage.events]


@dataclass
class WrongClock:
    """A clock that is wrong by a constant, and, from call to call, by something else."""

    clock: Clock
    ahead: timedelta
    jitter: timedelta
    random: Random = field(default_factory=lambda: Random(7))  # noqa: S311 - no secret is made of it

    def __call__(self) -> datetime:
        """Tell the present instant, about."""
        return self.clock() + self.ahead + self.random.uniform(-1, 1) * self.jitter


@dataclass
class WrongStage(Stage):
    """A stage on which the rotator has a clock of its own."""

    ahead: timedelta = timedelta(0)
    jitter: timedelta = timedelta(0)

    def process(
        self,
        locks: Locks | None = None,
        clock: Clock | None = None,
        queue: RequestQueue | None = None,
    ) -> InProcess:
        """Start another process, by the wrong clock."""
        return super().process(locks, clock or self.own_clock, queue)

    def __post_init__(self) -> None:
        """Set the wrong clock."""
        super().__post_init__()
        self.own_clock = WrongClock(self.clock, self.ahead, self.jitter)
        self.invariants.clock_error = abs(self.ahead) + self.jitter


class TestClocks:
    """Clocks that differ from the services', within the five minutes that are let pass."""

    @pytest.mark.parametrize(("ahead", "jitter"), [(0, 60), (220, 20), (-220, 20)])
    @pytest.mark.parametrize(
        "placement",
        [
            Placement(SECRET, age=DUE),
            Placement(SECRET, age=DUE, mode="extend"),
            Placement(SECRET, lifetime=DAY, tags=SHORT),
            Placement(SECRET, lifetime=DAY, tags=SHORT, mode="extend"),
        ],
        ids=["month", "month extended", "day", "day extended"],
    )
    def test_a_wrong_clock_changes_nothing_much(
        self, placement: Placement, ahead: int, jitter: int
    ) -> None:
        """Every invariant holds, and there are as many renewals as by a right one."""
        wrong = WrongStage(ahead=ahead * SECOND, jitter=jitter * SECOND)
        right = Stage()
        for stage in (wrong, right):
            place(stage.world, placement)
            stage.live(2 * placement.lifetime, every=placement.lifetime / 48)

        for kind in (Kind.TOKEN_STORED, Kind.TOKEN_EXTENDED, Kind.TOKEN_RETIRED):
            assert abs(len(times(wrong, kind)) - len(times(right, kind))) <= 1
        assert times(wrong, Kind.TOKEN_STORED, Kind.TOKEN_EXTENDED)
        assert not times(wrong, Kind.ROTATION_FAILED, Kind.TOKEN_LOST, Kind.PROOF_FAILED)

    @pytest.mark.parametrize("ahead", [240, -240])
    def test_the_grace_is_nearly_whole(self, ahead: int) -> None:
        """A clock that is ahead by some minutes costs running jobs some minutes, no more."""
        stage = WrongStage(ahead=ahead * SECOND, jitter=MINUTE)
        token = renewal(stage)
        stage.run()
        stored_at = stage.managed()[0].created_at
        stage.clock.advance(GRACE - 6 * MINUTE)
        while token in stage.bound(SECRET):
            stage.run()
            stage.clock.advance(MINUTE)

        assert abs(stage.clock() - stored_at - GRACE) <= 7 * MINUTE

    @pytest.mark.parametrize("ahead", [240, -240, 0])
    def test_a_policy_makes_no_loop_by_a_wrong_clock(self, ahead: int) -> None:
        """What is granted is counted from the service's own dates."""
        stage = WrongStage(ahead=ahead * SECOND, jitter=MINUTE)
        place(stage.world, Placement(SECRET, age=DUE))
        limit(stage, DAY)

        stage.live(5 * DAY, every=HOUR)

        assert 5 <= len(times(stage, Kind.TOKEN_STORED)) <= 11

    def test_a_second_run_changes_nothing_by_a_clock_that_goes_back(self) -> None:
        """I7: minutes forth and back are no reason to do anything again."""
        stage = WrongStage(jitter=MINUTE)
        renewal(stage)
        stage.run()
        before = stage.fingerprint()

        for _ in range(20):
            stage.run()

        assert stage.fingerprint() == before
