"""Azure DevOps on bad days: each bad answer is one of our errors, which names the place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from rotation import settings
from rotation.adapters.azure_devops import AzureDevOpsIssuer
from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RejectedError,
    ServiceError,
    UnavailableError,
)
from rotation.model import Draft, Token, TokenValue
from sandbox.fault import (
    Answer,
    Drop,
    Extra,
    Fault,
    Truncate,
    redirect,
    refused_token,
    sign_in_page,
    throttled,
    unavailable,
)
from sandbox.furniture import ORGANIZATION, OWNER, Placement, plant
from sandbox.organization import ANONYMOUS
from tests.stage import everything_told_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from sandbox.fault import Kind
    from tests.stage import HttpsStage

    Fail = Callable[[Callable[[], object]], ServiceError]

PLACE = (OWNER, ORGANIZATION)
UNTIL = datetime(2026, 12, 20, tzinfo=UTC)
ID = "00000000-0000-4000-8000-000000000000"
DRAFT = Draft("feed [kv-build/feed]", "vso.code", UNTIL)
TOKEN = Token(ID, "feed [kv-build/feed]", frozenset({"vso.code"}), UNTIL, UNTIL, ())
TRIES = 4
TOKEN_ANSWERS = ("list_pats", "get_pat", "update_pat")

REPEATABLE: dict[str, Callable[[HttpsStage], object]] = {
    "list_pats": lambda stage: stage.issuer.inventory(*PLACE),
    "get_pat": lambda stage: stage.issuer.get(*PLACE, ID),
    "update_pat": lambda stage: stage.issuer.extend(*PLACE, TOKEN, UNTIL),
    "revoke_pat": lambda stage: stage.issuer.revoke(*PLACE, ID),
    "connection_data": lambda stage: stage.issuer.prove(*PLACE, TokenValue("any")),
}
CREATE = "create_pat"
CALLS: dict[str, Callable[[HttpsStage], object]] = {
    **REPEATABLE,
    CREATE: lambda stage: stage.issuer.create(*PLACE, DRAFT),
}
TOKEN_CALLS = [name for name in REPEATABLE if name != "connection_data"]

SILENCE: list[Kind] = [
    unavailable(),
    Answer(408, "{}"),
    Answer(500, "{}"),
    Answer(502, "bad gateway", "text/plain"),
    Answer(504),
    Drop(),
    Drop(after_effect=True),
]
NONSENSE: list[Kind] = [
    Answer(200, '{"patToken": {"token": "half', "application/json; charset=utf-8"),
    Answer(200, "[1]"),
    Answer(200, '"text"'),
    Answer(200, "null"),
    Answer(200, "5"),
    Answer(200, "{}"),
    Answer(200, '{"message": "told", "patTokens": 5, "patToken": "text"}'),
    Answer(200, "[" * 100_000),
]
SIGN_IN: list[Kind] = [
    sign_in_page(),
    redirect(),
    Answer(301, "", "text/html", {"Location": "https://localhost/elsewhere"}),
    Answer(307, "", "text/html", {"Location": "https://localhost/elsewhere"}),
    Answer(200, "<html><body>sign in</body></html>", "text/html"),
    Answer(200, "{}", "text/plain"),
    Answer(401, "{}"),
    Answer(403, "<html><body>forbidden</body></html>", "text/html"),
]


@pytest.fixture(autouse=True)
def known_owner(https_stage: HttpsStage) -> None:
    """Let the issuer learn who the owner is, so that a test sees the one call that it is about."""
    https_stage.issuer.inventory(*PLACE)


@pytest.mark.parametrize("operation", REPEATABLE)
@pytest.mark.parametrize("kind", [*SILENCE, throttled()])
def test_silence_is_an_outage_after_some_tries(
    https_stage: HttpsStage, fail: Fail, operation: str, kind: Kind
) -> None:
    """What may be repeated is, a few times; then the next run goes on."""
    https_stage.break_at(Fault(kind, operation=operation, times=None))

    error = fail(lambda: REPEATABLE[operation](https_stage))

    _check(error, UnavailableError, "unavailable")
    assert https_stage.count(operation) == TRIES


@pytest.mark.parametrize("operation", TOKEN_CALLS)
@pytest.mark.parametrize("kind", [*SILENCE, throttled()])
def test_one_bad_answer_is_not_even_noticed(
    https_stage: HttpsStage, operation: str, kind: Kind
) -> None:
    """The second try is as good as the first, whether or not the first had its effect."""
    made = https_stage.issuer.create(*PLACE, DRAFT).token
    calls: dict[str, Callable[[], object]] = {
        "list_pats": lambda: https_stage.issuer.inventory(*PLACE),
        "get_pat": lambda: https_stage.issuer.get(*PLACE, made.authorization_id),
        "update_pat": lambda: https_stage.issuer.extend(*PLACE, made, UNTIL),
        "revoke_pat": lambda: https_stage.issuer.revoke(*PLACE, made.authorization_id),
    }
    https_stage.break_at(Fault(kind, operation=operation))

    calls[operation]()

    assert https_stage.count(operation) == 2


@pytest.mark.parametrize("kind", [*SILENCE, *NONSENSE, Truncate(20), Answer(204)])
def test_a_create_without_a_usable_answer_is_never_repeated(
    https_stage: HttpsStage, fail: Fail, kind: Kind
) -> None:
    """A token may have been made: counted at the wire, there is one request."""
    https_stage.break_at(Fault(kind, operation=CREATE, times=None))

    error = fail(lambda: https_stage.issuer.create(*PLACE, DRAFT))

    _check(error, OutcomeUnknownError, "outcome-unknown", place=DRAFT.display_name)
    assert https_stage.count(CREATE) == 1


def test_a_throttled_create_waits_for_the_next_run(https_stage: HttpsStage, fail: Fail) -> None:
    """A 429 says that nothing was done; it is not repeated either."""
    https_stage.break_at(Fault(throttled(), operation=CREATE, times=None))

    error = fail(lambda: https_stage.issuer.create(*PLACE, DRAFT))

    _check(error, UnavailableError, "unavailable", place=DRAFT.display_name)
    assert (https_stage.count(CREATE), error.status) == (1, 429)


@pytest.mark.parametrize("operation", [*TOKEN_CALLS, CREATE])
@pytest.mark.parametrize("kind", SIGN_IN)
def test_a_page_or_a_redirect_means_no_access(
    https_stage: HttpsStage, fail: Fail, operation: str, kind: Answer
) -> None:
    """A wrong identity sees sign-in pages and redirects: none is followed, and nothing repeated."""
    https_stage.break_at(Fault(kind, operation=operation, times=None))

    error = fail(lambda: CALLS[operation](https_stage))

    place = DRAFT.display_name if operation == CREATE else ORGANIZATION
    _check(error, AccessDeniedError, "access-denied", place=place)
    assert error.status == kind.status
    assert len(https_stage.world.calls) == 1


@pytest.mark.parametrize("operation", [*TOKEN_CALLS, CREATE])
def test_a_bad_request_is_a_clear_no(https_stage: HttpsStage, fail: Fail, operation: str) -> None:
    """The reason is the service's own word."""
    body = '{"message": "TF400898: An Internal Error Occurred", "typeKey": "JsonReaderException"}'
    https_stage.break_at(Fault(Answer(400, body), operation=operation, times=None))

    error = fail(lambda: CALLS[operation](https_stage))

    place = DRAFT.display_name if operation == CREATE else ORGANIZATION
    _check(error, RejectedError, "JsonReaderException", place=place)
    assert https_stage.count(operation) == 1


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"typeKey": null}', "{}", "[" * 100_000])
def test_a_no_without_a_word_has_a_reason(https_stage: HttpsStage, fail: Fail, body: str) -> None:
    """A machine word for alerts there always is."""
    https_stage.break_at(Fault(Answer(400, body), operation=CREATE, times=None))

    error = fail(lambda: https_stage.issuer.create(*PLACE, DRAFT))

    assert error.reason
    assert " " not in error.reason


