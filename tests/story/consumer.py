"""Those who read the secrets: what they were given must work for as long as they may use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.story.invariant import Wish, is_handed_over, orders_retirement

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sandbox.token import Token
    from sandbox.vault import SecretVersion
    from tests.story.invariant import Invariants


@dataclass
class _Held:
    vault: str
    secret: str
    grace: timedelta
    """The shortest that anybody has allowed since it was taken."""
    until: datetime
    """The end of the grace period after it was taken: a job runs no longer."""


@dataclass
class Consumers:
    """For every secret a reader, who takes the newest value, and holders of those taken before."""

    invariants: Invariants
    uses: int = 0
    """How often a value was used."""
    _held: dict[str, _Held] = field(default_factory=dict)
    _newest: dict[tuple[str, str], tuple[SecretVersion, _Held | None]] = field(default_factory=dict)
    """What was taken last of each secret, and from which version."""

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
            is_early = now < token.valid_to and now < held.until - self.invariants.clock_error
            if is_early and not self.invariants.works(token):
                if not self._is_given_up(token, held):
                    place = f"{held.vault}/{held.secret}"
                    faults.append(f"a value taken from {place} stopped working too early")
                del self._held[value]
        return faults

    def _take(self) -> None:
        """Take every newest value, and hear how long those taken before may still be used."""
        now = self.invariants.world.clock()
        for vault in self.invariants.watched():
            if vault in self.invariants.lawless:
                continue
            for secret in self.invariants.world.vault(vault).list_secrets():
                version, held = self._newest.get((vault, secret.name), (None, None))
                if version is not secret:
                    held = self._hear(vault, secret)
                    self._newest[vault, secret.name] = secret, held
                if held:
                    held.until = now + held.grace
                    self._held[secret.value] = held

    def _hear(self, vault: str, secret: SecretVersion) -> _Held | None:
        """Read a version that is new, or has new tags; give what is to be taken of it, if any."""
        wish = Wish(secret.tags)
        if not wish.is_kept_fresh:
            return None
        for held in self._held.values():
            if (held.vault, held.secret) == (vault, secret.name) and wish.grace < held.grace:
                held.until -= held.grace - wish.grace
                held.grace = wish.grace
        is_taken, now = secret.enabled, self.invariants.world.clock()
        return _Held(vault, secret.name, wish.grace, now + wish.grace) if is_taken else None

    def _is_given_up(self, token: Token, held: _Held) -> bool:
        """Tell whether somebody else's word ended what was promised."""
        is_elsewhere = is_handed_over(token, f"{held.vault}/{held.secret}".lower())
        return is_elsewhere or self._is_ordered(token.value, held)

    def _is_ordered(self, value: str, held: _Held) -> bool:
        """Tell whether somebody ordered that what came before a later version is retired now."""
        versions = self.invariants.world.vault(held.vault).versions(held.secret)
        last = max(number for number, version in enumerate(versions) if version.value == value)
        return any(map(orders_retirement, versions[last + 1 :]))
