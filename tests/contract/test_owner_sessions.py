"""The promises of ``ports.OwnerSessions``, quoted, held by whatever stands behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.errors import AccessDeniedError, SessionError, UnavailableError
from sandbox.content import Properties
from sandbox.fault import Answer, Drop, Fault, throttled, unavailable
from sandbox.furniture import OWNER
from sandbox.grant import AZURE_DEVOPS
from sandbox.world import session_name

if TYPE_CHECKING:
    from sandbox.clock import ManualClock
    from sandbox.fault import Call
    from sandbox.vault import SecretVersion
    from sandbox.world import World
    from tests.stage import HttpsStage, Stage

pytestmark = pytest.mark.manners

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SCOPES = frozenset({"vso.pats", "vso.pats_manage"})


def test_a_session_is_tried(stage: Stage, clock: ManualClock) -> None:
    """Tell how the session stands, after trying it."""
    signed_in_at = clock()

    session = stage.sessions.keep(OWNER)

    assert (session.owner, session.is_working, session.reason) == (OWNER, True, "")
    assert (session.signed_in_at, session.redeemed_at) == (signed_in_at, signed_in_at)
    assert stage.count("redeem") == 1


def test_an_access_token_is_the_owners_for_azure_devops(stage: Stage) -> None:
    """An access token of the owner for Azure DevOps."""
    value = stage.sessions.access_token(OWNER)

    token = stage.world.tenant.inspect(value.reveal())
    assert token
    assert (token.subject, token.audience, token.scopes) == (OWNER, AZURE_DEVOPS, SCOPES)
    assert not token.is_app_only


def test_an_access_token_is_used_to_its_end(stage: Stage, clock: ManualClock) -> None:
    """Entra is asked again only when the token is about to expire."""
    first = stage.sessions.access_token(OWNER)
    clock.advance(timedelta(minutes=50))

    assert stage.sessions.access_token(OWNER) == first
    assert stage.count("redeem") == 1

    clock.advance(HOUR)
    later = stage.sessions.access_token(OWNER)

    assert later != first
    assert stage.world.tenant.inspect(later.reveal())


def test_a_session_is_saved_once_a_day(stage: Stage, clock: ManualClock) -> None:
    """A session that works is kept alive: its newest refresh token is saved once a day."""
    before = _kept(stage.world)
    clock.advance(DAY)

    session = stage.sessions.keep(OWNER)

    kept = _kept(stage.world)
    assert session.is_refreshed
    assert (session.redeemed_at, kept.created_at) == (clock(), clock())
    assert kept.value != before.value
    assert stage.world.tenant.session_owner(kept.value) == OWNER
    assert kept.expires_at == clock() + 90 * DAY
    assert kept.content_type == before.content_type
    assert kept.tags == {**before.tags, "session-redeemed": f"{clock():%Y-%m-%dT%H:%M:%SZ}"}


def test_between_two_saves_nothing_is_written(stage: Stage, clock: ManualClock) -> None:
    """Versions pile up, each a live credential: an hourly run saves once a day."""
    for _ in range(24):
        clock.advance(HOUR)
        stage.sessions.keep(OWNER)

    assert len(_versions(stage.world)) == 2


def test_one_session_is_left_enabled(stage: Stage, clock: ManualClock) -> None:
    """The version before a saved one is disabled."""
    for _ in range(3):
        clock.advance(DAY)
        stage.sessions.keep(OWNER)

    assert [version.enabled for version in _versions(stage.world)] == [False, False, False, True]


def test_a_session_lives_on_for_as_long_as_it_is_used(stage: Stage, clock: ManualClock) -> None:
    """A refresh token lives 90 days; the saved ones carry the session past that."""
    for _ in range(5):
        clock.advance(30 * DAY)
        assert stage.sessions.keep(OWNER).is_working


@pytest.mark.parametrize("operation", ["set_secret", "update_secret"])
@pytest.mark.parametrize("kind", [unavailable(), Answer(403, "{}"), Drop(after_effect=True)])
def test_a_save_that_fails_stops_nothing(
    stage: Stage, clock: ManualClock, operation: str, kind: Answer | Drop
) -> None:
    """The run goes on, and it is said."""
    clock.advance(DAY)
    stage.break_at(Fault(kind, operation=operation, target="kv-sessions", times=None))

    session = stage.sessions.keep(OWNER)

    assert (session.is_working, session.is_refreshed, session.reason) == (
        True,
        False,
        "save-failed",
    )
    assert OWNER in session.message
    stage.sessions.access_token(OWNER)


def test_a_save_never_overwrites_a_later_sign_in(stage: Stage, clock: ManualClock) -> None:
    """Whoever signs in between the read and the save keeps their session."""
    clock.advance(DAY)

    def sign_in(call: Call) -> None:
        if call.operation == "redeem":
            stage.world.after_effect = lambda _: None
            stage.world.connect(OWNER)

    stage.world.after_effect = sign_in

    assert stage.sessions.keep(OWNER).is_working
    newest = _versions(stage.world)[-1]
    assert len(_versions(stage.world)) == 2
    assert (newest.enabled, newest.tags["session-signed-in"]) == (
        True,
        f"{clock():%Y-%m-%dT%H:%M:%SZ}",
    )


def test_an_unknown_owner_has_no_session(stage: Stage) -> None:
    """Only the configured owners' sessions are used: nothing is asked for anybody else."""
    session = stage.sessions.session("eve@contoso.example")

    assert (session.is_working, session.reason) == (False, "unknown-owner")
    assert "eve@contoso.example" in session.message
    assert not stage.world.calls
    with pytest.raises(SessionError):
        stage.sessions.access_token("eve@contoso.example")


