"""What a sign-in does with the session that there was, and with slow organizations."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.errors import SignInError
from rotation.events import Kind
from rotation.model import Defaults, TokenValue
from rotation.session import Grant, Person
from rotation.sessions import PersonSource, Sessions
from rotation.sign_in import BUDGET, Desk, SignIn
from sandbox.clock import ManualClock
from sandbox.content import Properties
from sandbox.fault import Delay, Drop, Fault
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.ports import Journal, WorldIssuer, WorldSessionStore, WorldStore, WorldTokenService
from sandbox.world import World, session_name

if TYPE_CHECKING:
    from collections.abc import Mapping

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
DEFAULTS = Defaults((OWNER,), 30 * DAY, 90 * DAY, 48 * HOUR)


class GlassSeal:
    """Seals nothing; the real one has tests of its own."""

    def close(self, text: TokenValue) -> str:
        """See ``Seal``."""
        return text.reveal()

    def open(self, sealed: str, lifetime: timedelta) -> str | None:
        """See ``Seal``."""
        return sealed if lifetime else None


@dataclass
class FrontDoor:
    """Entra, where whoever is named signs in past the browser."""

    world: World
    name: str = OWNER
    object_id: str | None = None

    def begin(self) -> tuple[str, Mapping[str, str]]:
        """See ``SignInService``."""
        raise NotImplementedError

    def finish(self, begun: Mapping[str, str], answer: Mapping[str, str]) -> tuple[Grant, Person]:
        """See ``SignInService``."""
        assert begun["state"] == answer["state"]
        user = self.world.tenant.users[OWNER]
        refresh = TokenValue(self.world.tenant.sign_in(OWNER).value)
        access = WorldTokenService(self.world).redeem(OWNER, refresh).access_token
        grant = Grant(access, HOUR, refresh, user.object_id)
        return grant, Person(self.name, self.object_id or user.object_id)


@dataclass
class Stand:
    """A world with one owner, and instances of the product, which may have their own clocks."""

    world: World = field(default_factory=lambda: World(ManualClock(START)))
    journal: Journal = field(default_factory=Journal)

    def __post_init__(self) -> None:
        """Furnish it with secrets in two organizations."""
        world = self.world
        world.add_vault(VAULT)
        ada = world.add_user(OWNER)
        for name in (ORGANIZATION, "fabrikam"):
            world.add_organization(name, [ada])
        place(world, Placement("feed"))
        place(world, Placement("agent", organization="fabrikam"))
        self.door = FrontDoor(world)
        self.store = WorldSessionStore(world)

    def instance(self, ahead: timedelta = timedelta(0)) -> tuple[SignIn, Sessions]:
        """Start an instance of the product whose clock is ahead by so much."""
        world = self.world

        def clock() -> datetime:
            return world.clock() + ahead

        source = PersonSource(self.store, WorldTokenService(world), clock)
        sessions = Sessions({OWNER: source}, clock)
        desk = Desk(
            service=self.door,
            seal=GlassSeal(),
            store=self.store,
            source=source,
            sessions=sessions,
            secrets=WorldStore(world),
            trial=lambda access_token: WorldIssuer(world, lambda _owner: access_token),
            log=self.journal,
            clock=clock,
            public_url="https://pats.contoso.example",
        )
        return SignIn(desk, owners=[OWNER], vaults=[VAULT], defaults=DEFAULTS), sessions

    def sealed(self, state: str) -> str:
        """Give what a browser keeps that has begun."""
        return json.dumps({"state": state, "nonce": "n", "code_verifier": "v"})


@pytest.fixture
def stand() -> Stand:
    """Give a world in which nobody has signed in yet."""
    return Stand()


def enter(stand: Stand, sign_in: SignIn, state: str) -> object:
    """Sign in."""
    return sign_in.finish(stand.sealed(state), {"state": state})


def test_a_later_sign_in_is_the_later_one_whatever_the_clocks_say(stand: Stand) -> None:
    """The second instance's clock is slower; its session is the one that lives on."""
    fast, _ = stand.instance(ahead=timedelta(minutes=3))
    right, sessions = stand.instance()
    enter(stand, fast, "one")
    stand.world.clock.advance(timedelta(minutes=1))

    connected = right.finish(stand.sealed("two"), {"state": "two"})
    (kept,) = (k for k in stand.store.versions(OWNER) if k.enabled)
    assert kept.signed_in_at == connected.signed_in_at
    stand.world.clock.advance(DAY)
    sessions.keep(OWNER)

    enabled = [kept for kept in stand.store.versions(OWNER) if kept.enabled]
    first, second = (kept.sign_in for kept in sorted(stand.store.versions(OWNER), key=_age)[:2])
    assert first != second
    assert [kept.sign_in for kept in enabled] == [second]


