"""The promises of ``ports.SecretStore``, quoted, held by whatever stands behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RejectedError,
    UnavailableError,
)
from rotation.model import SecretName, TokenValue
from sandbox.content import Properties
from sandbox.fault import Answer, Drop, Fault, throttled, unavailable
from sandbox.furniture import VAULT, Placement, place
from sandbox.https import key_vault
from tests.stage import FEED

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.model import ManagedSecret
    from sandbox.vault import Vault
    from sandbox.world import World
    from tests.stage import Stage

pytestmark = pytest.mark.manners

TAGS = {"pat-rotation": "regenerate", "team": "web"}
LATER = datetime(2027, 1, 1, tzinfo=UTC)
VALUE = TokenValue("the-new-value")


@pytest.fixture
def vault(world: World) -> Vault:
    """Give the watched vault with one managed secret, ``feed``, in it."""
    place(world, Placement(FEED.name, tags={"team": "web"}))
    return world.vault(VAULT)


def test_a_list_gives_every_managed_secret(stage: Stage, vault: Vault) -> None:
    """Every secret that carries the discovery tag, in pages, without values."""
    for number in range(30):
        vault.set(f"managed-{number:02}", "v", Properties(tags=TAGS))
        vault.set(f"other-{number:02}", "v", Properties(tags={"team": "web"}))

    listed = list(stage.store.list_managed(VAULT))

    assert {secret.name.name for secret in listed} == {
        "feed",
        *(f"managed-{number:02}" for number in range(30)),
    }
    assert {secret.value for secret in listed} == {None}
    assert stage.count("list_secrets") == stage.pages(61, 25)


@pytest.mark.usefixtures("vault")
def test_a_list_shows_what_a_read_shows_but_value_and_version(stage: Stage) -> None:
    """Tags, expiry, content type and creation come with the list."""
    (listed,) = stage.store.list_managed(VAULT)

    assert listed == replace(stage.store.read(FEED), value=None, version=None)


def test_disabled_and_expired_secrets_are_listed(stage: Stage, vault: Vault) -> None:
    """Disabled and expired secrets are among them."""
    past = datetime(2026, 1, 1, tzinfo=UTC)
    vault.set(FEED.name, "v", Properties(tags=TAGS, enabled=False, expires_at=past))

    (listed,) = stage.store.list_managed(VAULT)

    assert (listed.enabled, listed.expires_at) == (False, past)


def test_a_look_alike_that_lags_behind_can_be_used(
    https_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library asks for its newest version by itself: the client names an older one."""
    older = key_vault.VERSIONS - {"2026-04-01", "2025-07-01"}
    monkeypatch.setattr(key_vault, "VERSIONS", older)

    assert [*https_stage.store.list_managed(FEED.vault)] == []


def test_an_empty_vault_has_no_managed_secrets(stage: Stage) -> None:
    """Nothing is listed, and nothing is wrong."""
    assert list(stage.store.list_managed(VAULT)) == []


def test_a_read_gives_the_newest_version(stage: Stage, vault: Vault) -> None:
    """The newest version with its id and its value."""
    newest = vault.set(FEED.name, "newest", Properties(tags=TAGS, content_type="x/y"))

    secret = stage.store.read(FEED)

    assert secret.value == TokenValue("newest")
    assert (secret.name, secret.version, secret.tags) == (FEED, newest.id, TAGS)
    assert (secret.enabled, secret.content_type, secret.expires_at) == (True, "x/y", None)
    assert secret.created_at == newest.created_at


@pytest.mark.usefixtures("vault")
def test_a_secret_is_found_whatever_the_case(stage: Stage) -> None:
    """Names are compared as Key Vault does: without regard to case."""
    assert stage.store.read(SecretName(VAULT.upper(), "FEED")).value


def test_a_disabled_newest_version_has_no_value(stage: Stage, vault: Vault, world: World) -> None:
    """A disabled newest version comes back disabled and without a value: no fall-back."""
    for _ in range(8):  # listed before it or behind it
        world.clock.advance(timedelta(minutes=1))
        vault.set(FEED.name, "v", Properties(tags=TAGS))
    world.clock.advance(timedelta(minutes=1))
    newest = vault.set(FEED.name, "v", Properties(tags=TAGS, enabled=False))

    secret = stage.store.read(FEED)

    assert (secret.enabled, secret.value, secret.version) == (False, None, newest.id)
    assert secret.tags == TAGS


