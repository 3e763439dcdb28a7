"""The shell: scan, observe, decide, act, record.

``settle`` is the one unit of work: it may be called any number of times, for any secret, by the
timer, a queue, a command or a simulation. It never raises: one secret's failure is its own.
"""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from rotation import tags
from rotation.claim import unclaimed
from rotation.decision import Action, Decision
from rotation.errors import LockHeldError, RejectedError, RotationError
from rotation.events import Kind
from rotation.fleet import Finding, Fleet
from rotation.observer import Observer
from rotation.recorder import Gap, Recorder
from rotation.report import ENDINGS, Ending, Outcome, RunReport, VaultFailure
from rotation.schedule import superseded
from rotation.session import Session
from rotation.settling import ACTIONS_LIMIT, Settling
from rotation.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from rotation.decision import Snapshot
    from rotation.model import Defaults, ManagedSecret, SecretName
    from rotation.ports import Locks, OwnerSessions
    from rotation.settling import Ports

    Progress = Callable[[int, int], None]
    """Told how many secrets of how many are done."""

T = TypeVar("T")

GLANCES = 50
"""Glances made in one go: one takes less time than handing it to a thread."""
JOURNAL_PERIOD = timedelta(days=400)
SUPERSEDED_LIMIT = 3
"""More superseded tokens than that: something makes the secret rotate too often."""


@dataclass(frozen=True)
class Scope:
    """What a rotator looks after."""

    vaults: Sequence[str]
    owners: Sequence[str]
    defaults: Defaults
    concurrency: int
    """Secrets settled at once."""
    journal_period: timedelta = JOURNAL_PERIOD
    """How long events are kept."""


def silently(_done: int, _total: int) -> None:
    """Tell nobody."""


