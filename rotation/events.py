"""What happened, in the past tense: one event is one JSON object on one log line."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum

from rotation.tags import format_instant


class Kind(StrEnum):
    """Every event there is."""

    SCAN_STARTED = "ScanStarted"
    SCAN_COMPLETED = "ScanCompleted"
    TOKEN_ADOPTED = "TokenAdopted"
    TOKEN_CREATED = "TokenCreated"
    TOKEN_STORED = "TokenStored"
    TOKEN_EXTENDED = "TokenExtended"
    TOKEN_RETIRED = "TokenRetired"
    METADATA_REFRESHED = "MetadataRefreshed"
    PROOF_FAILED = "ProofFailed"
    ROTATION_BLOCKED = "RotationBlocked"
    ROTATION_REJECTED = "RotationRejected"
    ROTATION_FAILED = "RotationFailed"
    KEEPER_NEEDED = "KeeperNeeded"
    LIFETIME_CLAMPED = "LifetimeClamped"
    TOKEN_LOST = "TokenLost"
    UNCLAIMED_TOKEN_FOUND = "UnclaimedTokenFound"
    SESSION_REFRESHED = "SessionRefreshed"
    SESSION_SIGN_IN_NEEDED = "SessionSignInNeeded"
    SESSION_SIGNED_IN = "SessionSignedIn"
    ORDER_RECEIVED = "OrderReceived"
    ORDER_DONE = "OrderDone"
    ORDER_REFUSED = "OrderRefused"


ALERTS = frozenset(
    {
        Kind.PROOF_FAILED,
        Kind.ROTATION_BLOCKED,
        Kind.ROTATION_REJECTED,
        Kind.ROTATION_FAILED,
        Kind.KEEPER_NEEDED,
        Kind.TOKEN_LOST,
        Kind.UNCLAIMED_TOKEN_FOUND,
        Kind.SESSION_SIGN_IN_NEEDED,
        Kind.ORDER_REFUSED,
    }
)
"""The events that a person should look at."""


@dataclass(frozen=True)
class Event:
    """One event; keys that do not apply are None and are left out. Never a value."""

    event: Kind
    time: datetime
    run_id: str
    vault: str | None = None
    secret: str | None = None
    organization: str | None = None
    owner: str | None = None
    authorization_id: str | None = None
    previous_authorization_id: str | None = None
    secret_version: str | None = None
    expires_at: datetime | None = None
    next_at: datetime | None = None
    reason: str | None = None
    message: str | None = None
    order: str | None = None
    """The order that it is about, in the words of the command, such as ``retire --now``."""
    requested_by: str | None = None
    requested_at: datetime | None = None
    number: int = field(default=0, repr=False)
    """Its place among the events of its run: two of them may happen in the same instant."""

    def as_dict(self) -> dict[str, str]:
        """Give the keys that apply; instants as ``2026-11-22T07:00:00Z``."""
        present = {key.name: getattr(self, key.name) for key in fields(self) if key.repr}
        return {
            key: format_instant(value) if isinstance(value, datetime) else str(value)
            for key, value in present.items()
            if value is not None
        }
