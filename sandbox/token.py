"""A personal access token, as Azure DevOps keeps it, and what may be asked about one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

TICKS_PER_SECOND = 300
TICK = timedelta(seconds=1) / TICKS_PER_SECOND


def round_to_tick(instant: datetime) -> datetime:
    """Round to a 300th of a second, as the service's answers are.

    In the published examples of the PAT API a request for ``….319Z`` is answered with ``….32Z``,
    and every instant in them is a whole number of 300ths.
    """
    ticks = round(instant.microsecond * TICKS_PER_SECOND / 1_000_000)
    return instant.replace(microsecond=0) + timedelta(seconds=ticks / TICKS_PER_SECOND)


def format_instant(instant: datetime) -> str:
    """Write an instant as the service does: up to seven digits, no zeros at the end."""
    ticks = round(instant.microsecond * TICKS_PER_SECOND / 1_000_000)
    digits = f"{ticks / TICKS_PER_SECOND:.7f}".removeprefix("0").rstrip("0").rstrip(".")
    return f"{instant:%Y-%m-%dT%H:%M:%S}{digits}Z"


class Filter(StrEnum):
    """Which tokens a list shows: the values of ``displayFilterOption``."""

    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"
    ALL = "all"


class Sort(StrEnum):
    """How a list is sorted: the values of ``sortByOption``."""

    DISPLAY_NAME = "displayName"
    DISPLAY_DATE = "displayDate"
    STATUS = "status"


@dataclass(frozen=True)
class Token:
    """One token. The value is what authenticates; the authorization id is its public name."""

    authorization_id: str
    owner: str
    """The owner's Azure DevOps user id."""
    display_name: str
    """Not a key: two tokens may carry the same one."""
    scope: str
    """Scopes separated by blanks; ``app_token`` is full access."""
    valid_from: datetime
    valid_to: datetime
    accounts: tuple[str, ...] | None
    """The ids of the organizations it works in; None for a global token."""
    value: str = field(repr=False)
    revoked: bool = False
    asleep: bool = False
    """Listed as active, and yet refused, since its owner has not signed in for too long (Azure
    DevOps documentation, *Use personal access tokens*)."""

    def status_at(self, now: datetime) -> Filter:
        """Tell under which filter a list shows it."""
        if self.revoked:
            return Filter.REVOKED
        return Filter.EXPIRED if self.valid_to <= now else Filter.ACTIVE

    def is_living_at(self, now: datetime) -> bool:
        """Tell whether it is neither revoked nor expired."""
        return not self.revoked and self.valid_to > now


@dataclass(frozen=True)
class TokenQuery:
    """Which tokens a list shall show, in which order, and from where on."""

    filter: Filter = Filter.ACTIVE
    sort: Sort = Sort.DISPLAY_NAME
    is_ascending: bool = True
    start: int = 0
    size: int = 100


@dataclass(frozen=True)
class TokenDraft:
    """What a caller says about a token; what is left out is None."""

    display_name: str | None = None
    scope: str | None = None
    valid_to: datetime | None = None
    all_orgs: bool | None = None
