"""A year in the life of many secrets, hour by hour, with the rotator's own code."""

from __future__ import annotations

import gc
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from rotation.model import Defaults
from rotation.report import Ending
from rotation.rotator import Scope
from sandbox.clock import ManualClock
from sandbox.furniture import Placement, place, plant
from sandbox.ports import InProcess
from sandbox.registry import Deed
from sandbox.world import World
from tests.story.consumer import Consumers
from tests.story.invariant import Invariants, Wish
from tests.story.runner import Runner
from tests.year.patient import patient
from tests.year.weather import Outage, Weather

if TYPE_CHECKING:
    from rotation.events import Event
    from rotation.report import RunReport
    from sandbox.token import Token
    from sandbox.vault import SecretVersion

START = datetime(2027, 3, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
VAULTS = ("kv-build", "kv-deploy", "kv-docs", "kv-labs")
ORGANIZATIONS = ("contoso", "fabrikam")
OWNERS = ("ada@contoso.example", "grace@contoso.example", "joan@contoso.example")
SCOPES = ("vso.code", "vso.packaging", "vso.build_execute vso.code")
DEFAULTS = Defaults(OWNERS, 30 * DAY, 90 * DAY, 48 * HOUR)
OUTAGE = 3 * DAY
TIDY_HOURS = 240
CRASH_RATE, FAULT_RATE = 0.02, 0.05
MISSED = 4 * HOUR
"""So long before an outage a renewal may have begun to fail by chance, and rested."""


@dataclass
class Figures:
    """What a year came to."""

    secrets: int = 0
    hours: int = 0
    runs_that_died: int = 0
    calls: int = 0
    calls_that_failed: int = 0
    calls_into_an_outage: int = 0
    created: int = 0
    extended: int = 0
    revoked: int = 0
    uses: int = 0
    """How often a value was used by a pipeline."""
    killed: int = 0
    """Tokens that somebody outside killed."""
    killed_in_an_outage: int = 0
    healed_by_the_next_run: int = 0
    healed_later: int = 0
    """A call of the next run failed, too."""
    minutes_dead_at_most: int = 0
    """After a kill that was in no outage."""
    doomed: int = 0
    """Tokens whose whole window lay in an outage."""
    ended_by_a_policy: int = 0
    """Tokens in mode extend that were older than a new policy allows."""
    dead_at_the_end: int = 0
    faults: list[str] = field(default_factory=list)
    """What did not hold."""
    foreign: int = 0
    """Foreign tokens that were touched."""
    leaks: int = 0
    """Values in events."""

    def __str__(self) -> str:
        """Write one figure a line."""
        return "\n".join(
            f"{name.replace('_', ' '):27} {len(value) if isinstance(value, list) else value}"
            for name, value in vars(self).items()
        )


class Year:
    """The world, the people in it, and one rotator that is started again and again."""

    def __init__(self, secrets: int, days: int, seed: int) -> None:
        """Furnish the world."""
        self.days = days
        self.clock = ManualClock(START)
        self.chance = Random(seed)  # noqa: S311 - the same year at every run
        self.world = World(self.clock, seed=seed)
        self.weather = Weather(self.clock, self.chance, FAULT_RATE)
        self.figures = Figures(secrets=secrets)
        self.events: list[Event] = []
        self._furnish(secrets)
        self.invariants = Invariants(self.world, lambda: VAULTS)
        self.invariants.is_excused = self._is_doomed
        self.consumers = Consumers(self.invariants)
        self.foreign = self._plant_foreign()
        self.world.faults = self.weather
        self.scope = Scope(VAULTS, OWNERS, DEFAULTS, 1)
        self.process: InProcess | None = None
        self.scanned_at: datetime | None = None
        self.dead_since: dict[str, datetime] = {}
        """The secrets whose newest version does not work."""
        self.killed: set[str] = set()
        """The secrets whose token somebody outside has killed."""

    # --- Before --------------------------------------------------------------------------------

    def _furnish(self, count: int) -> None:
        chance, world = self.chance, self.world
        people = [world.add_user(owner) for owner in OWNERS]
        for organization in ORGANIZATIONS:
            world.add_organization(organization, people)
        for owner in OWNERS:
            world.connect(owner)
        for vault in VAULTS:
            world.add_vault(vault)
        for number in range(count):
            owner, days = chance.choice(OWNERS), chance.randint(1, 90)
            place(
                world,
                Placement(
                    secret=f"token-{number}",
                    vault=VAULTS[number % len(VAULTS)],
                    organization=chance.choice(ORGANIZATIONS),
                    owner=owner,
                    scope=chance.choice(SCOPES),
                    mode=chance.choice(["regenerate", "regenerate", "extend"]),
                    lifetime=days * DAY,
                    age=days * DAY * chance.random() * 0.6,
                    tags={"pat-owner": owner, "pat-lifetime-days": str(days)},
                ),
            )

    def _plant_foreign(self) -> list[Token]:
        """Make tokens that are none of the rotator's business, whatever they are called."""
        names = [
            "laptop",
            "feed [kv-build/unmanaged]",
            "x [kv-elsewhere/token-0]",
            "",
            "[kv-build/]",
        ]
        return [
            plant(
                self.world,
                Placement(
                    "foreign",
                    organization=organization,
                    owner=owner,
                    lifetime=365 * DAY,
                    display_name=name,
                ),
            )
            for name in names
            for organization in ORGANIZATIONS
            for owner in OWNERS
        ]

    def _plan(self) -> None:
        """Lay the outages over the year; the policies and the kills follow the calendar."""
        services = ("azure-devops", "key-vault", "entra")
        for number, service in enumerate(services, start=1):
            begins_at = START + number * self.days * DAY / 4
            self.weather.outages.append(Outage(service, begins_at, begins_at + OUTAGE))

    # --- Living --------------------------------------------------------------------------------

    def live(self) -> Figures:
        """Let the year pass."""
        gc.disable()
        try:
            return self._live()
        finally:
            gc.unfreeze()
            gc.enable()

    def _live(self) -> Figures:
        self._plan()
        for hour in range(1, self.days * 24 + 1):
            self._reach(START + hour * HOUR - 30 * MINUTE)
            self._interfere(hour)
            self._reach(START + hour * HOUR)
            self._look()
            report = self._run()
            self._look(report)
            if hour % TIDY_HOURS == 0:
                # What a year piles up is kept to its end: nobody looks through it a second time.
                gc.collect()
                gc.freeze()
        self._conclude()
        return self.figures

    def _reach(self, instant: datetime) -> None:
        """Let time pass until an instant, unless calls took until later."""
        self.clock.advance(max(instant - self.clock(), timedelta(0)))

    def _interfere(self, hour: int) -> None:
        """Let administrators do what they do: two policies, and a leak to be stopped each month."""
        contoso = self.world.organization("contoso")
        if hour == self.days * 8:
            contoso.policy = replace(contoso.policy, max_lifespan=20 * DAY)
        if hour == self.days * 16:
            contoso.policy = replace(contoso.policy, max_lifespan=45 * DAY)
        if hour % (30 * 24) == 12 * 24:
            name, secret = self.chance.choice([*self._secrets().items()])
            token = self.world.registry.find(secret.value)
            if token and self.invariants.works(token):
                self.world.registry.amend(token.authorization_id, revoked=True)
                self.invariants.killed.add(token.authorization_id)
                self.figures.killed += 1
                self.dead_since[name] = self.clock()
                self.killed.add(name)

    def _run(self) -> RunReport | None:
        """Run once; now and then the process dies in the middle of it, or is started anew."""
        if self.chance.random() < CRASH_RATE:
            with Runner(self.world, self.scope, lambda p: patient(p).run()) as dying:
                if dying.go_to(self.chance.randrange(120)):
                    self.figures.runs_that_died += 1
                self.events += dying.process.journal.events
            self.process = None
            return None
        if self.process is None or self.chance.random() < 1 / 24:
            self.process = InProcess(self.world, self.scope)
            self.rotator = patient(self.process)
        report = self.rotator.run(scanned_at=self.scanned_at)
        self.scanned_at = report.started_at
        self.events += self.process.journal.events
        self.process.journal.events.clear()
        self.process.journal.lines.clear()
        return report

    # --- Looking -------------------------------------------------------------------------------

    def _secrets(self) -> dict[str, SecretVersion]:
        return {
            f"{vault}/{secret.name}": secret
            for vault in VAULTS
            for secret in self.world.vault(vault).list_secrets()
        }

    def _look(self, report: RunReport | None = None) -> None:
        """See what works and what does not, and whether every promise is kept."""
        settled = {
            str(outcome.name)
            for outcome in (report.outcomes if report else ())
            if outcome.ending is Ending.SETTLED and outcome.reason != "more-to-do"
        }
        as_of = report.started_at if report else None
        self.figures.faults += self.invariants.broken(settled, as_of)
        self._bury(settled)
        if report is None:
            self.figures.faults += self.consumers.step()

    def _bury(self, settled: set[str]) -> None:
        """Follow the newest versions that do not work, from their death to their successor."""
        now, dead = self.clock(), self.invariants.dead
        for name in self.dead_since.keys() - dead.keys():
            self._account(now - self.dead_since.pop(name), name)
        for name, token in dead.items():
            self.dead_since.setdefault(name, min(token.valid_to, now))
            if name in settled:
                self.figures.faults.append(f"{name} is dead, and was called settled")

    def _account(self, dead: timedelta, name: str) -> None:
        """Note for how long a secret was dead whose token somebody outside had killed."""
        if name not in self.killed:
            return
        self.killed.discard(name)
        if any(self.weather.is_outage(self.clock() - part) for part in (dead, timedelta(0))):
            self.figures.killed_in_an_outage += 1
            return
        self.figures.healed_by_the_next_run += dead <= HOUR
        self.figures.healed_later += dead > HOUR
        self.figures.minutes_dead_at_most = max(self.figures.minutes_dead_at_most, dead // MINUTE)

    def _is_doomed(self, _name: str, secret: SecretVersion, token: Token) -> bool:
        """Tell whether a token expired in an outage, or just after it, with its whole window.

        Nobody could have renewed it.
        """
        window = min(token.valid_to - token.valid_from, Wish(secret.tags).lifetime) / 3
        is_doomed = any(
            outage.begins_at - MISSED <= token.valid_to - window
            and token.valid_to <= outage.ends_at + HOUR
            for outage in self.weather.outages
        )
        if is_doomed and token.authorization_id not in self.invariants.killed:
            self.figures.doomed += 1
            self.invariants.killed.add(token.authorization_id)
        return is_doomed

    def _conclude(self) -> None:
        figures = self.figures
        deeds = Counter(entry.deed for entry in self.world.registry.audit)
        figures.hours = self.days * 24
        figures.calls = len(self.world.calls)
        figures.calls_that_failed = self.weather.failed
        figures.calls_into_an_outage = self.weather.unanswered
        figures.created, figures.extended, figures.revoked = (deeds[deed] for deed in Deed)
        figures.uses = self.consumers.uses
        outsiders = figures.killed + figures.doomed
        figures.ended_by_a_policy = len(self.invariants.killed) - outsiders
        figures.dead_at_the_end = len(self.dead_since)
        figures.foreign = sum(
            self.world.registry.find(token.value) != token for token in self.foreign
        )
        told = {str(said) for event in self.events for said in vars(event).values()}
        words = {word for text in told for word in re.findall(r"[\w.~-]{20,}", text)}
        figures.leaks = len(words & self.world.issued)