def test_an_owner_who_never_signed_in_must(stage: Stage) -> None:
    """Without a session the owner must sign in."""
    stage.world.session_vault.delete(session_name(OWNER))

    assert _needs_sign_in(stage)


def test_a_revoked_session_needs_its_person(stage: Stage) -> None:
    """``invalid_grant``: the owner must sign in."""
    stage.world.tenant.revoke_sessions(OWNER)

    assert _needs_sign_in(stage)


def test_an_unused_session_dies_after_90_days(stage: Stage, clock: ManualClock) -> None:
    """``invalid_grant``: the owner must sign in."""
    clock.advance(91 * DAY)

    assert _needs_sign_in(stage)


@pytest.mark.parametrize("error", ["interaction_required", "consent_required"])
def test_what_entra_demands_of_a_person_is_no_outage(stage: Stage, error: str) -> None:
    """The owner must sign in: an alert, not a retry."""
    stage.world.tenant.demand(OWNER, error)

    assert _needs_sign_in(stage)
    assert error in stage.sessions.keep(OWNER).message


@pytest.mark.parametrize("tag", ["session-owner", "session-object-id"])
def test_somebody_elses_session_is_not_used(https_stage: HttpsStage, tag: str) -> None:
    """Whoever signed in as another person has to do it again, as the owner."""
    tags = {**_kept(https_stage.world).tags, tag: "eve@contoso.example"}
    https_stage.world.session_vault.update(session_name(OWNER), None, Properties(tags=tags))

    assert _needs_sign_in(https_stage)


def test_a_sign_in_heals_the_session(stage: Stage, clock: ManualClock) -> None:
    """As soon as the owner has signed in, the same process goes on."""
    stage.world.tenant.revoke_sessions(OWNER)
    assert _needs_sign_in(stage)
    clock.advance(HOUR)

    stage.world.connect(OWNER)

    assert stage.sessions.keep(OWNER).is_working
    stage.sessions.access_token(OWNER)


def test_a_wrong_federated_credential_is_an_administrators_business(stage: Stage) -> None:
    """No sign-in helps: Entra refuses the application."""
    tenant = stage.world.tenant
    tenant.federated_credential = replace(tenant.federated_credential, subject="somebody-else")

    session = stage.sessions.keep(OWNER)

    assert (session.is_working, session.reason) == (False, "administrator-needed")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(unavailable(), service="entra", times=None),
        Fault(throttled(), operation="redeem", times=None),
        Fault(Drop(), operation="redeem", times=None),
        Fault(unavailable(), operation="get_secret", times=None),
        Fault(Drop(), operation="get_secret", times=None),
    ],
)
def test_without_an_answer_nothing_can_be_said(stage: Stage, fault: Fault) -> None:
    """A service did not answer: that is not the owner's business."""
    stage.break_at(fault)

    with pytest.raises(UnavailableError):
        stage.sessions.keep(OWNER)
    with pytest.raises(UnavailableError):
        stage.sessions.access_token(OWNER)


def test_a_session_vault_that_refuses_is_no_sign_in(stage: Stage) -> None:
    """Refused for want of rights: somebody must grant something."""
    stage.world.session_vault.permissions.discard("get")

    with pytest.raises(AccessDeniedError, match=session_name(OWNER)):
        stage.sessions.keep(OWNER)


def _needs_sign_in(stage: Stage) -> bool:
    session = stage.sessions.keep(OWNER)
    with pytest.raises(SessionError, match=OWNER):
        stage.sessions.access_token(OWNER)
    return (session.is_working, session.reason) == (False, "sign-in-needed") and (
        f"{OWNER} must sign in" in session.message
    )


def _kept(world: World) -> SecretVersion:
    return world.session_vault.newest(session_name(OWNER))


def _versions(world: World) -> tuple[SecretVersion, ...]:
    return world.session_vault.versions(session_name(OWNER))
