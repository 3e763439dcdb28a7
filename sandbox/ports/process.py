"""A rotator in the same process as its world: for simulations."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rotation.rotator import Rotator
from rotation.session import AgentUser
from rotation.sessions import AgentSource, PersonSource, Sessions
from rotation.settling import AtOnce, Ports
from sandbox.ports.issuer import WorldIssuer
from sandbox.ports.record import Journal, MemoryLocks
from sandbox.ports.session import WorldSessionStore, WorldTokenService
from sandbox.ports.store import WorldStore

if TYPE_CHECKING:
    from collections.abc import Collection

    from rotation.ports import Clock, Locks, RequestQueue, Turns
    from rotation.rotator import Scope
    from sandbox.world import World


def sessions_of(world: World, owners: Collection[str], clock: Clock | None = None) -> Sessions:
    """Give the sessions of some owners as one process of the rotator holds them.

    Args:
        world: where they are kept and redeemed.
        owners: user principal names in lower case.
        clock: the process's own, if it is not the world's.
    """
    own, service = clock or world.clock, WorldTokenService(world)
    people = PersonSource(WorldSessionStore(world), service, own)
    agents = [AgentUser(user.upn, user.agent_identity_id) for user in world.agent_users]
    of_agents = dict.fromkeys([agent.owner for agent in agents], AgentSource(service, own, agents))
    return Sessions({owner: of_agents.get(owner, people) for owner in owners}, own)


class InProcess:
    """Everything that one process of the rotator holds, straight on a world.

    Make another one for another process, or for the same one after a crash: nothing is remembered
    but what is in the world.
    """

    def __init__(  # noqa: PLR0913 - the parts of one process
        self,
        world: World,
        scope: Scope,
        *,
        locks: Locks | None = None,
        clock: Clock | None = None,
        queue: RequestQueue | None = None,
        turns: Turns | None = None,
    ) -> None:
        """Put a rotator together.

        Args:
            world: what it works on.
            scope: what it looks after.
            locks: shared among processes that see each other's; its own without.
            clock: its own, if it is not the world's.
            queue: of the requests, if there is one.
            turns: who may begin; everybody without.
        """
        self.world = world
        self.scope = scope
        self.journal = Journal()
        self.store = WorldStore(world)
        own = clock or world.clock
        self.sessions = sessions_of(world, scope.owners, own)
        self.issuer = WorldIssuer(world, self.sessions.access_token, clock)
        self.ports = Ports(
            self.store,
            self.issuer,
            self.journal,
            self.journal,
            own,
            lambda seconds: world.clock.advance(timedelta(seconds=seconds)),
            queue,
            turns or AtOnce(),
        )
        self.locks = locks or MemoryLocks()
        self.rotator = Rotator(self.ports, self.sessions, self.locks, scope)
