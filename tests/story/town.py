"""A stage with a vault that an attacker may write, and with tokens elsewhere worth stealing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from rotation.model import SecretName
from sandbox.content import Properties
from sandbox.furniture import ORGANIZATION, OWNER, Placement, place, plant
from tests.story.plot import DUE
from tests.story.stage import DAY, HOUR, Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotation.rotator import Scope
    from sandbox.token import Token
    from sandbox.vault import Vault

OPEN, FEED = "kv-open", "feed"
ATTACKED = SecretName(OPEN, FEED)
OTHER_OWNER, OTHER_ORGANIZATION = "bob@contoso.example", "fabrikam"
NARROW, WIDE = "vso.code", "app_token"


@dataclass
class Town(Stage):
    """A stage with an open vault, a second owner and organization, and tokens worth stealing."""

    victims: dict[str, Token] = field(default_factory=dict)
    """What no attack may touch: neither revoked, extended or renamed, nor copied."""

    def __post_init__(self) -> None:
        """Furnish it: the attacker's own token is narrow, and everybody else's is not."""
        super().__post_init__()
        world = self.world
        world.add_vault(OPEN)
        self.invariants.lawless = frozenset({OPEN})
        other = self.people.add(OTHER_OWNER)
        world.organization(ORGANIZATION).members.add(other.identity_id)
        self.people.connect(OTHER_OWNER)
        world.add_organization(OTHER_ORGANIZATION, [world.tenant.users[OWNER]])
        self.own = place(world, Placement(FEED, OPEN, scope=NARROW, age=HOUR))
        wide = Placement(FEED, scope=WIDE, age=HOUR)
        # Due: whoever took it for their own would renew it at once.
        unmarked = replace(wide, display_name="keep out", age=DUE)
        self.victims = {
            "unmarked": plant(world, unmarked),
            "expired": plant(world, replace(unmarked, age=40 * DAY)),
            "marked for another secret": place(world, replace(wide, secret="release")),
            "namesake": place(world, wide),
            "another owner's": plant(world, replace(unmarked, owner=OTHER_OWNER)),
            "elsewhere": plant(world, replace(unmarked, organization=OTHER_ORGANIZATION)),
            "elsewhere, and marked": plant(
                world, Placement(FEED, OPEN, OTHER_ORGANIZATION, scope=WIDE, age=DUE)
            ),
        }

    @property
    def scope(self) -> Scope:
        """Every vault of the world but that of the sessions, and both owners."""
        usual, sessions = super().scope, self.world.session_vault.name
        vaults = [vault.name for vault in self.world.vaults.values() if vault.name != sessions]
        owners = (OWNER, OTHER_OWNER)
        return replace(usual, vaults=vaults, owners=owners)

    @property
    def open_vault(self) -> Vault:
        """The vault that the attacker may write."""
        return self.world.vault(OPEN)

    def retag(self, name: SecretName = ATTACKED, /, **tags: str | None) -> None:
        """Change tags of a secret, without their ``pat_``; None takes one off."""
        vault = self.world.vault(name.vault)
        said = {f"pat-{tag.replace('_', '-')}": text for tag, text in tags.items()}
        after = {**vault.newest(name.name).tags, **said}
        kept = {tag: text for tag, text in after.items() if text is not None}
        vault.update(name.name, None, Properties(tags=kept))

    def paste(
        self, value: str, tags: Mapping[str, str] | None = None, name: SecretName = ATTACKED
    ) -> None:
        """Store a value by hand: with these tags, or with those that are there."""
        vault = self.world.vault(name.vault)
        vault.set(name.name, value, Properties(tags=tags or vault.newest(name.name).tags))

    def claim(self, token: Token, /, **tags: str | None) -> None:
        """Let the attacked secret record a token for the very value that it holds."""
        self.retag(**{"authorization_id": f"{token.authorization_id} {self.digest()}", **tags})

    def digest(self) -> str:
        """Give the digest of the value that the attacked secret holds."""
        return digest(self.open_vault.newest(FEED).value)


def digest(value: str) -> str:
    """Give the digest that is recorded beside an authorization id."""
    return sha256(value.encode()).hexdigest()[:12]


def tags_for(token: Token, value: str) -> dict[str, str]:
    """Make the tags of a managed secret that records ``token`` for ``value``."""
    return {
        "pat-rotation": "regenerate",
        "pat-organization": ORGANIZATION,
        "pat-authorization-id": f"{token.authorization_id} {digest(value)}",
    }