class Rotator:
    """Keeps the managed secrets fresh. Safe to run at the same time as another one."""

    def __init__(self, ports: Ports, sessions: OwnerSessions, locks: Locks, scope: Scope) -> None:
        """Take the outside world, and what to look after in it."""
        self._ports = ports
        self._sessions = sessions
        self._locks = locks
        self._scope = scope
        self._scanned_at: datetime | None = None
        self._gap = Gap()

    def run(self, progress: Progress = silently, scanned_at: datetime | None = None) -> RunReport:
        """Scan all vaults, and settle what needs it; failures are counted, none stops the rest.

        Args:
            progress: told how far it is.
            scanned_at: when the run before this one began, if somebody else remembers it.
        """
        recorder, started_at = self._recorder(), self._ports.clock()
        recorder.say(Kind.SCAN_STARTED)
        self._scanned_at = self._scanned_at or scanned_at
        observer = self._observer()
        with _threads(self._scope.concurrency) as pool:
            sessions = self._ask_sessions(pool, self._sessions.keep)
            for session in sessions:
                recorder.session(session)
            recorder.flush()
            secrets, vault_failures = self._list(pool)
            for failure in vault_failures:
                recorder.say(Kind.ROTATION_FAILED, **vars(failure))
            outcomes = []
            for outcome in self._attend(pool, secrets, observer, recorder):
                outcomes.append(outcome)
                progress(len(outcomes), len(secrets))
        self._report_unclaimed(secrets, vault_failures, observer, recorder)
        self._scanned_at = started_at
        report = RunReport(
            run_id=recorder.run_id,
            started_at=started_at,
            finished_at=self._ports.clock(),
            outcomes=tuple(outcomes),
            sessions=sessions,
            vault_failures=vault_failures,
        )
        reason = "failed" if report.has_failures else "completed"
        recorder.say(Kind.SCAN_COMPLETED, reason=reason, message=report.summary)
        recorder.flush()
        self._forget(started_at)
        return report

    def survey(self, progress: Progress = silently) -> Fleet:
        """Look at all managed secrets and owners, and decide, but do nothing."""
        observer = self._observer()
        with _threads(self._scope.concurrency) as pool:
            sessions = self._ask_sessions(pool, observer.sessions)
            secrets, vault_failures = self._list(pool)
            findings = []
            for finding in pool.map(lambda secret: _find(secret, observer), secrets):
                findings.append(finding)
                progress(len(findings), len(secrets))
        return Fleet(self._ports.clock(), tuple(findings), sessions, vault_failures)

    def settle(
        self, name: SecretName, observer: Observer | None = None, recorder: Recorder | None = None
    ) -> Outcome:
        """Take the lock of one secret; observe, decide and act until nothing is left to do.

        Args:
            name: the secret.
            observer: looks on behalf of the whole run; one of its own if None.
            recorder: tells on behalf of the whole run; one of its own if None.

        Returns:
            How it ended; whatever goes wrong is an outcome, too.
        """
        looks = observer or self._observer()
        actions: list[Action] = []
        with (recorder or self._recorder()).part() as tells:
            return _safely(name, tells, actions, lambda: self._settle(name, looks, tells, actions))

    def _settle(
        self, name: SecretName, observer: Observer, recorder: Recorder, actions: list[Action]
    ) -> Outcome:
        with self._locks.hold(name) as lock:
            x = Settling(self._ports, lock, recorder, self._ports.clock())
            try:
                s = observer.read(name, x.call)
            except RejectedError as exc:
                if exc.reason != "not-found":
                    raise
                return Outcome(name, Ending.SKIPPED, "deleted", "it has been deleted")
            if not tags.is_managed(s.secret.tags):
                message = f"the tag {tags.ROTATION} has been taken off"
                return Outcome(name, Ending.SKIPPED, "unmanaged", message)
            while True:
                was_proven_false = s.proof is False
                s, decision = observer.look(s, x.call)
                if s.proof is False and not was_proven_false:
                    recorder.about(Kind.PROOF_FAILED, s, secret_version=s.secret.version)
                if decision.action in ENDINGS:
                    return _ended(s, decision, recorder, actions)
                if len(actions) == ACTIONS_LIMIT:
                    return _unfinished(name, actions)
                if decision.reason == "token-lost":
                    lost = s.current.authorization_id
                    recorder.about(Kind.TOKEN_LOST, s, authorization_id=lost)
                s = observer.reread(STEPS[decision.action](x, s, decision.token or s.current))
                actions.append(decision.action)

    def _attend(
        self,
        pool: ThreadPoolExecutor,
        secrets: Sequence[ManagedSecret],
        observer: Observer,
        recorder: Recorder,
    ) -> Iterator[Outcome]:
        """Glance at every secret, and settle those that need something; in the order given."""

        def glances(batch: Sequence[ManagedSecret]) -> list[Outcome | None]:
            return [self._glance(secret, observer, recorder) for secret in batch]

        batches = [secrets[n : n + GLANCES] for n in range(0, len(secrets), GLANCES)]
        seen = chain.from_iterable(pool.map(glances, batches))
        done = [
            outcome or pool.submit(self.settle, secret.name, observer, recorder)
            for secret, outcome in zip(secrets, seen, strict=True)
        ]
        for outcome in done:
            yield outcome if isinstance(outcome, Outcome) else outcome.result()

    def _glance(
        self, secret: ManagedSecret, observer: Observer, recorder: Recorder
    ) -> Outcome | None:
        """Give the outcome for a secret that needs nothing; None for one that is to be settled."""

        def look() -> Outcome | None:
            s, decision = observer.glance(secret)
            count = len(superseded(s, self._ports.clock())) if s.mandate.recorded else 0
            if count > SUPERSEDED_LIMIT:
                message = f"{count} superseded tokens: something renews it too often"
                found = {"reason": "too-many-superseded", "message": message}
                recorder.about(Kind.UNCLAIMED_TOKEN_FOUND, s, **found)
            if isinstance(decision, Decision) and decision.action in ENDINGS:
                return _ended(s, decision, recorder, [])
            return None

        return _safely(secret.name, recorder, [], look)

    def _ask_sessions(
        self, pool: ThreadPoolExecutor, ask: Callable[[str], Session]
    ) -> tuple[Session, ...]:
        """Ask for the sessions of all owners, whether they are needed or not."""

        def asked(owner: str) -> Session:
            try:
                return ask(owner)
            except Exception as exc:  # noqa: BLE001 - one owner's trouble is not the others'
                error = _translated(exc)
                unknown = Session(owner, is_working=False, is_known=False)
                return replace(unknown, reason=error.reason, message=str(error))

        return tuple(pool.map(asked, self._scope.owners))

    def _list(
        self, pool: ThreadPoolExecutor
    ) -> tuple[list[ManagedSecret], tuple[VaultFailure, ...]]:
        """List all vaults at once; one that fails does not stop the others."""

        def listed(vault: str) -> list[ManagedSecret] | VaultFailure:
            try:
                return list(self._ports.store.list_managed(vault))
            except Exception as exc:  # noqa: BLE001 - one vault's trouble is not the others'
                error = _translated(exc)
                return VaultFailure(vault, error.reason, str(error))

        found = list(pool.map(listed, self._scope.vaults))
        failures = tuple(answer for answer in found if isinstance(answer, VaultFailure))
        secrets = [s for answer in found if isinstance(answer, list) for s in answer]
        return sorted(secrets, key=lambda secret: secret.name.folded), failures

    def _report_unclaimed(
        self,
        secrets: Sequence[ManagedSecret],
        failures: Sequence[VaultFailure],
        observer: Observer,
        recorder: Recorder,
    ) -> None:
        defaults = self._scope.defaults
        mandates = {secret.name.folded: tags.parse(secret.tags, defaults) for secret in secrets}
        watched = {vault.casefold() for vault in self._scope.vaults}
        seen = watched - {failure.vault.casefold() for failure in failures}
        for found in unclaimed(observer.inventories.answered(), mandates, seen):
            recorder.say(
                Kind.UNCLAIMED_TOKEN_FOUND,
                vault=found.name.vault,
                secret=found.name.name,
                organization=found.organization,
                owner=found.owner,
                authorization_id=found.token.authorization_id,
                expires_at=found.token.valid_to,
                reason=found.reason,
                message="bound to a secret that does not claim it; it is never touched",
            )

    def _forget(self, now: datetime) -> None:
        """Remove what the journal has kept for long enough; the next run does it, if not this."""
        with suppress(RotationError):
            self._ports.journal.forget(now - self._scope.journal_period)

    def _observer(self) -> Observer:
        return Observer(self._ports, self._sessions, self._scope.defaults, self._scanned_at)

    def _recorder(self) -> Recorder:
        ports = self._ports
        return Recorder(ports.log, ports.journal, ports.clock, uuid4().hex[:12], self._gap)


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads; if the work is broken off, they finish what was begun, and begin no more."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _find(secret: ManagedSecret, observer: Observer) -> Finding:
    """Look at a secret, whatever that takes, and do nothing."""
    s = observer.begin(secret)
    try:
        return Finding(*observer.look(s))
    except Exception as exc:  # noqa: BLE001 - one secret's trouble is not the others'
        return Finding(s, None, _translated(exc))


