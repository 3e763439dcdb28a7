"""Rows as Azure Monitor keeps what the product says: the one place that knows how lines become rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rotation.tags import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Row = dict[str, Any]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
"""The instant at which rules look, where nothing else is said."""


def traces(lines: Iterable[str]) -> list[Row]:
    """Make the log lines of the product rows of AppTraces, as the Functions host does.

    The message is exactly the line (Azure Functions documentation, *Analyze telemetry in
    Application Insights*), and the row is dated when the line was said: each tells it as ``time``.
    """
    return [trace(line, datetime.fromisoformat(json.loads(line)["time"])) for line in lines]


def trace(message: str, at: datetime) -> Row:
    """Give a row of AppTraces with any message."""
    return {"TimeGenerated": at, "Message": message, "SeverityLevel": 1, "Properties": {}}


def event(kind: str, at: datetime, **keys: str) -> Row:
    """Give the row of one event."""
    told = {"event": kind, "time": format_instant(at), "run_id": "run", **keys}
    return trace(json.dumps(told), at)


def picture(  # noqa: PLR0913 - what a picture has
    at: datetime,
    *,
    secrets: Iterable[Mapping[str, Any]] = (),
    owners: Iterable[Mapping[str, Any]] = (),
    vaults_failed: Iterable[Mapping[str, str]] = (),
    poisoned: int | None = None,
    is_complete: bool = True,
) -> list[Row]:
    """Give the rows of a picture of the fleet, taken at ``at``; fifty to a line."""
    head = {"fleet": f"run-{at:%d%H%M}", "time": format_instant(at)}
    listed = {"secrets": list(secrets), "owners": list(owners)}
    lines: list[dict[str, Any]] = [
        {**head, what: those[start : start + 50]}
        for what, those in listed.items()
        for start in range(0, len(those), 50)
    ]
    if is_complete:
        last: dict[str, Any] = {"count": len(listed["secrets"]), "vaults_failed": [*vaults_failed]}
        lines.append({**head, **last, **({} if poisoned is None else {"poisoned": poisoned})})
    return [trace(json.dumps(line), at) for line in lines]


def request(at: datetime, *, success: bool, name: str = "scan") -> Row:
    """Give the row of one invocation of a function."""
    return {"TimeGenerated": at, "Name": name, "OperationName": name, "Success": success}
