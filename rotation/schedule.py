"""When things are due: renewals, retries, retirements and proofs. Pure arithmetic on instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from rotation.model import NAMES_LIMIT

if TYPE_CHECKING:
    from rotation.decision import Snapshot
    from rotation.model import Mandate, SecretName, Token

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RETRY_SLACK = 5 * MINUTE
"""Scans come hourly, but never at the very second of the one before."""
DOUBLINGS = 5
"""1, 2, 4, 8, 16, 32 hours: the last is cut at a day."""
SPREAD = 0.1
"""How much of the renewal window, at most, is added to it, differently for each secret."""


def renewal_at(token: Token, mandate: Mandate, name: SecretName) -> datetime:
    """Tell when the renewal of ``token`` is due.

    The window with its spread never takes more than half of the lifetime that was really granted:
    a lifespan policy may silently shorten it, and then a fixed window would renew at every run.
    """
    return _renewal_at(
        token.valid_from,
        token.valid_to,
        mandate.lifetime,
        mandate.rotate_before,
        name.fraction("spread"),
    )


@lru_cache(maxsize=NAMES_LIMIT)  # several rules ask for it, at every scan
def _renewal_at(
    begins_at: datetime,
    ends_at: datetime,
    lifetime: timedelta,
    rotate_before: timedelta,
    fraction: float,
) -> datetime:
    # An extended token has lived for longer than one lifetime: that must not widen its window.
    granted = min(ends_at - begins_at, lifetime)
    window = min(rotate_before, granted / 2 / (1 + SPREAD))
    return ends_at - window * (1 + SPREAD * fraction)


def retry_at(snapshot: Snapshot, now: datetime) -> datetime | None:
    """Tell when a renewal that failed is tried again; None if it may be tried now.

    An hour after the first failure, doubling to a day, but never past the start of the last day.
    """
    attempt = snapshot.mandate.attempt
    if attempt is None or not attempt.failures or attempt.at > now + RETRY_SLACK:
        return None
    at = attempt.at + min(HOUR * 2 ** min(attempt.failures - 1, DOUBLINGS), DAY) - RETRY_SLACK
    ends_at = snapshot.recorded.valid_to if snapshot.recorded else snapshot.secret.expires_at
    at = min(at, ends_at - DAY) if ends_at else at
    return at if at > now else None


def is_renewal_wanted(snapshot: Snapshot, now: datetime) -> bool:
    """Tell whether the current token is dead, or its renewal time has come."""
    due_at = renewal_at(snapshot.current, snapshot.mandate, snapshot.secret.name)
    return snapshot.proof is False or now >= due_at


def next_at(snapshot: Snapshot, now: datetime) -> datetime | None:
    """Tell when something is expected to be done next, if it can be foreseen."""
    due_at = renewal_at(snapshot.current, snapshot.mandate, snapshot.secret.name)
    if snapshot.proof is False or now >= due_at:
        return retry_at(snapshot, now)
    ends = [min(t.valid_to, retirement_at(t, snapshot)) for t in superseded(snapshot, now)]
    return min(due_at, *ends) if ends else due_at


def living(snapshot: Snapshot, now: datetime) -> list[Token]:
    """Give the bound tokens that have not expired, the oldest first."""
    tokens = [token for token in snapshot.bound if token.valid_to > now]
    tokens.sort(key=lambda token: (token.valid_from, token.authorization_id))
    return tokens


def superseded(snapshot: Snapshot, now: datetime) -> list[Token]:
    """Give the living bound tokens that are not the recorded one, the oldest first."""
    current = snapshot.mandate.recorded and snapshot.mandate.recorded.authorization_id
    if len(snapshot.bound) == 1 and snapshot.bound[0].authorization_id == current:
        return []  # as for nearly every secret at nearly every scan
    return [token for token in living(snapshot, now) if token.authorization_id != current]


def retirement_at(token: Token, snapshot: Snapshot) -> datetime:
    """Tell when the superseded ``token`` may be retired: both it and its successor are old enough.

    An order ends the grace of the tokens before the version that it names, but never of one younger
    than an hour: another run may be about to store it.
    """
    secret, mandate = snapshot.secret, snapshot.mandate
    is_meant = secret.value is None or secret.value.digest == mandate.retire_now
    if mandate.retire_now and is_meant and token.valid_from < secret.created_at:
        # Versions are dated to the second: until a minute has passed, one that was stored after
        # this one could look as old.
        return max(token.valid_from + HOUR, secret.created_at + MINUTE)
    return max(token.valid_from, secret.created_at) + max(mandate.grace_period, HOUR)


def ripe(snapshot: Snapshot, now: datetime) -> list[Token]:
    """Give the superseded tokens that may be retired, the oldest first."""
    tokens = superseded(snapshot, now)
    return [token for token in tokens if retirement_at(token, snapshot) <= now]


def is_expiry_shown(snapshot: Snapshot) -> bool:
    """Tell whether the vault shows the current token's real expiry."""
    told = snapshot.secret.expires_at
    return told is not None and abs(told - snapshot.current.valid_to) <= MINUTE


def is_listed_alive(snapshot: Snapshot, now: datetime) -> bool:
    """Tell whether the list shows the token alive, until the date that the vault shows for it.

    A value that is to be adopted has no date of its own yet.
    """
    token = snapshot.recorded
    if token is None or token.valid_to <= now:
        return False
    return is_expiry_shown(snapshot) or not snapshot.is_identified


def countdown(ends_at: datetime | None, now: datetime) -> tuple[str, str]:
    """Give a word and a sentence for how long something is still good."""
    if ends_at is None:
        return "no-expiry", "set its expiry to be reminded of it"
    if ends_at <= now:
        return "expired", f"it expired on {shown(ends_at)}"
    days = (ends_at - now).days
    return "watched", f"{days} day{'' if days == 1 else 's'} left, until {shown(ends_at)}"


def resting(snapshot: Snapshot, until: datetime) -> str:
    """Say why nothing is done about a renewal that is wanted."""
    attempt = snapshot.mandate.attempt
    failures = attempt.failures if attempt else 0
    how = "its token is dead, and its" if snapshot.proof is False else "its"
    times = "once" if failures == 1 else f"{failures} times"
    return f"{how} renewal failed {times}; it is tried again on {shown(until)}"


def is_hour_of_proof(snapshot: Snapshot, now: datetime) -> bool:
    """Tell whether the secret's hour of the day has come since it was last scanned.

    Without a last scan, an hour is assumed.
    """
    since = snapshot.scanned_at or now - HOUR
    hour = int(snapshot.secret.name.fraction("proof") * 24) * HOUR
    # By a calendar whose days begin at that hour, it has come if the day is another one.
    return (since.astimezone(UTC) - hour).date() < (now.astimezone(UTC) - hour).date()


def shown(instant: datetime) -> str:
    """Write an instant for people: ``2026-11-22 07:00 UTC``."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
