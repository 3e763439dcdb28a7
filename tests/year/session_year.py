"""A year in the life of the owners' sessions, hour by hour, with the rotator's own code."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from rotation.model import Defaults
from rotation.rotator import Scope
from sandbox.clock import ManualClock
from sandbox.furniture import Placement, place
from sandbox.ports import InProcess
from sandbox.world import World
from tests.story.runner import Runner
from tests.year.gusts import REDEMPTIONS, Gusts
from tests.year.session_judge import Judge, Run, session_of
from tests.year.standing import Standing
from tests.year.townsfolk import DAY, HOUR, MINUTE, Townsfolk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotation.events import Event

START = datetime(2027, 3, 1, tzinfo=UTC)
ORGANIZATIONS, VAULT = ("contoso", "fabrikam"), "kv-build"
AGENTS = 2
CRASH_RATE, RESTART_RATE, PAIR_RATE, OTHER_RATE = 1 / 50, 1 / 24, 1 / 24, 1 / 10
"""How often a run dies, a process is started anew, two run at once, the other process runs."""
STOPS = 200
"""Somewhere among so many a run dies, if it has as many."""
OLDEST = 85 * DAY
"""So long ago the first of them signed in, before the year begins."""
SAVE_AFTER = timedelta(hours=23)


@dataclass
class Figures:
    """What a year came to."""

    owners: int = 0
    days: int = 0
    hours: int = 0
    redemptions: int = 0
    redemptions_that_failed: int = 0
    saves: int = 0
    sign_ins: int = 0
    losses: dict[str, int] = field(default_factory=dict)
    hours_until_said_at_most: float = 0
    reminders: int = 0
    runs_that_died: int = 0
    runs_at_once: int = 0
    renewals: int = 0
    expired_while_nobody_could_renew: int = 0
    faults: list[str] = field(default_factory=list)
    """What did not hold."""
    leaks: int = 0
    """Values in events."""

    def __str__(self) -> str:
        """Write one figure a line."""
        losses = {f"losses: {cause}": count for cause, count in self.losses.items()}
        shown = {**vars(self), "losses": sum(self.losses.values()), **losses}
        return "\n".join(
            f"{name.replace('_', ' '):34} {len(value) if isinstance(value, list) else value}"
            for name, value in shown.items()
        )


class SessionYear:
    """The world, the people in it, and the processes of a rotator."""

    def __init__(self, owners: int, days: int, seed: int) -> None:
        """Furnish the world: ``owners`` people, two agent users, and some secrets of each."""
        self.days = days
        self.clock = ManualClock(START)
        self.chance = Random(seed)  # noqa: S311 - the same year at every run
        self.world = World(self.clock, seed=seed)
        self.people = [f"person-{number}@contoso.example" for number in range(owners)]
        self.agents = [f"agent-{number}@contoso.example" for number in range(AGENTS)]
        self.owners = [*self.people, *self.agents]
        self.figures = Figures(owners=len(self.owners), days=days, hours=days * 24)
        self.events: list[Event] = []
        self._furnish()
        deaf, self.leaver = self.people[0], self.people[1]
        self.gusts = Gusts(self.world, self.chance)
        self.world.faults = self.gusts
        self.townsfolk = Townsfolk(self.world, self.chance, [deaf])
        self.standing = Standing(self.world, self.owners)
        self.judge = Judge(self.world, self.gusts, self.standing, self.owners, VAULT)
        self.processes: dict[int, InProcess] = {}
        self.saved_at: dict[tuple[InProcess, str, str], datetime] = {}
        self.calendar = self._plan()

    # --- Before --------------------------------------------------------------------------------

    def _furnish(self) -> None:
        """Let people have signed in one after the other, and tokens be of any age."""
        world, chance = self.world, self.chance
        users = [world.add_user(owner) for owner in self.people]
        users += [world.add_agent_user(owner) for owner in self.agents]
        for organization in ORGANIZATIONS:
            world.add_organization(organization, users)
        world.add_vault(VAULT)
        between = OLDEST / len(self.people)
        self.clock.advance(-OLDEST)
        for owner in self.people:
            world.connect(owner)
            self.clock.advance(between)
        for number in range(3 * len(self.owners)):
            owner, days = self.owners[number % len(self.owners)], chance.randint(10, 90)
            place(
                world,
                Placement(
                    secret=f"token-{number}",
                    vault=VAULT,
                    organization=chance.choice(ORGANIZATIONS),
                    owner=owner,
                    mode=chance.choice(["regenerate", "regenerate", "extend"]),
                    lifetime=days * DAY,
                    age=days * DAY * chance.random() * 0.6,
                    tags={"pat-owner": owner, "pat-lifetime-days": str(days)},
                ),
            )

    def _plan(self) -> dict[int, list[Callable[[], object]]]:
        """Lay over the year what administrators do, and what becomes of the session vault."""
        tenant, hours, chance = self.world.tenant, self.days * 24, self.chance
        permissions = self.world.session_vault.permissions
        calendar: dict[int, list[Callable[[], object]]] = {}

        def enter(hour: int, deed: Callable[..., object], *more: object) -> None:
            calendar.setdefault(hour, []).append(partial(deed, *more))

        for _ in range(max(2, self.days // 30)):
            enter(chance.randrange(hours), tenant.revoke_sessions, chance.choice(self.people))
        for number in range(max(2, self.days // 45)):
            demand = ("interaction_required", "consent_required")[number % 2]
            enter(chance.randrange(hours), tenant.demand, chance.choice(self.people), demand)
        for number in range(max(2, self.days // 45)):
            hour = chance.randrange(hours)
            owner = chance.choice((self.people, self.agents)[number % 2])
            enter(hour, tenant.disable_user, owner)
            enter(hour + 48, tenant.enable_user, owner)
        refuses, away = hours * 3 // 10, hours * 7 // 10
        enter(refuses, permissions.difference_update, {"set", "update"})
        enter(refuses + 72, permissions.update, {"set", "update"})
        enter(away, setattr, self.gusts, "is_away", True)  # noqa: FBT003 - it is what is set
        enter(away + 24, setattr, self.gusts, "is_away", False)  # noqa: FBT003 - the same
        enter(hours // 2, self._remove)
        return calendar

    def _remove(self) -> None:
        """Take an owner out of the settings: every process is started anew with them."""
        self.owners.remove(self.leaver)
        self.judge.removed_at[self.leaver] = self.clock()
        self.processes.clear()

    @property
    def scope(self) -> Scope:
        """What the settings say today."""
        owners = tuple(self.owners)
        return Scope([VAULT], owners, Defaults(owners, 30 * DAY, 90 * DAY, 48 * HOUR), 1)

    # --- Living --------------------------------------------------------------------------------

    def live(self) -> Figures:
        """Let the year pass."""
        for hour in range(1, self.days * 24 + 1):
            self._reach(START + hour * HOUR - 30 * MINUTE)
            for deed in self.calendar.get(hour, []):
                deed()
            self.judge.look()
            self._let_people_act()
            self.judge.look()
            self._reach(START + hour * HOUR)
            self._run()
            self.judge.look()
            if self._is_vault_in_trouble():
                for owner in self.people:
                    self.gusts.disturb(owner)
        self._conclude()
        return self.figures

    def _is_vault_in_trouble(self) -> bool:
        return self.gusts.is_away or "set" not in self.world.session_vault.permissions

    def _reach(self, instant: datetime) -> None:
        """Let time pass until an instant, unless calls took until later."""
        self.clock.advance(max(instant - self.clock(), timedelta(0)))

    def _let_people_act(self) -> None:
        for owner in self.townsfolk.act():
            if owner in self.judge.removed_at:
                # What they do at the page is none of the rotator's business any more.
                self.judge.overlook()
            self.gusts.disturb(owner)

    def _run(self) -> None:
        """Run once, or twice at once; now and then the process dies in the middle of it."""
        before = {owner: session_of(self.world, owner) for owner in self.people}
        counts = sum(map(len, before.values()))
        draw = self.chance.random()
        if draw < CRASH_RATE:
            self._die()
        elif draw < CRASH_RATE + PAIR_RATE:
            self._run_two_at_once()
        else:
            self._run_whole()
        after = {owner: session_of(self.world, owner) for owner in self.people}
        self.figures.saves += sum(map(len, after.values())) - counts
        if draw < CRASH_RATE + PAIR_RATE:
            for owner in self.people:
                if before[owner] != after[owner]:
                    self.gusts.disturb(owner)

    def _die(self) -> None:
        started_at = self.clock()
        with Runner(self.world, self.scope) as dying:
            if dying.go_to(self.chance.randrange(STOPS)):
                self.figures.runs_that_died += 1
            self._tell(dying.process.journal.events, started_at)
        self.processes.clear()

    def _run_two_at_once(self) -> None:
        """Let two processes make their calls in an order of chance."""
        started_at = self.clock()
        with ExitStack() as opened:
            runners = [opened.enter_context(Runner(self.world, self.scope)) for _ in range(2)]
            while going := [runner for runner in runners if runner.stop]:
                self.chance.choice(going).go()
            for runner in runners:
                self._tell(runner.process.journal.events, started_at)
        self.figures.runs_at_once += 1

    def _run_whole(self) -> None:
        number = int(self.chance.random() < OTHER_RATE)
        if self.chance.random() < RESTART_RATE:
            self.processes.pop(number, None)
        if number not in self.processes:
            self.processes[number] = self._process()
        process, gusts, started_at = self.processes[number], self.gusts, self.clock()
        redeemed, faults = Counter(gusts.redeemed), Counter(gusts.faults)
        process.rotator.run()
        self._tell(process.journal.events, started_at)
        process.journal.events.clear()
        asked, disturbed = gusts.redeemed - redeemed, gusts.faults - faults
        self.judge.judge(Run(started_at, frozenset(asked), frozenset(disturbed)))

    def _process(self) -> InProcess:
        """Start a process that lives on, and is seen when it saves."""
        view = self.world.view()
        process = InProcess(view, self.scope)
        view.after_effect = lambda call: self._note_save(
            process, self.gusts.owner_of(call) if call.operation == "set_secret" else ""
        )
        return process

    def _note_save(self, process: InProcess, owner: str) -> None:
        """(e) See that one process saves one session once a day."""
        newest = self.standing.versions(owner)[-1] if owner else None
        if not newest or newest.created_at != self.clock().replace(microsecond=0):
            return
        key = (process, owner, newest.tags["session-signed-in"])
        last = self.saved_at.get(key)
        if last and self.clock() - last < SAVE_AFTER:
            self.judge.faults.append(f"(e) {self.clock()} {owner} was saved twice in a day")
        self.saved_at[key] = self.clock()

    def _tell(self, events: Sequence[Event], since: datetime) -> None:
        self.events += events
        self.judge.hear(events, since)
        self.townsfolk.read(events)

    # --- After ---------------------------------------------------------------------------------

    def _conclude(self) -> None:
        figures, world = self.figures, self.world
        figures.redemptions = sum(call.operation in REDEMPTIONS for call in world.calls)
        figures.redemptions_that_failed = self.gusts.failed
        figures.sign_ins = self.townsfolk.sign_ins
        figures.losses = dict(Counter(loss.cause for loss in self.standing.losses))
        waits = [loss.said_at - loss.at for loss in self.standing.losses if loss.said_at]
        figures.hours_until_said_at_most = round(max(waits, default=0 * HOUR) / HOUR, 1)
        figures.reminders = self.judge.reminders
        figures.renewals = len(world.registry.audit)
        figures.expired_while_nobody_could_renew = len(self.judge.expired)
        figures.faults = self.judge.faults
        told = " ".join(repr(event.as_dict()) for event in self.events)
        figures.leaks = len(set(re.findall(r"[\w.~-]{20,}", told)) & world.issued)
