"""Entra and the managed identity on bad days: whose business is it?"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.errors import AccessDeniedError, ServiceError, SessionError, UnavailableError
from sandbox.fault import Answer, Drop, Fault, Truncate, throttled, unavailable
from sandbox.furniture import OWNER, VAULT, Placement, place
from sandbox.grant import KEY_VAULT, TOKEN_EXCHANGE
from tests.stage import FEED, everything_told_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import ManualClock
    from sandbox.fault import Kind
    from sandbox.world import World
    from tests.stage import HttpsStage

    Fail = Callable[[Callable[[], object]], ServiceError]

ACCESS, REFRESH = "an-access-token-of-entra", "a-refresh-token-of-entra"
GRANTED = {
    "access_token": ACCESS,
    "refresh_token": REFRESH,
    "expires_in": 3600,
    "token_type": "Bearer",
}


@pytest.fixture(autouse=True)
def known_values(world: World) -> None:
    """Let the search for leaks know the values of the answers that are made up here."""
    world.ground.issue(ACCESS)
    world.ground.issue(REFRESH)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("invalid_grant", "sign-in-needed"),
        ("interaction_required", "sign-in-needed"),
        ("consent_required", "sign-in-needed"),
        ("invalid_client", "administrator-needed"),
        ("unauthorized_client", "administrator-needed"),
        ("invalid_scope", "administrator-needed"),
    ],
)
@pytest.mark.usefixtures("redacted")
def test_a_refusal_says_who_must_act(
    https_stage: HttpsStage, search_too: Callable[[str, str], None], word: str, reason: str
) -> None:
    """Entra's word is told, and who must do something; a person is not asked in vain."""
    https_stage.break_at(Fault(_refusal(word), operation="redeem", times=None))

    session = https_stage.sessions.keep(OWNER)
    with pytest.raises(SessionError) as refused:
        https_stage.sessions.access_token(OWNER)

    assert (session.is_working, session.reason) == (False, reason)
    assert word in session.message
    assert str(refused.value) == session.message
    assert refused.value.reason == reason
    search_too("error", everything_told_by(refused.value))


@pytest.mark.parametrize(
    "word", ["temporarily_unavailable", "server_error", "invalid_request", "brand_new_error"]
)
def test_other_words_are_an_outage(https_stage: HttpsStage, fail: Fail, word: str) -> None:
    """Nobody is asked to sign in because Entra has a bad day."""
    https_stage.break_at(Fault(_refusal(word), operation="redeem", times=None))

    error = fail(lambda: https_stage.sessions.keep(OWNER))

    _check(error, UnavailableError, "entra")
    assert word in str(error)


@pytest.mark.parametrize(
    "kind",
    [
        unavailable(),
        Answer(503, '{"error": "temporarily_unavailable"}'),
        Answer(500),
        throttled(2),
        Answer(200, "<html>hello</html>", "text/html"),
        Answer(400, "<html>bad request</html>", "text/html"),
        Answer(200, "{}"),
        Answer(200, "null"),
        Answer(200, "[]"),
        Answer(200, '"text"'),
        Answer(200, json.dumps({**GRANTED, "access_token": None})),
        Answer(200, json.dumps({**GRANTED, "access_token": 5})),
        Answer(200, json.dumps({**GRANTED, "id_token": 5})),
        Answer(200, json.dumps({**GRANTED, "id_token": "a"})),
        Answer(200, json.dumps({**GRANTED, "access_token": ""})[:40]),
        Answer(200, json.dumps(GRANTED)[:-1]),  # msal would log all of it
        Answer(200, json.dumps({"refresh_token": REFRESH, "token_type": "Bearer"})),
        Answer(200, json.dumps({**GRANTED, "expires_in": "soon"})),
        Answer(200, json.dumps({**GRANTED, "id_token": "a.b.c"})),
        Truncate(30),
        Drop(),
        Drop(after_effect=True),
    ],
)
def test_no_usable_answer_is_an_outage(https_stage: HttpsStage, fail: Fail, kind: Kind) -> None:
    """Errors, pages, answers without the tokens: asked once, and said."""
    https_stage.break_at(Fault(kind, operation="redeem", times=None))

    error = fail(lambda: https_stage.sessions.keep(OWNER))

    _check(error, UnavailableError, "entra")
    assert https_stage.count("redeem") == 1


