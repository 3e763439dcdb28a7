"""How one secret stands, ready to be shown, and which of two is the more urgent. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rotation import fleet
from rotation.fleet import Actor, Alert, State
from rotation.model import Mode
from rotation.schedule import renewal_at, retirement_at, superseded

if TYPE_CHECKING:
    from datetime import timedelta

    from rotation.decision import Finding
    from rotation.fleet import Fleet
    from rotation.model import SecretName

FAR = datetime.max.replace(tzinfo=UTC)

BAD = frozenset({State.FAILING, State.BLOCKED, State.REJECTED, State.EXPIRED})
"""The states about which something is to be done."""
ORDER = (State.EXPIRED, State.FAILING, State.BLOCKED, State.REJECTED, State.DUE)
"""The most urgent first; all other states are alike, but for secrets that are switched off."""


@dataclass(frozen=True)
class Standing:
    """One secret at the moment of the look."""

    finding: Finding
    name: SecretName
    state: State
    alert: Alert | None
    actor: Actor
    reason: str
    """One machine word."""
    message: str
    """Why it stands so, in plain words."""
    ends_at: datetime | None
    renewal_at: datetime | None
    """When its renewal is due; None if there is none, or nobody knows."""
    grace_ends_at: datetime | None
    """When the last of its previous tokens is retired; None without one."""
    next_at: datetime | None
    retry_at: datetime | None

    @property
    def needs_attention(self) -> bool:
        """Whether something is to be done about it other than by the clock."""
        return self.state in BAD or self.alert is not None

    @property
    def urgency(self) -> tuple[int, datetime, SecretName]:
        """Give what secrets are sorted by: the most urgent first.

        One run renews many within seconds, which say nothing: those of one hour are in the order of
        their names.
        """
        last = len(ORDER) + 1
        rank = ORDER.index(self.state) if self.state in ORDER else last - 1
        if self.alert is Alert.EXPIRING and rank:
            rank = 1
        return (
            last if self.state is State.SKIPPED else rank,
            _hour(self.ends_at) if self.ends_at else FAR,
            self.name.folded,
        )

    @property
    def owner(self) -> str:
        """Name the owner, as far as the tags tell."""
        return self.finding.snapshot.mandate.owner


def standing(finding: Finding, now: datetime, alert_before: timedelta) -> Standing:
    """Tell how a secret stands at the instant ``now``; see ``rotation.fleet.alert``."""
    s, decision, error = finding.snapshot, finding.decision, finding.error
    mandate = s.mandate
    is_kept = s.secret.enabled and mandate.mode is not Mode.WATCH and not mandate.faults
    has_renewal = is_kept and s.recorded and s.is_identified
    others = superseded(s, now) if is_kept and mandate.recorded else []
    graces = [min(token.valid_to, retirement_at(token, s)) for token in others]
    return Standing(
        finding=finding,
        name=s.secret.name,
        state=fleet.state(finding, now),
        alert=fleet.alert(finding, now, alert_before),
        actor=fleet.acts_next(finding),
        reason=decision.reason if decision else (error.reason if error else ""),
        message=decision.message if decision else str(error),
        ends_at=fleet.expires_at(s),
        renewal_at=renewal_at(s.current, mandate, s.secret.name) if has_renewal else None,
        grace_ends_at=max(graces, default=None),
        next_at=fleet.next_at(finding, now),
        retry_at=fleet.retry_at(finding, now),
    )


def by_urgency(fleet: Fleet) -> list[Standing]:
    """Tell how all secrets of a fleet stand, the most urgent first."""
    told = (standing(one, fleet.checked_at, fleet.alert_before) for one in fleet.findings)
    return sorted(told, key=lambda one: one.urgency)


def _hour(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
