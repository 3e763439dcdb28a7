"""An owner's session is refused: by Entra, or by Azure DevOps, which does not let it in."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotation.errors import AccessDeniedError, ServiceError, SessionError, UnavailableError
from rotation.model import Draft, TokenValue
from sandbox.fault import Answer, Drop, Fault, throttled, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, Placement, plant
from sandbox.organization import ANONYMOUS
from tests.refusals import ENTRA_NOES, SIGN_IN_ANSWERS, EntraNo
from tests.stage import everything_told_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.fault import Kind
    from tests.stage import HttpsStage, Stage

    Fail = Callable[[Callable[[], object]], ServiceError]

PLACE = (OWNER, ORGANIZATION)
UNTIL = datetime(2026, 12, 20, tzinfo=UTC)
DRAFT = Draft("feed [kv-build/feed]", "vso.code", UNTIL)

REFUSED = [no for no in ENTRA_NOES if no.reason]
PASSING = [no for no in ENTRA_NOES if not no.reason]


def _name(no: EntraNo) -> str:
    return f"{no.error}-{no.number}-{no.status}"


# --- Entra ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("redacted")
@pytest.mark.parametrize("no", REFUSED, ids=_name)
def test_a_refused_session_says_who_must_act(
    https_stage: HttpsStage, search_too: Callable[[str, str], None], no: EntraNo
) -> None:
    """Asked once, with both of Entra's words told: one decides, the number is to be looked up."""
    https_stage.break_at(Fault(no.answer, operation="redeem", times=None))

    session = https_stage.sessions.keep(OWNER)

    asked = https_stage.count("redeem")
    with pytest.raises(SessionError) as refused:
        https_stage.issuer.inventory(*PLACE)
    assert (session.is_working, session.is_known, session.reason) == (False, True, no.reason)
    assert f"({no.error}, AADSTS{no.number})" in session.message
    assert "must" in session.message
    assert asked == 1
    assert https_stage.count("list_pats") == 0
    search_too("error", everything_told_by(refused.value))


@pytest.mark.parametrize("no", PASSING, ids=_name)
def test_an_outage_of_entra_asks_nobody_to_sign_in(
    https_stage: HttpsStage, fail: Fail, no: EntraNo
) -> None:
    """The session may be as good as ever: it is asked for again by the next run."""
    https_stage.break_at(Fault(no.answer, operation="redeem"))

    error = fail(lambda: https_stage.sessions.keep(OWNER))

    assert (type(error), error.service) == (UnavailableError, "entra")
    assert https_stage.count("redeem") == 1
    assert https_stage.sessions.keep(OWNER).is_working


@pytest.mark.parametrize(
    "kind", [throttled(2), unavailable(), Answer(504, "", "text/html"), Answer(408, "{}"), Drop()]
)
@pytest.mark.parametrize("operation", ["redeem", "openid_configuration"])
def test_throttling_and_time_outs_of_entra_are_outages(
    https_stage: HttpsStage, fail: Fail, operation: str, kind: Kind
) -> None:
    """Without a word of Entra's own nothing is concluded."""
    https_stage.break_at(Fault(kind, "entra", operation))

    error = fail(lambda: https_stage.sessions.keep(OWNER))

    assert (type(error), error.service) == (UnavailableError, "entra")
    assert https_stage.sessions.keep(OWNER).is_working


@pytest.mark.parametrize("codes", [None, 5, "50076", ["a value"], [{}], [True], [50076, "x"], []])
def test_a_number_is_told_only_if_it_is_one(https_stage: HttpsStage, codes: object) -> None:
    """What else stands there might be anything."""
    body = {"error": "invalid_grant", "error_description": "told", "error_codes": codes}
    https_stage.break_at(Fault(Answer(400, json.dumps(body)), operation="redeem", times=None))

    message = https_stage.sessions.keep(OWNER).message

    assert "(invalid_grant)" in message or "(invalid_grant, AADSTS50076)" in message


@pytest.mark.parametrize("no", ENTRA_NOES, ids=_name)
def test_a_refused_session_is_the_same_in_process(stage: Stage, no: EntraNo) -> None:
    """What stories are told with agrees with the adapter."""
    stage.break_at(Fault(no.answer, operation="redeem", times=None))

    try:
        reason = stage.sessions.keep(OWNER).reason
    except UnavailableError:
        reason = ""

    assert reason == no.reason


# --- Azure DevOps ---------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["create_pat", "update_pat"])
@pytest.mark.parametrize("status", SIGN_IN_ANSWERS)
def test_a_session_that_is_not_admitted_is_a_want_of_rights(
    https_stage: HttpsStage, fail: Fail, status: str, operation: str
) -> None:
    """One request, nothing done, and the message says what to do."""
    plant(https_stage.world, Placement("feed"))
    (token,) = https_stage.issuer.inventory(*PLACE).tokens
    https_stage.break_at(Fault(SIGN_IN_ANSWERS[status], operation=operation, times=None))
    calls: dict[str, Callable[[], object]] = {
        "create_pat": lambda: https_stage.issuer.create(*PLACE, DRAFT),
        "update_pat": lambda: https_stage.issuer.extend(*PLACE, token, UNTIL),
    }

    error = fail(calls[operation])

    assert (type(error), error.service) == (AccessDeniedError, "azure-devops")
    assert error.status == int(status)
    assert error.hint
    assert [call.operation for call in https_stage.world.calls] == [operation]
    assert tuple(https_stage.issuer.inventory(*PLACE).tokens) == (token,)


@pytest.mark.parametrize("status", SIGN_IN_ANSWERS)
def test_an_owner_who_is_not_admitted_is_nobody_to_compare_with(
    https_stage: HttpsStage, fail: Fail, status: str
) -> None:
    """Who the owner is cannot be told: nothing is listed, made or proven."""
    https_stage.break_at(Fault(SIGN_IN_ANSWERS[status], operation="connection_data", times=None))

    error = fail(lambda: https_stage.issuer.prove(*PLACE, TokenValue("any")))

    assert type(error) is AccessDeniedError
    assert error.hint
    assert https_stage.count("connection_data") == 1


def test_an_owner_who_is_anonymous_has_no_access(https_stage: HttpsStage, fail: Fail) -> None:
    """200 as nobody, from an organization with public projects, is no admission."""
    body = json.dumps({"authenticatedUser": {"id": ANONYMOUS}})
    https_stage.break_at(Fault(Answer(200, body), operation="connection_data", times=None))

    error = fail(lambda: https_stage.issuer.inventory(*PLACE))

    assert type(error) is AccessDeniedError
    assert OWNER in str(error)
    assert error.hint
    assert https_stage.count("list_pats") == 0


@pytest.mark.parametrize("status", [status for status in SIGN_IN_ANSWERS if status != "403"])
def test_a_value_that_is_not_admitted_is_false(https_stage: HttpsStage, status: str) -> None:
    """The same answers to a token's value are no error but the proof that it does not work."""
    https_stage.issuer.inventory(*PLACE)
    https_stage.break_at(Fault(SIGN_IN_ANSWERS[status], operation="connection_data", times=None))

    assert https_stage.issuer.prove(*PLACE, TokenValue("any")) is False
    assert https_stage.count("connection_data") == 1
