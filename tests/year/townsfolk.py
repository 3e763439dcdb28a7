"""The people whose sessions they are: they know what is said, and sign in when they come to it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rotation.errors import RotationError
from rotation.events import Kind
from rotation.model import TokenValue
from rotation.session import SIGN_IN_NEEDED, Kept
from rotation.sessions import PersonSource
from sandbox.ports import WorldSessionStore, WorldTokenService

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime
    from random import Random

    from rotation.events import Event
    from sandbox.world import World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
REMINDERS = frozenset({"sign-in-soon", "sign-in-urgent", "sign-in-overdue"})


class Townsfolk:
    """Everybody who signs in."""

    def __init__(self, world: World, chance: Random, deaf: Collection[str]) -> None:
        """Let them read the events.

        Args:
            world: where they sign in.
            chance: how soon they come to it.
            deaf: who does nothing about reminders.
        """
        self.sign_ins = 0
        self._world = world
        self._chance = chance
        self._deaf = deaf
        self._due: dict[str, datetime] = {}
        """When each of them will sign in, if they mean to."""

    def read(self, events: Iterable[Event]) -> None:
        """Make up their minds about what is said."""
        for event in events:
            if event.event is not Kind.SESSION_SIGN_IN_NEEDED or not event.owner:
                continue
            if event.reason == SIGN_IN_NEEDED:
                self._intend(event.owner, event.time + self._between(1, 48))
            elif event.reason in REMINDERS and event.owner not in self._deaf:
                self._intend(event.owner, event.time + self._between(0, 240))

    def _between(self, lowest: int, highest: int) -> timedelta:
        return self._chance.uniform(lowest, highest) * HOUR

    def _intend(self, owner: str, at: datetime) -> None:
        """Decide once: who is told again and again comes no later for it, and no earlier."""
        known = self._due.setdefault(owner, at)
        if known - at > 2 * DAY:  # a reminder has become a loss
            self._due[owner] = at

    def act(self) -> list[str]:
        """Let all sign in whose time has come; give those who tried."""
        now = self._world.clock()
        ready = [owner for owner, at in self._due.items() if at <= now]
        for owner in ready:
            del self._due[owner]
            if not self._sign_in(owner):
                self._due[owner] = now + self._between(1, 4)
        return ready

    def _sign_in(self, owner: str) -> bool:
        """Sign in, unless Entra lets them not; the page says whether the session is saved."""
        world, user = self._world.view(), self._world.tenant.users[owner]
        if user.disabled:
            return False
        source = PersonSource(WorldSessionStore(world), WorldTokenService(world), world.clock)
        now, value = world.clock(), TokenValue(world.tenant.sign_in(owner).value)
        kept = Kept(owner, value, object_id=user.object_id, signed_in_at=now, redeemed_at=now)
        try:
            source.welcome(kept)
        except RotationError:
            return False
        self.sign_ins += 1
        return True
