"""A stage for stories: a small world, a rotator in the same process, and what must always hold.

Nothing here trusts what the rotator says of itself: the invariants are looked up in the world.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from rotation.model import Defaults, SecretName
from rotation.order import Arguments, Extent, Order, Verb
from rotation.report import Ending
from rotation.rotator import Scope
from sandbox.clock import ManualClock
from sandbox.fault import Answer, Fault
from sandbox.furniture import ORGANIZATION, OWNER, VAULT
from sandbox.ports import InProcess
from sandbox.world import World
from tests.story.consumer import Consumers
from tests.story.invariant import DAY, GRACE, HOUR, LIFETIME, Invariants, Permit
from tests.story.owner import Owners
from tests.story.runner import Runner, whole_run

if TYPE_CHECKING:
    from collections.abc import Hashable

    from rotation.events import Event
    from rotation.fan_out import FanOut
    from rotation.ports import Clock, Locks, RequestQueue
    from rotation.report import Outcome, RunReport
    from sandbox.token import Token
    from sandbox.vault import SecretVersion
    from tests.story.runner import Work

__all__ = ["DAY", "GRACE", "HOUR"]

SECRET = "feed-token"
MINUTE = timedelta(minutes=1)
START = datetime(2026, 11, 22, 7, 7, tzinfo=UTC)
STRANGER = "eve@contoso.example"


@dataclass
class Stage:
    """One world from beginning to end, and the processes of the rotator that work on it."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    events: list[Event] = field(default_factory=list)
    reports: list[RunReport] = field(default_factory=list)
    killed: set[str] = field(default_factory=set)
    """Authorization ids of tokens that somebody outside killed."""
    owners: list[str] = field(default_factory=lambda: [OWNER])
    """Those in the rotators' settings."""
    fan_out: FanOut | None = None
    """Has what is due settled by others."""

    def __post_init__(self) -> None:
        """Furnish the world: one vault, one organization, one connected owner and a stranger."""
        self.world = World(self.clock)
        self.world.add_vault(VAULT)
        self.people = Owners(self.world)
        everybody = [self.people.add(OWNER), self.people.add(STRANGER)]
        self.world.add_organization(ORGANIZATION, everybody)
        self.people.connect(OWNER)
        self.invariants = Invariants(self.world, lambda: self.scope.vaults, self.killed)
        self.consumers = Consumers(self.invariants)

    def process(
        self,
        locks: Locks | None = None,
        clock: Clock | None = None,
        queue: RequestQueue | None = None,
    ) -> InProcess:
        """Start another process of the rotator: it remembers nothing."""
        return InProcess(self.world, self.scope, locks=locks, clock=clock, queue=queue)

    @property
    def scope(self) -> Scope:
        """Everything, with the usual defaults, one secret after the other."""
        owners = tuple(self.owners)
        return Scope([VAULT], owners, Defaults(owners, LIFETIME, 90 * DAY, GRACE), 1)

    def run(self, process: InProcess | None = None) -> RunReport:
        """Run once, as a process of its own, or as one that lives on; judge what it left."""
        report = self.run_unjudged(process)
        self.check()
        return report

    def run_unjudged(self, process: InProcess | None = None) -> RunReport:
        """Run once, and leave it to others to look at what must always hold."""
        process = process or self.process()
        begun = len(process.journal.events)
        try:
            report = process.rotator.run(fan_out=self.fan_out)
        finally:
            self.events += process.journal.events[begun:]
        self.reports.append(report)
        return report

    def carry_out(self, order: Order, process: InProcess | None = None) -> Outcome:
        """Carry an order out, as a process of its own; judge what it left."""
        process = process or self.process()
        begun = len(process.journal.events)
        try:
            outcome = process.rotator.carry_out(order)
        finally:
            self.events += process.journal.events[begun:]
        self.check_at_any_moment()
        return outcome

    def fulfil(self, order: Order, limit: int = 9) -> Outcome:
        """Deliver an order until it has ended, as a queue does; let time pass where it waits."""
        for _ in range(limit):
            outcome = self.carry_out(order)
            assert outcome.ending is not Ending.FAILED, outcome.message
            if outcome.ending in {Ending.DONE, Ending.REFUSED}:
                return outcome
            ready_at = outcome.next_at or self.clock()
            self.clock.advance(max(ready_at - self.clock(), MINUTE))
        message = f"after {limit} deliveries the order of {order.name} is not done"
        raise AssertionError(message)

    def order(self, verb: Verb, *, secret: str = SECRET, **arguments: Any) -> Order:  # noqa: ANN401 - those of an order
        """Give an order about a secret as it is now, and let the invariants know of it."""
        vault = self.world.vault(VAULT)
        is_there = any(found.name == secret for found in vault.list_secrets())
        said = Arguments(**arguments)
        self.invariants.permits[f"{VAULT}/{secret}"] = Permit(
            scopes=frozenset({said.scope} if said.scope else ()),
            adopted=said.authorization_id or "",
            is_first=verb is Verb.ISSUE,
            is_given_up=said.extent is Extent.ALTOGETHER,
        )
        version = vault.newest(secret).id if is_there else None
        return Order(verb, SecretName(VAULT, secret), version, STRANGER, self.clock(), said)

    def run_until_quiet(self, limit: int) -> int:
        """Run until a run changes nothing; give the number of runs that changed something."""
        for count in range(limit + 1):
            before = self.fingerprint()
            self.run()
            if self.fingerprint() == before:
                return count
        message = f"still changing after {limit} runs"
        raise AssertionError(message)

    def live(self, span: timedelta, every: timedelta = HOUR) -> None:
        """Let time pass with a run now and then.

        Just before a run and just after it everybody uses the values.
        """
        for _ in range(span // every):
            self.clock.advance(every)
            self.use()
            self.run()
            self.use()

    def end(self, limit: int) -> None:
        """Run until nothing changes, and on until every grace is over; judge all of it.

        Args:
            limit: how many runs may change something before one changes nothing.
        """
        self.check_at_any_moment()
        self.run_until_quiet(limit)
        self.live(GRACE + 16 * HOUR, every=8 * HOUR)
        for secret in self.managed():
            living = [token.value for token in self.bound(secret.name)]
            assert living == [secret.value], f"{len(living)} living tokens at the end"

    def runner(self, work: Work = whole_run, locks: Locks | None = None) -> Runner:
        """Start a process that goes on only call by call, and can die."""
        return Runner(self.world, self.scope, work, locks)

    def kill(self, token: Token) -> None:
        """Revoke a token from outside."""
        self.killed.add(token.authorization_id)
        self.world.registry.amend(token.authorization_id, revoked=True)

    def refuse(self, operation: str, reason: str) -> None:
        """Let Azure DevOps answer every call of an operation with a refusal inside a 200."""
        body = f'{{"patToken": null, "patTokenError": "{reason}"}}'
        fault = Fault(Answer(200, body), "azure-devops", operation, times=None)
        self.world.faults.add(fault)

    # --- What must always hold -----------------------------------------------------------------

    def check(self) -> None:
        """Look at the world itself for every invariant; of I3 for what the last run settled."""
        self._judge(self.invariants.broken(self.settled()))

    def check_at_any_moment(self) -> None:
        """Look at the world itself for every invariant that holds always, also after a crash."""
        self._judge(self.invariants.broken())

    def use(self) -> None:
        """Let everybody use the newest values, and those taken in the grace before."""
        self._judge(self.consumers.step())

    @staticmethod
    def _judge(faults: list[str]) -> None:
        assert not faults, "\n".join(faults)

    # --- Looking -------------------------------------------------------------------------------

    def settled(self) -> list[str]:
        """Give the secrets (``vault/name``, lower case) that the last run settled."""
        return [
            str(outcome.name).lower()
            for outcome in (self.reports[-1].outcomes if self.reports else ())
            if outcome.ending is Ending.SETTLED and outcome.reason != "more-to-do"
        ]

    def managed(self) -> list[SecretVersion]:
        """Give the newest versions of the managed secrets that are enabled."""
        secrets = self.world.vault(VAULT).list_secrets()
        return [secret for secret in secrets if "pat-rotation" in secret.tags and secret.enabled]

    def versions(self, secret: SecretVersion) -> tuple[SecretVersion, ...]:
        """Give all versions of a secret, the oldest first."""
        return self.world.vault(VAULT).versions(secret.name)

    def all_bound(self, secret: str) -> list[Token]:
        """Give all tokens bound to a secret, dead or alive, the oldest first."""
        mark = f"[{VAULT}/{secret}]"
        return [t for t in self.world.registry.tokens if t.display_name.endswith(mark)]

    def bound(self, secret: str) -> list[Token]:
        """Give the living tokens bound to a secret, the oldest first."""
        now = self.clock()
        return [token for token in self.all_bound(secret) if token.is_living_at(now)]

    def fingerprint(self) -> Hashable:
        """Give all that a run could have changed."""
        versions = [
            (
                (vault.name, version.id, version.created_at, version.enabled, version.expires_at),
                (version.content_type, sha256(version.value.encode()).hexdigest()),
                tuple(sorted(version.tags.items())),
            )
            for vault in self.world.vaults.values()
            for secret in vault.list_secrets()
            for version in vault.versions(secret.name)
        ]
        return (tuple(versions), self.world.registry.tokens)