def _age(kept: object) -> datetime:
    found: datetime = kept.created_at  # type: ignore[attr-defined] # a version
    return found


def test_no_sign_in_is_finished_again_after_another(stand: Stand) -> None:
    """However long ago it was."""
    sign_in, _ = stand.instance()
    enter(stand, sign_in, "one")
    stand.world.clock.advance(HOUR)
    enter(stand, sign_in, "two")
    before = stand.store.versions(OWNER)

    with pytest.raises(SignInError) as refused:
        enter(stand, sign_in, "one")

    assert refused.value.reason == "replayed"
    assert stand.store.versions(OWNER) == before


def test_what_others_have_tagged_stays(stand: Stand) -> None:
    """A new session bears what the one before bore."""
    sign_in, _ = stand.instance()
    enter(stand, sign_in, "one")
    name, vault = session_name(OWNER), stand.world.session_vault
    tags = {**vault.newest(name).tags, "cost-centre": "42"}
    vault.update(name, None, Properties(tags=tags))
    stand.world.clock.advance(HOUR)

    enter(stand, sign_in, "two")

    assert vault.newest(name).tags["cost-centre"] == "42"


@pytest.mark.parametrize("is_on", [True, False])
def test_a_name_that_was_given_away_is_noticed(stand: Stand, *, is_on: bool) -> None:
    """Also if the session that there was is switched off."""
    sign_in, _ = stand.instance()
    enter(stand, sign_in, "one")
    stand.world.session_vault.update(session_name(OWNER), None, Properties(enabled=is_on))
    stand.door.object_id = "somebody else's"

    with pytest.raises(SignInError, match="another account") as refused:
        enter(stand, sign_in, "two")

    assert refused.value.reason == "somebody-else"


def test_two_names_that_would_be_kept_alike_are_told_apart(stand: Stand) -> None:
    """The one before is named, and how to end it."""
    sign_in, _ = stand.instance()
    enter(stand, sign_in, "one")
    vault, name = stand.world.session_vault, session_name(OWNER)
    tags = {**vault.newest(name).tags, "session-owner": "ada@contoso-example"}
    vault.update(name, None, Properties(tags=tags))

    with pytest.raises(SignInError, match="ada@contoso-example") as refused:
        enter(stand, sign_in, "two")

    assert "rotation disconnect" in refused.value.hint


def test_a_new_session_is_used_at_once(stand: Stand) -> None:
    """The instance that has let somebody sign in forgets the access token that it had."""
    sign_in, sessions = stand.instance()
    enter(stand, sign_in, "one")
    before = sessions.access_token(OWNER)

    enter(stand, sign_in, "two")

    assert sessions.access_token(OWNER) != before


def test_organizations_that_are_slow_keep_nobody_waiting(stand: Stand) -> None:
    """What was not tried in time is told as such, and the session is saved."""
    sign_in, _ = stand.instance()
    slow = Fault(Delay(BUDGET + timedelta(seconds=1)), operation="connection_data")
    stand.world.faults.add(slow)

    connected = sign_in.finish(stand.sealed("one"), {"state": "one"})

    first, second = connected.trials
    assert (first.organization, first.error) == (ORGANIZATION, None)
    assert second.error
    assert "not tried" in str(second.error)
    assert stand.store.read(OWNER)


def test_an_outage_everywhere_is_no_refusal(stand: Stand) -> None:
    """Nothing can be said of the session: it is saved, and the page says what is not known."""
    sign_in, _ = stand.instance()
    stand.world.faults.add(Fault(Drop(), "azure-devops", times=None))

    connected = sign_in.finish(stand.sealed("one"), {"state": "one"})

    assert all(trial.error for trial in connected.trials)
    assert stand.store.read(OWNER)
    (event,) = stand.journal.events
    assert (event.event, event.owner) == (Kind.SESSION_SIGNED_IN, OWNER)


def test_the_90_days_begin_when_it_is_saved(stand: Stand) -> None:
    """Not when the browser came back: organizations may take their time."""
    sign_in, _ = stand.instance()
    stand.world.faults.add(Fault(Delay(timedelta(seconds=30)), operation="connection_data"))

    connected = sign_in.finish(stand.sealed("one"), {"state": "one"})

    assert connected.signed_in_at == START + timedelta(seconds=30)
    assert connected.sign_in_by == connected.signed_in_at + 90 * DAY
