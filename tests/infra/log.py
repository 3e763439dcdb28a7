"""Rows as Azure Monitor keeps what the product says; here alone lines become rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rotation.tags import format_instant
from tests.infra.rules import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Row = dict[str, Any]
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
VAULT = "kv-build"
ADA, BEN = "ada@example.com", "ben@example.com"
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


def secret(name: str, **keys: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Give how a secret stands; fresh, unless something else is said."""
    stands = {
        "vault": VAULT,
        "secret": name,
        "mode": "regenerate",
        "organization": "contoso",
        "owner": ADA,
        "state": "fresh",
        "expires_at": format_instant(NOW + 20 * DAY),
        "acts_next": "rotator",
        "failures": 0,
        **keys,
    }
    return {key: value for key, value in stands.items() if value is not None}


def owner(name: str, **keys: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Give how an owner stands; connected, unless something else is said."""
    return {
        "owner": name,
        "kind": "person",
        "state": "connected",
        "act_by": format_instant(NOW + 60 * DAY),
        "secrets": 3,
        **keys,
    }


def read(at: datetime, by: str | None, operation: str = "SecretGet", **more: Any) -> Row:  # noqa: ANN401
    """Give the row of one reading of the session vault."""
    claims = {
        "http://schemas.microsoft.com/identity/claims/objectidentifier": by,
        "appid": "00001111-aaaa-2222-bbbb-3333cccc4444",
    }
    return {
        "TimeGenerated": at,
        "_ResourceId": str(DEFAULTS["sessionVaultId"]).upper(),
        "OperationName": operation,
        "HttpStatusCode": 200,
        "Identity": {"claim": claims} if by else {},
        "Id": "https://kv-s.vault.azure.net/secrets/session-ada-example-com",
        "CallerIpAddress": "203.0.113.7",
        **more,
    }


NOISE = [
    trace("Executing 'Functions.scan' (Reason='Timer fired at 12:00')", NOW),
    trace("", NOW),
    trace('{"fleet": "cut off in the mid', NOW),
    trace('{"event": "TokenLost", "vault": ', NOW),
    trace('{"fleet"', NOW),
    trace('{"fleet": 5, "time": "never", "count": null}', NOW),
    trace('{"fleet": {"count": 1}}', NOW),
    trace('{"fleet": "x", "time": "2026-11-22T11:59:00Z", "secrets": "none", "owners": 7}', NOW),
    trace('{"event": ["ScanCompleted"]}', NOW),
    trace('["fleet", {"count": 3}]', NOW),
    trace('He said: {"event": "TokenLost", "vault": "kv-build", "secret": "feed"}', NOW),
    trace('{"eventful": "TokenLost", "secret": "feed"}', NOW),
]
"""What else may stand in the table."""
