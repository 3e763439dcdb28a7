"""Sessions that are saved, signed in to, ended and switched off at once, in every order of calls.

Key Vault has no compare-and-set: whatever comes to lie on top, the later sign-in wins.
"""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.errors import RotationError
from rotation.model import Defaults, TokenValue
from rotation.rotator import Scope
from rotation.session import Kept
from rotation.sessions import PersonSource
from sandbox.clock import ManualClock
from sandbox.content import Properties
from sandbox.error import VaultRefusedError
from sandbox.fault import Call
from sandbox.furniture import OWNER
from sandbox.ports import InProcess, WorldSessionStore, WorldTokenService, sessions_of
from sandbox.ports.translation import asking
from sandbox.world import World, session_name
from tests.story.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from sandbox.vault import SecretVersion
    from tests.story.runner import Work

    Move = tuple[int, bool]
    """Which process makes its next call; or, if true, dies."""
    Tally = Callable[[str, int], None]

START = datetime(2026, 11, 22, 7, 7, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
SCOPE = Scope([], [OWNER], Defaults((OWNER,), 30 * DAY, 90 * DAY, 2 * DAY), 1)
READS = frozenset({"get_secret", "list_versions", "redeem"})
"""Calls that change nothing for anybody else."""
SAVES = 2
"""So many daily saves put everything in order, whatever was left behind."""


# --- What is done at once -------------------------------------------------------------------------


def save(process: InProcess) -> None:
    """Keep the session alive, as a run does; what goes wrong, the next run finds out."""
    with suppress(RotationError):
        process.sessions.keep(OWNER)


def sign_in(process: InProcess) -> None:
    """Sign in in a browser."""
    _sign_in(process, is_revoked=False)


def be_revoked_and_sign_in(process: InProcess) -> None:
    """Sign in after an administrator has revoked all sessions."""
    _sign_in(process, is_revoked=True)


def end(process: InProcess) -> object:
    """End the session, as ``rotation disconnect`` does."""
    return WorldSessionStore(process.world).delete(OWNER)


def switch_off(process: InProcess) -> object:
    """Disable the newest version by hand."""
    vault = process.world.session_vault
    with asking(process.world, Call("key-vault", "update_secret", f"{vault.name}/by hand")):
        return vault.update(session_name(OWNER), None, Properties(enabled=False))


def _sign_in(process: InProcess, *, is_revoked: bool) -> None:
    world, clock = process.world, process.world.clock
    with asking(world, Call("entra", "redeem_code", OWNER)):
        if is_revoked:
            world.tenant.revoke_sessions(OWNER)
        token = world.tenant.sign_in(OWNER)
    now, user = clock(), world.tenant.users[OWNER]
    store = WorldSessionStore(world)
    source = PersonSource(store, WorldTokenService(world), clock)
    value = TokenValue(token.value)
    kept = Kept(OWNER, value, object_id=user.object_id, signed_in_at=now, redeemed_at=now)
    source.welcome(kept)


# --- Every order ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ending:
    """A world in which nobody goes on, and how it came to that."""

    world: World
    clock: ManualClock
    order: str
    dead: frozenset[int]

    @property
    def versions(self) -> tuple[SecretVersion, ...]:
        """All versions of the session, the oldest first; none if it was deleted."""
        try:
            return self.world.session_vault.versions(session_name(OWNER))
        except VaultRefusedError:
            return ()

    @property
    def enabled(self) -> list[SecretVersion]:
        """Those that are enabled."""
        return [version for version in self.versions if version.enabled]

    def keep(self) -> bool:
        """Keep the session alive in a new process; tell whether it works."""
        return sessions_of(self.world, [OWNER]).keep(OWNER).is_working


def every_order(
    deeds: Sequence[Work], *, tick: timedelta, is_mortal: bool = False
) -> Iterator[Ending]:
    """Do all ``deeds`` at once, in every order of their calls that makes a difference.

    What a process hears, and so what it does, depends only on what was written before: two orders
    in which every call comes after the same writes are one.

    Args:
        deeds: what each process does.
        tick: how long each write takes.
        is_mortal: whether one of them may also die, before any of its calls.
    """
    waiting: list[tuple[Move, ...]] = [()]
    seen: set[Hashable] = set()
    while waiting:
        with ExitStack() as opened:
            course = _Course(deeds, opened)
            for move in waiting.pop():
                course.make(move, tick)
            while course.state() not in seen:
                seen.add(course.state())
                possible = course.possible(is_mortal=is_mortal)
                if not possible:
                    yield course.ending()
                    break
                waiting += [(*course.moves, other) for other in possible[1:]]
                course.make(possible[0], tick)


class _Course:
    """One order of the calls, as far as it has come."""

    def __init__(self, deeds: Sequence[Work], opened: ExitStack) -> None:
        self.clock = ManualClock(START)
        self.world = World(self.clock)
        self.world.add_user(OWNER)
        self.world.connect(OWNER)
        self.clock.advance(DAY)
        self.runners = [opened.enter_context(Runner(self.world, SCOPE, deed)) for deed in deeds]
        self.moves: list[Move] = []
        self.order: list[str] = []
        self._dead: set[int] = set()
        self._writes: list[int] = []
        self._heard: list[list[int]] = [[] for _ in deeds]

    def make(self, move: Move, tick: timedelta) -> None:
        """Let a process make its call, and stand before the one after it; or let it die."""
        number, dies = move
        runner = self.runners[number]
        self.moves.append(move)
        self.order.append(f"{number} {'dies' if dies else runner.stop}")
        if dies:
            self._dead.add(number)
            return
        self._heard[number].append(len(self._writes))
        if runner.stop and runner.stop.call.operation not in READS:
            self._writes.append(number)
            self.clock.advance(tick)
        stop = runner.go()
        while stop and stop.is_after:
            stop = runner.go()

    def possible(self, *, is_mortal: bool) -> list[Move]:
        """Give what can happen next."""
        able = [n for n, r in enumerate(self.runners) if r.stop and n not in self._dead]
        is_one_to_die = is_mortal and not self._dead
        return [*((n, False) for n in able), *((n, True) for n in able if is_one_to_die)]

    def state(self) -> Hashable:
        """Give all that the future depends on."""
        return (*self._writes,), tuple(map(tuple, self._heard)), frozenset(self._dead)

    def ending(self) -> Ending:
        """Give what is left."""
        return Ending(self.world, self.clock, "\n".join(self.order), frozenset(self._dead))


TICKS = pytest.mark.parametrize("tick", [timedelta(0), SECOND], ids=["at once", "in time"])


@pytest.mark.exhaustive
@TICKS
@pytest.mark.parametrize("other", [save, sign_in, be_revoked_and_sign_in])
def test_no_order_of_saves_and_sign_ins_loses_a_session(
    tally: Tally, other: Work, tick: timedelta
) -> None:
    """The later sign-in wins, it works at once, and the next saves leave it alone enabled.

    Also if one of the two dies, before any of its calls.
    """
    orders = 0
    for ending in every_order([save, other], tick=tick, is_mortal=True):
        orders += 1
        latest = max(version.tags["session-signed-in"] for version in ending.versions)
        is_lost = other is be_revoked_and_sign_in and latest == f"{START:%Y-%m-%dT%H:%M:%SZ}"

        assert ending.keep() is not is_lost or (is_lost and 1 in ending.dead), ending.order
        for _ in range(SAVES):
            ending.clock.advance(DAY)
            ending.keep()

        if not is_lost:
            assert [version.tags["session-signed-in"] for version in ending.enabled] == [latest], (
                ending.order
            )
            assert ending.versions[-1].enabled, ending.order
            assert ending.keep(), ending.order
    tally("orders of session calls", orders)


@pytest.mark.exhaustive
@TICKS
def test_no_order_of_two_sign_ins_loses_the_later(tally: Tally, tick: timedelta) -> None:
    """Whoever signs in twice at once has one session in the end."""
    orders = 0
    for ending in every_order([sign_in, sign_in], tick=tick):
        orders += 1
        latest = max(version.tags["session-signed-in"] for version in ending.versions)
        for _ in range(SAVES):
            assert ending.keep(), ending.order
            ending.clock.advance(DAY)
        ending.keep()
        assert [version.tags["session-signed-in"] for version in ending.enabled] == [latest]
    tally("orders of session calls", orders)


@TICKS
@pytest.mark.parametrize("halt", [end, switch_off])
def test_no_order_of_a_save_brings_back_what_was_halted(
    tally: Tally, halt: Work, tick: timedelta
) -> None:
    """A session that was ended, or switched off, stays so until the owner signs in."""
    orders = 0
    for ending in every_order([save, halt], tick=tick):
        orders += 1
        for _ in range(SAVES):
            assert not ending.keep(), ending.order
            assert not ending.enabled, ending.order
            ending.clock.advance(DAY)

        ending.world.connect(OWNER)

        assert ending.keep(), ending.order
        assert len(ending.enabled) == 1, ending.order
    tally("orders of session calls", orders)


@TICKS
def test_a_save_that_dies_brings_nothing_back_that_was_ended(tick: timedelta) -> None:
    """Wherever the run dies: an ended session stays ended."""
    for ending in every_order([save, end], tick=tick, is_mortal=True):
        if 1 not in ending.dead:
            assert not ending.keep(), ending.order


@TICKS
def test_a_sign_in_after_an_end_leaves_one_session(tick: timedelta) -> None:
    """Whatever an older run had saved in that moment is disabled with the rest."""
    for ending in every_order([save, end], tick=tick):
        with Runner(ending.world, SCOPE, sign_in) as runner:
            runner.finish()

        assert len(ending.enabled) == 1, ending.order
        assert ending.versions[-1].enabled, ending.order
        assert ending.keep(), ending.order


def test_how_many_calls_a_save_takes() -> None:
    """What the orders above are made of."""
    (ending,) = every_order([save], tick=SECOND)

    calls = Counter(call.operation for call in ending.world.calls)
    assert calls == {
        "get_secret": 2,
        "redeem": 1,
        "set_secret": 1,
        "list_versions": 1,
        "update_secret": 1,
    }
