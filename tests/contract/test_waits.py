"""How long a service asks to be left alone, in each way in which that can be said.

Source: RFC 9110, 10.2.3: a number of seconds, or an instant.
"""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from sandbox.fault import Answer, Extra, Fault
from sandbox.furniture import ORGANIZATION, OWNER, Placement, place
from tests.stage import FEED

if TYPE_CHECKING:
    from sandbox.fault import Kind
    from tests.stage import HttpsStage

PLACE = (OWNER, ORGANIZATION)
SPAN = timedelta(seconds=7)
SECONDS, INSTANT, PADDED, UNCLEAR = "seconds", "instant", "padded", "unclear"


@pytest.fixture(params=[SECONDS, INSTANT, PADDED])
def asked(request: pytest.FixtureRequest, https_stage: HttpsStage) -> str:
    """Give the header that asks for seven seconds.

    An instant is the service's own: our clock is days behind, and that changes nothing.
    """
    instant = format_datetime(https_stage.world.clock() + SPAN, usegmt=True)
    forms: dict[str, str] = {SECONDS: "7", INSTANT: instant, PADDED: " 7.0 "}
    return forms[request.param]


def test_a_refused_call_of_azure_devops_is_repeated_in_time(
    https_stage: HttpsStage, asked: str
) -> None:
    """Not before, and not much later."""
    https_stage.break_at(Fault(_throttled(asked), operation="list_pats"))

    https_stage.issuer.inventory(*PLACE)

    assert https_stage.slept == [pytest.approx(7, abs=1)]


def test_a_wait_that_comes_with_a_success_is_honoured(https_stage: HttpsStage, asked: str) -> None:
    """By the next call, whichever it is."""
    https_stage.break_at(Fault(Extra({"Retry-After": asked}), operation="list_pats"))
    https_stage.issuer.inventory(*PLACE)
    assert https_stage.slept == []

    https_stage.issuer.inventory(*PLACE)

    assert https_stage.slept == [pytest.approx(7, abs=2)]


def test_a_refused_call_of_a_vault_is_repeated_in_time(https_stage: HttpsStage, asked: str) -> None:
    """Not before, and not much later."""
    place(https_stage.world, Placement(FEED.name))
    https_stage.break_at(Fault(_throttled(asked), operation="get_secret"))

    assert https_stage.store.read(FEED).value

    assert https_stage.slept == [pytest.approx(7, abs=1)]


@pytest.mark.parametrize("words", ["soon", "-7", "", "7, 8", "1e9", "99 Nov 2026", "NaN"])
def test_what_cannot_be_read_is_not_asked(https_stage: HttpsStage, words: str) -> None:
    """The call is repeated as if nothing had been said, after a moment."""
    place(https_stage.world, Placement(FEED.name))
    https_stage.break_at(
        Fault(_throttled(words), operation="get_secret"),
        Fault(_throttled(words), operation="list_pats"),
    )

    assert https_stage.store.read(FEED).value
    assert https_stage.issuer.inventory(*PLACE).tokens
    assert sum(https_stage.slept) < 5


def test_an_instant_that_is_over_asks_for_nothing(https_stage: HttpsStage) -> None:
    """It may be so by the time at which it is read."""
    place(https_stage.world, Placement(FEED.name))
    over = format_datetime(https_stage.world.clock() - SPAN, usegmt=True)
    https_stage.break_at(Fault(_throttled(over), operation="get_secret"))

    assert https_stage.store.read(FEED).value
    assert sum(https_stage.slept) < 5


def _throttled(asked: str) -> Kind:
    return Answer(429, "{}", headers={"Retry-After": asked})
