"""The two kinds of owners: every story is told with people, and again with agent users."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.grant import User
    from sandbox.world import World


class Owner(StrEnum):
    """A kind of owner."""

    PERSON = "people"
    AGENT = "agents"


class Owners:
    """The owners of one world, all of one kind."""

    kind = Owner.PERSON
    """Of the worlds that are made from now on: set by the fixture of every story."""

    def __init__(self, world: World) -> None:
        """Take the kind that stories are told with just now."""
        self.world = world
        self.kind = type(self).kind

    @property
    def has_sessions(self) -> bool:
        """Tell whether anything of theirs is kept and saved."""
        return self.kind is Owner.PERSON

    @property
    def redemption(self) -> str:
        """The call that gives an owner's access token, at the last."""
        return "redeem_agent" if self.kind is Owner.AGENT else "redeem"

    def reason(self, of_person: str) -> str:
        """Give the word for a session that Entra refuses, from the one for a person's."""
        return "administrator-needed" if self.kind is Owner.AGENT and of_person else of_person

    def add(self, upn: str) -> User:
        """Give one an account."""
        add = self.world.add_agent_user if self.kind is Owner.AGENT else self.world.add_user
        return add(upn)

    def connect(self, upn: str) -> None:
        """Let one be connected; whatever stood in the way stands there no more."""
        tenant = self.world.tenant
        if self.kind is Owner.PERSON:
            self.world.connect(upn)
            return
        tenant.enable_user(upn)
        tenant.unblock(upn)

    def end_session(self, upn: str, demand: str | None) -> None:
        """End a session, or ask more of its owner: of an agent user, what administrators can do."""
        tenant = self.world.tenant
        if self.kind is Owner.AGENT:
            (tenant.block if demand else tenant.disable_user)(upn)
        elif demand:
            tenant.demand(upn, demand)
        else:
            tenant.revoke_sessions(upn)
