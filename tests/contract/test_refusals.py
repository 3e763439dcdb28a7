"""The PAT lifecycle API refuses: every documented word, and one of tomorrow, is understood."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotation.adapters import refusal
from rotation.adapters.refusal import Refusal, Who
from rotation.errors import RejectedError, ServiceError, UnavailableError
from rotation.model import Draft
from sandbox.fault import Answer, Fault, refused_token
from sandbox.furniture import ORGANIZATION, OWNER, Placement, plant
from sandbox.ports import translation
from tests.refusals import ANY_WORD, GONE, PASSING, UNHEARD_OF, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.model import Token
    from tests.stage import HttpsStage, Stage

    Fail = Callable[[Callable[[], object]], ServiceError]

SCHEMA = Path(__file__).parent / "pat_api" / "schema.json"
PLACE = (OWNER, ORGANIZATION)
UNTIL = datetime(2026, 12, 20, tzinfo=UTC)
DRAFT = Draft("feed [kv-build/feed]", "vso.code", UNTIL)


@pytest.fixture
def token(https_stage: HttpsStage) -> Token:
    """Give a living token; the issuer has learnt who its owner is."""
    plant(https_stage.world, Placement("feed"))
    (token,) = https_stage.issuer.inventory(*PLACE).tokens
    return token


# --- The table ------------------------------------------------------------------------------------


def test_every_documented_word_has_its_row() -> None:
    """36 words, none forgotten and none made up, and who can do something about each."""
    assert len(WORDS) == 36
    assert {word: row.who for word, row in refusal.REFUSALS.items()} == WORDS


def test_the_documented_words_are_those_of_the_published_description() -> None:
    """What the tests take for documented is, in the newest version of the API."""
    described = json.loads(SCHEMA.read_text())["7.2"]["$defs"]["PatTokenResult"]
    words = described["properties"]["patTokenError"]["enum"]

    assert sorted(words) == sorted([*WORDS, refusal.NONE])


def test_what_passes_by_itself_is_marked() -> None:
    """Only those: an extension that waits for anything else would let its token die."""
    assert {word for word in ANY_WORD if refusal.of(word).is_passing} == PASSING
    assert all(refusal.of(word).who is Who.NOBODY for word in PASSING)


def test_a_word_of_tomorrow_is_a_refusal() -> None:
    """The list grows: nobody waits for a word that nobody knows, and there is something to do."""
    row = refusal.of(UNHEARD_OF)

    assert row is refusal.UNKNOWN
    assert (row.who, row.is_passing) == (Who.ADMINISTRATOR, False)


@pytest.mark.parametrize("word", ANY_WORD)
def test_a_hint_names_who_must_act_and_how(word: str) -> None:
    """It is the tail of a message: without a full stop, and it does not repeat the word."""
    row = refusal.of(word)

    assert (f"{row.who} " in row.hint) == (row.who is not Who.NOBODY)
    assert word not in row.hint
    assert row.hint[0].islower()
    assert row.hint[-1].isalnum()


def test_the_sandbox_means_the_same() -> None:
    """The stories are told with the words that the adapter waits for and takes for gone."""
    assert translation.PASSING == PASSING
    assert translation.GONE == GONE == refusal.NOT_FOUND


# --- Over HTTPS -----------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ANY_WORD)
def test_a_refused_create_makes_nothing(https_stage: HttpsStage, fail: Fail, word: str) -> None:
    """One request; the reason is the service's own word, and the message says what to do."""
    https_stage.issuer.inventory(*PLACE)
    https_stage.break_at(Fault(refused_token(word), operation="create_pat", times=None))

    error = fail(lambda: https_stage.issuer.create(*PLACE, DRAFT))

    _check(error, word, "create", DRAFT.display_name)
    assert not https_stage.world.living_tokens()
    assert [call.operation for call in https_stage.world.calls] == ["create_pat"]


@pytest.mark.parametrize("word", ANY_WORD)
def test_a_refused_update_changes_nothing(
    https_stage: HttpsStage, token: Token, fail: Fail, word: str
) -> None:
    """One request; the reason is the service's own word, and the message says what to do."""
    https_stage.break_at(Fault(refused_token(word), operation="update_pat", times=None))

    error = fail(lambda: https_stage.issuer.extend(*PLACE, token, UNTIL))

    _check(error, word, "extend", token.authorization_id)
    assert https_stage.issuer.get(*PLACE, token.authorization_id) == token
    assert https_stage.count("update_pat") == 1


