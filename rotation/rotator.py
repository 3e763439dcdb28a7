"""The run over all secrets: scan, glance at each, have settled what needs it, report.

It never raises: one secret's, one owner's or one vault's failure is its own.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from rotation.claim import unclaimed
from rotation.decision import Finding
from rotation.errors import RotationError
from rotation.events import Kind
from rotation.fleet import ALERT_BEFORE, Fleet
from rotation.intake import Intake
from rotation.observer import Observer
from rotation.picture import Picture
from rotation.recorder import Gap, Recorder
from rotation.relay import THREADS
from rotation.report import Ending, Outcome, Outcomes, RunReport
from rotation.scan import Scan
from rotation.session import Session
from rotation.settler import Settler, told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from rotation.fan_out import FanOut
    from rotation.model import Defaults, ManagedSecret, SecretName
    from rotation.order import Order
    from rotation.ports import Locks, OwnerSessions
    from rotation.settling import Ports

    Progress = Callable[[int, int], None]
    """Told how many secrets of how many are done."""

JOURNAL_PERIOD = timedelta(days=400)


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
    alert_before: timedelta = ALERT_BEFORE
    """How near the expiry of a secret that is not renewed must be to be an alert."""


def silently(_done: int, _total: int) -> None:
    """Tell nobody."""


class Rotator:
    """Keeps the managed secrets fresh. Safe to run at the same time as another one."""

    def __init__(self, ports: Ports, sessions: OwnerSessions, locks: Locks, scope: Scope) -> None:
        """Take the outside world, and what to look after in it."""
        self._ports = ports
        self._sessions = sessions
        self._scope = scope
        self._settler = Settler(ports, locks)
        self._shared = Observer(ports, sessions, scope.defaults)
        self._scanned_at: datetime | None = None
        self._gap = Gap()

    def run(
        self,
        progress: Progress = silently,
        scanned_at: datetime | None = None,
        fan_out: FanOut | None = None,
    ) -> RunReport:
        """Scan all vaults, and settle what needs it; failures are counted, none stops the rest.

        Args:
            progress: told how far it is.
            scanned_at: when the run before this one began, if somebody else remembers it.
            fan_out: has what needs something settled by others; without, this run does it.
        """
        recorder, clock = self._recorder(), self._ports.clock
        started_at = clock()
        recorder.say(Kind.SCAN_STARTED)
        self._scanned_at = self._scanned_at or scanned_at
        observer = self._observer()
        before = self._scope.alert_before
        picture = Picture(self._ports.log, recorder.run_id, started_at, before)
        outcomes = Outcomes()
        with _threads(self._scope.concurrency) as pool:
            intake = self._intake(pool, observer)
            asked = self._ask_sessions(pool, self._sessions.keep)
            intake.begin()  # behind the sessions, while they are waited for
            sessions = tuple(asked)
            for session in sessions:
                recorder.session(session)
            recorder.flush()
            settler, ports, at_once = self._settler, self._ports, self._scope.concurrency
            scan = Scan(pool, settler, observer, recorder, picture, fan_out, ports, at_once)
            for outcome in scan.attend(intake):
                outcomes.add(outcome)
                progress(len(outcomes), intake.count)
        vault_failures = intake.failures
        for failure in vault_failures:
            recorder.say(Kind.ROTATION_FAILED, **vars(failure))
        self._report_unclaimed(intake, observer, recorder)
        self._scanned_at = started_at
        report = RunReport(
            run_id=recorder.run_id,
            started_at=started_at,
            finished_at=clock(),
            outcomes=outcomes,
            sessions=sessions,
            vault_failures=vault_failures,
        )
        picture.close(sessions, vault_failures, self._poisoned(), clock())
        reason = "failed" if report.has_failures else "completed"
        recorder.say(Kind.SCAN_COMPLETED, reason=reason, message=report.summary)
        recorder.flush()
        self._forget(started_at)
        return report

    def survey(self, progress: Progress = silently, scanned_at: datetime | None = None) -> Fleet:
        """Look at all managed secrets and owners, and decide, but do nothing.

        Args:
            progress: told how far it is.
            scanned_at: when the scan before is to be taken to have been. The present instant leaves
                out whose hour to be proven it is, for which each value would have to be read.
        """
        observer = self._observer()
        if scanned_at:
            observer = observer.since(scanned_at)
        with _threads(self._scope.concurrency) as pool:
            intake = self._intake(pool, observer)
            asked = self._ask_sessions(pool, observer.sessions)
            intake.begin()
            sessions = tuple(asked)
            secrets = [secret for some in intake for secret in some]
            secrets.sort(key=lambda secret: secret.name.folded)
            findings = []
            for finding in pool.map(lambda secret: _find(secret, observer), secrets):
                findings.append(finding)
                progress(len(findings), len(secrets))
        before = self._scope.alert_before
        return Fleet(self._ports.clock(), tuple(findings), sessions, intake.failures, before)

    def settle(self, name: SecretName, scanned_at: datetime | None = None) -> Outcome:
        """Settle one secret, apart from any run; whatever goes wrong is an outcome, too.

        Args:
            name: the secret.
            scanned_at: when the scan before the one that asks for it began, if that is known.
        """
        if stranger := self._stranger(name, Ending.SKIPPED):
            return stranger  # its message is older than the settings
        # What others have asked for in the last minutes is not asked for again: so a thousand
        # secrets settled one by one cost no more than a run of all.
        observer = self._shared.since(scanned_at)
        recorder = self._recorder()
        outcome = self._settler.settle(name, observer, recorder)
        recorder.flush()
        if outcome.ending is Ending.FAILED:
            # What could not be asked for may be there for the next one.
            self._shared = Observer(self._ports, self._sessions, self._scope.defaults)
        return outcome

    def carry_out(self, order: Order) -> Outcome:
        """Carry out an operator's order; whatever goes wrong is an outcome, too.

        An order that ends as ``waiting``, ``locked`` or ``failed`` must be given again.
        """
        recorder = self._recorder()
        if outcome := self._stranger(order.name, Ending.REFUSED):
            said = {"reason": outcome.reason, "message": outcome.message}
            recorder.of_order(Kind.ORDER_REFUSED, order, **said)
        else:
            outcome = self._settler.carry_out(order, self._observer(), recorder)
        recorder.flush()
        return outcome

    def _stranger(self, name: SecretName, ending: Ending) -> Outcome | None:
        """Give the outcome for a secret of a vault that is not watched; None if it is."""
        if name.vault.casefold() in map(str.casefold, self._scope.vaults):
            return None
        message = f"{name.vault} is none of the watched vaults"
        return Outcome(name, ending, "unknown-vault", message)

    def _ask_sessions(
        self, pool: ThreadPoolExecutor, ask: Callable[[str], Session]
    ) -> Iterator[Session]:
        """Have the sessions of all owners asked for, whether they are needed or not."""

        def asked(owner: str) -> Session:
            try:
                return ask(owner)
            except Exception as exc:  # noqa: BLE001 - one owner's trouble is not the others'
                error = told_of(exc)
                unknown = Session(owner, is_working=False, is_known=False)
                return replace(unknown, reason=error.reason, message=str(error))

        return pool.map(asked, self._scope.owners)

    def _intake(self, pool: ThreadPoolExecutor, observer: Observer) -> Intake:
        return Intake(pool, self._ports.store, observer, self._scope.vaults)

    def _report_unclaimed(self, intake: Intake, observer: Observer, recorder: Recorder) -> None:
        watched = {vault.casefold() for vault in self._scope.vaults}
        seen = watched - {failure.vault.casefold() for failure in intake.failures}
        for found in unclaimed(observer.inventories.answered(), intake.register, seen):
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

    def _poisoned(self) -> int | None:
        """Tell how many requests nobody could handle; None if that cannot be told."""
        queue = self._ports.queue
        try:
            return queue.poisoned() if queue else None
        except RotationError:
            return None

    def _observer(self) -> Observer:
        return Observer(self._ports, self._sessions, self._scope.defaults, self._scanned_at)

    def _recorder(self) -> Recorder:
        ports = self._ports
        return Recorder(ports.log, ports.journal, ports.clock, uuid4().hex[:12], self._gap)


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads; if the work is broken off, they finish what was begun, and begin no more."""
    pool = ThreadPoolExecutor(count, thread_name_prefix=THREADS)
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
        return Finding(s, None, told_of(exc))