def test_a_secret_that_is_not_there_is_a_clear_no(stage: Stage) -> None:
    """There is no such secret: reason ``not-found``."""
    with pytest.raises(RejectedError, match="kv-build/feed") as refused:
        stage.store.read(FEED)

    assert refused.value.reason == "not-found"


def test_all_versions_are_listed(stage: Stage, vault: Vault) -> None:
    """All versions, in any order, without values."""
    for number in range(30):
        vault.set(FEED.name, "v", Properties(tags={"number": str(number)}, enabled=number % 2 == 0))

    listed = stage.store.list_versions(FEED)

    expected = {v.id: (v.created_at, v.enabled, v.tags) for v in vault.versions(FEED.name)}
    assert {v.version: (v.created_at, v.enabled, v.tags) for v in listed} == expected
    assert "value" not in vars(listed[0])


def test_a_new_secret_is_reserved(stage: Stage, world: World) -> None:
    """The first version of a new secret: disabled, without a token, with these tags."""
    reserved = stage.store.reserve(FEED, TAGS)

    newest = world.vault(VAULT).newest(FEED.name)
    assert (newest.id, newest.tags, newest.enabled) == (reserved.version, TAGS, False)
    assert (reserved.name, reserved.tags, reserved.enabled) == (FEED, TAGS, False)
    assert reserved.value is None
    assert stage.count("set_secret") == 1


def test_a_deleted_secret_keeps_its_name(stage: Stage, vault: Vault) -> None:
    """The vault refuses: a deleted secret keeps its name until it is recovered or purged."""
    vault.delete(FEED.name)

    with pytest.raises(RejectedError, match="kv-build/feed") as refused:
        stage.store.reserve(FEED, TAGS)

    assert refused.value.reason == "objectisdeletedbutrecoverable"


def test_a_store_makes_the_newest_version(stage: Stage, vault: Vault) -> None:
    """The version carries exactly the tags, the secret's content type and the expiry."""
    vault.set(FEED.name, "v", Properties(tags=TAGS, content_type="text/x-mine"))
    secret = stage.store.read(FEED)

    stored = stage.store.store(secret, VALUE, tags={"only": "this"}, expires_at=LATER)

    newest = vault.newest(FEED.name)
    assert (newest.value, newest.tags, newest.expires_at) == (
        VALUE.reveal(),
        {"only": "this"},
        LATER,
    )
    assert (newest.content_type, newest.enabled) == ("text/x-mine", True)
    assert stored == replace(stage.store.read(FEED), value=None)
    assert stage.count("set_secret") == 1


def test_a_store_gives_a_content_type_where_there_was_none(stage: Stage, vault: Vault) -> None:
    """Consumers can tell that the secret holds a personal access token."""
    vault.set(FEED.name, "v", Properties(tags=TAGS))

    stored = _store(stage)

    assert stored.content_type == "application/vnd.azure-devops.pat"


def test_a_store_that_the_vault_refuses_is_a_clear_no(stage: Stage, vault: Vault) -> None:
    """The vault refuses the write: nothing is stored."""
    secret = stage.store.read(FEED)
    before = vault.versions(FEED.name)

    with pytest.raises(RejectedError, match="kv-build/feed"):
        stage.store.store(
            secret, VALUE, tags={str(number): "" for number in range(16)}, expires_at=LATER
        )

    assert vault.versions(FEED.name) == before


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_store_without_an_answer_is_never_repeated(
    stage: Stage, vault: Vault, *, after_effect: bool
) -> None:
    """No answer: the version may be there."""
    secret = stage.store.read(FEED)
    stage.break_at(Fault(Drop(after_effect=after_effect), operation="set_secret", times=None))

    with pytest.raises(OutcomeUnknownError, match="kv-build/feed"):
        stage.store.store(secret, VALUE, tags=TAGS, expires_at=LATER)

    assert stage.count("set_secret") == 1
    assert (vault.newest(FEED.name).value == VALUE.reveal()) is after_effect


def test_a_store_that_is_throttled_was_not_carried_out(stage: Stage, vault: Vault) -> None:
    """Too many requests: nothing was stored, and that is known."""
    secret = stage.store.read(FEED)
    stage.break_at(Fault(throttled(), operation="set_secret", times=None))

    with pytest.raises(UnavailableError):
        stage.store.store(secret, VALUE, tags=TAGS, expires_at=LATER)

    assert vault.newest(FEED.name).value != VALUE.reveal()


