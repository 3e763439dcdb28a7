"""Those who read the secrets: what they were given must work for as long as they may use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.story.invariant import Wish, orders_retirement

if TYPE_CHECKING:
    from datetime import datetime

    from tests.story.invariant import Invariants


@dataclass(frozen=True)
class _Held:
    vault: str
    secret: str
    until: datetime
    """The grace period after the value was taken: a job runs no longer."""


@dataclass
class Consumers:
    """For every secret a reader, who takes the newest value, and holders of those taken before."""

    invariants: Invariants
    uses: int = 0
    """How often a value was used."""
    _held: dict[str, _Held] = field(default_factory=dict)

    def step(self) -> list[str]:
        """Take and use every value now, and those taken before; tell of each that fails.

        A value whose token comes to the end of its life in its holder's hands has kept its promise:
        everybody sees that date in the vault.
        """
        world, now = self.invariants.world, self.invariants.world.clock()
        faults = []
        for vault in self.invariants.watched():
            for secret in world.vault(vault).list_secrets():
                wish = Wish(secret.tags)
                is_ours = vault not in self.invariants.lawless and wish.is_kept_fresh
                if secret.enabled and is_ours:
                    self._held[secret.value] = _Held(vault, secret.name, now + wish.grace)
        for value, held in [*self._held.items()]:
            token = world.registry.find(value)
            if (
                token is None
                or now >= held.until
                or token.authorization_id in self.invariants.killed
            ):
                del self._held[value]
                continue
            self.uses += 1
            is_early = now < min(token.valid_to, held.until - self.invariants.clock_error)
            if is_early and not self.invariants.works(token) and not self._is_ordered(value, held):
                place = f"{held.vault}/{held.secret}"
                faults.append(f"a value taken from {place} stopped working too early")
        return faults

    def _is_ordered(self, value: str, held: _Held) -> bool:
        """Tell whether somebody ordered that what came before a later version is retired now."""
        versions = self.invariants.world.vault(held.vault).versions(held.secret)
        last = max(number for number, version in enumerate(versions) if version.value == value)
        return any(map(orders_retirement, versions[last + 1 :]))
