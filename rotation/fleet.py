"""How secrets and owners stand, in the stable forms of the commands' JSON. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rotation import schedule
from rotation.decision import Action
from rotation.dependents import depends
from rotation.errors import AccessDeniedError, RotationError, UnavailableError
from rotation.model import Mode
from rotation.report import ENDINGS, VaultFailure
from rotation.schedule import (
    DAY,
    NO_EXPIRY,
    WATCHED,
    is_renewal_wanted,
    renewal_at,
    retirement_at,
    superseded,
)
from rotation.session import ADMINISTRATOR_NEEDED, SIGN_IN_NEEDED
from rotation.tags import format_instant

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from rotation.decision import Finding, Snapshot
    from rotation.session import Session


class State(StrEnum):
    """How a secret stands."""

    FRESH = "fresh"
    DUE = "due"
    RETIRING = "retiring"
    FAILING = "failing"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SKIPPED = "skipped"
    WATCHED = "watched"


class Alert(StrEnum):
    """Why somebody should be told of a secret's expiry."""

    EXPIRING = "expiring"
    """It is near, and the secret is not renewed."""
    EXPIRED = "expired"


class Actor(StrEnum):
    """Who does something about a secret next."""

    ROTATOR = "rotator"
    OWNER = "owner"
    """Signs in, or does something about their tokens in Azure DevOps."""
    KEEPER = "keeper"
    """Of the secret: mends its tags, enables it, or stores another value."""
    ADMINISTRATOR = "administrator"
    NOBODY = "nobody"


ACTORS = {
    SIGN_IN_NEEDED: Actor.OWNER,
    ADMINISTRATOR_NEEDED: Actor.ADMINISTRATOR,
    AccessDeniedError.reason: Actor.ADMINISTRATOR,
    UnavailableError.reason: Actor.ROTATOR,
    RotationError.reason: Actor.ROTATOR,
    "unknown-owner": Actor.KEEPER,
    "nothing-bound": Actor.OWNER,
    "scopes-differ": Actor.OWNER,
    WATCHED: Actor.NOBODY,
}
"""By the reason why nothing is done, or nothing can be said; the others are for the keeper."""
WAITING = frozenset({Action.REJECT, Action.SKIP, Action.WATCH, Action.BLOCK})
"""The decisions with which the rotator waits for somebody."""

STATES = {
    Action.REJECT: State.REJECTED,
    Action.SKIP: State.SKIPPED,
    Action.WATCH: State.WATCHED,
    Action.BLOCK: State.BLOCKED,
    Action.RENEW: State.DUE,
    Action.EXTEND: State.DUE,
    Action.ADOPT: State.DUE,
    Action.REFRESH: State.DUE,
    Action.RETIRE: State.RETIRING,
}


ALERT_BEFORE = 3 * DAY
"""The default of how near an expiry must be."""


@dataclass(frozen=True)
class OwnerFinding:
    """One owner, and the secrets that depend on them."""

    session: Session
    secrets: tuple[Finding, ...]
    checked_at: datetime

    @property
    def first_end(self) -> datetime | None:
        """Tell when the first token that depends on them dies."""
        ends = (expires_at(finding.snapshot) for finding in self.secrets)
        return min((end for end in ends if end), default=None)

    @property
    def act_by(self) -> datetime | None:
        """Tell by when somebody must act: the next sign-in, or the first token that will die."""
        return _act_by(self.session, self.first_end)

    @property
    def why(self) -> tuple[str, str]:
        """Give one machine word and a sentence for what is to be said of the session, if any."""
        return _why(self.session, self.checked_at)


