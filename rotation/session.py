"""The nouns of the owners' sessions: how one stands, what is kept of it, what Entra grants. Pure.

A *person's* session is kept in a vault, and ends unless the person signs in again from time to
time. An *agent user* needs none: the managed identity is exchanged for its token each time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotation.model import TokenValue

REFRESH_TOKEN_LIFETIME = timedelta(days=90)
"""A refresh token that is not redeemed for so long is dead (Microsoft identity platform, *Refresh
tokens*)."""
SIGN_IN_PERIOD = timedelta(days=90)
"""Azure DevOps may refuse the tokens of a person who has not signed in for so long (Azure DevOps
documentation, *Use personal access tokens*)."""
URGENT, SOON = timedelta(days=3), timedelta(days=14)
"""So long before the end of that period its person is reminded."""
SIGN_IN_NEEDED, ADMINISTRATOR_NEEDED = "sign-in-needed", "administrator-needed"
"""Why a session does not work: who must act."""
ENDED = "session-ended"
"""Why a session was not saved: it was deleted, and nobody has signed in since."""
LONG_AGO = datetime.min.replace(tzinfo=UTC)


def session_secret(owner: str) -> str:
    """Give the name of the secret that holds the session of ``owner`` (lower case)."""
    return f"session-{re.sub('[^a-z0-9]+', '-', owner)}"


@dataclass(frozen=True)
class Session:
    """How an owner's delegated session stands."""

    owner: str
    is_working: bool
    is_known: bool = True
    """False if nothing can be said, since a service did not answer."""
    is_refreshed: bool = False
    """Whether its newest refresh token has just been saved."""
    is_agent: bool = False
    """Whether the owner is an agent user, for whom nobody ever signs in."""
    reason: str = ""
    """One machine word for why it does not work, or could not be saved."""
    message: str = ""
    """Why it does not work, or could not be saved, and who must do what."""
    signed_in_at: datetime | None = None
    """The person's last sign-in in a browser."""
    redeemed_at: datetime | None = None
    """When the session was last used and saved."""

    @property
    def sign_in_by(self) -> datetime | None:
        """Tell by when the person must have signed in again; None if nobody must, or can tell."""
        return self.signed_in_at + SIGN_IN_PERIOD if self.signed_in_at else None

    def reminder(self, now: datetime) -> tuple[str, str] | None:
        """Tell whether its person should sign in although it works.

        Returns:
            One machine word and a sentence; None while there is time.
        """
        if not self.is_working or self.sign_in_by is None or now < self.sign_in_by - SOON:
            return None
        day = f"{self.sign_in_by:%Y-%m-%d}"
        if now >= self.sign_in_by:
            message = f"{self.owner} should have signed in by {day}: Azure DevOps may refuse"
            return "sign-in-overdue", f"{message} the tokens of people who do not; do it now"
        reason = "sign-in-urgent" if now >= self.sign_in_by - URGENT else "sign-in-soon"
        return reason, f"{self.owner} must sign in by {day}, or Azure DevOps may refuse the tokens"


@dataclass(frozen=True)
class Kept:
    """One version of a person's session, as the session vault keeps it."""

    owner: str
    refresh_token: TokenValue | None = None
    """Known only once the version itself was read."""
    version: str | None = None
    created_at: datetime = LONG_AGO
    enabled: bool = True
    kept_owner: str | None = None
    """Whose session the vault says it is."""
    object_id: str | None = None
    """The person's, in Entra: a name may be given to somebody else, an id never is."""
    signed_in_at: datetime | None = None
    redeemed_at: datetime | None = None
    sign_in: str | None = None
    """Names the sign-in that it comes from, so that none is used twice."""
    other_tags: Mapping[str, str] = field(default_factory=dict)
    """Tags that others have put on it: carried over."""

    @property
    def order(self) -> tuple[datetime, datetime]:
        """Give what versions are compared by: the later sign-in wins, then the later save."""
        return self.signed_in_at or LONG_AGO, self.created_at

    def is_signed_in_after(self, other: Kept) -> bool:
        """Tell whether it comes from a later sign-in than another version."""
        return (self.signed_in_at or LONG_AGO) > (other.signed_in_at or LONG_AGO)


@dataclass(frozen=True)
class Person:
    """Who has signed in, as Entra says."""

    name: str
    """User principal name, as it was written."""
    object_id: str


@dataclass(frozen=True)
class Grant:
    """What Entra gives for a session."""

    access_token: TokenValue
    """For Azure DevOps."""
    lifetime: timedelta
    """How long the access token is valid."""
    refresh_token: TokenValue | None = None
    """The next one; the one before stays valid to its own end."""
    object_id: str | None = None
    """Whose it is, if the answer tells."""


@dataclass(frozen=True)
class AgentUser:
    """An owner that is an agent user, and the agent identity that it belongs to."""

    owner: str
    """User principal name in lower case."""
    identity_id: str
    """The application id of its agent identity."""
