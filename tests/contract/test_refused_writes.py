"""Key Vault refuses a write: nothing is written, it is said why, and what to do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotation.adapters.pace import AFTER_REFUSALS
from rotation.adapters.vault_refusal import HINTS
from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RejectedError,
    ServiceError,
    UnavailableError,
)
from rotation.model import TokenValue
from sandbox.fault import Answer, Drop, Fault
from sandbox.furniture import VAULT, Placement, place
from sandbox.grant import KEY_VAULT
from tests.refusals import VAULT_DENIALS, VAULT_NOES, VAULT_OUTAGES, VaultNo
from tests.stage import FEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.model import ManagedSecret
    from sandbox.fault import Kind
    from sandbox.vault import SecretVersion
    from sandbox.world import World
    from tests.stage import HttpsStage, Stage

    Fail = Callable[[Callable[[], object]], ServiceError]
    Write = Callable[[Stage, ManagedSecret], object]

LATER = datetime(2027, 1, 1, tzinfo=UTC)
TRIES = 4
WRITES: dict[str, Write] = {
    "store": lambda stage, secret: stage.store.store(
        secret, TokenValue("the-new-value"), tags={}, expires_at=LATER
    ),
    "write the tags of": lambda stage, secret: stage.store.write_tags(secret, {}),
    "disable": lambda stage, secret: stage.store.disable(FEED, str(secret.version)),
}
OPERATIONS = {
    "store": "set_secret",
    "write the tags of": "update_secret",
    "disable": "update_secret",
}


@pytest.fixture(autouse=True)
def feed(world: World) -> None:
    """Put one managed secret into the vault."""
    place(world, Placement(FEED.name))
    world.ground.issue("the-new-value")


def _name(no: VaultNo) -> str:
    return f"{no.status}-{no.word}"


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("no", VAULT_DENIALS, ids=_name)
def test_a_denied_write_says_what_is_to_be_granted(
    https_stage: HttpsStage, fail: Fail, no: VaultNo, write: str
) -> None:
    """Asked once; the vault's own words are told, and what follows from the inner one."""
    error = _refused(https_stage, fail, no, write)

    assert (type(error), error.reason) == (AccessDeniedError, "access-denied")
    assert error.status == no.status
    assert no.word in str(error)
    assert error.hint == HINTS.get(no.word.lower(), error.hint)
    assert error.hint
    assert https_stage.count(OPERATIONS[write]) == 1


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("no", VAULT_NOES, ids=_name)
def test_a_clear_no_says_what_to_do(
    https_stage: HttpsStage, fail: Fail, no: VaultNo, write: str
) -> None:
    """Asked once; the reason is the word that says the most, in lower case."""
    error = _refused(https_stage, fail, no, write)

    reason = "not-found" if no.status == 404 else no.word.lower()
    assert (type(error), error.reason) == (RejectedError, reason)
    assert no.word in str(error)
    assert error.hint == HINTS[reason]
    assert https_stage.count(OPERATIONS[write]) == 1


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("no", VAULT_OUTAGES, ids=_name)
def test_an_outage_is_repeated_unless_it_may_be_done(
    https_stage: HttpsStage, fail: Fail, no: VaultNo, write: str
) -> None:
    """A store is sent once, but after a 429: that alone says that nothing was done."""
    error = _refused(https_stage, fail, no, write)

    is_unknown = write == "store" and no.status != 429
    assert type(error) is (OutcomeUnknownError if is_unknown else UnavailableError)
    assert https_stage.count(OPERATIONS[write]) == (
        1 if is_unknown else len(AFTER_REFUSALS) + 1 if write == "store" else TRIES
    )


@pytest.mark.parametrize("write", ["write the tags of", "disable"])
@pytest.mark.parametrize("kind", [*(no.answer for no in VAULT_OUTAGES), Drop()])
def test_one_bad_answer_to_a_write_of_tags_is_not_even_noticed(
    https_stage: HttpsStage, write: str, kind: Kind
) -> None:
    """Made twice to the same version, it is the same: no run fails for one bad moment."""
    secret = https_stage.store.read(FEED)
    https_stage.break_at(Fault(kind, "key-vault", OPERATIONS[write]))

    WRITES[write](https_stage, secret)

    assert https_stage.count(OPERATIONS[write]) == 2


