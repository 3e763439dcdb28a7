"""The shell: scan, observe, decide, act, record.

``settle`` is the one unit of work: it may be called any number of times, for any secret, by the
timer, a queue, a command or a simulation. It never raises: one secret's failure is its own.
"""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from rotation import tags
from rotation.errors import LockHeldError, RotationError, VerificationError
from rotation.events import Event, Kind
from rotation.model import Action, Decision, Session
from rotation.observer import Observer
from rotation.report import ENDINGS, Ending, Finding, Fleet, Outcome, RunReport, VaultFailure
from rotation.schedule import superseded
from rotation.settling import ACTIONS_LIMIT, Settling
from rotation.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from rotation.model import Defaults, ManagedSecret, SecretName, Snapshot
    from rotation.ports import Locks, OwnerSessions
    from rotation.settling import Ports

    Progress = Callable[[int, int], None]
    """Told how many secrets of how many are done."""

T = TypeVar("T")

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

    def run(self, progress: Progress = silently) -> RunReport:
        """Scan all vaults, and settle what needs it; failures are counted, none stops the rest."""
        run_id, started_at = uuid4().hex[:12], self._ports.clock()
        self._record(Kind.SCAN_STARTED, run_id)
        observer = self._observer()
        self._scanned_at = started_at
        with ThreadPoolExecutor(self._scope.concurrency) as pool:
            sessions = tuple(pool.map(lambda o: self._session(o, observer), self._scope.owners))
            self._report_sessions(sessions, run_id)
            secrets, vault_failures = self._list(pool)
            for failure in vault_failures:
                self._record(Kind.ROTATION_FAILED, run_id, **vars(failure))
            outcomes = []
            for outcome in pool.map(lambda s: self._attend(s, observer, run_id), secrets):
                outcomes.append(outcome)
                progress(len(outcomes), len(secrets))
        self._report_unclaimed(secrets, vault_failures, observer, run_id)
        report = RunReport(
            run_id=run_id,
            started_at=started_at,
            finished_at=self._ports.clock(),
            outcomes=tuple(outcomes),
            sessions=sessions,
            vault_failures=vault_failures,
        )
        counted = ", ".join(f"{count} {what}" for what, count in report.counts.items() if count)
        reason = "failed" if report.has_failures else "completed"
        self._record(Kind.SCAN_COMPLETED, run_id, reason=reason, message=counted or "no secrets")
        return report

    def survey(self, progress: Progress = silently) -> Fleet:
        """Look at all managed secrets and owners, and decide, but do nothing."""
        observer = self._observer()
        with ThreadPoolExecutor(self._scope.concurrency) as pool:
            sessions = tuple(pool.map(lambda o: self._session(o, observer), self._scope.owners))
            secrets, vault_failures = self._list(pool)
            findings = []
            for finding in pool.map(lambda secret: self._find(secret, observer), secrets):
                findings.append(finding)
                progress(len(findings), len(secrets))
        now = self._ports.clock()
        return Fleet(now, tuple(findings), sessions, vault_failures)

    def settle(
        self, name: SecretName, observer: Observer | None = None, run_id: str | None = None
    ) -> Outcome:
        """Take the lock of one secret; observe, decide and act until nothing is left to do.

        Args:
            name: the secret.
            observer: looks on behalf of the whole run; one of its own if None.
            run_id: names the run in events; one of its own if None.

        Returns:
            How it ended; whatever goes wrong is an outcome, too.
        """
        run_id = run_id or uuid4().hex[:12]
        looks = observer or self._observer()
        actions: list[Action] = []
        return self._safely(
            name, run_id, actions, lambda: self._settle(name, looks, run_id, actions)
        )

    def _settle(
        self, name: SecretName, observer: Observer, run_id: str, actions: list[Action]
    ) -> Outcome:
        with self._locks.hold(name) as lock:
            x = Settling(self._ports, lock, run_id, self._ports.clock())
            s = observer.read(name, x.call)
            if not tags.is_managed(s.secret.tags):
                message = f"the tag {tags.ROTATION} has been taken off"
                return Outcome(name, Ending.SKIPPED, "unmanaged", message)
            while True:
                was_proven_false = s.proof is False
                s, decision = observer.look(s, x.call)
                if s.proof is False and not was_proven_false:
                    x.say(Kind.PROOF_FAILED, s.secret, s.mandate, secret_version=s.secret.version)
                if decision.action in ENDINGS:
                    return self._ended(s, decision, run_id, actions)
                if len(actions) == ACTIONS_LIMIT:
                    message = f"{name} is not settled after {ACTIONS_LIMIT} actions"
                    raise VerificationError(message)
                if decision.reason == "token-lost":
                    lost = decision.token and decision.token.authorization_id
                    x.say(Kind.TOKEN_LOST, s.secret, s.mandate, authorization_id=lost)
                s = observer.reread(STEPS[decision.action](x, s, decision.token))
                actions.append(decision.action)

    def _attend(self, secret: ManagedSecret, observer: Observer, run_id: str) -> Outcome:
        """Settle a secret if a glance at it says that it needs something."""

        def look() -> Outcome | None:
            s, decision = observer.glance(secret)
            others = superseded(s, self._ports.clock())
            if s.mandate.recorded and len(others) > SUPERSEDED_LIMIT:
                self._record_about(
                    Kind.UNCLAIMED_TOKEN_FOUND,
                    s,
                    run_id,
                    reason="too-many-superseded",
                    message=f"{len(others)} superseded tokens: something renews it too often",
                )
            if isinstance(decision, Decision) and decision.action in ENDINGS:
                return self._ended(s, decision, run_id, [])
            return None

        seen = self._safely(secret.name, run_id, [], look)
        return seen or self.settle(secret.name, observer, run_id)

    def _find(self, secret: ManagedSecret, observer: Observer) -> Finding:
        """Look at a secret, whatever that takes, and do nothing."""
        s = observer.begin(secret)
        try:
            return Finding(*observer.look(s))
        except RotationError as exc:
            return Finding(s, None, exc)

    def _ended(
        self, s: Snapshot, decision: Decision, run_id: str, actions: list[Action]
    ) -> Outcome:
        kinds = {Action.BLOCK: Kind.ROTATION_BLOCKED, Action.REJECT: Kind.ROTATION_REJECTED}
        if kind := kinds.get(decision.action):
            self._record_about(kind, s, run_id, reason=decision.reason, message=decision.message)
        return Outcome(
            name=s.secret.name,
            ending=ENDINGS[decision.action],
            reason=decision.reason,
            message=decision.message,
            actions=tuple(actions),
        )

    def _safely(
        self, name: SecretName, run_id: str, actions: list[Action], work: Callable[[], T]
    ) -> T | Outcome:
        """Do ``work`` for one secret; whatever it raises is an outcome."""
        try:
            return work()
        except LockHeldError as exc:
            return Outcome(name, Ending.LOCKED, exc.reason, str(exc), tuple(actions))
        except RotationError as exc:
            reason, message = exc.reason, str(exc)
        except Exception as exc:  # noqa: BLE001 - a defect must not stop the other secrets
            # The words of a strange error may hold a value; its type and its place cannot.
            place = traceback.extract_tb(exc.__traceback__)[-1]
            reason = "unexpected"
            message = f"{type(exc).__name__} in {PurePath(place.filename).name}:{place.lineno}"
        self._record(
            Kind.ROTATION_FAILED,
            run_id,
            vault=name.vault,
            secret=name.name,
            reason=reason,
            message=message,
        )
        return Outcome(name, Ending.FAILED, reason, message, tuple(actions))

    def _session(self, owner: str, observer: Observer) -> Session:
        try:
            return observer.sessions(owner)
        except RotationError as exc:
            return Session(
                owner, is_working=False, is_known=False, reason=exc.reason, message=str(exc)
            )

    def _report_sessions(self, sessions: Sequence[Session], run_id: str) -> None:
        for session in sessions:
            about = {"owner": session.owner, "message": session.message or None}
            if not session.is_working:
                kind = Kind.SESSION_SIGN_IN_NEEDED if session.is_known else Kind.ROTATION_FAILED
                self._record(kind, run_id, **about, reason=session.reason)
            elif session.is_refreshed:
                self._record(Kind.SESSION_REFRESHED, run_id, **about)
            elif session.reason:
                self._record(Kind.ROTATION_FAILED, run_id, **about, reason=session.reason)

    def _list(
        self, pool: ThreadPoolExecutor
    ) -> tuple[list[ManagedSecret], tuple[VaultFailure, ...]]:
        """List all vaults at once; one that fails does not stop the others."""

        def listed(vault: str) -> list[ManagedSecret] | VaultFailure:
            try:
                return list(self._ports.store.list_managed(vault))
            except RotationError as exc:
                return VaultFailure(vault, exc.reason, str(exc))

        found = list(pool.map(listed, self._scope.vaults))
        failures = tuple(answer for answer in found if isinstance(answer, VaultFailure))
        secrets = [s for answer in found if isinstance(answer, list) for s in answer]
        return sorted(secrets, key=lambda secret: secret.name.folded), failures

    def _report_unclaimed(
        self,
        secrets: Sequence[ManagedSecret],
        failures: Sequence[VaultFailure],
        observer: Observer,
        run_id: str,
    ) -> None:
        """Report bound tokens whose secret is not managed, or names another owner."""
        mandates = {
            secret.name.folded: tags.parse(secret.tags, self._scope.defaults) for secret in secrets
        }
        unseen = {failure.vault.casefold() for failure in failures}
        for (owner, organization), inventory in observer.inventories.answered().items():
            for token in inventory.tokens:
                name = token.marked
                mandate = mandates.get(name) if name else None
                is_claimed = mandate and (mandate.faults or mandate.owner in {owner, ""})
                if name is None or name.vault in unseen or is_claimed:
                    continue
                self._record(
                    Kind.UNCLAIMED_TOKEN_FOUND,
                    run_id,
                    vault=name.vault,
                    secret=name.name,
                    organization=organization,
                    owner=owner,
                    authorization_id=token.authorization_id,
                    expires_at=token.valid_to,
                    reason="another-owner" if mandate else "unmanaged",
                    message="bound to a secret that does not claim it; it is never touched",
                )

    def _observer(self) -> Observer:
        return Observer(self._ports, self._sessions, self._scope.defaults, self._scanned_at)

    def _record(self, kind: Kind, run_id: str, **keys: Any) -> None:  # noqa: ANN401 - an event's
        self._ports.log.record(Event(kind, self._ports.clock(), run_id, **keys))

    def _record_about(self, kind: Kind, s: Snapshot, run_id: str, **keys: Any) -> None:  # noqa: ANN401
        self._record(
            kind,
            run_id,
            vault=s.secret.name.vault,
            secret=s.secret.name.name,
            organization=s.mandate.organization or None,
            owner=s.mandate.owner or None,
            **keys,
        )
