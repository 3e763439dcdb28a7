"""How the fleet stands as a run leaves it, on a few lines of the log.

Alerts and workbooks look at the last picture, so none of them needs to know what happened weeks
ago. The line that closes a picture comes last: without it, the picture is not whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from rotation.decision import Action, Decision, Finding
from rotation.dependents import depends
from rotation.errors import RotationError
from rotation.fleet import expires_at, owner_standing, standing
from rotation.policy import reject_foreign_token
from rotation.report import Ending
from rotation.schedule import is_renewal_wanted
from rotation.tags import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, timedelta

    from rotation.decision import Snapshot
    from rotation.ports import EventLog
    from rotation.report import Outcome, VaultFailure
    from rotation.session import Session

T = TypeVar("T")

ROWS = 50
"""On one line, so that it stays below the 32,768 characters that Application Insights keeps of a
message (Azure Monitor documentation, *Application Insights telemetry data model: trace*)."""

NEW_DATE = frozenset({Action.RENEW, Action.EXTEND})
"""After these, the expiry that the list showed counts no more."""


@dataclass
class Picture:
    """One picture, drawn as the run goes. Its lines may be written by several threads."""

    log: EventLog
    run_id: str
    started_at: datetime
    """When the run began: the same on every line."""
    alert_before: timedelta
    """See ``rotation.fleet.alert``."""
    is_spoilt: bool = False
    """Whether a part of it could not be drawn: then it is never closed."""
    _loads: dict[str, Load] = field(default_factory=dict)
    _count: int = 0
    _guard: Lock = field(default_factory=Lock)

    def show(self, findings: Sequence[Finding], now: datetime) -> None:
        """Write how some secrets stand at the instant ``now``."""
        with self._guard:
            for finding in findings:
                self._count_in(finding.snapshot)
        for some in _groups(findings):
            rows = [standing(finding, now, self.alert_before) for finding in some]
            self._write(secrets=rows)

    def close(
        self,
        sessions: Iterable[Session],
        vault_failures: Iterable[VaultFailure],
        poisoned: int | None,
        now: datetime,
    ) -> None:
        """Write how the owners stand, and that the picture is whole, if it is.

        Args:
            sessions: of all owners.
            vault_failures: the vaults whose secrets are not in the picture.
            poisoned: messages in the queue of those that nobody could handle; None if unknown.
            now: the instant of the look.
        """
        for some in _groups([*sessions]):
            self._write(owners=[self._owner(session, now) for session in some])
        if self.is_spoilt:
            return
        failed = [{"vault": lost.vault, "reason": lost.reason} for lost in vault_failures]
        known = {} if poisoned is None else {"poisoned": poisoned}
        self._write(count=self._count, vaults_failed=failed, **known)

    def _count_in(self, s: Snapshot) -> None:
        self._count += 1
        mandate, ends_at = s.mandate, expires_at(s)
        if depends(mandate, mandate.owner):
            load = self._loads.setdefault(mandate.owner, Load())
            load.secrets += 1
            if ends_at and (load.first_end is None or ends_at < load.first_end):
                load.first_end = ends_at

    def _owner(self, session: Session, now: datetime) -> dict[str, Any]:
        load = self._loads.get(session.owner, Load())
        told = owner_standing(session, load.first_end, now)
        return {**{k: v for k, v in told.items() if v}, "secrets": load.secrets}

    def _write(self, **what: Any) -> None:  # noqa: ANN401 - JSON
        line = {"fleet": self.run_id, "time": format_instant(self.started_at), **what}
        self.log.show(line)


@dataclass
class Load:
    """What depends on an owner."""

    secrets: int = 0
    first_end: datetime | None = None
    """When the first of their tokens dies."""


def left_by(outcome: Outcome, s: Snapshot, now: datetime) -> Finding | None:
    """Give what is known of a secret after a run.

    Args:
        outcome: how its settling, or the look at it, ended.
        s: as the list showed it.
        now: the instant of the look.

    Returns:
        The finding; None of a secret that is managed no more.
    """
    if outcome.finding or outcome.ending is Ending.SKIPPED:
        return outcome.finding
    if outcome.ending is Ending.FAILED:
        if NEW_DATE & {*outcome.actions}:
            s = replace(s, secret=replace(s.secret, expires_at=None), recorded=None)
        error = RotationError(outcome.message)
        error.reason = outcome.reason
        return Finding(s, None, error)
    return Finding(s, _left_to_others(outcome, s, now))


def _left_to_others(outcome: Outcome, s: Snapshot, now: datetime) -> Decision:
    """Say how a secret stands that another run settles, or whoever takes it from the queue.

    They may have failed, or rejected it, hour after hour: here, only the list tells.
    """
    foreign = reject_foreign_token(s, now)
    if isinstance(foreign, Decision):
        return foreign
    attempt, is_due = s.mandate.attempt, s.recorded is None or is_renewal_wanted(s, now)
    if is_due and attempt and attempt.failures:
        return Decision(Action.NOTHING, "backing-off", outcome.message)
    action = Action.RENEW if is_due else Action.NOTHING
    return Decision(action, outcome.reason, outcome.message)


def _groups(things: Sequence[T]) -> Iterator[Sequence[T]]:
    return (things[n : n + ROWS] for n in range(0, len(things), ROWS))