@pytest.mark.parametrize("operation", ["list_pats", "get_pat", "update_pat", "revoke_pat", CREATE])
def test_an_organization_that_is_not_there_is_a_clear_no(
    https_stage: HttpsStage, fail: Fail, operation: str
) -> None:
    """A gateway's 404 with a page is no empty list, no unknown token and no revocation."""
    https_stage.break_at(
        Fault(Answer(404, "<html>not found</html>", "text/html"), operation=operation, times=None)
    )

    error = fail(lambda: CALLS[operation](https_stage))

    assert type(error) is RejectedError
    assert error.reason == "status-404"


@pytest.mark.parametrize("operation", ["list_pats", "get_pat", "update_pat"])
@pytest.mark.parametrize("kind", NONSENSE)
def test_nonsense_is_no_answer(
    https_stage: HttpsStage, fail: Fail, operation: str, kind: Kind
) -> None:
    """Broken off JSON, and JSON that is no object."""
    https_stage.break_at(Fault(kind, operation=operation, times=None))

    error = fail(lambda: REPEATABLE[operation](https_stage))

    _check(error, UnavailableError, "unavailable")


@pytest.mark.parametrize("operation", ["get_pat", "update_pat", "revoke_pat", CREATE])
@pytest.mark.parametrize("word", ["accessDenied", "brandNewPolicyViolation"])
def test_a_refusal_inside_a_success_is_a_refusal(
    https_stage: HttpsStage, fail: Fail, operation: str, word: str
) -> None:
    """Refusals come with a 200; words that nobody knows yet are refusals, too."""
    https_stage.break_at(Fault(refused_token(word), operation=operation, times=None))

    error = fail(lambda: CALLS[operation](https_stage))

    place = DRAFT.display_name if operation == CREATE else ORGANIZATION
    _check(error, RejectedError, word, place=place)
    assert error.hint
    assert https_stage.count(operation) == 1


