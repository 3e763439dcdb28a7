"""The owners' sessions as one process holds them, on a world in the same process."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from rotation.events import Kind
from rotation.model import Defaults, TokenValue
from rotation.rotator import Scope
from rotation.session import Kept
from rotation.sessions import PersonSource, Sessions
from sandbox.clock import ManualClock
from sandbox.content import Properties
from sandbox.fault import Call, Drop, Fault
from sandbox.furniture import OWNER
from sandbox.ports import InProcess, WorldSessionStore, WorldTokenService, sessions_of
from sandbox.world import World, session_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.session import Grant, Session
    from rotation.sessions import Obtained
    from sandbox.vault import SecretVersion

START = datetime(2026, 11, 22, 7, 7, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NAME = session_name(OWNER)


@pytest.fixture
def clock() -> ManualClock:
    """Give the world's clock."""
    return ManualClock(START)


@pytest.fixture
def world(clock: ManualClock) -> World:
    """Give a world with an owner who signed in a day ago: a save is due."""
    world = World(clock)
    world.add_user(OWNER)
    world.connect(OWNER)
    clock.advance(DAY)
    return world


def _versions(world: World) -> tuple[SecretVersion, ...]:
    return world.session_vault.versions(NAME)


def _count(world: World, operation: str) -> int:
    return sum(call.operation == operation for call in world.calls)


def _at(world: World, operation: str, do: Callable[[], object], number: int = 1) -> None:
    """Let something happen once, just before the ``number``-th call of an operation."""
    left = [number]

    def before(call: Call) -> None:
        if call.operation == operation:
            left[0] -= 1
            if left[0] == 0:
                do()

    world.before_call = before


def _switch_off(world: World, version: str | None = None) -> None:
    world.session_vault.update(NAME, version, Properties(enabled=False))


# --- Heals, and stays ended -----------------------------------------------------------------------


def test_an_older_save_over_a_sign_in_heals_by_itself(world: World, clock: ManualClock) -> None:
    """Revoked, signed in again, and saved over by an older run that then died: nobody is needed."""
    older = _versions(world)[-1]
    redeemed = WorldTokenService(world).redeem(OWNER, TokenValue(older.value))
    assert redeemed.refresh_token
    world.tenant.revoke_sessions(OWNER)
    clock.advance(HOUR)
    world.connect(OWNER)
    latest = _versions(world)[-1]
    store = WorldSessionStore(world)
    kept = Kept(OWNER, redeemed.refresh_token, signed_in_at=START, redeemed_at=clock())
    clock.advance(timedelta(seconds=1))
    store.save(kept)
    assert world.tenant.session_owner(_versions(world)[-1].value) == OWNER

    session = sessions_of(world, [OWNER]).keep(OWNER)
    assert (session.is_working, session.signed_in_at) == (True, latest.created_at)

    clock.advance(DAY)
    assert sessions_of(world, [OWNER]).keep(OWNER).is_refreshed
    (enabled,) = (version for version in _versions(world) if version.enabled)
    assert enabled == _versions(world)[-1]
    assert enabled.tags["session-signed-in"] == latest.tags["session-signed-in"]
    world.calls.clear()
    assert sessions_of(world, [OWNER]).session(OWNER).is_working
    assert _count(world, "redeem") == 1


def test_a_session_that_is_switched_off_is_not_used(world: World) -> None:
    """Its person must sign in, and Entra is not even asked."""
    _switch_off(world)

    session = sessions_of(world, [OWNER]).keep(OWNER)

    assert (session.is_working, session.reason) == (False, "sign-in-needed")
    assert "switched off" in session.message
    assert f"{OWNER} must sign in" in session.message
    assert _count(world, "redeem") == 0


def test_a_session_that_was_switched_off_is_not_written(world: World) -> None:
    """Not even for a moment: a run that has redeemed it before looks again before it saves."""
    _at(world, "get_secret", lambda: _switch_off(world), number=2)

    session = sessions_of(world, [OWNER]).keep(OWNER)

    assert (session.is_working, session.is_refreshed, session.reason) == (True, False, "")
    assert _count(world, "set_secret") == 0


@pytest.mark.parametrize("operation", ["get_secret", "set_secret", "list_versions"])
def test_a_session_that_is_ended_while_it_is_saved_stays_so(world: World, operation: str) -> None:
    """That is no failure, and it is not recovered: nothing is said of it but by the next run."""
    number = 2 if operation == "get_secret" else 1
    view = world.view()
    _at(view, operation, lambda: WorldSessionStore(world).delete(OWNER), number)

    session = sessions_of(view, [OWNER]).keep(OWNER)

    assert (session.is_refreshed, session.reason) == (False, "")
    found = sessions_of(world, [OWNER]).keep(OWNER)
    assert (found.is_working, found.reason) == (False, "sign-in-needed")
    assert _count(world, "recover_secret") == 0


