"""What the queries of the workbook give, run over the log of a fleet with all kinds of secrets."""

from __future__ import annotations

from typing import Any

import pytest

from rotation.tags import format_instant
from tests.infra.kusto import TEXTS, Workspace
from tests.infra.log import (
    ADA,
    BEN,
    DAY,
    HOUR,
    MINUTE,
    NOISE,
    NOW,
    VAULT,
    event,
    owner,
    picture,
    read,
    request,
    secret,
)
from tests.infra.rules import RULES


@pytest.fixture
def workspace() -> Workspace:
    """Give the log of a fleet with all kinds of secrets, and of the hours before."""
    workspace = Workspace()
    of_feed = {"vault": VAULT, "secret": "feed", "owner": ADA}
    workspace.add(
        "AppTraces",
        *NOISE,
        *picture(NOW - 2 * HOUR, secrets=[secret("gone"), secret("feed", state="failing")]),
        event("TokenStored", NOW - DAY, **of_feed, authorization_id="1"),
        event("TokenRetired", NOW - DAY + HOUR, **of_feed, authorization_id="0"),
        event("TokenExtended", NOW - 2 * HOUR, vault=VAULT, secret="npm"),
        event("RotationFailed", NOW - HOUR, vault=VAULT, secret="npm", reason="unavailable"),
        event("RotationFailed", NOW - MINUTE, vault=VAULT, secret="agent", reason="unavailable"),
        event("RotationRejected", NOW - HOUR, vault=VAULT, secret="wiki", reason="mis-tagged"),
        event("ScanStarted", NOW - 53 * MINUTE),
        event("ScanCompleted", NOW - 51 * MINUTE, reason="failed", message="1 failed, 3 settled"),
        *picture(
            NOW - 51 * MINUTE,
            secrets=[
                secret("feed"),
                secret("due", state="due", expires_at=format_instant(NOW + 9 * DAY)),
                secret("npm", state="failing", expires_at=format_instant(NOW + 4 * DAY)),
                secret(
                    "agent",
                    state="failing",
                    alert="expiring",
                    expires_at=format_instant(NOW + DAY),
                ),
                secret("wiki", state="rejected", expires_at=None, acts_next="keeper"),
                secret(
                    "old",
                    state="expired",
                    alert="expired",
                    expires_at=format_instant(NOW - 36 * HOUR),
                ),
                secret("portal", state="watched", mode="watch", owner=None, organization=None),
            ],
            owners=[owner(ADA), owner(BEN, act_by=format_instant(NOW + 3 * DAY))],
            vaults_failed=[{"vault": "kv-away", "reason": "access-denied"}],
            poisoned=2,
        ),
    )
    workspace.add("AppRequests", request(NOW - 51 * MINUTE, success=False))
    workspace.add(
        "AZKVAuditLogs",
        read(NOW - HOUR, "rotator"),
        read(NOW - MINUTE, "rotator", HttpStatusCode=403),
        read(NOW, None, HttpStatusCode=401),
        read(NOW, None, "SecretNearExpiryEventGridNotification"),
    )
    return workspace


def ask(workspace: Workspace, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Run a query, and give some columns."""
    answer = workspace.ask(TEXTS[name], NOW)
    return [tuple(row[column] for column in columns) for row in answer]


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in RULES])
def test_an_empty_log(name: str) -> None:
    """Before the first run there is nothing to show, and nothing breaks."""
    counted = [0] * 4 if name == "fleet-states" else []
    assert [row.get("Secrets") for row in Workspace().ask(TEXTS[name], NOW)] == counted


def test_the_fleet_at_a_glance(workspace: Workspace) -> None:
    """Each secret of the newest picture is in one of four groups; an empty group is nought."""
    found = ask(workspace, "fleet-states", "State", "Secrets")
    assert found == [("fresh", 2), ("due", 1), ("in trouble", 3), ("expired", 1)]


def test_the_most_urgent_first(workspace: Workspace) -> None:
    """Expired, about to be, in trouble, due, all others; then by days."""
    found = ask(workspace, "fleet", "Secret", "DaysLeft", "ActsNext")
    assert found == [
        ("old", -1.5, "rotator"),
        ("agent", 1.0, "rotator"),
        ("npm", 4.0, "rotator"),
        ("wiki", None, "keeper"),
        ("due", 9.0, "rotator"),
        ("feed", 20.0, "rotator"),
        ("portal", 20.0, "rotator"),
    ]


def test_the_last_run(workspace: Workspace) -> None:
    """When it was, and what it left over."""
    assert ask(workspace, "last-scan", "What", "Value") == [
        ("minutes since the last scan", 51),
        ("managed secrets", 7),
        ("vaults not read", 1),
        ("messages as poison", 2),
    ]


def test_the_owners(workspace: Workspace) -> None:
    """Whoever must act first comes first."""
    found = ask(workspace, "owners", "Owner", "DaysLeft", "Secrets")
    assert found == [(BEN, 3.0, 3), (ADA, 60.0, 3)]


def test_what_there_is_to_choose_from(workspace: Workspace) -> None:
    """Secrets of the newest picture, by name."""
    names = ["agent", "due", "feed", "npm", "old", "portal", "wiki"]
    assert ask(workspace, "secrets", "Name") == [(f"{VAULT}/{name}",) for name in names]


def test_one_secret(workspace: Workspace) -> None:
    """What happened to it, and to no other, the newest first."""
    query = TEXTS["secret-history"].replace("kv-build/feed-token", "kv-build/feed")
    found = [(row["Event"], row["Token"]) for row in workspace.ask(query, NOW)]
    assert found == [("TokenRetired", "0"), ("TokenStored", "1")]


def test_what_happened(workspace: Workspace) -> None:
    """Every event but the starts, the newest first; other text is no event."""
    assert [kind for (kind,) in ask(workspace, "events", "Event")] == [
        "RotationFailed",
        "ScanCompleted",
        "RotationFailed",
        "RotationRejected",
        "TokenExtended",
        "TokenRetired",
        "TokenStored",
    ]


def test_events_by_the_hour(workspace: Workspace) -> None:
    """Counted by kind, without the scans."""
    found = ask(workspace, "events-by-hour", "Event", "Events")
    assert sorted(found) == [
        ("RotationFailed", 2),
        ("RotationRejected", 1),
        ("TokenExtended", 1),
        ("TokenRetired", 1),
        ("TokenStored", 1),
    ]


def test_rotations_by_the_day(workspace: Workspace) -> None:
    """Counted by what was done."""
    found = ask(workspace, "rotations-by-day", "What", "Tokens")
    assert sorted(found) == [("extended", 1), ("renewed", 1), ("retired", 1)]


def test_failures_by_reason(workspace: Workspace) -> None:
    """The most frequent first, and how many secrets each was about."""
    found = ask(workspace, "failures", "Reason", "Event", "Times", "Secrets")
    assert found == [
        ("unavailable", "RotationFailed", 2, 2),
        ("mis-tagged", "RotationRejected", 1, 1),
    ]


def test_readers_of_the_vaults(workspace: Workspace) -> None:
    """Who did what, and how often it was refused; not the vault itself, nor requests of nobody."""
    found = ask(workspace, "vault-readers", "Reader", "OperationName", "Times", "Refused")
    assert found == [("rotator", "SecretGet", 2, 1)]
