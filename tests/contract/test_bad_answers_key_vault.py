"""Key Vault on bad days: each bad answer is one of our errors, which names the secret."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from rotation.adapters.pace import AFTER_REFUSALS
from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RejectedError,
    ServiceError,
    UnavailableError,
)
from rotation.model import ManagedSecret, TokenValue
from sandbox.fault import Answer, Drop, Fault, Truncate, throttled, unavailable
from sandbox.furniture import VAULT, Placement, place
from tests.stage import FEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.fault import Kind
    from sandbox.world import World
    from tests.stage import HttpsStage

    Fail = Callable[[Callable[[], object]], ServiceError]

TRIES = 4
LATER = datetime(2027, 1, 1, tzinfo=UTC)
HOUR_OF_SECONDS = 3600
READS: dict[str, Callable[[HttpsStage], object]] = {
    "list_secrets": lambda stage: list(stage.store.list_managed(VAULT)),
    "get_secret": lambda stage: stage.store.read(FEED),
    "list_versions": lambda stage: stage.store.list_versions(FEED),
}
WRITES: dict[str, Callable[[HttpsStage], object]] = {
    "set_secret": lambda stage: stage.store.store(
        _secret(stage), _value(stage), tags={}, expires_at=LATER
    ),
    "update_secret": lambda stage: stage.store.write_tags(_secret(stage), {}),
}
CALLS = READS | WRITES
SILENCE: list[Kind] = [
    unavailable(),
    Answer(500, "{}"),
    Answer(502, "bad gateway", "text/plain"),
    Answer(504),
    Drop(),
    Drop(after_effect=True),
]
NONSENSE: list[Kind] = [
    Answer(200, "<html>a proxy</html>", "text/html"),
    Answer(200, "[]"),
    Answer(200, "null"),
    Answer(200, '{"value": 5, "id": 7, "attributes": "x"}'),
    Answer(200, '{"value": [{"id": 7}]}'),
]


@pytest.fixture(autouse=True)
def feed(https_stage: HttpsStage, world: World) -> None:
    """Put one managed secret into the vault, and have the client admitted there."""
    place(world, Placement(FEED.name))
    https_stage.store.read(FEED)


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("kind", SILENCE)
def test_a_read_without_an_answer_is_repeated(
    https_stage: HttpsStage, fail: Fail, operation: str, kind: Kind
) -> None:
    """A few times; then the next run goes on. The next call is as ever."""
    https_stage.break_at(Fault(kind, operation=operation, times=TRIES))

    error = fail(lambda: READS[operation](https_stage))

    _check(error, UnavailableError, "unavailable")
    tries = len(AFTER_REFUSALS) + 1 if operation == "set_secret" else TRIES
    assert https_stage.count(operation) == tries
    assert READS[operation](https_stage)


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("kind", SILENCE)
def test_one_bad_answer_to_a_read_is_not_even_noticed(
    https_stage: HttpsStage, operation: str, kind: Kind
) -> None:
    """The second try is as good as the first."""
    https_stage.break_at(Fault(kind, operation=operation))

    assert READS[operation](https_stage)
    assert https_stage.count(operation) == 2


@pytest.mark.parametrize(
    "kind", [*SILENCE, *NONSENSE, Answer(503, after_effect=True), Truncate(20)]
)
def test_a_store_whose_answer_is_lost_is_never_repeated(
    https_stage: HttpsStage, fail: Fail, kind: Kind
) -> None:
    """The version may be there: counted at the wire, there is one request."""
    https_stage.break_at(Fault(kind, operation="set_secret", times=None))

    error = fail(lambda: WRITES["set_secret"](https_stage))

    _check(error, OutcomeUnknownError, "outcome-unknown")
    assert https_stage.count("set_secret") == 1


@pytest.mark.parametrize("operation", [*READS, "update_secret"])
@pytest.mark.parametrize("kind", [*NONSENSE, Truncate(20)])
def test_nonsense_is_no_answer(
    https_stage: HttpsStage, fail: Fail, operation: str, kind: Kind
) -> None:
    """Pages, broken off JSON, and JSON of another shape."""
    https_stage.break_at(Fault(kind, operation=operation, times=None))

    error = fail(lambda: CALLS[operation](https_stage))

    _check(error, UnavailableError, "unavailable")


@pytest.mark.parametrize("kind", SILENCE)
def test_a_write_of_tags_without_an_answer_is_an_outage(
    https_stage: HttpsStage, fail: Fail, kind: Kind
) -> None:
    """Written twice it is the same; the next run goes on."""
    https_stage.break_at(Fault(kind, operation="update_secret", times=None))

    error = fail(lambda: WRITES["update_secret"](https_stage))

    _check(error, UnavailableError, "unavailable")


@pytest.mark.parametrize("operation", [*READS, "update_secret"])
def test_a_vault_that_is_busy_is_waited_for(https_stage: HttpsStage, operation: str) -> None:
    """The repetition comes when it may."""
    https_stage.break_at(Fault(throttled(2), operation=operation, times=2))

    CALLS[operation](https_stage)

    assert https_stage.slept == [2, 2]


@pytest.mark.parametrize("operation", CALLS)
def test_a_vault_that_stays_busy_is_left_to_the_next_run(
    https_stage: HttpsStage, fail: Fail, operation: str
) -> None:
    """A few times, no more; a store as often as Key Vault asks: so refused, it is not done."""
    https_stage.break_at(Fault(throttled(0), operation=operation, times=None))

    error = fail(lambda: CALLS[operation](https_stage))

    _check(error, UnavailableError, "unavailable")
    tries = len(AFTER_REFUSALS) + 1 if operation == "set_secret" else TRIES
    assert https_stage.count(operation) == tries


@pytest.mark.parametrize("operation", CALLS)
def test_nobody_waits_for_an_hour(https_stage: HttpsStage, fail: Fail, operation: str) -> None:
    """An absurd ``Retry-After`` is given up at once, not slept."""
    https_stage.break_at(Fault(throttled(HOUR_OF_SECONDS), operation=operation, times=None))

    error = fail(lambda: CALLS[operation](https_stage))

    _check(error, UnavailableError, "unavailable")
    assert (https_stage.slept, https_stage.count(operation)) == ([], 1)


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(401, "{}"),
        Answer(403, '{"error": {"code": "Forbidden", "message": "no role"}}'),
        Answer(403, "<html>a firewall</html>", "text/html"),
    ],
)
def test_a_refusal_is_a_want_of_rights(
    https_stage: HttpsStage, fail: Fail, operation: str, answer: Answer
) -> None:
    """Somebody must grant something, and the hint says what."""
    https_stage.break_at(Fault(answer, operation=operation, times=None))

    error = fail(lambda: CALLS[operation](https_stage))

    _check(error, AccessDeniedError, "access-denied")
    assert error.status == answer.status
    assert "role" in error.hint


def test_a_disabled_version_is_no_want_of_rights(https_stage: HttpsStage) -> None:
    """A 403 with the inner code ``SecretDisabled`` is the keeper's own doing."""
    https_stage.store.disable(FEED, str(https_stage.store.read(FEED).version))

    secret = https_stage.store.read(FEED)

    assert (secret.enabled, secret.value) == (False, None)


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize(
    "no",
    [
        (404, "SecretNotFound", "not-found"),
        (409, "Conflict", "conflict"),
        (400, "BadParameter", "badparameter"),
    ],
)
def test_a_clear_no_is_not_repeated(
    https_stage: HttpsStage, fail: Fail, operation: str, no: tuple[int, str, str]
) -> None:
    """The reason is the vault's own word, in lower case."""
    status, code, reason = no
    body = json.dumps({"error": {"code": code, "message": "a message"}})
    https_stage.break_at(Fault(Answer(status, body), operation=operation, times=None))

    error = fail(lambda: CALLS[operation](https_stage))

    _check(error, RejectedError, reason)
    assert https_stage.count(operation) == 1


def test_a_name_in_the_trash_cannot_be_stored(https_stage: HttpsStage, fail: Fail) -> None:
    """Somebody deleted the secret between the read and the store: a clear no."""
    secret = https_stage.store.read(FEED)
    https_stage.world.vault(VAULT).delete(FEED.name)

    error = fail(
        lambda: https_stage.store.store(secret, _value(https_stage), tags={}, expires_at=LATER)
    )

    _check(error, RejectedError, "objectisdeletedbutrecoverable")


def _check(error: ServiceError, kind: type[ServiceError], reason: str) -> None:
    """See that an error is of exactly this kind, and says what failed, and where."""
    assert (type(error), error.reason, error.service) == (kind, reason, "key-vault")
    assert f"cannot {error.operation} {VAULT}" in str(error)


def _secret(stage: HttpsStage) -> ManagedSecret:
    """Give the secret as it would have been read, without a call."""
    version = stage.world.vault(VAULT).newest(FEED.name)
    return ManagedSecret(FEED, version.created_at, version.expires_at, {}, version=version.id)


def _value(stage: HttpsStage) -> TokenValue:
    """Give a value that the search for leaks knows."""
    return TokenValue(stage.world.ground.issue("the-value-of-a-new-token"))
