"""The one real clock, which all others are handed."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Tell the present instant, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - see above