@pytest.mark.parametrize(
    "kind",
    [
        unavailable(),
        Answer(200, "<html>hello</html>", "text/html"),
        Answer(200, "{}"),
        Answer(200, "[]"),
        Answer(404, "{}"),
        Drop(),
    ],
)
def test_a_tenant_that_cannot_be_found_is_an_outage(
    https_stage: HttpsStage, fail: Fail, kind: Kind
) -> None:
    """Without the tenant's metadata there is nowhere to ask."""
    https_stage.break_at(Fault(kind, operation="openid_configuration", times=None))

    error = fail(lambda: https_stage.sessions.keep(OWNER))

    _check(error, UnavailableError, "entra")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, '{"error": {"code": "BadParameter", "message": "api-version"}}'),
        Answer(409, '{"error": {"code": "Conflict", "message": "told"}}'),
        Answer(200, "<html>a proxy</html>", "text/html"),
        Answer(200, '{"value": "half'),
    ],
)
def test_a_session_that_cannot_be_read_is_nobodys_fault(
    https_stage: HttpsStage, fail: Fail, answer: Answer
) -> None:
    """Only a session that is not there is a reason to sign in."""
    https_stage.break_at(Fault(answer, operation="get_secret", times=None))

    error = fail(lambda: https_stage.sessions.keep(OWNER))

    assert error.service == "key-vault"
    assert "the session vault" in str(error)
    assert https_stage.count("redeem") == 0


def test_a_bad_moment_leaves_nothing_behind(https_stage: HttpsStage) -> None:
    """The next call finds the session as it was."""
    https_stage.break_at(Fault(Drop(), operation="redeem"))
    with pytest.raises(UnavailableError):
        https_stage.sessions.keep(OWNER)

    assert https_stage.sessions.keep(OWNER).is_working
    https_stage.sessions.access_token(OWNER)


def test_an_answer_without_a_newer_refresh_token_keeps_the_old_one(
    https_stage: HttpsStage, clock: ManualClock
) -> None:
    """There is nothing to save, and the session works."""
    clock.advance(timedelta(days=1))
    answer = json.dumps({name: value for name, value in GRANTED.items() if "refresh" not in name})
    https_stage.break_at(Fault(Answer(200, answer), operation="redeem"))

    session = https_stage.sessions.keep(OWNER)

    assert (session.is_working, session.is_refreshed) == (True, False)
    assert https_stage.count("set_secret") == 0


@pytest.mark.parametrize("kind", [Answer(500, "{}"), Answer(400, '{"message": "none"}')])
def test_without_an_identity_nothing_is_reached(
    https_stage: HttpsStage, fail: Fail, kind: Kind
) -> None:
    """The managed identity gives no token for Key Vault: the hint names the setting."""
    place(https_stage.world, Placement(FEED.name))
    https_stage.break_at(Fault(kind, "identity", target=KEY_VAULT, times=None))

    error = fail(lambda: list(https_stage.store.list_managed(VAULT)))

    _check(error, AccessDeniedError, "key-vault")
    assert "AZURE_CLIENT_ID" in error.hint
    assert https_stage.count("list_secrets") == 0


@pytest.mark.parametrize("kind", [Answer(500, "{}"), Answer(400, '{"message": "none"}'), Drop()])
def test_without_an_assertion_no_session_works(
    https_stage: HttpsStage, fail: Fail, kind: Kind
) -> None:
    """The managed identity is the application's credential: that is no sign-in's business."""
    https_stage.break_at(Fault(kind, "identity", target=TOKEN_EXCHANGE, times=None))

    error = fail(lambda: https_stage.sessions.keep(OWNER))

    _check(error, AccessDeniedError, "identity")
    assert "AZURE_CLIENT_ID" in error.hint
    assert https_stage.count("redeem") == 0


def _refusal(word: str) -> Answer:
    answer = {"error": word, "error_description": "AADSTS50173: told", "error_codes": [50173]}
    return Answer(400, json.dumps(answer))


def _check(error: ServiceError, kind: type[ServiceError], service: str) -> None:
    """See that an error is of exactly this kind, and says what failed, and where."""
    assert (type(error), error.service) == (kind, service)
    assert str(error).startswith("cannot ")