@dataclass(frozen=True)
class Fleet:
    """All managed secrets and all owners at one moment."""

    checked_at: datetime
    findings: tuple[Finding, ...]
    sessions: tuple[Session, ...] = ()
    vault_failures: tuple[VaultFailure, ...] = field(default=())
    alert_before: timedelta = ALERT_BEFORE
    """How near the expiry of a secret that is not renewed must be to need somebody."""

    def plan(self) -> dict[str, Any]:
        """Give the stable form of what a run would do now."""
        return {
            "decisions": [_planned(finding, self.checked_at) for finding in self.findings],
            "vaults_failed": [vars(failure) for failure in self.vault_failures],
        }

    def status(self) -> dict[str, Any]:
        """Give the stable form of how everything stands."""
        return {
            "checked_at": format_instant(self.checked_at),
            "secrets": [_status(f, self.checked_at, self.alert_before) for f in self.findings],
            "owners": [_owner(dependent) for dependent in self.owners],
            "vaults_failed": [vars(failure) for failure in self.vault_failures],
        }

    @property
    def owners(self) -> tuple[OwnerFinding, ...]:
        """Each owner, and what depends on them."""
        return tuple(
            OwnerFinding(
                session,
                tuple(f for f in self.findings if depends(f.snapshot.mandate, session.owner)),
                self.checked_at,
            )
            for session in self.sessions
        )

    @property
    def has_failures(self) -> bool:
        """Whether anything could not be looked at."""
        return bool(self.vault_failures or any(finding.error for finding in self.findings))

    @property
    def needs_somebody(self) -> bool:
        """Whether anything is expired or about to, failed, rejected or blocked, or has no date."""
        bad = {State.FAILING, State.BLOCKED, State.REJECTED, State.EXPIRED}
        states = {state(finding, self.checked_at) for finding in self.findings}
        is_alone = any(not session.is_working for session in self.sessions)
        is_late = any(alert(f, self.checked_at, self.alert_before) for f in self.findings)
        is_dateless = any(_reason(finding) == NO_EXPIRY for finding in self.findings)
        return bool(self.has_failures or is_alone or is_late or is_dateless or states & bad)


def state(finding: Finding, now: datetime) -> State:
    """Tell in one word how a secret stands at the instant ``now``."""
    s, decision = finding.snapshot, finding.decision
    ends_at = expires_at(s)
    if ends_at and ends_at <= now and s.secret.enabled:
        return State.EXPIRED
    if decision is None:
        return State.FAILING
    is_proven = decision.action is Action.PROVE and not is_renewal_wanted(s, now)
    if decision.reason == "in-grace" or (is_proven and superseded(s, now)):
        return State.RETIRING
    is_dead = s.proof is False and decision.action in {Action.RENEW, Action.NOTHING}
    is_resting = decision.action is Action.PROVE and is_renewal_wanted(s, now)
    if is_dead or is_resting or decision.reason == "backing-off":
        return State.FAILING
    return STATES.get(decision.action, State.FRESH)


def expires_at(s: Snapshot) -> datetime | None:
    """Tell when the stored token really expires, or else what the vault shows."""
    return s.recorded.valid_to if s.recorded and s.is_identified else s.secret.expires_at


def alert(finding: Finding, now: datetime, alert_before: timedelta) -> Alert | None:
    """Tell whether somebody should be told of the expiry of a secret.

    Args:
        finding: the secret.
        now: the instant of the look.
        alert_before: how near its expiry must be, if it is not renewed. A token that lives shortly
            is near it all its life: there, half of its renewal window counts instead.
    """
    s, ends_at = finding.snapshot, expires_at(finding.snapshot)
    if ends_at is None or not s.secret.enabled:
        return None
    if ends_at <= now:
        return Alert.EXPIRED
    if ends_at - now > alert_before:
        return None  # as of nearly every secret at nearly every scan
    if s.mandate.mode is not Mode.WATCH:
        window = s.mandate.rotate_before
        if s.recorded and s.is_identified:
            window = ends_at - renewal_at(s.recorded, s.mandate, s.secret.name)
        alert_before = min(alert_before, window / 2)
    return Alert.EXPIRING if ends_at - now <= alert_before else None


def next_at(finding: Finding, now: datetime) -> datetime | None:
    """Tell when something is expected to be done next; now, if it is due."""
    decision = finding.decision
    if decision is None or decision.action in ENDINGS:
        return decision.next_at if decision else None
    if decision.action is Action.PROVE:
        return schedule.next_at(finding.snapshot, now) or now
    return now


def retry_at(finding: Finding, now: datetime) -> datetime | None:
    """Tell until when a renewal that failed rests; None unless one does."""
    s, decision = finding.snapshot, finding.decision
    if decision is None:
        return None
    if decision.reason == "backing-off":
        return decision.next_at
    is_resting = decision.action is Action.PROVE and is_renewal_wanted(s, now)
    return schedule.retry_at(s, now) if is_resting else None


def acts_next(finding: Finding, alerted: Alert | None) -> Actor:
    """Tell who does something about a secret next; the rotator does it at ``next_at``.

    Args:
        finding: the secret.
        alerted: what ``alert`` says of it: then somebody has to, also where it is only watched.
    """
    if finding.decision and finding.decision.action not in WAITING:
        return Actor.ROTATOR
    actor = ACTORS.get(_reason(finding) or "", Actor.KEEPER)
    return Actor.KEEPER if alerted and actor is Actor.NOBODY else actor