@pytest.mark.parametrize("what", ["switched off", "deleted"])
def test_a_later_sign_in_that_vanishes_is_not_needed(
    world: World, clock: ManualClock, what: str
) -> None:
    """Between seeing it and reading it somebody has ended that one, too."""

    def sign_in() -> None:
        clock.advance(HOUR)
        world.connect(OWNER)

    view = world.view()

    def halt() -> None:
        if what == "deleted":
            world.session_vault.delete(NAME)
        else:
            _switch_off(world, _versions(world)[1].id)

    def before(call: Call) -> None:
        if call.operation == "set_secret":
            sign_in()
        if call.operation == "get_secret" and len(_versions(world)) == 3:
            view.before_call = lambda _: None
            halt()

    view.before_call = before

    session = sessions_of(view, [OWNER]).keep(OWNER)

    assert session.is_working
    assert _count(world, "recover_secret") == 0


# --- Access tokens --------------------------------------------------------------------------------


def test_what_was_forgotten_during_a_save_stays_forgotten(world: World) -> None:
    """Use no access token of an owner again: not even of a save that was under way."""
    sessions = sessions_of(world, [OWNER])
    first = sessions.access_token(OWNER)
    store, service = WorldSessionStore(world), WorldTokenService(world)

    class Late(PersonSource):
        """A source at which somebody signs in just before a save."""

        def keep(self, obtained: Obtained) -> Session:
            late._obtained.clear()  # noqa: SLF001 - what forget() does, which would wait here
            return super().keep(obtained)

    late = Sessions({OWNER: Late(store, service, world.clock)}, world.clock)
    before = late.access_token(OWNER)
    late.keep(OWNER)

    assert late.access_token(OWNER) != before
    assert sessions.access_token(OWNER) == first


def test_a_forgotten_access_token_is_not_used_again(world: World) -> None:
    """Their session is another one now, or none."""
    sessions = sessions_of(world, [OWNER])
    first = sessions.access_token(OWNER)

    sessions.forget(OWNER)

    assert sessions.access_token(OWNER) != first


def test_a_grant_without_a_refresh_token_is_not_saved(world: World, clock: ManualClock) -> None:
    """The older refresh token stays valid."""

    class Frugal(WorldTokenService):
        """Entra on a day on which it gives no newer refresh token."""

        def redeem(self, owner: str, refresh_token: TokenValue) -> Grant:
            return replace(super().redeem(owner, refresh_token), refresh_token=None)

    source = PersonSource(WorldSessionStore(world), Frugal(world), clock)

    session = Sessions({OWNER: source}, clock).keep(OWNER)

    assert (session.is_working, session.is_refreshed, session.reason) == (True, False, "")
    assert _count(world, "set_secret") == 0


def test_a_session_that_does_not_say_when_it_was_saved_is_saved(world: World) -> None:
    """Better once too often."""
    tags = {n: t for n, t in _versions(world)[0].tags.items() if n != "session-redeemed"}
    world.session_vault.update(NAME, None, Properties(tags=tags))

    assert sessions_of(world, [OWNER]).keep(OWNER).is_refreshed


def test_an_old_version_that_cannot_be_disabled_is_left_to_the_next_save(
    world: World, clock: ManualClock
) -> None:
    """Two enabled versions of one session harm nobody."""
    world.faults.add(Fault(Drop(), operation="update_secret"))
    session = sessions_of(world, [OWNER]).keep(OWNER)
    assert (session.is_working, session.reason) == (True, "save-failed")
    assert [version.enabled for version in _versions(world)] == [True, True]

    clock.advance(DAY)

    assert sessions_of(world, [OWNER]).keep(OWNER).is_refreshed
    assert [version.enabled for version in _versions(world)] == [False, False, True]


# --- Reminders ------------------------------------------------------------------------------------


def test_reminders_come_once_a_day_from_14_days_before(world: World, clock: ManualClock) -> None:
    """With hourly runs, each with the save of that day; from the end on they say so."""
    scope = Scope([], [OWNER], Defaults((OWNER,), 30 * DAY, 90 * DAY, 2 * DAY), 1)
    process = InProcess(world, scope)
    end = START + 90 * DAY
    clock.advance(74 * DAY)
    while clock() < end + 2 * DAY:
        process.rotator.run()
        clock.advance(HOUR)

    said = [e for e in process.journal.events if e.event is Kind.SESSION_SIGN_IN_NEEDED]
    gaps = {later.time - earlier.time for earlier, later in pairwise(said)}
    assert gaps <= {23 * HOUR, 24 * HOUR}
    assert said[0].time - (end - 14 * DAY) < DAY
    for event in said:
        left = end - event.time
        expected = "soon" if left > 3 * DAY else "urgent" if left > timedelta(0) else "overdue"
        assert (event.reason, event.owner) == (f"sign-in-{expected}", OWNER)
    assert {event.reason for event in said} == {
        f"sign-in-{w}" for w in ("soon", "urgent", "overdue")
    }

    world.connect(OWNER)
    count = len(process.journal.events)
    clock.advance(DAY)
    process.rotator.run()
    kinds = {event.event for event in process.journal.events[count:]}
    assert Kind.SESSION_SIGN_IN_NEEDED not in kinds
