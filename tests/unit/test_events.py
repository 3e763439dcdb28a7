"""What happened, as it is written down."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import timedelta, timezone

import pytest

from rotation.events import ALERTS, Event, Kind
from tests.unit.given import NAME, NOW, VALUE

DOCUMENTED = """
    ScanStarted ScanCompleted TokenAdopted TokenCreated TokenStored TokenExtended TokenRetired
    MetadataRefreshed ProofFailed RotationBlocked RotationRejected RotationFailed LifetimeClamped
    TokenLost UnclaimedTokenFound SessionRefreshed SessionSignInNeeded SessionSignedIn
    OrderReceived OrderDone OrderRefused KeeperNeeded
"""
KEYS = """
    event time run_id vault secret organization owner authorization_id previous_authorization_id
    secret_version expires_at next_at reason message order requested_by requested_at
"""


def test_every_kind_has_its_public_name() -> None:
    """People write these names into alerts: none is made up on the way."""
    assert set(Kind) <= set(DOCUMENTED.split())


def test_every_key_has_its_public_name() -> None:
    """The keys of a line, in their order."""
    assert [field.name for field in fields(Event) if field.repr] == KEYS.split()


def test_what_a_person_should_look_at() -> None:
    """An alert is whatever failed, was lost, or waits for somebody."""
    assert {str(kind) for kind in ALERTS} == {
        "ProofFailed",
        "RotationBlocked",
        "RotationRejected",
        "RotationFailed",
        "KeeperNeeded",
        "TokenLost",
        "UnclaimedTokenFound",
        "SessionSignInNeeded",
        "OrderRefused",
    }


def test_keys_that_do_not_apply_are_left_out() -> None:
    """An event says what it knows, and no more."""
    event = Event(Kind.SCAN_STARTED, NOW, "5f3a")

    assert event.as_dict() == {
        "event": "ScanStarted",
        "time": "2026-11-22T07:30:00Z",
        "run_id": "5f3a",
    }


def test_an_event_is_one_line_of_json() -> None:
    """All keys in their order, plain strings, instants in UTC."""
    event = Event(
        event=Kind.TOKEN_STORED,
        time=NOW.astimezone(timezone(timedelta(hours=-7))),
        run_id="5f3a",
        vault=NAME.vault,
        secret=NAME.name,
        expires_at=NOW + timedelta(days=30, microseconds=999_999),
        message="two\nlines",
    )

    line = json.dumps(event.as_dict())

    assert line == (
        '{"event": "TokenStored", "time": "2026-11-22T07:30:00Z", "run_id": "5f3a", '
        '"vault": "kv-build", "secret": "feed-token", "expires_at": "2026-12-22T07:30:00Z", '
        '"message": "two\\nlines"}'
    )


@pytest.mark.parametrize("key", ["authorization_id", "reason", "message"])
def test_a_value_that_strays_into_an_event_stays_hidden(key: str) -> None:
    """Even a defect writes no value down."""
    event = Event(Kind.ROTATION_FAILED, NOW, "5f3a", **{key: VALUE})  # type: ignore[arg-type]

    assert VALUE.reveal() not in json.dumps(event.as_dict())
