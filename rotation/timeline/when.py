"""How instants and spans are said to people: short, in UTC, and with the day of the week. Pure."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from rotation.schedule import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from datetime import datetime

NEAR = 6 * DAY
"""Within so many days the day of the week alone says which day is meant."""
LONG = 2 * DAY
"""From here on a span is counted in days, below in hours."""


def soon(instant: datetime, now: datetime) -> str:
    """Say when something is to come: ``Tuesday 07:00 UTC``, or with its date if it is far."""
    told = instant.astimezone(UTC)
    day = f"{told:%A}" if timedelta(0) <= instant - now < NEAR else f"{told:%A} {date(told)}"
    return f"{day} {told:%H:%M} UTC"


def date(instant: datetime) -> str:
    """Say a day so that nobody takes it for another one: ``20 Feb 2027``."""
    told = instant.astimezone(UTC)
    return f"{told.day} {told:%b %Y}"


def minute(instant: datetime) -> str:
    """Say an instant to the minute: ``20 Feb 2027, 07:00 UTC``."""
    return f"{date(instant)}, {instant.astimezone(UTC):%H:%M} UTC"


def span(length: timedelta) -> str:
    """Say how long something takes, rounded down: ``12 days``, ``5 hours``, ``1 minute``."""
    for unit, word, least in ((DAY, "day", LONG), (HOUR, "hour", HOUR), (MINUTE, "minute", MINUTE)):
        if length >= least:
            count = length // unit
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "less than a minute"


def left(ends_at: datetime | None, now: datetime) -> str:
    """Say how long something still lives, or since when it is dead."""
    if ends_at is None:
        return "no expiry"
    return span(ends_at - now) if ends_at > now else f"expired {span(now - ends_at)} ago"
