"""What people do by hand, each deed in the seconds between two runs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.content import Properties
from sandbox.error import VaultRefusedError
from sandbox.furniture import Placement, plant, recorded_id
from tests.story.estate import ORGANIZATIONS, OWNERS, PLACEMENTS, Estate
from tests.story.invariant import digest
from tests.story.stage import DAY, HOUR, STRANGER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.token import Token
    from sandbox.vault import SecretVersion, Vault

GARBAGE = "no token at all"
EDITS: dict[str, tuple[str | None, ...]] = {
    "pat-rotation": ("regenerate", "extend", "watch", "sometimes", None),
    "pat-lifetime-days": ("7", "30", "90", "a month", None),
    "pat-rotate-before-days": ("1", "5", "60", None),
    "pat-grace-hours": ("1", "24", "72", "-3", None),
    "pat-owner": (*OWNERS, STRANGER, "nobody", None),
    "pat-organization": (*ORGANIZATIONS, "nowhere", "no such!", None),
    "pat-authorization-id": ("", "f81d4fae-7dec-41d0-a765-00a0c91e6bf6", None),
    "pat-retire": ("now", None),
    "pat-attempt": ("many", None),
}
"""What people write into tags; None takes one off."""
PASTES = ("marked", "marked", "unmarked", "of another scope", "neighbour", "dead", "garbage")
"""What people paste."""


class People:
    """Everybody who may do something to the estate but the rotator."""

    def __init__(self, estate: Estate) -> None:
        """Let them in."""
        self.estate = estate
        self.world = estate.world

    # --- Secrets -------------------------------------------------------------------------------

    def edit(self, name: str, tag: str, text: str | None) -> None:
        """Write a tag, or take it off."""
        if secret := self.estate.find(name):
            self._retag(name, {**secret.tags, tag: text})

    def order(self, name: str) -> None:
        """Order that the tokens before the newest version are retired now."""
        if secret := self.estate.find(name):
            self.edit(name, "pat-retire", f"now {digest(secret.value)}")

    def copy_tags(self, source: str, name: str) -> None:
        """Give a secret the tags of another one."""
        if (model := self.estate.find(source)) and self.estate.find(name):
            self._retag(name, model.tags)

    def switch(self, name: str, age: int, *, is_enabled: bool) -> None:
        """Enable or disable a version: the newest, or an older one."""
        if versions := self._versions(name):
            version = versions[-1 - age % len(versions)]
            self._vault(name).update(version.name, version.id, Properties(enabled=is_enabled))

    def paste(self, name: str, value: str, tags: str) -> None:
        """Store a value by hand.

        Args:
            name: where.
            value: it.
            tags: ``copied``, ``none``, or ``identified``: copied, and with the id of its token.
        """
        secret = self.estate.find(name)
        if secret is None:
            return
        token = self.world.registry.find(value)
        said = {} if tags == "none" else dict(secret.tags)
        if tags == "identified" and token:
            said["pat-authorization-id"] = recorded_id(token)
        is_dead = token and not self.estate.invariants.works(token)
        if token and is_dead and not self.estate.is_awaited(token):
            self.estate.doom(token)
        self._vault(name).set(secret.name, value, Properties(tags=said))

    def value(self, name: str, kind: str) -> str:
        """Make or find a value to paste, one of ``PASTES``; garbage if there is none of the kind.

        A token made by hand is an hour old, and can what the youngest one of the secret can.
        """
        place, marked = PLACEMENTS[name], self.estate.marked(name)
        scope = marked[-1].scope if marked else place.scope
        own = replace(place, scope=scope, age=HOUR, lifetime=30 * DAY)
        others = [self.estate.find(other) for other in PLACEMENTS if other != name]
        values = [secret.value for secret in others if secret]
        dead = [t.value for t in self.world.registry.tokens if not self.estate.invariants.works(t)]
        match kind:
            case "marked":
                return self._made(own)
            case "unmarked":
                return self._made(replace(own, display_name="by hand"))
            case "of another scope":
                return self._made(replace(own, scope="vso.work"))
            case "neighbour":
                return [GARBAGE, *values][-1]
            case "dead":
                return [GARBAGE, *dead][-1]
            case _:
                return GARBAGE

    def restore(self, name: str, age: int) -> None:
        """Paste the value of an older version, with the newest one's tags."""
        if versions := self._versions(name):
            self.paste(name, versions[-1 - age % len(versions)].value, "copied")

    def delete(self, name: str) -> None:
        """Delete a secret."""
        with suppress(VaultRefusedError):
            self._vault(name).delete(name.partition("/")[2])

    def recover(self, name: str) -> None:
        """Take a secret out of the trash."""
        with suppress(VaultRefusedError):
            self._vault(name).recover(name.partition("/")[2])

    def mend(self, name: str) -> None:
        """Put a secret and all around it in order, as its keeper would."""
        self.recover(name)
        place, secret = PLACEMENTS[name], self.estate.find(name)
        assert secret
        kept = {tag: text for tag, text in secret.tags.items() if tag == "pat-authorization-id"}
        good = {"pat-rotation": place.mode, "pat-organization": place.organization}
        self._retag(name, {**kept, **good, **place.tags})
        self.switch(name, 0, is_enabled=True)
        self._vault(name).permissions |= {"get", "list", "set", "update"}
        self.estate.people.connect(place.owner)
        self.estate.rejoin(place.owner, place.organization)
        organization = self.world.organization(place.organization)
        organization.policy = replace(
            organization.policy, restrict_creation=False, restrict_full_scope=False
        )

    # --- Tokens --------------------------------------------------------------------------------

    def choose(self, which: int) -> Token | None:
        """Give one of the living tokens, counted from the newest; None if there are none."""
        tokens = self.world.living_tokens()
        return tokens[-1 - which % len(tokens)] if tokens else None

    def revoke(self, token: Token) -> None:
        """Revoke a token, as an administrator."""
        self.estate.doom(token)
        self.world.registry.amend(token.authorization_id, revoked=True)

    def put_to_sleep(self, token: Token) -> None:
        """Stay away for so long that a token is refused, though it is listed."""
        self.estate.doom(token)
        self.world.registry.amend(token.authorization_id, asleep=True)

    def rename(self, token: Token, mark: str | None) -> None:
        """Give a token a mark, or none."""
        name = f"renamed [{mark}]" if mark else "renamed"
        self.world.registry.amend(token.authorization_id, display_name=name)

    def narrow(self, token: Token) -> None:
        """Take scopes from a token."""
        self.world.registry.amend(token.authorization_id, scope=token.scope.split()[-1])

    # --- Everything around ---------------------------------------------------------------------

    def set_policy(self, organization: str, policy: str, value: object) -> None:
        """Change a policy of an organization, or open or close its public project."""
        found = self.world.organization(organization)
        if policy == "has_public_project":
            found.has_public_project = bool(value)
        else:
            found.policy = replace(found.policy, **{policy: value})  # type: ignore[arg-type]

    def end_session(self, owner: str, demand: str | None) -> None:
        """End a session, or ask its owner for more."""
        self.estate.people.end_session(owner, demand)

    def permit(self, vault: str, permission: str, *, is_allowed: bool) -> None:
        """Give the rotator a permission, or take it away."""
        permissions = self.world.vault(vault).permissions
        (permissions.add if is_allowed else permissions.discard)(permission)

    # --- By the way ----------------------------------------------------------------------------

    def _vault(self, name: str) -> Vault:
        return self.world.vault(name.partition("/")[0])

    def _versions(self, name: str) -> tuple[SecretVersion, ...]:
        secret = self.estate.find(name)
        return self._vault(name).versions(secret.name) if secret else ()

    def _retag(self, name: str, tags: Mapping[str, str | None]) -> None:
        kept = {tag: text for tag, text in tags.items() if text is not None}
        self._vault(name).update(name.partition("/")[2], None, Properties(tags=kept))

    def _made(self, placement: Placement) -> str:
        """Make a token by hand, where its owner belongs."""
        owner = self.world.tenant.users[placement.owner].identity_id
        is_member = owner in self.world.organization(placement.organization).members
        return plant(self.world, placement).value if is_member else GARBAGE