@pytest.mark.parametrize("operation", ["update_pat", CREATE])
@pytest.mark.parametrize("word", ["failedToReadOrgPolicy", "failedToReadTenantPolicy"])
def test_a_policy_that_cannot_be_read_is_no_refusal(
    https_stage: HttpsStage, fail: Fail, operation: str, word: str
) -> None:
    """The service could not find out whether it may: a later run tries again."""
    https_stage.break_at(Fault(refused_token(word), operation=operation))

    error = fail(lambda: CALLS[operation](https_stage))

    assert type(error) is UnavailableError
    assert "a later run tries again" in str(error)


@pytest.mark.parametrize("word", ["authorizationNotFound", "tokenNotFound"])
def test_an_unknown_token_inside_a_success_is_unknown(https_stage: HttpsStage, word: str) -> None:
    """The service does not know it: None for a get, done for a revocation."""
    https_stage.world.faults.add(Fault(refused_token(word), operation="*_pat", times=None))

    assert https_stage.issuer.get(*PLACE, ID) is None
    https_stage.issuer.revoke(*PLACE, ID)


def test_a_get_without_an_id_is_no_list(https_stage: HttpsStage) -> None:
    """The service would answer with a list: it is not even asked."""
    https_stage.world.calls.clear()

    with pytest.raises(ValueError, match="a get without an id"):
        https_stage.issuer.get(*PLACE, "")

    assert not https_stage.world.calls


def test_a_create_answered_without_a_value_is_unknown(https_stage: HttpsStage, fail: Fail) -> None:
    """The value appears once; without it the token is one to be retired."""
    body = json.dumps({"patToken": {**_item(), "token": None}, "patTokenError": "none"})
    https_stage.break_at(Fault(Answer(200, body, after_effect=True), operation=CREATE))

    error = fail(lambda: https_stage.issuer.create(*PLACE, DRAFT))

    _check(error, OutcomeUnknownError, "outcome-unknown", place=DRAFT.display_name)