@pytest.mark.parametrize("write", WRITES)
def test_a_challenge_is_answered_once(https_stage: HttpsStage, fail: Fail, write: str) -> None:
    """A 401 that asks for another token is not gone round in circles with."""
    secret = https_stage.store.read(FEED)
    challenge = f'Bearer authorization="https://localhost/tenant", resource="{KEY_VAULT}"'
    no = replace(VAULT_DENIALS[0].answer, headers={"WWW-Authenticate": challenge})
    https_stage.break_at(Fault(no, "key-vault", OPERATIONS[write], times=None))

    error = fail(lambda: WRITES[write](https_stage, secret))

    assert (type(error), error.status) == (AccessDeniedError, 401)
    assert https_stage.count(OPERATIONS[write]) <= 2


@pytest.mark.parametrize(
    "error",
    [
        None,
        5,
        "no",
        [],
        {},
        {"code": None},
        {"code": 5},
        {"code": "Conflict", "innererror": 5},
        {"code": "Conflict", "innererror": {"code": None}},
        {"code": "Conflict", "innererror": {"code": 7}},
        {"code": "Conflict", "innererror": {"code": {}}},
    ],
)
@pytest.mark.parametrize("status", [400, 403, 409])
def test_a_no_without_a_word_is_a_no(
    https_stage: HttpsStage, fail: Fail, error: object, status: int
) -> None:
    """Whatever stands in its body, it is a refusal, with a machine word for alerts."""
    secret = https_stage.store.read(FEED)
    answer = Answer(status, json.dumps({"error": error}))
    https_stage.break_at(Fault(answer, "key-vault", "set_secret", times=None))

    found = fail(lambda: WRITES["store"](https_stage, secret))

    assert type(found) is (AccessDeniedError if status == 403 else RejectedError)
    assert found.reason
    assert " " not in found.reason
    assert found.reason != "none"
    assert https_stage.count("set_secret") == 1


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("no", [*VAULT_DENIALS, *VAULT_NOES, *VAULT_OUTAGES], ids=_name)
def test_a_refused_write_is_the_same_in_process(stage: Stage, no: VaultNo, write: str) -> None:
    """What stories are told with agrees with the adapter; and nothing was written."""
    secret, before = stage.store.read(FEED), _versions(stage)
    stage.break_at(Fault(no.answer, "key-vault", OPERATIONS[write], times=None))

    with pytest.raises(ServiceError) as refused:
        WRITES[write](stage, secret)

    expected: tuple[type[ServiceError], str]
    if no in VAULT_DENIALS:
        expected = (AccessDeniedError, "access-denied")
    elif no in VAULT_NOES:
        expected = (RejectedError, "not-found" if no.status == 404 else no.word.lower())
    elif write == "store" and no.status != 429:
        expected = (OutcomeUnknownError, "outcome-unknown")
    else:
        expected = (UnavailableError, "unavailable")
    assert (type(refused.value), refused.value.reason) == expected
    assert _versions(stage) == before


def _refused(stage: HttpsStage, fail: Fail, no: VaultNo, write: str) -> ServiceError:
    """Have a write refused, and give the error, which names the secret."""
    secret, before = stage.store.read(FEED), _versions(stage)
    stage.break_at(Fault(no.answer, "key-vault", OPERATIONS[write], times=None))
    error = fail(lambda: WRITES[write](stage, secret))
    assert error.service == "key-vault"
    assert str(error).startswith(f"cannot {write} {FEED}")
    assert _versions(stage) == before
    return error


def _versions(stage: Stage) -> tuple[SecretVersion, ...]:
    return stage.world.vault(VAULT).versions(FEED.name)
