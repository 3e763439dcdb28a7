"""What the real product logs in its sandbox, through the queries as they are deployed.

Its own adapter writes the lines; nothing here makes any up. Each story goes on from one look of
Azure Monitor to the next, and says all that is told at each.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotation.adapters.local import LogLines
from rotation.model import Defaults
from rotation.rotator import Rotator, Scope
from sandbox.clock import ManualClock
from sandbox.content import Properties
from sandbox.demo import furnish
from sandbox.fault import Answer, Fault
from sandbox.furniture import OWNER, VAULT, Placement, place
from sandbox.ports import InProcess, MemoryRequests
from sandbox.world import World
from tests.infra.kusto import TEXTS, Workspace
from tests.infra.log import DAY, HOUR, MINUTE, request, traces
from tests.infra.rules import RULES

if TYPE_CHECKING:
    from sandbox.token import Token

START = datetime(2026, 11, 22, 7, 7, tzinfo=UTC)


@dataclass
class Installation:
    """A world, the rotator's runs in it, and the workspace that its log goes to."""

    caplog: pytest.LogCaptureFixture
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    workspace: Workspace = field(default_factory=Workspace)

    def __post_init__(self) -> None:
        """Start with an empty vault and one connected owner."""
        self.world = World(self.clock)
        self.world.add_vault(VAULT)
        self.world.add_organization("contoso", [self.world.add_user(OWNER)])
        self.world.connect(OWNER)
        self.queue = MemoryRequests(self.clock)

    def run(self) -> None:
        """Run once, as the function app does, and have the log ingested."""
        owners = (OWNER,)
        defaults = Defaults(owners, 30 * DAY, 90 * DAY, 48 * HOUR)
        scope = Scope([VAULT], owners, defaults, 1)
        process = InProcess(self.world, scope, queue=self.queue)
        ports = replace(process.ports, log=LogLines())
        self.caplog.clear()
        with self.caplog.at_level(logging.INFO, logger="rotation"):
            report = Rotator(ports, process.sessions, process.locks, scope).run()
        names = {"rotation.events", "rotation.fleet"}
        lines = [record.getMessage() for record in self.caplog.records if record.name in names]
        self.workspace.add("AppTraces", *traces(lines))
        self.workspace.add("AppRequests", request(self.clock(), success=not report.has_failures))

    def live(self, span: timedelta, every: timedelta = HOUR) -> None:
        """Let time pass, with a run now and then."""
        for _ in range(span // every):
            self.clock.advance(every)
            self.run()

    def told(self, after: timedelta = 5 * MINUTE) -> set[str]:
        """Let every rule look some minutes later, and tell which of them fire, and for what."""
        now = self.clock() + after
        return {
            " ".join([rule.name, *(str(row[one]) for one in rule.dimensions if one != "Owner")])
            for rule in RULES.values()
            for row in self.workspace.ask(rule.query(), now, now - rule.window)
        }

    def current(self, secret: str) -> Token:
        """Give the token that a secret holds."""
        token = self.world.token_in(VAULT, secret)
        assert token
        return token


@pytest.fixture
def here(caplog: pytest.LogCaptureFixture) -> Installation:
    """Give an installation that has not run yet."""
    return Installation(caplog)


def test_a_token_is_lost_and_an_owner_goes_away(here: Installation) -> None:
    """From the first look at nothing to an expired secret, and back."""
    assert here.told() == {"no-scan"}

    place(here.world, Placement("feed", age=DAY))
    place(here.world, Placement("npm", age=2 * DAY))
    here.run()
    assert here.told() == set()

    here.world.registry.amend(here.current("feed").authorization_id, revoked=True)
    here.live(HOUR)
    assert here.told() == {f"token-lost {VAULT} feed"}
    here.live(3 * HOUR)
    assert here.told() == set()

    here.world.tenant.revoke_sessions(OWNER)
    here.live(HOUR)
    assert here.told() == {"sign-in-needed"}
    here.live(20 * DAY, every=DAY)
    assert here.told() == {"sign-in-needed"}, "a blocked secret is told of once, by its owner"
    here.live(6 * DAY, every=DAY)
    npm, feed = f"{VAULT} npm", f"{VAULT} feed"
    assert here.told() == {"sign-in-needed", f"secret-expiring {npm}"}
    here.live(3 * DAY, every=DAY)
    assert here.told() == {
        "sign-in-needed",
        f"secret-expired {npm}",
        f"secret-expiring {feed}",
    }

    here.world.connect(OWNER)
    here.live(HOUR)
    assert here.told() == set()


def test_nobody_signs_in_for_weeks(here: Installation) -> None:
    """A person who never comes back is reminded, and no token dies of that."""
    place(here.world, Placement("feed", age=DAY))
    here.live(75 * DAY, every=3 * DAY)
    assert here.told() == set()
    here.live(3 * DAY, every=DAY)
    assert here.told() == {"sign-in-soon"}


def test_a_keeper_errs_and_the_vault_is_closed(here: Installation) -> None:
    """A wrong tag, a message that nobody can read, a right that is taken away, and silence."""
    place(here.world, Placement("wiki", age=5 * DAY, tags={"pat-lifetime-days": "a month"}))
    here.live(23 * HOUR)
    assert here.told() == set()
    here.live(2 * HOUR)
    assert here.told() == {f"secret-stuck {VAULT} wiki"}

    here.queue.poison.append("no order")
    here.live(HOUR)
    assert here.told() == {f"secret-stuck {VAULT} wiki", "poison-queue"}

    here.world.faults.add(Fault(Answer(403), "key-vault", "list_secrets", times=None))
    here.live(HOUR)
    assert here.told() == {"poison-queue"}, "once is nothing"
    here.live(HOUR)
    closed = {"poison-queue", f"vault-unread {VAULT}", "run-failed-twice"}
    assert here.told() == closed
    assert here.told(after=3 * HOUR) == closed
    assert here.told(after=3 * HOUR + MINUTE) == {*closed, "no-scan"}
    assert here.told(after=30 * DAY) == {"no-scan"}


def test_somebody_stores_a_wrong_value(here: Installation) -> None:
    """A run that finds it is nothing yet; whoever reads it an hour later still fails."""
    place(here.world, Placement("feed", age=DAY))
    here.run()
    vault = here.world.vault(VAULT)
    tags = vault.newest("feed").tags
    vault.set("feed", "a value that is no token", Properties(tags=dict(tags)))
    here.live(HOUR)
    assert here.told() == set()
    here.live(HOUR)
    assert here.told() == {f"proof-failed-twice {VAULT} feed"}


def test_a_secret_that_only_its_keeper_can_renew(here: Installation) -> None:
    """From the first reminder to the next value; and what a keeper forgets."""
    vault, watch = here.world.vault(VAULT), {"pat-rotation": "watch"}
    key = f"{VAULT} key"

    def store(**properties: Any) -> None:  # noqa: ANN401 - what goes with a value
        vault.set("key", "a value", Properties(**properties))

    place(here.world, Placement("feed", age=DAY))
    store(tags=watch, expires_at=here.clock() + 20 * DAY)
    here.live(5 * DAY, every=DAY)
    assert here.told() == set()
    here.live(2 * DAY, every=DAY)
    assert here.told() == {f"watched-soon {key}"}
    here.live(11 * DAY, every=DAY)
    assert here.told() == {f"watched-soon {key}", f"secret-expiring {key}"}
    here.live(3 * DAY, every=DAY)
    assert here.told() == {f"secret-expired {key}"}

    store(tags=watch)
    here.live(23 * HOUR)
    assert here.told() == set(), "without a date, for less than a day"
    here.live(2 * HOUR)
    assert here.told() == {f"secret-stuck {key}"}
    vault.update("key", vault.newest("key").id, Properties(expires_at=here.clock() + 90 * DAY))
    here.live(HOUR)
    assert here.told() == set()

    store(expires_at=here.clock() + 90 * DAY)
    here.live(HOUR)
    assert here.told() == {f"watched-lost {key}"}
    vault.update("key", vault.newest("key").id, Properties(tags=watch))
    here.live(HOUR)
    assert here.told() == set()

    vault.update("key", vault.newest("key").id, Properties(enabled=False))
    here.live(HOUR)
    vault.update("key", vault.newest("key").id, Properties(tags={}))
    here.live(HOUR)
    assert here.told() == set(), "it was given up, and nobody is asked why"


def test_the_demo(here: Installation) -> None:
    """Of the demo's secrets exactly those are told of that need somebody."""
    here.world = furnish(here.clock)
    here.world.connect(OWNER)
    here.world.registry.amend(here.current("feed-lost").authorization_id, revoked=True)
    here.run()
    assert here.told() == {f"token-lost {VAULT} feed-lost"}
    here.live(26 * HOUR, every=2 * HOUR)
    refused, mistagged = f"{VAULT} admin-refused", f"{VAULT} wiki-mistagged"
    assert here.told() >= {f"secret-stuck {refused}", f"secret-stuck {mistagged}"}
    assert here.told() <= {
        f"secret-stuck {refused}",
        f"secret-stuck {mistagged}",
        "run-failed-twice",
    }

    now = here.clock()
    states = here.workspace.ask(TEXTS["fleet-states"], now)
    counted = {row["State"]: row["Secrets"] for row in states}
    assert counted == {"fresh": 9, "due": 0, "in trouble": 2, "expired": 0}
    names = {row["Name"] for row in here.workspace.ask(TEXTS["secrets"], now)}
    assert names == {f"{VAULT}/{one.name}" for one in here.world.vault(VAULT).list_secrets()}
    rotated = {row["What"] for row in here.workspace.ask(TEXTS["rotations-by-day"], now)}
    assert rotated == {"renewed", "extended"}
