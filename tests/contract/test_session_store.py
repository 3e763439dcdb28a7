"""The promises of ``ports.SessionStore``, quoted, held by whatever stands behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RejectedError,
    RotationError,
    UnavailableError,
)
from rotation.model import TokenValue
from rotation.session import ENDED, Kept
from sandbox.content import Properties
from sandbox.error import VaultRefusedError
from sandbox.fault import Answer, Drop, Fault, throttled, unavailable
from sandbox.furniture import OWNER
from sandbox.world import session_name
from tests.stage import everything_told_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.ports import SessionStore
    from sandbox.clock import ManualClock
    from sandbox.fault import Kind
    from sandbox.vault import SecretVersion, Vault
    from sandbox.world import World
    from tests.stage import HttpsStage, Stage

NAME = session_name(OWNER)
DAY = timedelta(days=1)


@pytest.fixture
def vault(stage: Stage) -> Vault:
    """Give the vault of the sessions."""
    return stage.world.session_vault


@pytest.fixture
def store(stage: Stage) -> SessionStore:
    """Give what stands before it."""
    return stage.session_store


@pytest.fixture
def newer(world: World, clock: ManualClock) -> Kept:
    """Give a session that is to be saved, of a sign-in a day later."""
    clock.advance(DAY)
    value = TokenValue(world.tenant.sign_in(OWNER).value)
    other_tags = {"team": "web"}
    now = clock()
    return Kept(
        OWNER,
        value,
        object_id=world.tenant.users[OWNER].object_id,
        signed_in_at=now,
        redeemed_at=now + timedelta(minutes=1),
        sign_in="0123456789abcdef",
        other_tags=other_tags,
    )


# --- Reading --------------------------------------------------------------------------------------


def test_a_read_gives_the_newest_version(stage: Stage, store: SessionStore, vault: Vault) -> None:
    """Give a version with its refresh token: the newest."""
    newest = vault.newest(NAME)
    user = stage.world.tenant.users[OWNER]

    assert store.read(OWNER) == Kept(
        OWNER,
        TokenValue(newest.value),
        version=newest.id,
        created_at=newest.created_at,
        kept_owner=OWNER,
        object_id=user.object_id,
        signed_in_at=newest.created_at,
        redeemed_at=newest.created_at,
    )


def test_a_read_gives_the_version_that_is_named(
    stage: Stage, store: SessionStore, vault: Vault, newer: Kept
) -> None:
    """Give a version with its refresh token: the named one."""
    first = vault.newest(NAME)
    saved = store.save(newer)

    for version in (first, vault.newest(NAME)):
        kept = store.read(OWNER, version.id)
        assert kept
        assert (kept.version, kept.refresh_token) == (version.id, TokenValue(version.value))
    assert saved.version == vault.newest(NAME).id
    assert stage.count("get_secret") == 2


def test_without_a_session_there_is_nothing_to_read(store: SessionStore, vault: Vault) -> None:
    """None without one; nor is there a version that nobody made, or of somebody unknown."""
    assert store.read(OWNER, "0" * 32) is None
    assert store.read("eve@contoso.example") is None

    vault.delete(NAME)

    assert store.read(OWNER) is None


def test_a_disabled_newest_version_has_no_token(
    store: SessionStore, vault: Vault, newer: Kept
) -> None:
    """A version that is disabled comes back disabled and without a refresh token."""
    store.save(newer)
    newest = vault.update(NAME, None, Properties(enabled=False))

    kept = store.read(OWNER)

    assert kept
    assert (kept.version, kept.enabled, kept.refresh_token) == (newest.id, False, None)
    assert kept.signed_in_at == newer.signed_in_at


def test_a_disabled_version_that_is_named_has_no_token(
    store: SessionStore, vault: Vault, newer: Kept
) -> None:
    """A version that is disabled comes back disabled: not another one in its place."""
    first = vault.update(NAME, None, Properties(enabled=False))
    store.save(newer)

    kept = store.read(OWNER, first.id)

    assert kept
    assert (kept.version, kept.enabled, kept.refresh_token) == (first.id, False, None)


def test_of_two_in_one_second_the_disabled_one_was_refused(
    store: SessionStore, vault: Vault, newer: Kept
) -> None:
    """A disabled version comes back as such, whatever was made in the same second."""
    store.save(newer)
    store.save(newer)
    newest = vault.update(NAME, None, Properties(enabled=False))

    kept = store.read(OWNER)

    assert kept
    assert (kept.version, kept.enabled) == (newest.id, False)


def test_a_read_that_is_not_allowed_is_a_want_of_rights(
    stage: Stage, store: SessionStore, vault: Vault
) -> None:
    """Refused for want of rights, and not as if there were no session."""
    vault.permissions -= {"get"}

    with pytest.raises(AccessDeniedError, match=NAME):
        store.read(OWNER)
    vault.permissions -= {"list"}
    with pytest.raises(AccessDeniedError, match=r"get|read"):
        store.read(OWNER)
    assert stage.count("get_secret") == 2


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", ""])
def test_an_instant_that_nobody_can_read_is_none(
    store: SessionStore, vault: Vault, text: str
) -> None:
    """What people have written into the tags ends no session."""
    tags = {**vault.newest(NAME).tags, "session-signed-in": text, "session-redeemed": text}
    vault.update(NAME, None, Properties(tags=tags))

    kept = store.read(OWNER)

    assert kept
    assert (kept.signed_in_at, kept.redeemed_at) == (None, None)
    assert kept.refresh_token


def test_all_versions_are_given(store: SessionStore, vault: Vault, newer: Kept) -> None:
    """Give all versions, in any order, without refresh tokens; none without a session."""
    for _ in range(30):
        store.save(newer)
    vault.update(NAME, None, Properties(enabled=False))

    versions = store.versions(OWNER)

    assert {(v.version, v.enabled, v.created_at) for v in versions} == {
        (v.id, v.enabled, v.created_at) for v in vault.versions(NAME)
    }
    assert len(versions) == 31
    assert {v.refresh_token for v in versions} == {None}
    assert {v.signed_in_at for v in versions} > {newer.signed_in_at}
    vault.delete(NAME)
    assert store.versions(OWNER) == ()
    assert store.versions("eve@contoso.example") == ()


# --- Saving ---------------------------------------------------------------------------------------


def test_a_save_makes_the_newest_version(
    stage: Stage, store: SessionStore, vault: Vault, newer: Kept
) -> None:
    """Make a session the newest version, in one write. Returns the new version."""
    assert newer.signed_in_at
    assert newer.redeemed_at
    stage.world.calls.clear()

    saved = store.save(newer)

    newest = vault.newest(NAME)
    assert TokenValue(newest.value) == newer.refresh_token
    assert newest.tags == {
        "session-owner": OWNER,
        "session-signed-in": f"{newer.signed_in_at:%Y-%m-%dT%H:%M:%SZ}",
        "session-redeemed": f"{newer.redeemed_at:%Y-%m-%dT%H:%M:%SZ}",
        "session-object-id": newer.object_id,
        "session-sign-in": "0123456789abcdef",
        "team": "web",
    }
    assert newest.content_type == "application/vnd.pat-rotation.session"
    assert newest.expires_at == newer.redeemed_at + 90 * DAY
    assert newest.enabled
    assert saved == replace(
        newer,
        refresh_token=None,
        version=newest.id,
        created_at=newest.created_at,
        kept_owner=OWNER,
    )
    assert [call.operation for call in stage.world.calls if call.operation != "challenge"][-1:] == [
        "set_secret"
    ]
    assert stage.count("set_secret") == 1


def test_a_save_carries_over_what_others_have_tagged(
    store: SessionStore, vault: Vault, newer: Kept
) -> None:
    """Tags that others have put on it stay; what is not known is no tag."""
    vault.update(NAME, None, Properties(tags={**vault.newest(NAME).tags, "cost-centre": "42"}))
    kept = store.read(OWNER)
    assert kept

    store.save(replace(kept, refresh_token=newer.refresh_token))

    assert vault.newest(NAME).tags["cost-centre"] == "42"
    assert "session-sign-in" not in vault.newest(NAME).tags


def test_a_first_save_makes_the_secret(store: SessionStore, vault: Vault, newer: Kept) -> None:
    """An owner who never signed in before has one version then."""
    vault.delete(NAME)
    vault.purge(NAME)

    saved = store.save(newer)

    assert [version.id for version in vault.versions(NAME)] == [saved.version]


def test_a_sign_in_recovers_what_was_deleted(
    store: SessionStore, vault: Vault, newer: Kept
) -> None:
    """A session that was deleted is recovered for it."""
    assert store.delete(OWNER)

    saved = store.save(newer, revives=True)

    assert [(v.id == saved.version, v.enabled) for v in vault.versions(NAME)] == [
        (False, False),
        (True, True),
    ]
    kept = store.read(OWNER)
    assert kept
    assert kept.refresh_token == newer.refresh_token


def test_nothing_but_a_sign_in_recovers_what_was_deleted(
    stage: Stage, store: SessionStore, vault: Vault, newer: Kept
) -> None:
    """With the reason ``session-ended`` since the session was deleted."""
    store.delete(OWNER)

    with pytest.raises(RejectedError) as refused:
        store.save(newer)

    assert refused.value.reason == ENDED
    assert stage.count("recover_secret") == 0
    assert [deleted.newest.name for deleted in vault.list_deleted()] == [NAME]


def test_what_is_no_session_is_not_saved(stage: Stage, store: SessionStore, newer: Kept) -> None:
    """A version without its refresh token, or without its last use, is a mistake of the caller."""
    for kept in (replace(newer, refresh_token=None), replace(newer, redeemed_at=None)):
        with pytest.raises(ValueError, match="without a refresh token"):
            store.save(kept)
    assert stage.count("set_secret") == 0


@pytest.mark.usefixtures("redacted")
@pytest.mark.parametrize(
    "failure",
    [
        (unavailable(), OutcomeUnknownError, False),
        (Drop(), OutcomeUnknownError, False),
        (Drop(after_effect=True), OutcomeUnknownError, True),
        (Answer(500, "{}", after_effect=True), OutcomeUnknownError, True),
        (Answer(403, "{}"), AccessDeniedError, False),
        (Answer(400, '{"error": {"code": "BadParameter"}}'), RejectedError, False),
    ],
)
def test_a_save_is_never_repeated_blindly(
    stage: Stage,
    newer: Kept,
    search_too: Callable[[str, str], None],
    failure: tuple[Kind, type[RotationError], bool],
) -> None:
    """Never repeated: no answer; the version may be there. Refused: the vault refuses the write."""
    kind, error, is_made = failure
    stage.break_at(Fault(kind, operation="set_secret", times=None))

    with pytest.raises(error) as failed:
        stage.session_store.save(newer)

    assert type(failed.value) is error
    assert stage.count("set_secret") == 1
    assert (len(stage.world.session_vault.versions(NAME)) == 2) is is_made
    search_too("error", everything_told_by(failed.value))


def test_a_save_that_was_one_too_many_was_not_carried_out(stage: Stage, newer: Kept) -> None:
    """However often it was tried again, nothing was saved, and that is known."""
    stage.break_at(Fault(throttled(), operation="set_secret", times=None))
    with pytest.raises(UnavailableError) as failed:
        stage.session_store.save(newer)

    assert type(failed.value) is UnavailableError
    assert len(stage.world.session_vault.versions(NAME)) == 1


# --- Ending ---------------------------------------------------------------------------------------


def test_a_version_is_disabled(store: SessionStore, vault: Vault, newer: Kept) -> None:
    """On return that version is disabled: it alone, and nothing else is changed."""
    first = vault.newest(NAME)
    store.save(newer)

    store.disable(OWNER, first.id)
    store.disable(OWNER, first.id)

    assert _said(vault.versions(NAME)[0]) == _said(replace(first, enabled=False))
    assert [version.enabled for version in vault.versions(NAME)] == [False, True]


def test_a_version_that_is_not_there_cannot_be_disabled(store: SessionStore) -> None:
    """A clear no."""
    with pytest.raises(RejectedError):
        store.disable(OWNER, "0" * 32)


def test_a_deleted_session_is_none(store: SessionStore, vault: Vault, newer: Kept) -> None:
    """On return there is no session, and none of its versions is enabled."""
    store.save(newer)

    assert store.delete(OWNER) is True

    assert store.read(OWNER) is None
    assert store.versions(OWNER) == ()
    trashed = vault.get_deleted(NAME).versions
    assert [version.enabled for version in trashed] == [False, False]
    with pytest.raises(VaultRefusedError):
        vault.newest(NAME)


GONE = Answer(404, '{"error": {"code": "SecretNotFound"}}')


@pytest.mark.parametrize(
    ("operation", "do"),
    [
        ("get_deleted_secret", lambda store, _: store.delete(OWNER)),
        ("get_secret", lambda store, kept: store.delete(OWNER) and store.save(kept, revives=True)),
    ],
    ids=["delete", "recover"],
)
def test_what_takes_the_vault_a_moment_is_waited_for(
    https_stage: HttpsStage,
    newer: Kept,
    operation: str,
    do: Callable[[SessionStore, Kept], object],
) -> None:
    """Deleting and recovering do: until then the vault refuses the next sign-in."""
    https_stage.break_at(Fault(GONE, operation=operation, times=2))

    assert do(https_stage.session_store, newer)

    assert https_stage.count(operation) == 3
    assert https_stage.slept == [2, 2]


def test_an_outage_after_the_end_changes_nothing(https_stage: HttpsStage) -> None:
    """The session is gone when its vault has said so."""
    https_stage.break_at(Fault(unavailable(), operation="get_deleted_secret", times=None))

    assert https_stage.session_store.delete(OWNER) is True

    assert https_stage.session_store.versions(OWNER) == ()


def test_it_is_disabled_before_it_is_deleted(stage: Stage, store: SessionStore) -> None:
    """Whoever recovers it does not have a session again; so a delete that fails has ended it."""
    stage.break_at(Fault(unavailable(), operation="delete_secret", times=None))

    with pytest.raises(UnavailableError):
        store.delete(OWNER)

    kept = store.read(OWNER)
    assert kept
    assert not kept.enabled
    stage.world.faults.clear()
    assert store.delete(OWNER)


def test_whether_there_was_one_is_told(store: SessionStore) -> None:
    """Whether there was one: the second time there is none, and for a stranger there never was."""
    assert [store.delete(OWNER), store.delete(OWNER)] == [True, False]
    assert store.delete("eve@contoso.example") is False


def test_a_switched_off_session_is_there_until_it_is_deleted(
    store: SessionStore, vault: Vault
) -> None:
    """What is disabled already is only deleted."""
    vault.update(NAME, None, Properties(enabled=False))

    assert [store.delete(OWNER), store.delete(OWNER)] == [True, False]


# --- Errors ---------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[SessionStore], object]] = {
    "get_secret": lambda store: store.read(OWNER),
    "list_versions": lambda store: store.versions(OWNER),
    "update_secret": lambda store: store.delete(OWNER),
    "delete_secret": lambda store: store.delete(OWNER),
}
PERMISSIONS = {"list_versions": "list", "update_secret": "update", "delete_secret": "delete"}


@pytest.mark.usefixtures("redacted")
@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("kind", [unavailable(), throttled(), Drop()])
def test_an_outage_is_one(
    stage: Stage, search_too: Callable[[str, str], None], operation: str, kind: Kind
) -> None:
    """No usable answer."""
    stage.break_at(Fault(kind, operation=operation, times=None))

    with pytest.raises(UnavailableError, match=r"kv-sessions|session vault") as away:
        CALLS[operation](stage.session_store)

    search_too("error", everything_told_by(away.value))


@pytest.mark.parametrize("operation", PERMISSIONS)
def test_a_want_of_rights_is_one(stage: Stage, vault: Vault, operation: str) -> None:
    """Refused for want of rights: of a delete, too, which must not seem done."""
    vault.permissions -= {PERMISSIONS[operation]}

    with pytest.raises(AccessDeniedError):
        CALLS[operation](stage.session_store)


@pytest.mark.parametrize("operation", ["get_secret", "list_versions", "delete_secret"])
def test_a_clear_no_is_not_taken_for_no_session(stage: Stage, operation: str) -> None:
    """Only what is not found is not there."""
    refusal = Answer(400, '{"error": {"code": "BadParameter"}}')
    stage.break_at(Fault(refusal, operation=operation, times=None))

    with pytest.raises(RejectedError) as refused:
        CALLS[operation](stage.session_store)

    assert refused.value.reason == "badparameter"


def _said(version: SecretVersion) -> SecretVersion:
    return replace(version, updated_at=version.created_at)
