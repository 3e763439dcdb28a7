"""What the doctor and the audit say: a sentence about one thing, and what to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from shlex import quote
from typing import TYPE_CHECKING

from rotation.session import ADMINISTRATOR_NEEDED, SIGN_IN_NEEDED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rotation.errors import RotationError
    from rotation.session import Session

FIXES = {
    SIGN_IN_NEEDED: "have them sign in: `rotation connect OWNER` says where",
    ADMINISTRATOR_NEEDED: "have an administrator of the tenant do what the message says",
}
"""What helps against a finding that does not say more."""
LATER = "try again; if it lasts, see whether the address is right and can be reached from here"


class Severity(StrEnum):
    """How bad a finding is."""

    FINE = "fine"
    NOTE = "note"
    """Good to know."""
    WARNING = "warning"
    """Somebody should look at it; nothing stops yet."""
    ERROR = "error"
    """Something does not work, stops soon, or reaches too far."""


WORST_FIRST = tuple(reversed(Severity))


@dataclass(frozen=True)
class Diagnosis:
    """What came of looking at one thing."""

    subject: str
    """What was looked at: a vault, an owner, a token."""
    finding: str
    """One machine word."""
    severity: Severity
    message: str
    fix: str = ""
    """What somebody should do; empty if nothing."""


def failed(subject: str, error: RotationError, fix: str = "") -> Diagnosis:
    """Say that something could not be looked at, or does not work.

    Args:
        subject: what.
        error: why.
        fix: what helps, if more is known than the error's hint says.
    """
    helps = "; ".join(filter(None, (error.hint, fix))) or FIXES.get(error.reason, LATER)
    return Diagnosis(subject, error.reason, Severity.ERROR, str(error.args[0]), helps)


def connect(owner: str) -> str:
    """Give the command that lets an owner sign in."""
    return f"`rotation connect {quote(owner)}` says where {owner} signs in"


def unusable(session: Session) -> Diagnosis:
    """Say why a session does not work, and who does something about it."""
    fix = FIXES.get(session.reason, LATER)
    fix = connect(session.owner) if session.reason == SIGN_IN_NEEDED else fix
    return Diagnosis(session.owner, session.reason, Severity.ERROR, session.message, fix)


def has_errors(found: Iterable[Diagnosis]) -> bool:
    """Tell whether anything among these is an error."""
    return any(diagnosis.severity is Severity.ERROR for diagnosis in found)


def sorted_by_severity(found: Iterable[Diagnosis]) -> tuple[Diagnosis, ...]:
    """Give the worst first, and those that are equally bad by what they are about."""
    return tuple(sorted(found, key=lambda d: (WORST_FIRST.index(d.severity), d.subject, d.finding)))