def test_a_malformed_answer_to_a_create_gives_no_value_away(
    https_stage: HttpsStage, fail: Fail
) -> None:
    """The value is sealed while the answer is read, whatever else is wrong with it."""
    value = https_stage.world.ground.issue("the-value-of-the-new-token")
    item = {**_item(validTo="soon"), "token": value}
    body = json.dumps({"patToken": item, "patTokenError": "none"})
    https_stage.break_at(Fault(Answer(200, body), operation=CREATE))

    error = fail(lambda: https_stage.issuer.create(*PLACE, DRAFT))

    _check(error, OutcomeUnknownError, "outcome-unknown", place=DRAFT.display_name)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-12-20T22:56:52.1033333Z", datetime(2026, 12, 20, 22, 56, 52, 103333, UTC)),
        ("2026-12-20T23:46:23.32Z", datetime(2026, 12, 20, 23, 46, 23, 320000, UTC)),
        ("2026-12-20T23:46:23Z", datetime(2026, 12, 20, 23, 46, 23, 0, UTC)),
        ("2026-12-20T23:46:23.3", datetime(2026, 12, 20, 23, 46, 23, 300000, UTC)),
        ("2026-12-20t23:46:23z", datetime(2026, 12, 20, 23, 46, 23, 0, UTC)),
        ("2026-12-21T00:46:23+01:00", datetime(2026, 12, 20, 23, 46, 23, 0, UTC)),
        ("0001-01-01T00:00:00", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.9999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
    ],
)
def test_dates_are_read_as_they_come(https_stage: HttpsStage, text: str, instant: datetime) -> None:
    """Up to seven digits, with or without a zone: an aware instant in UTC."""
    body = json.dumps({"patToken": _item(validTo=text), "patTokenError": "none"})
    https_stage.break_at(Fault(Answer(200, body), operation="get_pat"))

    token = https_stage.issuer.get(*PLACE, ID)

    assert token
    assert (token.valid_to, token.valid_to.tzinfo) == (instant, UTC)


@pytest.mark.parametrize("error", [{"patTokenError": "None"}, {"patTokenError": None}, {}])
def test_no_error_is_none_however_it_is_said(
    https_stage: HttpsStage, error: dict[str, str | None]
) -> None:
    """A success may call itself so, or may say nothing."""
    body = json.dumps({"patToken": _item(), **error})
    https_stage.break_at(Fault(Answer(200, body), operation="get_pat"))

    assert https_stage.issuer.get(*PLACE, ID)


MALFORMED: list[dict[str, object]] = [
    {"authorizationId": None},
    {"authorizationId": ""},
    {"scope": None},
    {"validTo": "9999-12-31T23:59:59-05:00"},
    {"validTo": "soon"},
    {"validTo": ""},
    {"validTo": None},
    {"validTo": 1766275200},
    {"validFrom": "2026-13-01T00:00:00Z"},
    {"targetAccounts": 5},
]
NAMELESS: dict[str, object] = {"displayName": None}


@pytest.mark.parametrize(
    ("operation", "change"),
    [
        *((operation, change) for operation in TOKEN_ANSWERS for change in MALFORMED),
        ("get_pat", NAMELESS),
        ("update_pat", NAMELESS),
    ],
)
def test_a_malformed_token_is_no_answer(
    https_stage: HttpsStage, fail: Fail, operation: str, change: dict[str, object]
) -> None:
    """Nothing is decided on half a token; the message says what was asked, and of whom."""
    item = _item(**change)
    body = {"patToken": item, "patTokenError": "none", "patTokens": [item]}
    https_stage.break_at(Fault(Answer(200, json.dumps(body)), operation=operation, times=None))

    error = fail(lambda: REPEATABLE[operation](https_stage))

    _check(error, UnavailableError, "unavailable")