@pytest.mark.parametrize("word", ANY_WORD)
def test_a_refused_look_tells_nothing_but_that_it_is_gone(
    https_stage: HttpsStage, token: Token, fail: Fail, word: str
) -> None:
    """A token is taken for unknown only if the service says so."""
    https_stage.break_at(Fault(refused_token(word), operation="get_pat", times=None))

    def get() -> object:
        return https_stage.issuer.get(*PLACE, token.authorization_id)

    if word in GONE:
        assert get() is None
    else:
        _check(fail(get), word, "get", token.authorization_id)
    assert https_stage.count("get_pat") == 1


@pytest.mark.parametrize("word", ANY_WORD)
def test_a_refused_revocation_is_not_taken_for_done(
    https_stage: HttpsStage, token: Token, fail: Fail, word: str
) -> None:
    """It lives on, and that is said, unless the service says that it is gone."""
    https_stage.break_at(Fault(refused_token(word), operation="revoke_pat", times=None))

    def revoke() -> None:
        https_stage.issuer.revoke(*PLACE, token.authorization_id)

    if word in GONE:
        revoke()
    else:
        _check(fail(revoke), word, "revoke", token.authorization_id)
    assert https_stage.count("revoke_pat") == 1


@pytest.mark.parametrize("operation", ["create_pat", "update_pat", "get_pat", "revoke_pat"])
def test_what_the_service_adds_is_told_in_one_short_line(
    https_stage: HttpsStage, token: Token, fail: Fail, operation: str
) -> None:
    """Since 7.2 a sentence may come with the word, however long, and in lines."""
    said = "Ask\r\n\tcontoso's   owners. " + "x" * 5000
    body = {"patToken": None, "patTokenError": "accessDenied", "patTokenErrorMessage": said}
    https_stage.break_at(Fault(Answer(200, json.dumps(body)), operation=operation, times=None))

    error = fail(_calls(https_stage, token)[operation])

    assert "accessDenied (Ask contoso's owners. xxx" in str(error)
    assert str(error).isprintable()
    assert len(str(error)) < 600


@pytest.mark.parametrize("operation", ["create_pat", "update_pat", "get_pat", "revoke_pat"])
@pytest.mark.parametrize("word", [["accessDenied"], {"word": "accessDenied"}, 8, True])
def test_a_refusal_that_is_no_word_is_no_answer(
    https_stage: HttpsStage, token: Token, fail: Fail, operation: str, word: object
) -> None:
    """Nobody knows what it means: it is neither success, nor a clear no, nor our defect."""
    body = {"patToken": None, "patTokenError": word}
    https_stage.break_at(Fault(Answer(200, json.dumps(body)), operation=operation, times=None))

    error = fail(_calls(https_stage, token)[operation])

    assert error.reason == ("outcome-unknown" if operation == "create_pat" else "unavailable")
    assert https_stage.count(operation) == 1


# --- Both ways ------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["create_pat", "update_pat", "get_pat", "revoke_pat"])
@pytest.mark.parametrize("word", ANY_WORD)
def test_a_word_is_the_same_in_process(stage: Stage, operation: str, word: str) -> None:
    """What stories are told with agrees with the adapter, on every word of every call."""
    plant(stage.world, Placement("feed"))
    (token,) = stage.issuer.inventory(*PLACE).tokens
    stage.break_at(Fault(refused_token(word), operation=operation, times=None))

    try:
        outcome = repr(_calls(stage, token)[operation]())
    except ServiceError as exc:
        outcome = f"{type(exc).__name__} {exc.reason}"

    clear = f"RejectedError {word}" if word not in PASSING else "UnavailableError unavailable"
    is_gone = word in GONE and operation in {"get_pat", "revoke_pat"}
    assert outcome == ("None" if is_gone else clear)
    assert stage.count(operation) == 1


def _calls(stage: Stage, token: Token) -> dict[str, Callable[[], object]]:
    return {
        "create_pat": lambda: stage.issuer.create(*PLACE, DRAFT),
        "update_pat": lambda: stage.issuer.extend(*PLACE, token, UNTIL),
        "get_pat": lambda: stage.issuer.get(*PLACE, token.authorization_id),
        "revoke_pat": lambda: stage.issuer.revoke(*PLACE, token.authorization_id),
    }


def _check(error: ServiceError, word: str, operation: str, place: str) -> None:
    """See that an error is of the right kind, and says what failed, where, why and what to do."""
    row: Refusal = refusal.of(word)
    kind, reason = (UnavailableError, "unavailable") if word in PASSING else (RejectedError, word)
    assert (type(error), error.reason) == (kind, reason)
    assert (error.service, error.operation) == ("azure-devops", operation)
    assert error.hint == row.hint
    message = str(error)
    assert message.startswith(f"cannot {operation} token ")
    assert message.endswith(f": {word}; {row.hint}")
    assert place in message