def test_tags_are_written_to_the_very_version(stage: Stage, vault: Vault) -> None:
    """All tags of the version that the secret names are replaced, never those of the newest."""
    secret = stage.store.read(FEED)
    newer = vault.set(FEED.name, "newer", Properties(tags=TAGS))

    written = stage.store.write_tags(secret, {"only": "this"})

    older, newest = vault.versions(FEED.name)
    assert (older.id, older.tags, older.expires_at) == (
        secret.version,
        {"only": "this"},
        secret.expires_at,
    )
    assert newest == newer
    assert written == replace(secret, tags={"only": "this"})


def test_tags_and_expiry_are_written_together(stage: Stage, vault: Vault) -> None:
    """The expiry, if given, is replaced, and the answer shows it."""
    secret = stage.store.read(FEED)

    written = stage.store.write_tags(secret, TAGS, expires_at=LATER)

    assert (written.expires_at, written.tags) == (LATER, TAGS)
    assert (vault.newest(FEED.name).expires_at, len(vault.versions(FEED.name))) == (LATER, 1)


@pytest.mark.usefixtures("vault")
def test_a_write_keeps_the_value_that_was_read(stage: Stage) -> None:
    """The version comes back with the value that ``secret`` had, if any."""
    secret = stage.store.read(FEED)

    assert stage.store.write_tags(secret, TAGS).value == secret.value
    assert stage.store.write_tags(replace(secret, value=None), TAGS).value is None


def test_all_tags_can_be_taken_away(stage: Stage, vault: Vault) -> None:
    """No tags are tags, too."""
    stage.store.write_tags(stage.store.read(FEED), {})

    assert vault.newest(FEED.name).tags == {}


def test_a_version_is_disabled(stage: Stage, vault: Vault) -> None:
    """On return that version is disabled; the others, and all else about it, are as before."""
    (before,) = vault.versions(FEED.name)
    newest = vault.set(FEED.name, "newer", Properties(tags=TAGS))

    stage.store.disable(FEED, before.id)

    older, left = vault.versions(FEED.name)
    assert older == replace(before, enabled=False, updated_at=older.updated_at)
    assert left == newest


def test_a_disabled_version_is_disabled_again(stage: Stage, vault: Vault) -> None:
    """On return the vault has accepted a write, even where nothing was left to change."""
    (version,) = vault.versions(FEED.name)
    stage.store.disable(FEED, version.id)
    stage.world.calls.clear()

    stage.store.disable(FEED, version.id)

    assert stage.count("update_secret") == 1


@pytest.mark.parametrize(
    ("permission", "operation"),
    [
        ("list", "list_managed"),
        ("list", "list_versions"),
        ("get", "read"),
        ("set", "store"),
        ("update", "write_tags"),
        ("update", "disable"),
    ],
)
def test_what_is_not_granted_is_an_access_denied(
    stage: Stage, vault: Vault, permission: str, operation: str
) -> None:
    """Refused for want of rights: the message says what could not be done, and where."""
    secret = stage.store.read(FEED)
    vault.permissions.discard(permission)

    with pytest.raises(AccessDeniedError, match=VAULT) as refused:
        _do(stage, operation, secret)

    assert (refused.value.status, refused.value.reason) == (403, "access-denied")


@pytest.mark.parametrize("kind", [unavailable(), Answer(500), throttled(), Drop()])
@pytest.mark.parametrize("operation", ["list_managed", "list_versions", "read", "write_tags"])
@pytest.mark.usefixtures("vault")
def test_no_usable_answer_is_an_outage(stage: Stage, operation: str, kind: Answer | Drop) -> None:
    """No usable answer to an idempotent call."""
    secret = stage.store.read(FEED)
    stage.break_at(Fault(kind, service="key-vault", times=None))

    with pytest.raises(UnavailableError, match=VAULT):
        _do(stage, operation, secret)


def _store(stage: Stage) -> ManagedSecret:
    return stage.store.store(stage.store.read(FEED), VALUE, tags=TAGS, expires_at=LATER)


def _do(stage: Stage, operation: str, secret: ManagedSecret) -> object:
    store = stage.store
    doing: dict[str, Callable[[], object]] = {
        "list_managed": lambda: list(store.list_managed(VAULT)),
        "list_versions": lambda: store.list_versions(FEED),
        "read": lambda: store.read(FEED),
        "store": lambda: store.store(secret, VALUE, tags=TAGS, expires_at=LATER),
        "write_tags": lambda: store.write_tags(secret, TAGS),
        "disable": lambda: store.disable(FEED, str(secret.version)),
    }
    return doing[operation]()
