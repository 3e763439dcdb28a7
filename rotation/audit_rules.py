"""What the audit can find: each machine word, what it means, and how bad it is. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from rotation.diagnosis import Severity

GLOBAL_TOKENS_END_AT = datetime(2026, 12, 1, tzinfo=UTC)
"""From then on no token works in all organizations (Azure DevOps blog, *Retirement of global
personal access tokens*)."""


@dataclass(frozen=True)
class Rule:
    """What one machine word of the report means, for those who collect findings."""

    title: str
    help: str
    severity: Severity


RULES = {
    "all-organizations": Rule(
        "A token works in all organizations",
        "Azure DevOps stops all tokens for all organizations on 2026-12-01, makes none any more, "
        "and the rotator touches none. Make one for each organization.",
        Severity.ERROR,
    ),
    "expiring": Rule(
        "A token that nobody renews expires soon",
        "What uses it stops on that day. Put it under management, renew it by hand, or let it go. "
        "It is an error in the last three days.",
        Severity.WARNING,
    ),
    "full-scope": Rule(
        "A token may do whatever its owner may",
        "Whoever gets hold of it can do everything that its owner can. Replace it by one with the "
        "scopes that its consumers need.",
        Severity.ERROR,
    ),
    "kept-elsewhere": Rule(
        "A token is marked for a vault of which nothing is known here",
        "The vault is not watched by this rotator, or could not be listed. Another rotator may "
        "look after it.",
        Severity.NOTE,
    ),
    "made-by-tool": Rule(
        "A token was made by a tool",
        "Tools make tokens in the name of whoever uses them, and those are easily forgotten. If "
        "it exists in error, revoke it, and have its owner change their password.",
        Severity.WARNING,
    ),
    "replaceable": Rule(
        "An Entra token could take the place of a token",
        "What uses it can sign in to Entra itself: such tokens live for an hour, and nothing is "
        "left to rotate.",
        Severity.NOTE,
    ),
    "too-long-lived": Rule(
        "A token lives for longer than is allowed here",
        "ROTATION_MAX_LIFETIME_DAYS is the longest life that a token of this rotator may have. "
        "Replace it by one with a shorter life.",
        Severity.WARNING,
    ),
    "unclaimed": Rule(
        "A token is marked for a secret that does not claim it",
        "The secret is not managed, or names another owner or organization, so the rotator never "
        "touches the token. Mend the tags of the secret, or revoke the token.",
        Severity.WARNING,
    ),
    "unmanaged": Rule(
        "Nobody looks after a token",
        "It is marked for no managed secret, so nobody renews it, and nobody retires it.",
        Severity.WARNING,
    ),
}
"""Every finding about a token; others say what could not be looked at."""
