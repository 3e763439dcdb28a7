"""A stage for stories: a small world, a rotator in the same process, and what must always hold.

Nothing here trusts what the rotator says of itself: the invariants are looked up in the world.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rotation.model import Defaults
from rotation.rotator import Scope
from sandbox.clock import ManualClock
from sandbox.fault import Answer, Fault
from sandbox.furniture import ORGANIZATION, OWNER, VAULT
from sandbox.ports import InProcess, MemoryLocks
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from rotation.events import Event
    from rotation.ports import Clock
    from rotation.report import RunReport
    from sandbox.fault import Call
    from sandbox.token import Token
    from sandbox.vault import SecretVersion

START = datetime(2026, 11, 22, 7, 7, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GRACE = 48 * HOUR
STRANGER = "eve@contoso.example"


class CrashError(BaseException):
    """The process is gone. Not an ``Exception``: nothing in the rotator may see it and go on."""


@dataclass
class Stage:
    """One world from beginning to end, and the processes of the rotator that work on it."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    events: list[Event] = field(default_factory=list)
    reports: list[RunReport] = field(default_factory=list)
    searched: int = 0
    """How many of the events were searched for leaks."""
    killed: set[str] = field(default_factory=set)
    """Authorization ids of tokens that somebody outside killed."""

    def __post_init__(self) -> None:
        """Furnish the world: one vault, one organization, one connected owner and a stranger."""
        self.world = World(self.clock)
        self.world.add_vault(VAULT)
        people = [self.world.add_user(OWNER), self.world.add_user(STRANGER)]
        self.world.add_organization(ORGANIZATION, people)
        self.world.connect(OWNER)

    def process(self, locks: MemoryLocks | None = None, clock: Clock | None = None) -> InProcess:
        """Start another process of the rotator: it remembers nothing."""
        return InProcess(self.world, self.scope, locks=locks, clock=clock)

    @property
    def scope(self) -> Scope:
        """Everything, with the usual defaults, one secret after the other."""
        return Scope([VAULT], [OWNER], Defaults((OWNER,), 30 * DAY, 90 * DAY, GRACE), 1)

    def run(self) -> RunReport:
        """Run once, as a process of its own."""
        process = self.process()
        try:
            report = process.rotator.run()
        finally:
            self.events += process.journal.events
        self.reports.append(report)
        return report

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
        """Let time pass with a run now and then; after each, look at what must always hold."""
        for _ in range(span // every):
            self.clock.advance(every)
            self.run()
            self.check()

    def die_at(self, number: int, *, after_effect: bool) -> None:
        """Run once, and let the process die at its remote call of that number, counted from 0.

        From then on none of its calls reaches the world, whatever it still tries.
        """
        arrived = 0

        def die(_call: Call) -> None:
            raise CrashError

        def count(call: Call) -> None:
            nonlocal arrived
            arrived += 1
            if arrived > number + after_effect:
                die(call)

        def kill_after(call: Call) -> None:
            if after_effect and arrived == number + 1:
                self.world.before_call = die
                die(call)

        self.world.before_call, self.world.after_effect = count, kill_after
        process = self.process()
        try:
            process.rotator.run()
        except CrashError:
            pass
        else:
            message = f"the run ended before its call {number}"
            raise AssertionError(message)
        finally:
            self.events += process.journal.events
            self.world.before_call = self.world.after_effect = lambda _call: None

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
        """Look at the world itself for every invariant that holds after a run."""
        self.check_at_any_moment()
        assert not [*self.strays()]

    def check_at_any_moment(self) -> None:
        """Look at the world itself for every invariant that holds always, also after a crash."""
        faults = [*self.dead_secrets(), *self.grown_tokens(), *self.leaks()]
        assert not faults, "\n".join(faults)

    def dead_secrets(self) -> Iterator[str]:
        """I1: the newest version authenticates, unless somebody outside killed its token."""
        for secret in self.managed():
            token = self.world.registry.find(secret.value)
            is_killed = token is None or token.authorization_id in self.killed
            if not is_killed and not self.world.authenticate(ORGANIZATION, secret.value):
                yield f"I1: {secret.name} is dead"

    def strays(self) -> Iterator[str]:
        """I3: a living bound token is the current one, or it or its successor is in grace."""
        now = self.clock()
        for secret in self.managed():
            for token in self.bound(secret.name):
                youngest = max(token.valid_from, secret.created_at)
                # An hour more: what becomes ripe between two runs waits for the next one.
                if token.value != secret.value and now - youngest > GRACE + HOUR:
                    yield f"I3: {secret.name} has a stray from {token.valid_from}"

    def grown_tokens(self) -> Iterator[str]:
        """I5: a token that the rotator made works in one organization, for one scope it had."""
        for secret in self.managed():
            scopes = {token.scope for token in self.all_bound(secret.name)}
            if len(scopes) > 1:
                yield f"I5: {secret.name} had the scopes {scopes}"
            if any(token.accounts is None for token in self.all_bound(secret.name)):
                yield f"I5: {secret.name} has a global token"

    def leaks(self) -> Iterator[str]:
        """I4: no value is in any event, report or tag."""
        secrets = self.world.vault(VAULT).list_secrets()
        tags = [str(dict(version.tags)) for secret in secrets for version in self.versions(secret)]
        said = [*self.events[self.searched :], *self.reports[-1:]]
        self.searched = len(self.events)
        text = "\n".join([*map(repr, said), *tags])
        if count := self.world.leaks_in(text):
            yield f"I4: {count} values were given away"

    # --- Looking -------------------------------------------------------------------------------

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
            (vault.name, version.id, version.enabled, version.expires_at, str(dict(version.tags)))
            for vault in self.world.vaults.values()
            for secret in vault.list_secrets()
            for version in vault.versions(secret.name)
        ]
        tokens = [
            (t.authorization_id, t.revoked, t.valid_to, t.display_name, t.scope)
            for t in self.world.registry.tokens
        ]
        return (tuple(versions), tuple(tokens))