@pytest.mark.parametrize("last", [{"continuationToken": ""}, {"continuationToken": None}, {}])
def test_a_list_ends_with_an_empty_continuation(
    https_stage: HttpsStage, last: dict[str, object]
) -> None:
    """The end is an empty string in the body; a null or nothing is the end as well."""
    first = {"patTokens": [_item()], "continuationToken": "more"}
    https_stage.break_at(
        Fault(Answer(200, json.dumps(first)), operation="list_pats"),
        Fault(Answer(200, json.dumps({"patTokens": [_item()], **last})), operation="list_pats"),
    )

    assert len(https_stage.issuer.inventory(*PLACE).tokens) == 2
    assert https_stage.count("list_pats") == 2


def test_a_list_that_never_ends_is_given_up(https_stage: HttpsStage, fail: Fail) -> None:
    """A thousand pages are a circle."""
    body = '{"patTokens": [], "continuationToken": "again"}'
    https_stage.break_at(Fault(Answer(200, body), operation="list_pats", times=None))

    error = fail(lambda: https_stage.issuer.inventory(*PLACE))

    _check(error, UnavailableError, "unavailable")
    assert https_stage.count("list_pats") == 1000


def test_a_session_that_is_taken_for_nobody_has_no_access(
    https_stage: HttpsStage, fail: Fail
) -> None:
    """A 200 as the anonymous user is no identity to compare a token's with."""
    https_stage.world.add_organization("fabrikam")
    https_stage.break_at(Fault(_user({"id": ANONYMOUS}), operation="connection_data", times=None))

    error = fail(lambda: https_stage.issuer.inventory(OWNER, "fabrikam"))

    _check(error, AccessDeniedError, "access-denied", place="fabrikam")
    assert "taken for nobody" in str(error)


@pytest.mark.parametrize("user", [{"id": ""}, {"id": None}, {"id": 5}, {}, None, "me", []])
def test_an_answer_without_a_user_is_no_answer(
    https_stage: HttpsStage, fail: Fail, user: object
) -> None:
    """Nobody is taken for nobody, or a value for a bad one, because an answer makes no sense."""
    https_stage.world.add_organization("fabrikam")
    https_stage.break_at(Fault(_user(user), operation="connection_data", times=None))

    for do in (
        lambda: https_stage.issuer.inventory(OWNER, "fabrikam"),
        lambda: https_stage.issuer.prove(*PLACE, TokenValue("any")),
    ):
        assert type(fail(do)) is UnavailableError


@pytest.mark.parametrize("kind", [sign_in_page(), redirect(), Answer(401, "{}")])
def test_a_value_that_must_sign_in_is_refused(https_stage: HttpsStage, kind: Answer) -> None:
    """A bad token is answered with a 401, a page or a redirect: that is a no, and no error."""
    https_stage.break_at(Fault(kind, operation="connection_data", times=None))

    assert https_stage.issuer.prove(*PLACE, TokenValue("any")) is False


@pytest.mark.parametrize("kind", [Answer(200, "[1"), Drop()])
def test_a_failed_proof_gives_the_value_away_to_nobody(
    https_stage: HttpsStage, fail: Fail, kind: Kind
) -> None:
    """Neither plainly nor as the Basic credential that was sent."""
    token = plant(https_stage.world, Placement("feed"))
    https_stage.break_at(Fault(kind, operation="connection_data", times=None))

    error = fail(lambda: https_stage.issuer.prove(*PLACE, TokenValue(token.value)))

    _check(error, UnavailableError, "unavailable")


