"""How far back to look: a span such as ``2d``, or a date, or an instant."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    When = timedelta | datetime

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
EXPECTED = "expected a span such as 90m, 12h, 2d or 1w, a date such as 2026-11-20, or an instant"
_SPAN = re.compile(r"([0-9]{1,5})([mhdw])")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)


def read(text: str) -> When:
    """Read a span, or an instant; one that names no time zone is in UTC.

    Raises:
        ValueError: it is neither; the text is not quoted.
    """
    if span := _SPAN.fullmatch(text):
        return timedelta(**{UNITS[span[2]]: int(span[1])})
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"{EXPECTED} such as 2026-11-20T07:00")
    try:
        instant = datetime.fromisoformat(text)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("there is no such date or time") from None


def resolve(when: When, now: datetime) -> datetime:
    """Tell which instant is meant at the instant ``now``."""
    return now - when if isinstance(when, timedelta) else when


class Since(click.ParamType["When"]):
    """A span or an instant on the command line."""

    name = "since"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> When:
        """Read it."""
        try:
            return read(str(value))
        except ValueError as exc:
            self.fail(str(exc), param, ctx)
