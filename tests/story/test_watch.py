"""The life of a secret that only a person can renew: one of Azure DevOps Server, any API key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from rotation.events import ALERTS, Kind
from sandbox.content import Properties
from sandbox.furniture import VAULT
from tests.story.stage import DAY, HOUR, Stage

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from rotation.fleet import Fleet
    from sandbox.ports import InProcess

SECRET = "server-token"
LIFE = 30


@dataclass
class Keeper:
    """Somebody who stores values by hand, and a rotator that runs every hour, without owners."""

    stage: Stage = field(default_factory=lambda: Stage(owners=[]))
    process: InProcess = field(init=False)

    def __post_init__(self) -> None:
        """Start a process that lives on."""
        self.process = self.stage.process()

    def store(self, value: str, days: int | None, *, is_tagged: bool = True) -> None:
        """Store a value as a new version: nothing is carried over, as in Key Vault."""
        tags = {"pat-rotation": "watch"} if is_tagged else {}
        ends_at = None if days is None else self.now + days * DAY
        vault = self.stage.world.vault(VAULT)
        vault.set(SECRET, value, Properties(tags=tags, expires_at=ends_at))

    def amend(self, **what: Any) -> None:  # noqa: ANN401 - attributes of a version
        """Change what stands beside the value."""
        vault = self.stage.world.vault(VAULT)
        vault.update(SECRET, vault.newest(SECRET).id, Properties(**what))

    @property
    def now(self) -> datetime:
        """The present instant."""
        return self.stage.clock()

    def live(self, span: timedelta) -> list[str | None]:
        """Let time pass with a run every hour; give the reasons of the reminders."""
        begun = len(self.stage.events)
        for _ in range(span // HOUR):
            self.stage.clock.advance(HOUR)
            self.stage.run(self.process)
        told = [event for event in self.stage.events[begun:] if event.event in ALERTS]
        assert {event.event for event in told} <= {Kind.KEEPER_NEEDED}
        assert {(event.vault, event.secret) for event in told} <= {(VAULT, SECRET)}
        return [event.reason for event in told]

    def look(self) -> tuple[dict[str, Any], Fleet]:
        """Give what ``status`` says of the secret, and the whole of it."""
        fleet = self.process.rotator.survey()
        (stands,) = fleet.status()["secrets"]
        assert fleet.plan()["decisions"][0]["message"] == stands["message"]
        return stands, fleet

    def stands(self) -> tuple[Any, ...]:
        """Give how it stands, in the words of ``status``, and whether that needs somebody."""
        told, fleet = self.look()
        words = tuple(told[key] for key in ("state", "reason", "alert", "acts_next"))
        return (*words, fleet.needs_somebody)


@pytest.fixture
def keeper() -> Keeper:
    """Give a keeper who has stored a value that is good for thirty days."""
    keeper = Keeper()
    keeper.store("a value of a server", LIFE)
    return keeper


def test_the_life_of_a_watched_secret(keeper: Keeper) -> None:
    """Fresh, reminded of once a day, near, expired, replaced, quiet: and nothing is ever done.

    Nothing but its vault is called for it, and nothing there but to list what there is.
    """
    assert keeper.live((LIFE - 15) * DAY) == []
    assert keeper.stands() == ("watched", "watched", None, "nobody", False)
    assert "15 days left" in keeper.look()[0]["message"]

    keeper.live(DAY)
    assert keeper.stands() == ("watched", "expires-soon", None, "keeper", False)
    assert keeper.live(10 * DAY) == ["expires-soon"] * 10

    keeper.live(DAY)
    assert keeper.stands() == ("watched", "expires-soon", "expiring", "keeper", True)

    assert keeper.live(2 * DAY) == ["expires-soon"] * 2
    assert keeper.live(2 * DAY)[-1:] == ["expired"]
    assert keeper.stands() == ("expired", "expired", "expired", "keeper", True)
    assert keeper.live(3 * DAY) == ["expired"] * 3

    assert {(call.service, call.operation) for call in keeper.stage.world.calls} == {
        ("key-vault", "list_secrets")
    }
    keeper.store("the next value", LIFE)
    assert keeper.live((LIFE - 15) * DAY) == []
    assert keeper.stands() == ("watched", "watched", None, "nobody", False)
    assert len(keeper.stage.world.vault(VAULT).versions(SECRET)) == 2


def test_an_expiry_is_forgotten_with_the_next_value(keeper: Keeper) -> None:
    """It is said at once where people look, and once a day in the log, until one is set."""
    keeper.live(DAY)
    keeper.store("the next value", None)

    assert keeper.stands() == ("watched", "no-expiry", None, "keeper", True)
    assert keeper.live(5 * DAY) == ["no-expiry"] * 5
    assert keeper.stage.reports[-1].needs_somebody
    assert not keeper.stage.reports[-1].has_failures

    keeper.amend(expires_at=keeper.now + LIFE * DAY)
    assert keeper.live(2 * DAY) == []
    assert keeper.stands() == ("watched", "watched", None, "nobody", False)


def test_how_watching_ends(keeper: Keeper) -> None:
    """It is switched off, or its tag is taken off: nobody is reminded any more."""
    assert keeper.live((LIFE - 5) * DAY)

    keeper.amend(enabled=False)
    assert keeper.live(7 * DAY) == []
    assert keeper.stands() == ("skipped", "disabled", None, "keeper", False)

    keeper.amend(enabled=True, tags={})
    assert keeper.live(DAY) == []
    assert not keeper.process.rotator.survey().findings


def test_a_job_that_remembers_nothing_reminds_once_a_day(keeper: Keeper) -> None:
    """A process of its own for each hourly run has no last scan to go by: an hour is assumed."""
    keeper.store("a value of a server", 10)
    told = 0
    for _ in range(2 * 24):
        keeper.stage.clock.advance(HOUR)
        keeper.process = keeper.stage.process()
        keeper.stage.run(keeper.process)
        told += Kind.KEEPER_NEEDED in {event.event for event in keeper.process.journal.events}

    assert told == 2
