"""Services that answer too late: every call has a time-out, and its error says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.adapters import border, patience, transport
from rotation.errors import OutcomeUnknownError, UnavailableError
from rotation.model import Draft, TokenValue
from sandbox.fault import Delay, Fault
from sandbox.furniture import ORGANIZATION, OWNER, Placement, place
from tests.stage import FEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stage import HttpsStage

LATE = Delay(timedelta(hours=1))
UNTIL = datetime(2026, 12, 20, tzinfo=UTC)
TRIES = 4


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> HttpsStage:
    """Give real adapters that wait for an answer for a moment only."""
    for adapter in (patience, transport):
        monkeypatch.setattr(adapter, "READ_TIMEOUT", 0.3)
    stage: HttpsStage = request.getfixturevalue("https_stage")
    place(stage.world, Placement(FEED.name))
    return stage


def test_an_answer_that_azure_devops_delays_is_not_late() -> None:
    """It holds the requests of whoever asks too much back, for up to 30 seconds (*Rate limits*)."""
    assert timedelta(seconds=border.READ_TIMEOUT) > timedelta(seconds=30)


def test_a_late_read_is_repeated_and_then_an_outage(stage: HttpsStage) -> None:
    """Key Vault: a few times, then the next run goes on."""
    stage.break_at(Fault(LATE, operation="get_secret", times=None))

    with pytest.raises(UnavailableError, match=str(FEED)):
        stage.store.read(FEED)

    assert stage.count("get_secret") == TRIES


def test_a_late_answer_to_a_store_leaves_it_unknown(stage: HttpsStage) -> None:
    """Key Vault: the version may be there, so the write is not repeated."""
    secret = stage.store.read(FEED)
    stage.break_at(Fault(LATE, operation="set_secret", times=None))

    with pytest.raises(OutcomeUnknownError, match=str(FEED)):
        stage.store.store(secret, TokenValue("new"), tags={}, expires_at=UNTIL)

    assert stage.count("set_secret") == 1


def test_a_late_list_is_repeated_and_then_an_outage(stage: HttpsStage) -> None:
    """Azure DevOps: a few times, then the next run goes on."""
    stage.break_at(Fault(LATE, operation="list_pats", times=None))

    with pytest.raises(UnavailableError, match=ORGANIZATION):
        stage.issuer.inventory(OWNER, ORGANIZATION)

    assert stage.count("list_pats") == TRIES


def test_a_late_answer_to_a_create_leaves_it_unknown(stage: HttpsStage) -> None:
    """Azure DevOps: a token may have been made, so the create is not repeated."""
    stage.break_at(Fault(LATE, operation="create_pat", times=None))

    with pytest.raises(OutcomeUnknownError, match=ORGANIZATION):
        stage.issuer.create(OWNER, ORGANIZATION, Draft("feed", "vso.code", UNTIL))

    assert stage.count("create_pat") == 1


@pytest.mark.parametrize("ask", ["session", "access_token"])
def test_a_late_redemption_is_an_outage(stage: HttpsStage, ask: str) -> None:
    """Entra: nothing can be said of the session, and nobody must sign in."""
    asking: Callable[[str], object] = getattr(stage.sessions, ask)
    stage.break_at(Fault(LATE, operation="redeem", times=None))

    with pytest.raises(UnavailableError, match=OWNER):
        asking(OWNER)

    assert stage.count("redeem") == 1
