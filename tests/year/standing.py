"""How each session really stands: by the tenant's own records and what the vault holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.session import ADMINISTRATOR_NEEDED, SIGN_IN_NEEDED
from sandbox.world import session_name

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sandbox.vault import SecretVersion
    from sandbox.world import World

REVOKED, DEMANDED, DISABLED = "revoked", "sign-in demanded", "account disabled"
UNUSED, MISSING = "90 days unused", "no session in the vault"
PERMITTED = frozenset({REVOKED, DEMANDED, DISABLED})
"""What may end a session in a year in which some run saves it."""


@dataclass
class Loss:
    """A session that has stopped working, as one cause made it."""

    owner: str
    cause: str
    at: datetime
    is_person: bool
    visible_at: datetime | None = None
    """When a run that came to its end had asked for it, and been refused."""
    said_at: datetime | None = None
    ended_at: datetime | None = None
    """When it worked again, or had another cause."""

    @property
    def reason(self) -> str:
        """Who must act."""
        is_persons = self.is_person and self.cause != DISABLED
        return SIGN_IN_NEEDED if is_persons else ADMINISTRATOR_NEEDED


class Standing:
    """The sessions of all owners, from one look to the next."""

    def __init__(self, world: World, owners: Collection[str]) -> None:
        """Begin with owners whose sessions work."""
        self.losses: list[Loss] = []
        self.open: dict[str, Loss] = {}
        """The losses that last, by owner."""
        self.restored_at: dict[str, datetime] = {}
        """When each session last began to work again."""
        self._latest: dict[str, tuple[int, str]] = {}
        """How many versions of each session were looked at, and the latest sign-in among them."""
        self._world = world
        self._owners = list(owners)

    def look(self) -> None:
        """See which sessions have stopped working, and which work again."""
        now = self._world.clock()
        for owner in self._owners:
            cause, loss = self.cause(owner), self.open.get(owner)
            if loss and loss.cause != cause:
                loss.ended_at = now
                del self.open[owner]
                self.restored_at[owner] = now
            if cause and owner not in self.open:
                self.open[owner] = Loss(owner, cause, now, self.is_person(owner))
                self.losses.append(self.open[owner])

    def was_lost(self, owner: str, since: datetime, reason: str | None = None) -> bool:
        """Tell whether a session did not work at some moment since then, for that reason."""
        return any(
            loss.owner == owner
            and reason in {None, loss.reason}
            and (loss.ended_at is None or loss.ended_at >= since)
            for loss in self.losses
        )

    def cause(self, owner: str) -> str:
        """Tell why the session of the latest sign-in does not work; empty if it does."""
        tenant = self._world.tenant
        if tenant.users[owner].disabled:
            return DISABLED
        if not self.is_person(owner):
            return ""
        latest = max(self.enabled(owner), key=lambda v: (signed_in(v), v.created_at), default=None)
        token = tenant.find_session(latest.value) if latest else None
        if token is None or token.upn != owner:
            return MISSING
        if token.revoked:
            return REVOKED
        if token.expires_at <= self._world.clock():
            return UNUSED
        return DEMANDED if owner in tenant.directory.demands else ""

    def is_person(self, owner: str) -> bool:
        """Tell whether an owner is one who signs in."""
        return not self._world.tenant.users[owner].agent_identity_id

    def versions(self, owner: str) -> tuple[SecretVersion, ...]:
        """Give every version of a person's session."""
        return self._world.session_vault.versions(session_name(owner))

    def enabled(self, owner: str) -> list[SecretVersion]:
        """Give those that are enabled."""
        return [version for version in self.versions(owner) if version.enabled]

    def signed_in_at(self, owner: str) -> str:
        """Tell of which instant the latest sign-in is that was saved."""
        versions = self.versions(owner)
        seen, latest = self._latest.get(owner, (0, ""))
        latest = max([latest, *map(signed_in, versions[seen:])])
        self._latest[owner] = len(versions), latest
        return latest


def signed_in(version: SecretVersion) -> str:
    """Give the sign-in that a version is of: instants as they are written can be compared."""
    return version.tags["session-signed-in"]