@pytest.mark.parametrize(
    ("date", "what"),
    [
        ("Sun, 22 Nov 2026 07:05:30 GMT", "its clock says 2026-11-22 07:05 UTC"),
        ("Sun, 22 Nov 2026 06:54:00 GMT", "its clock says 2026-11-22 06:54 UTC"),
        ("Sun, 22 Nov 2026 08:06:00 +0100", "its clock says 2026-11-22 07:06 UTC"),
        ("yesterday", "makes no sense"),
        ("Sun, 99 Nov 2026 07:00:00 GMT", "makes no sense"),
        ("Fri, 31 Dec 9999 23:59:59 -0500", "makes no sense"),
    ],
)
def test_a_clock_that_is_far_off_stops_everything(
    https_stage: HttpsStage, fail: Fail, date: str, what: str
) -> None:
    """More than five minutes apart, or nobody knows: nothing may be acted on."""
    https_stage.http.hooks["response"].append(_changing(Date=date))

    error = fail(lambda: https_stage.issuer.inventory(*PLACE))

    _check(error, UnavailableError, "unavailable")
    assert what in str(error)


@pytest.mark.parametrize(
    "date", ["Sun, 22 Nov 2026 07:04:00 GMT", "Sun, 22 Nov 2026 08:04:00 +0100", "", None]
)
def test_a_clock_that_is_near_or_silent_stops_nothing(
    https_stage: HttpsStage, date: str | None
) -> None:
    """Within five minutes all is well; without the header there is nothing to compare."""
    https_stage.http.hooks["response"].append(_changing(Date=date))

    assert not https_stage.issuer.inventory(*PLACE).tokens


def test_a_wait_asked_for_with_a_success_is_honoured(https_stage: HttpsStage) -> None:
    """``Retry-After`` comes with a 200, too: the next call, whichever it is, waits so long."""
    https_stage.break_at(Fault(Extra({"Retry-After": "7"}), operation="list_pats"))
    https_stage.issuer.inventory(*PLACE)
    assert https_stage.slept == []

    https_stage.issuer.get(*PLACE, ID)

    assert https_stage.slept == [pytest.approx(7, abs=2)]


def test_a_wait_asked_for_with_a_refusal_is_honoured(https_stage: HttpsStage) -> None:
    """Too many requests: the repetition comes when it may."""
    https_stage.break_at(Fault(throttled(3), operation="list_pats"))

    https_stage.issuer.inventory(*PLACE)

    assert 3 in https_stage.slept


@pytest.mark.parametrize("operation", [*TOKEN_CALLS, CREATE])
def test_nobody_waits_for_an_hour(https_stage: HttpsStage, fail: Fail, operation: str) -> None:
    """An absurd ``Retry-After`` is given up at once, not slept, and not asked for again."""
    https_stage.break_at(Fault(throttled(3600), operation=operation, times=None))

    for _ in range(2):
        error = fail(lambda: CALLS[operation](https_stage))
        assert type(error) is UnavailableError or operation == CREATE

    assert (https_stage.slept, https_stage.count(operation)) == ([], 1)


def test_a_leak_would_be_noticed(https_stage: HttpsStage) -> None:
    """The search for values looks at the local variables of every frame of a chain."""
    value = plant(https_stage.world, Placement("feed")).value

    def leak() -> None:
        held = f"Basic {value}"
        raise ValueError(len(held))

    def hide() -> None:
        try:
            leak()
        except ValueError as exc:
            raise UnavailableError("hidden", service="", operation="") from exc

    with pytest.raises(UnavailableError) as hidden:
        hide()

    assert https_stage.world.leaks_in(everything_told_by(hidden.value)) == 1


def _check(
    error: ServiceError, kind: type[ServiceError], reason: str, *, place: str = ORGANIZATION
) -> None:
    """See that an error is of exactly this kind, and says what failed, and where."""
    assert (type(error), error.reason, error.service) == (kind, reason, "azure-devops")
    assert f"cannot {error.operation} " in str(error)
    assert place in str(error)


def _item(**changes: object) -> dict[str, Any]:
    """Give a PatToken as the service writes it, but for the changes."""
    return {
        "displayName": "feed [kv-build/feed]",
        "validTo": "2026-12-20T00:00:00Z",
        "scope": "vso.code",
        "targetAccounts": [ID],
        "validFrom": "2026-11-20T00:00:00Z",
        "authorizationId": ID,
        "token": None,
        **changes,
    }