def _unfinished(name: SecretName, actions: list[Action]) -> Outcome:
    """End a settling that has done enough for one run."""
    if actions[-1] is Action.RETIRE:
        message = "there is more to retire; the next run goes on"
        return Outcome(name, Ending.SETTLED, "more-to-do", message, tuple(actions))
    message = f"{name} is not settled after {len(actions)} actions; please report it"
    raise RotationError(message)


def _ended(s: Snapshot, decision: Decision, recorder: Recorder, actions: list[Action]) -> Outcome:
    kinds = {Action.BLOCK: Kind.ROTATION_BLOCKED, Action.REJECT: Kind.ROTATION_REJECTED}
    reason, message = decision.reason, decision.message
    if kind := kinds.get(decision.action):
        recorder.about(kind, s, reason=reason, message=message)
    # Resting after a failure is no success: the run says so until a renewal succeeds.
    ending = Ending.FAILED if reason == "backing-off" else ENDINGS[decision.action]
    return Outcome(s.secret.name, ending, reason, message, tuple(actions))


def _safely(
    name: SecretName, recorder: Recorder, actions: list[Action], work: Callable[[], T]
) -> T | Outcome:
    """Do ``work`` for one secret; whatever it raises is an outcome."""
    try:
        return work()
    except LockHeldError as exc:
        return Outcome(name, Ending.LOCKED, exc.reason, str(exc), tuple(actions))
    except Exception as exc:  # noqa: BLE001 - one secret's trouble is not the others'
        error = _translated(exc)
    told = {"reason": error.reason, "message": str(error)}
    recorder.say(Kind.ROTATION_FAILED, vault=name.vault, secret=name.name, **told)
    return Outcome(name, Ending.FAILED, **told, actions=tuple(actions))


def _translated(exc: Exception) -> RotationError:
    """Give an error as it is, or, of a strange one, what can be told of it.

    The words of a strange error may hold a value; its type and its place cannot.
    """
    if isinstance(exc, RotationError):
        return exc
    place = traceback.extract_tb(exc.__traceback__)[-1]
    where = f"{PurePath(place.filename).name}:{place.lineno}"
    return RotationError(f"unexpected {type(exc).__name__} in {where}; please report it")
