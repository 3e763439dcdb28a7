"""Those who read the secrets: what they were given must work for as long as they may use it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.story.invariant import Wish, is_handed_over, orders_retirement

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sandbox.token import Token
    from tests.story.invariant import Invariants


@dataclass(frozen=True)
class _Held:
    vault: str
    secret: str
    taken_at: datetime
    grace: timedelta
    """The shortest that anybody has allowed since then."""

    @property
    def until(self) -> datetime:
        """The end of the grace period after the value was taken: a job runs no longer."""
        return self.taken_at + self.grace


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
        self._take()
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
            if is_early and not self.invariants.works(token):
                if not self._is_given_up(token, held):
                    place = f"{held.vault}/{held.secret}"
                    faults.append(f"a value taken from {place} stopped working too early")
                del self._held[value]
        return faults

    def _take(self) -> None:
        """Take every newest value, and hear how long those taken before may still be used."""
        now, graces, taken = self.invariants.world.clock(), {}, {}
        for vault in self.invariants.watched():
            for secret in self.invariants.world.vault(vault).list_secrets():
                wish = Wish(secret.tags)
                if vault not in self.invariants.lawless and wish.is_kept_fresh:
                    graces[vault, secret.name] = wish.grace
                    if secret.enabled:
                        taken[secret.value] = _Held(vault, secret.name, now, wish.grace)
        for value, held in self._held.items():
            grace = graces.get((held.vault, held.secret), held.grace)
            if grace < held.grace:
                self._held[value] = replace(held, grace=grace)
        self._held |= taken

    def _is_given_up(self, token: Token, held: _Held) -> bool:
        """Tell whether somebody else's word ended what was promised."""
        is_elsewhere = is_handed_over(token, f"{held.vault}/{held.secret}".lower())
        return is_elsewhere or self._is_ordered(token.value, held)

    def _is_ordered(self, value: str, held: _Held) -> bool:
        """Tell whether somebody ordered that what came before a later version is retired now."""
        versions = self.invariants.world.vault(held.vault).versions(held.secret)
        last = max(number for number, version in enumerate(versions) if version.value == value)
        return any(map(orders_retirement, versions[last + 1 :]))
