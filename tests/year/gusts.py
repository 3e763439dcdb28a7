"""Weather over the sessions: redemptions and session vault calls that fail by chance, and pass."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from sandbox.fault import Answer, Drop, Faults
from sandbox.world import session_name
from tests.year import weather

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

    from sandbox.clock import Clock
    from sandbox.fault import Call, Kind
    from sandbox.world import World

REDEMPTION_RATE, VAULT_RATE = 0.05, 0.02
REDEMPTIONS = frozenset({"redeem", "redeem_agent"})
"""The calls that give an owner's access token."""
LEGS = REDEMPTIONS | {"exchange_blueprint", "exchange_agent"}
ANYWHERE = tuple(kind for kind in weather.ANYWHERE if kind is not weather.LATE)
"""A late answer takes time, and is nothing to a session."""
OF_ENTRA: tuple[Kind, ...] = (
    *ANYWHERE,
    Answer(400, '{"error": "temporarily_unavailable", "error_codes": [90033]}'),
    Answer(500, '{"error": "server_error"}'),
)


class Gusts(Faults):
    """What goes wrong with the sessions, whose they are, and when."""

    def __init__(self, world: World, chance: Random) -> None:
        """Let nothing go wrong as yet with the sessions of ``world``."""
        super().__init__()
        self.is_away = False
        """Whether the session vault does not answer at all."""
        self.redeemed: Counter[str] = Counter()
        """How many redemptions of each owner got their true answer."""
        self.redeemed_at: dict[str, datetime] = {}
        self.faults: Counter[str] = Counter()
        """How many calls about each owner's session went wrong."""
        self.disturbed_at: dict[str, datetime] = {}
        """When something last kept an owner's session from being looked after."""
        self.failed = 0
        """How many redemptions went wrong by chance."""
        self._clock: Clock = world.clock
        self._chance = chance
        self._vault = world.session_vault
        self._whose: defaultdict[str, str] = defaultdict(str)
        for user in world.tenant.users.values():
            self._whose |= {user.upn: user.upn, session_name(user.upn): user.upn}
            if user.agent_identity_id:
                self._whose[user.agent_identity_id] = user.upn

    def owner_of(self, call: Call) -> str:
        """Give the owner whose session a call is about; empty if it is about none."""
        if call.service == "key-vault":
            vault, _, rest = call.target.partition("/")
            return self._whose[rest.split("/")[0]] if vault == self._vault.name else ""
        return self._whose[call.target] if call.operation in LEGS else ""

    def disturb(self, owner: str) -> None:
        """Note that something kept a session from being looked after."""
        self.disturbed_at[owner] = self._clock()

    def take(self, call: Call) -> Kind | None:
        """Give what goes wrong at ``call``, or None."""
        owner = self.owner_of(call)
        if not owner:
            return super().take(call)
        kind = self._chosen(call)
        if kind:
            self.disturb(owner)
            self.faults[owner] += 1
        elif call.operation in REDEMPTIONS:
            self.redeemed[owner] += 1
            self.redeemed_at[owner] = self._clock()
        return kind

    def _chosen(self, call: Call) -> Kind | None:
        is_vault = call.service == "key-vault"
        if is_vault and self.is_away:
            return Drop()
        if self._chance.random() >= (VAULT_RATE if is_vault else REDEMPTION_RATE):
            return None
        self.failed += call.operation in REDEMPTIONS
        return self._chance.choice(ANYWHERE if is_vault else OF_ENTRA)
