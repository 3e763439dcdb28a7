"""The doctor: tries every precondition for real, and says what to do about each that fails.

Nothing is changed, and nothing is saved.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rotation.dependents import dependents
from rotation.errors import RotationError
from rotation.session import ADMINISTRATOR_NEEDED, SIGN_IN_NEEDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rotation.model import Defaults
    from rotation.ports import Clock, OwnerSessions, SecretStore, TokenIssuer


FIXES = {
    SIGN_IN_NEEDED: "have them sign in: `rotation connect` says where",
    ADMINISTRATOR_NEEDED: "have an administrator of the tenant do what the message says",
}
"""What helps against a finding that does not say more."""
LATER = "try again; if it lasts, see whether the address is right and can be reached from here"


class Severity(StrEnum):
    """How bad a finding is."""

    FINE = "fine"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Diagnosis:
    """What came of trying one thing."""

    subject: str
    """What was tried: a vault, an owner, an owner in an organization."""
    finding: str
    """One machine word."""
    severity: Severity
    message: str
    fix: str = ""
    """What somebody should do; empty if nothing."""


@dataclass(frozen=True)
class Doctor:
    """Examines an installation."""

    store: SecretStore
    issuer: TokenIssuer
    sessions: OwnerSessions
    clock: Clock
    vaults: Sequence[str]
    owners: Sequence[str]
    defaults: Defaults

    def examine(self) -> Iterator[Diagnosis]:
        """Try everything, one thing after another."""
        for vault in self.vaults:
            yield self._vault(vault)
        for owner in self.owners:
            yield from self._owner(owner)

    def _vault(self, vault: str) -> Diagnosis:
        try:
            count = sum(1 for _ in self.store.list_managed(vault))
        except RotationError as exc:
            return _failed(f"vault {vault}", exc)
        message = f"it can be listed; managed secrets: {count}"
        return Diagnosis(f"vault {vault}", "listed", Severity.FINE, message)

    def _owner(self, owner: str) -> Iterator[Diagnosis]:
        try:
            session = self.sessions.session(owner)
        except RotationError as exc:
            yield _failed(owner, exc)
            return
        if not session.is_working:
            fix = FIXES.get(session.reason, LATER)
            yield Diagnosis(owner, session.reason, Severity.ERROR, session.message, fix)
            return
        if reminder := session.reminder(self.clock()):
            fix = FIXES[SIGN_IN_NEEDED]
            yield Diagnosis(owner, reminder[0], Severity.WARNING, reminder[1], fix)
        else:
            kind = "the three legs of the agent user work" if session.is_agent else "it is redeemed"
            yield Diagnosis(owner, "connected", Severity.FINE, f"the session works: {kind}")
        needed = dependents(owner, self.store, self.vaults, self.defaults)
        if not needed.organizations and not needed.failures:
            fix = "name them in the tag pat-owner of a secret, or take them from the settings"
            message = "no secret depends on this owner, so no organization was tried"
            yield Diagnosis(owner, "unneeded", Severity.WARNING, message, fix)
        for organization, count in needed.organizations.items():
            yield self._place(owner, organization, count)

    def _place(self, owner: str, organization: str, count: int) -> Diagnosis:
        subject = f"{owner} in {organization}"
        try:
            tokens = self.issuer.inventory(owner, organization).tokens
        except RotationError as exc:
            return _failed(subject, exc)
        message = f"the PAT API answers; living tokens: {len(tokens)}, secrets: {count}"
        return Diagnosis(subject, "admitted", Severity.FINE, message)


def _failed(subject: str, error: RotationError) -> Diagnosis:
    fix = error.hint or FIXES.get(error.reason, LATER)
    return Diagnosis(subject, error.reason, Severity.ERROR, str(error.args[0]), fix)