def _user(user: object) -> Answer:
    """Give what ``connectionData`` says of a caller."""
    return Answer(200, json.dumps({"authenticatedUser": user, "instanceId": ID}))


def _changing(**headers: str | None) -> Callable[..., None]:
    """Change headers of every answer on its way, as a proxy may."""

    def change(response: Response, **_: object) -> None:
        for name, text in headers.items():
            response.headers.pop(name, None)
            if text is not None:
                response.headers[name] = text

    return change


@pytest.mark.parametrize("said", ["f00dcafe-0000-4000-8000-000000000000", None, 5])
def test_an_id_that_no_token_confirms_is_not_believed(
    https_stage: HttpsStage, said: object
) -> None:
    """Nothing documents that ``instanceId`` is what tokens are confined to.

    A token that is confined to one organization counts, then, as confined to this one.
    """
    plant(https_stage.world, Placement("feed"))
    identity = https_stage.world.tenant.users[OWNER].identity_id
    body = json.dumps({"authenticatedUser": {"id": identity}, "instanceId": said})
    https_stage.break_at(Fault(Answer(200, body), operation="connection_data", times=None))

    inventory = _forgetful(https_stage).inventory(*PLACE)

    assert inventory.account_id is None
    assert all(token.is_confined_to(inventory.account_id) for token in inventory.tokens)


def test_a_namesake_is_not_the_owner(https_stage: HttpsStage) -> None:
    """User ids are compared: two people may have one name."""
    owner, namesake = ({"id": user, "providerDisplayName": "Ada"} for user in (ID, ID[::-1]))
    https_stage.break_at(
        Fault(_user(owner), operation="connection_data"),
        Fault(_user(namesake), operation="connection_data"),
    )

    assert _forgetful(https_stage).prove(*PLACE, TokenValue("any")) is False


def _forgetful(stage: HttpsStage) -> AzureDevOpsIssuer:
    """Give another issuer, which does not know yet who the owner is."""
    chosen = settings.load()
    return AzureDevOpsIssuer(
        stage.http,
        stage.sessions.access_token,
        stage.clock,
        devops_url=chosen.devops_url,
        tokens_url=chosen.devops_tokens_url,
    )


@pytest.mark.parametrize("name", [None, "", 5, "somebody's own"])
def test_a_listed_token_that_makes_no_sense_and_bears_no_mark_is_passed_over(
    https_stage: HttpsStage, name: object
) -> None:
    """What is none of our business must not stop the rotation of what is."""
    page = {"continuationToken": "", "patTokens": [{"displayName": name, "scope": None}]}
    https_stage.break_at(Fault(Answer(200, json.dumps(page)), operation="list_pats"))

    assert not https_stage.issuer.inventory(*PLACE).tokens


def test_a_listed_token_that_bears_a_mark_must_make_sense(
    https_stage: HttpsStage, fail: Fail
) -> None:
    """A bound token of which half is missing might be the current one: nothing is concluded."""
    page = {"patTokens": [{"displayName": "feed [kv-build/feed]", "scope": None}]}
    https_stage.break_at(Fault(Answer(200, json.dumps(page)), operation="list_pats", times=None))

    assert isinstance(fail(lambda: https_stage.issuer.inventory(*PLACE)), UnavailableError)


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{}", '{"patTokenError": "none"}', "[" * 100_000]
)
def test_a_revocation_may_be_answered_with_anything_that_is_no_refusal(
    https_stage: HttpsStage, body: str
) -> None:
    """The documentation leaves open what the body is."""
    https_stage.break_at(Fault(Answer(200, body), operation="revoke_pat"))

    https_stage.issuer.revoke(*PLACE, ID)

    assert https_stage.count("revoke_pat") == 1
