"""A session outlives every crash: of what saves it, of a sign-in, and of its end."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from rotation.events import Kind
from rotation.model import TokenValue
from rotation.session import SIGN_IN_NEEDED, Kept
from rotation.sessions import PersonSource
from sandbox.fault import Fault, unavailable
from sandbox.furniture import OWNER
from sandbox.ports import WorldSessionStore, WorldTokenService
from sandbox.world import session_name
from tests.story.stage import DAY, HOUR, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.ports import InProcess
    from sandbox.vault import SecretVersion
    from tests.story.runner import Runner, Work

    Tally = Callable[[str, int], None]

pytestmark = pytest.mark.people
SECOND = timedelta(seconds=1)
HEALING_SAVES = 2
"""Plain saves, a day apart, after which one version alone is enabled."""
NAME = session_name(OWNER)


# --- What processes do ----------------------------------------------------------------------------


def save(process: InProcess) -> object:
    """Keep the session alive, as every run does."""
    return process.sessions.keep(OWNER)


def sign_in(process: InProcess) -> None:
    """Save the session of its person, who comes from the browser."""
    world = process.world
    source = PersonSource(WorldSessionStore(world), WorldTokenService(world), world.clock)
    token, user = world.tenant.sign_in(OWNER), world.tenant.users[OWNER]
    now = world.clock()
    kept = Kept(OWNER, TokenValue(token.value), object_id=user.object_id)
    source.welcome(replace(kept, signed_in_at=now, redeemed_at=now))


def end(process: InProcess) -> bool:
    """End the session, as an operator does."""
    return WorldSessionStore(process.world).delete(OWNER)


# --- Where they begin -----------------------------------------------------------------------------


def connected() -> Stage:
    """The session was saved a day ago."""
    stage = Stage()
    stage.clock.advance(25 * HOUR)
    return stage


def saved_before() -> Stage:
    """The session was saved twice, by a process that died before it disabled the older version."""
    stage = connected()
    with stage.runner(save) as dying:
        for stop in dying.stops():
            if stop.is_after and stop.call.operation == "set_secret":
                break
    stage.clock.advance(25 * HOUR)
    return stage


def revoked() -> Stage:
    """An administrator has revoked the session."""
    stage = connected()
    stage.people.end_session(OWNER, None)
    return stage


def demanded() -> Stage:
    """Conditional Access demands a sign-in."""
    stage = connected()
    stage.people.end_session(OWNER, "interaction_required")
    return stage


def never_connected() -> Stage:
    """Its person has never signed in."""
    stage = connected()
    vault = stage.world.session_vault
    vault.delete(NAME)
    vault.purge(NAME)
    return stage


def disconnected() -> Stage:
    """An operator has ended the session: it is in the trash."""
    stage = connected()
    end(stage.process())
    return stage


@dataclass(frozen=True)
class Tale:
    """A beginning, and what processes do there: one, or two at once."""

    begin: Callable[[], Stage]
    works: tuple[Work, ...]


ALONE = {
    "save a day later": Tale(connected, (save,)),
    "save with an older version enabled": Tale(saved_before, (save,)),
    "sign in over an old session": Tale(connected, (sign_in,)),
    "sign in over a session that was revoked": Tale(revoked, (sign_in,)),
    "sign in when it is demanded": Tale(demanded, (sign_in,)),
    "sign in for the first time": Tale(never_connected, (sign_in,)),
    "sign in after a disconnect": Tale(disconnected, (sign_in,)),
}
AT_ONCE = {
    "two processes save": Tale(connected, (save, save)),
    "a sign-in while a process saves": Tale(connected, (save, sign_in)),
    "a sign-in while a process looks at a lost session": Tale(revoked, (save, sign_in)),
    "a sign-in twice": Tale(connected, (sign_in, sign_in)),
}


# --- One process after the other ------------------------------------------------------------------


@pytest.mark.parametrize("tale", ALONE.values(), ids=ALONE.keys())
def test_a_crash_at_any_call_loses_no_session(tale: Tale, tally: Tally) -> None:
    """Wherever a process dies, the session of the latest sign-in works, and becomes the only one.

    That takes two saves at most, by plain runs a day apart.
    """
    for number in count():
        with ExitStack() as opened:
            stage = crash(tale, (number,), opened)
            if stage is None:
                break
            heal(stage)
    assert number > 1
    tally("crash points", number)


@pytest.mark.parametrize("tale", ALONE.values(), ids=ALONE.keys())
@pytest.mark.parametrize("then", [save, sign_in])
def test_a_second_crash_loses_no_session(tale: Tale, then: Work, tally: Tally) -> None:
    """The run a day after a crash dies, too, or the sign-in that is tried again."""
    pairs = 0
    for first in count():
        for second in count():
            with ExitStack() as opened:
                stage = crash(tale, (first, second), opened, then)
                if stage is None:
                    break
                heal(stage)
        pairs += second
        if not second:
            break
    tally("pairs of crashes", pairs)


def crash(
    tale: Tale, numbers: tuple[int, ...], opened: ExitStack, then: Work = save
) -> Stage | None:
    """Let one process after the other, a day apart, die where it stands for the n-th time.

    Returns:
        The stage; None if one came to its end before.
    """
    stage = tale.begin()
    for number, work in zip(numbers, (*tale.works, then), strict=False):
        if not opened.enter_context(stage.runner(work)).go_to(number):
            return None
        stage.clock.advance(DAY)
    return stage


# --- Two at once ----------------------------------------------------------------------------------


@pytest.mark.parametrize("tale", AT_ONCE.values(), ids=AT_ONCE.keys())
@pytest.mark.parametrize("lag", [timedelta(0), SECOND], ids=["same second", "a second apart"])
def test_two_processes_at_once_lose_no_session(tale: Tale, lag: timedelta, tally: Tally) -> None:
    """One stands anywhere while the other goes anywhere; each then dies, or goes on to its end."""
    pairs = 0
    for first in count():
        for second in count():
            fates = [meet(tale, (first, second), lag, fate) for fate in ("--", "-+", "+-", "++")]
            if not all(fates):
                break
        pairs += 4 * second
        if not second:
            break
    assert pairs > 50
    tally("pairs of crashes", pairs)


def meet(tale: Tale, numbers: tuple[int, int], lag: timedelta, fate: str) -> bool:
    """Let two processes meet, and judge what they leave.

    Args:
        tale: what they do.
        numbers: at which of its stops each stands when the other goes on.
        lag: how much time passes whenever it is another one's turn.
        fate: of each, the first one first: ``+`` goes on to its end, ``-`` dies.

    Returns:
        Whether both stood there; else nothing is judged.
    """
    stage = tale.begin()
    with ExitStack() as opened:
        runners: list[Runner] = []
        for work, number in zip(tale.works, numbers, strict=True):
            runners.append(opened.enter_context(stage.runner(work)))
            if not runners[-1].go_to(number):
                return False
            stage.clock.advance(lag)
        for runner, mark in zip(runners, fate, strict=True):
            if mark == "+":
                runner.finish()
                stage.clock.advance(lag)
        heal(stage)
    return True


def test_nobody_is_reminded_who_may_have_signed_in() -> None:
    """What a process remembers of a sign-in is told only as long as the vault says the same."""
    stage = Stage()
    stage.clock.advance(80 * DAY)
    process = stage.process()
    process.sessions.access_token(OWNER)
    sign_in(stage.process())
    stage.world.faults.add(Fault(unavailable(), operation="get_secret", target="kv-sessions"))

    process.rotator.run()

    told = [(e.event, e.reason) for e in process.journal.events if e.owner]
    assert told == [(Kind.ROTATION_FAILED, "save-failed")]


# --- The end of a session -------------------------------------------------------------------------


@pytest.mark.parametrize("begin", [connected, saved_before, disconnected, never_connected])
def test_a_crash_while_a_session_is_ended_is_healed(
    begin: Callable[[], Stage], tally: Tally
) -> None:
    """Whatever the first attempt to end it left, the second ends it, and a sign-in begins anew."""
    for number in count():
        stage = begin()
        with stage.runner(end) as dying:
            if not dying.go_to(number):
                break
            is_over = not enabled(stage)
            stage.clock.advance(DAY)
            assert stage.process().sessions.keep(OWNER).is_working is not is_over
            end(stage.process())
            assert_ended(stage)
            sign_in(stage.process())
            heal(stage)
    tally("crash points", number)


@pytest.mark.parametrize("begin", [connected, saved_before])
def test_no_save_brings_an_ended_session_back(begin: Callable[[], Stage], tally: Tally) -> None:
    """A process stands anywhere in its save while an operator ends the session."""
    for number in count():
        stage = begin()
        with stage.runner(save) as saver:
            if not saver.go_to(number):
                break
            end(stage.process())
            saver.finish()
            assert_ended(stage)
    tally("crash points", number)


def test_a_session_that_is_being_ended_is_not_saved() -> None:
    """Ending it switches it off first: a process that holds an access token leaves it so."""
    stage = connected()
    process = stage.process()
    process.sessions.access_token(OWNER)
    with stage.runner(end) as dying:
        for stop in dying.stops():
            if stop.is_after and stop.call.operation == "update_secret":
                break
    process.sessions.keep(OWNER)
    assert not enabled(stage)


def assert_ended(stage: Stage) -> None:
    """See that there is no session, now and a day later, and none to be recovered."""
    for _ in range(2):
        session = stage.process().sessions.keep(OWNER)
        assert (session.is_working, session.reason) == (False, SIGN_IN_NEEDED)
        vault = stage.world.session_vault
        assert not vault.list_secrets()
        trash = (version for gone in vault.list_deleted() for version in gone.versions)
        assert not any(version.enabled for version in trash)
        stage.clock.advance(DAY)


# --- What must come of it -------------------------------------------------------------------------


def heal(stage: Stage) -> None:
    """Let plain runs come, a day apart, and see that the session of the latest sign-in is left.

    If nobody has signed in since the session was lost, that is said, and somebody does.
    """
    if not is_to_work(stage):
        session = stage.process().sessions.keep(OWNER)
        assert (session.is_working, session.reason) == (False, SIGN_IN_NEEDED)
        stage.clock.advance(HOUR)
        sign_in(stage.process())
    latest = max(v.tags["session-signed-in"] for v in stage.world.session_vault.versions(NAME))
    assert stage.process().sessions.keep(OWNER).is_working
    saves = 0
    for _ in range(HEALING_SAVES + 2):
        stage.clock.advance(DAY)
        session = stage.process().sessions.keep(OWNER)
        assert (session.is_working, session.reason) == (True, "")
        saves += session.is_refreshed
        if saves >= HEALING_SAVES:
            signed_in = [v.tags["session-signed-in"] for v in enabled(stage)]
            assert signed_in == [latest]
    assert saves >= HEALING_SAVES


def is_to_work(stage: Stage) -> bool:
    """Tell by the tenant's records whether the latest sign-in that was saved is still good."""
    found = enabled(stage)
    if not found or OWNER in stage.world.tenant.directory.demands:
        return False
    latest = max(found, key=lambda v: (v.tags["session-signed-in"], v.created_at))
    token = stage.world.tenant.find_session(latest.value)
    return token is not None and not token.revoked and token.expires_at > stage.clock()


def enabled(stage: Stage) -> list[SecretVersion]:
    """Give the versions of the session that are enabled."""
    vault = stage.world.session_vault
    if not any(secret.name == NAME for secret in vault.list_secrets()):
        return []
    return [version for version in vault.versions(NAME) if version.enabled]