def _reason(finding: Finding) -> str | None:
    """Give the machine word for how a secret stands, or for why nobody can tell."""
    told = finding.decision or finding.error
    return told.reason if told else None


def _planned(finding: Finding, now: datetime) -> dict[str, Any]:
    name, decision, error = finding.snapshot.secret.name, finding.decision, finding.error
    return {
        "vault": name.vault,
        "secret": name.name,
        "action": str(decision.action if decision else Action.NOTHING),
        "reason": _reason(finding),
        "message": decision.message if decision else str(error),
        "next_at": _instant(next_at(finding, now)),
    }


def _status(finding: Finding, now: datetime, alert_before: timedelta) -> dict[str, Any]:
    s, decision, error = finding.snapshot, finding.decision, finding.error
    mandate, recorded = s.mandate, s.mandate.recorded if s.is_identified else None
    alerted = alert(finding, now, alert_before)
    return {
        "vault": s.secret.name.vault,
        "secret": s.secret.name.name,
        "mode": str(mandate.mode),
        "organization": mandate.organization or None,
        "owner": mandate.owner or None,
        "authorization_id": recorded and recorded.authorization_id,
        "state": str(state(finding, now)),
        "reason": _reason(finding),
        "message": decision.message if decision else str(error),
        "expires_at": _instant(expires_at(s)),
        "alert": _word(alerted),
        "stored_at": _instant(s.secret.created_at),
        "next_at": _instant(next_at(finding, now)),
        "acts_next": str(acts_next(finding, alerted)),
        "failures": mandate.attempt.failures if mandate.attempt else 0,
        "retry_at": _instant(retry_at(finding, now)),
        "superseded": [
            {
                "authorization_id": token.authorization_id,
                "ends_at": _instant(min(token.valid_to, retirement_at(token, s))),
            }
            for token in (superseded(s, now) if recorded else [])
        ],
    }


def standing(finding: Finding, now: datetime, alert_before: timedelta) -> dict[str, Any]:
    """Give the short form of how a secret stands, as a run leaves it in the log."""
    s, decision = finding.snapshot, finding.decision
    alerted = alert(finding, now, alert_before)
    told = {
        "vault": s.secret.name.vault,
        "secret": s.secret.name.name,
        "mode": str(s.mandate.mode),
        "organization": s.mandate.organization,
        "owner": s.mandate.owner,
        "state": str(state(finding, now)),
        "reason": _reason(finding),
        "expires_at": _instant(expires_at(s)),
        "next_at": _instant(next_at(finding, now)),
        # Of what has failed in a run, the next look tells who acts.
        "acts_next": str(acts_next(finding, alerted)) if decision else None,
        "failures": s.mandate.attempt.failures if s.mandate.attempt else 0,
        "alert": _word(alerted),
    }
    return {key: value for key, value in told.items() if value}


def session_state(session: Session) -> str:
    """Tell in one word how an owner's session stands."""
    if session.is_working:
        return "connected"
    return "sign-in-needed" if session.is_known else "unknown"


def owner_standing(session: Session, first_end: datetime | None, now: datetime) -> dict[str, Any]:
    """Give how an owner's session stands.

    Args:
        session: the owner's.
        first_end: when the first token that depends on it dies.
        now: the instant of the look.
    """
    reason, message = _why(session, now)
    return {
        "owner": session.owner,
        "kind": "agent" if session.is_agent else "person",
        "state": session_state(session),
        "reason": reason or None,
        "message": message or None,
        "signed_in_at": _instant(session.signed_in_at),
        "redeemed_at": _instant(session.redeemed_at),
        "act_by": _instant(_act_by(session, first_end)),
    }


def _why(session: Session, now: datetime) -> tuple[str, str]:
    return session.reminder(now) or (session.reason, session.message)


def _act_by(session: Session, first_end: datetime | None) -> datetime | None:
    return session.sign_in_by if session.is_working else first_end


def _owner(found: OwnerFinding) -> dict[str, Any]:
    told = owner_standing(found.session, found.first_end, found.checked_at)
    return {**told, "secrets": [str(finding.snapshot.secret.name) for finding in found.secrets]}


def _word(word: StrEnum | None) -> str | None:
    return str(word) if word else None


def _instant(instant: datetime | None) -> str | None:
    return format_instant(instant) if instant else None
