"""The world of a long run: its secrets, its bad weather, and the people who interfere."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from rotation.model import SecretName
from rotation.order import Arguments, Extent, Order, Verb
from sandbox.fault import Answer, Delay, Drop, Truncate, throttled, unavailable
from sandbox.furniture import Placement, place
from sandbox.world import World
from tests.story.consumer import Consumers
from tests.story.invariant import DAY, HOUR, Invariants, Permit
from tests.year.weather import BY_SERVICE, Outage, Weather

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from sandbox.clock import Clock
    from sandbox.fault import Kind
    from sandbox.vault import SecretVersion

VAULTS = ("kv-build", "kv-deploy")
ORGANIZATIONS = ("contoso", "fabrikam")
OWNERS = ("ada@contoso.example", "grace@contoso.example")
AGENT, OPERATOR = "ci@contoso.example", "operator@contoso.example"
SCOPES = ("vso.code", "vso.packaging", "vso.build_execute vso.code")
SECRETS = 24
FAULT_RATE = 0.05
ANYWHERE: tuple[Kind, ...] = (
    throttled(1),
    unavailable(),
    Answer(500, "{}"),
    Answer(502, "<html></html>", "text/html"),
    Answer(503, "{}", after_effect=True),
    Answer(504, "{}", after_effect=True),
    Answer(408, "{}"),
    Drop(),
    Drop(after_effect=True),
    Truncate(),
    Delay(timedelta(seconds=0.5)),
)
"""What goes wrong at any call: nobody waits for long here, since between two leaps of the clock a
second is a second."""
OUTAGE = 2 * HOUR


class Town:
    """A world, those who use what is in it, and what must hold there."""

    def __init__(self, clock: Clock, seed: int) -> None:
        """Furnish it.

        Args:
            clock: the world's.
            seed: decides what is there and what goes wrong.
        """
        self.world = World(clock, seed=seed)
        self.chance = Random(seed)  # noqa: S311 - the same choices at every run
        self.weather = Weather(
            clock,
            Random(seed + 1),  # noqa: S311 - of its own: calls come in no order
            FAULT_RATE,
            ANYWHERE,
        )
        self.faults: list[str] = []
        """What did not hold."""
        self.outsiders = 0
        """How many tokens somebody outside has killed."""
        self._issued = 0
        self._furnish()
        self.invariants = Invariants(self.world, lambda: VAULTS)
        self.consumers = Consumers(self.invariants)
        self.world.faults = self.weather

    def _furnish(self) -> None:
        world, chance = self.world, self.chance
        people = [world.add_user(owner) for owner in OWNERS]
        people.append(world.add_agent_user(AGENT))
        for organization in ORGANIZATIONS:
            world.add_organization(organization, people)
        for owner in OWNERS:
            world.connect(owner)
        for vault in VAULTS:
            world.add_vault(vault)
        for number in range(SECRETS):
            owner = chance.choice((*OWNERS, AGENT))
            placement = Placement(
                secret=f"token-{number}",
                vault=VAULTS[number % len(VAULTS)],
                organization=chance.choice(ORGANIZATIONS),
                owner=owner,
                scope=chance.choice(SCOPES),
                mode=chance.choice(["regenerate", "regenerate", "extend"]),
                lifetime=DAY,
                age=DAY * chance.random() * 0.7,
                tags={"pat-owner": owner, "pat-lifetime-days": "1", "pat-grace-hours": "1"},
            )
            place(world, placement)

    @property
    def newest(self) -> dict[str, SecretVersion]:
        """The newest version of each secret."""
        return {
            f"{vault}/{secret.name}": secret
            for vault in VAULTS
            for secret in self.world.vault(vault).list_secrets()
        }

    # --- What people do ------------------------------------------------------------------------

    def order(self) -> Order:
        """Ask for something: mostly for a new token, now and then since the old one has leaked."""
        there = [(name, secret) for name, secret in self.newest.items() if secret.enabled]
        name, secret = self.chance.choice(there)
        vault, _, rest = name.partition("/")
        is_leak = self.chance.random() < 1 / 4
        return Order(
            Verb.RETIRE if is_leak else Verb.ROTATE,
            SecretName(vault, rest),
            secret.id,
            OPERATOR,
            self.world.clock(),
            Arguments(extent=Extent.NOW if is_leak else None),
        )

    def has_effect(self, order: Order) -> bool:
        """Tell whether a secret has got another token than the one that an order speaks of.

        A new secret is there before its first token, and disabled until then.
        """
        newest = self.newest.get(str(order.name))
        return newest is not None and newest.enabled and newest.id != order.version

    def issue(self) -> Order:
        """Ask for a secret that is not there yet."""
        self._issued += 1
        number = self._issued
        vault, owner = VAULTS[number % len(VAULTS)], self.chance.choice(OWNERS)
        said = Arguments(
            organization=self.chance.choice(ORGANIZATIONS),
            owner=owner,
            scope=self.chance.choice(SCOPES),
            lifetime_days=1,
        )
        name = SecretName(vault, f"issued-{number}")
        self.invariants.permits[str(name)] = Permit(frozenset({said.scope or ""}), is_first=True)
        return Order(Verb.ISSUE, name, None, OPERATOR, self.world.clock(), said)

    def kill_a_token(self) -> None:
        """Revoke the token of a secret, as an administrator does."""
        with self.world.ground.lock:
            secret = self.chance.choice([*self.newest.values()])
            token = self.world.registry.find(secret.value)
            if token and self.invariants.works(token):
                self.world.registry.amend(token.authorization_id, revoked=True)
                self.invariants.killed.add(token.authorization_id)
                self.outsiders += 1

    def take_a_service_away(self) -> None:
        """Let one of the services answer nobody for some hours."""
        service = self.chance.choice([*BY_SERVICE])
        now = self.world.clock()
        self.weather.outages.append(Outage(service, now, now + OUTAGE))

    def calm(self) -> None:
        """Let nothing go wrong any more."""
        self.weather.rate = 0
        self.weather.outages.clear()

    # --- What must hold ------------------------------------------------------------------------

    def look(self, report: Mapping[str, Any] | None = None) -> None:
        """Have every value used, and see whether every promise is kept.

        Args:
            report: of a run that has just ended, as its JSON: then what holds only after one is
                looked up, too.
        """
        settled = [
            f"{found['vault']}/{found['secret']}"
            for found in (report["secrets"] if report else ())
            if found["outcome"] == "settled" and found["reason"] != "more-to-do"
        ]
        as_of = datetime.fromisoformat(report["started_at"]) if settled and report else None
        with self.world.ground.lock:  # no call takes effect meanwhile
            self.faults += self.invariants.broken(settled, as_of)
            self.faults += self.consumers.step()

    @property
    def state(self) -> Hashable:
        """All that a run could change: the versions of every secret, and the tokens."""
        versions = [
            version
            for vault in VAULTS
            for secret in self.world.vault(vault).list_secrets()
            for version in self.world.vault(vault).versions(secret.name)
        ]
        return (tuple(map(str, versions)), self.world.registry.tokens)

    @property
    def deeds(self) -> Counter[str]:
        """What was done to tokens, and how often."""
        return Counter(str(entry.deed) for entry in self.world.registry.audit)
