"""Owners that are agent users: ``OwnerSessions`` and ``TokenService.act_as``, quoted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation import settings, wiring
from rotation.errors import SessionError, UnavailableError
from sandbox.fault import Answer, Drop, Fault, throttled, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.grant import AZURE_DEVOPS
from sandbox.world import session_name
from tests.contract.conftest import make_world
from tests.stage import everything_told_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import ManualClock
    from sandbox.directory import Application
    from sandbox.fault import Kind
    from sandbox.https import Sandbox
    from sandbox.world import World
    from tests.stage import Stage

AGENT = "agent@contoso.example"
DAY = timedelta(days=1)
LEGS = ("exchange_blueprint", "exchange_agent", "redeem_agent")
REFUSED = json.dumps(
    {
        "error": "invalid_grant",
        "error_description": "AADSTS70000: told by a test",
        "error_codes": [70000],
    }
)

pytestmark = pytest.mark.usefixtures("redacted")


@pytest.fixture
def world(clock: ManualClock) -> World:
    """Give the usual world, and in it an agent user who is a member of the organization."""
    world = make_world(clock)
    agent = world.add_agent_user(AGENT)
    world.organization(ORGANIZATION).members.add(agent.identity_id)
    return world


def test_an_access_token_is_the_agent_users_for_azure_devops(stage: Stage) -> None:
    """An access token of the owner for Azure DevOps: a user's, with both permissions."""
    value = stage.sessions.access_token(AGENT)

    token = stage.world.tenant.inspect(value.reveal())
    assert token
    assert (token.subject, token.audience, token.is_app_only) == (AGENT, AZURE_DEVOPS, False)
    assert token.scopes == {"vso.pats", "vso.pats_manage"}
    assert _legs_called(stage) == list(LEGS)


def test_the_session_of_an_agent_user_works_without_anybody(stage: Stage) -> None:
    """Tell how the session stands, after trying it: nobody ever signs in."""
    session = stage.sessions.session(AGENT)

    assert (session.is_working, session.is_agent, session.reason) == (True, True, "")
    assert (session.signed_in_at, session.sign_in_by, session.is_refreshed) == (None, None, False)


def test_nothing_of_an_agent_user_is_kept(stage: Stage, clock: ManualClock) -> None:
    """The managed identity is exchanged for its token each time: the vault is not even asked."""
    stage.world.calls.clear()
    for _ in range(3):
        assert stage.sessions.keep(AGENT).is_working
        clock.advance(DAY)

    secrets = {secret.name for secret in stage.world.session_vault.list_secrets()}
    assert secrets == {session_name(OWNER)}
    assert not [call for call in stage.world.calls if call.target.startswith("kv-sessions")]


def test_an_access_token_of_an_agent_user_is_used_to_its_end(
    stage: Stage, clock: ManualClock
) -> None:
    """Entra is asked again only when the token is about to expire."""
    first = stage.sessions.access_token(AGENT)
    clock.advance(timedelta(minutes=50))

    assert stage.sessions.access_token(AGENT) == first
    assert _legs_called(stage) == list(LEGS)

    clock.advance(timedelta(hours=1))
    later = stage.sessions.access_token(AGENT)

    assert later != first
    assert stage.world.tenant.inspect(later.reveal())
    assert _legs_called(stage) == [*LEGS, *LEGS]


def test_people_and_agent_users_stand_side_by_side(stage: Stage) -> None:
    """Each owner has a session of their own kind."""
    for owner in (OWNER, AGENT):
        token = stage.world.tenant.inspect(stage.sessions.access_token(owner).reveal())
        assert token
        assert token.subject == owner


# --- Refusals -------------------------------------------------------------------------------------


def _blueprint(world: World) -> Application:
    assert world.tenant.blueprint
    return world.tenant.blueprint


def _identity(world: World) -> Application:
    identity_id = world.tenant.users[AGENT].agent_identity_id
    return world.tenant.directory.applications[identity_id]


def _trust(world: World, **changes: str) -> None:
    blueprint = _blueprint(world)
    blueprint.federated_credential = replace(blueprint.federated_credential, **changes)


def _forget(world: World, application: Application) -> None:
    del world.tenant.directory.applications[application.client_id]


def _adopt(world: World) -> None:
    _identity(world).parent_id = world.tenant.add_blueprint().client_id


def _distrust(world: World) -> None:
    identity = _identity(world)
    identity.federated_credential = replace(identity.federated_credential, subject="another")


def _give_away(world: World) -> None:
    other = world.tenant.add_agent_identity(_blueprint(world))
    users = world.tenant.users
    users[AGENT] = replace(users[AGENT], agent_identity_id=other.client_id)


REFUSALS: dict[str, tuple[Callable[[World], object], int, str]] = {
    "the blueprint trusts another subject": (
        lambda world: _trust(world, subject="another"),
        1,
        "invalid_client, AADSTS700213",
    ),
    "the blueprint trusts another issuer": (
        lambda world: _trust(world, issuer="https://login.microsoftonline.com/another/v2.0"),
        1,
        "invalid_client, AADSTS700213",
    ),
    "the blueprint trusts another audience": (
        lambda world: _trust(world, audience="api://another"),
        1,
        "invalid_client, AADSTS700213",
    ),
    "there is no such blueprint": (
        lambda world: _forget(world, _blueprint(world)),
        1,
        "unauthorized_client, AADSTS700016",
    ),
    "there is no such agent identity": (
        lambda world: _forget(world, _identity(world)),
        1,
        "unauthorized_client, AADSTS700016",
    ),
    "the agent identity is another blueprint's": (
        _adopt,
        1,
        "unauthorized_client, AADSTS700016",
    ),
    "the agent identity does not take the blueprint's token": (
        _distrust,
        2,
        "invalid_client, AADSTS700213",
    ),
    "nobody has consented": (
        lambda world: world.tenant.revoke_consent(AGENT),
        3,
        "consent_required, AADSTS65001",
    ),
    "the agent user is disabled": (
        lambda world: world.tenant.disable_user(AGENT),
        3,
        "invalid_grant, AADSTS50057",
    ),
    "policies block the agent user": (
        lambda world: world.tenant.block(AGENT),
        3,
        "invalid_grant, AADSTS53003",
    ),
    "the agent user is deleted": (
        lambda world: world.tenant.delete_user(AGENT),
        3,
        "invalid_grant, AADSTS50034",
    ),
    "the agent user is another agent identity's": (
        _give_away,
        3,
        "invalid_grant, AADSTS50013",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_leg_is_an_administrators_business(
    stage: Stage, search_too: Callable[[str, str], None], refusal: str
) -> None:
    """Refused at one of the three legs; the message says at which, and nobody is asked to sign in.

    No further leg is called.
    """
    spoil, leg, words = REFUSALS[refusal]
    spoil(stage.world)

    session = stage.sessions.session(AGENT)

    asked = _legs_called(stage)
    with pytest.raises(SessionError) as refused:
        stage.sessions.access_token(AGENT)
    assert (session.is_working, session.is_known, session.is_agent) == (False, True, True)
    assert session.reason == refused.value.reason == "administrator-needed"
    for said in (f"leg {leg} of 3", AGENT, f"({words})", "an administrator must"):
        assert said in session.message
        assert said in str(refused.value)
    assert "must sign in" not in session.message
    assert asked == list(LEGS[:leg])
    search_too("error", everything_told_by(refused.value))


@pytest.mark.parametrize("leg", LEGS)
def test_a_refusal_by_any_word_ends_the_walk(stage: Stage, leg: str) -> None:
    """A word that would send a person to sign in sends an administrator to look."""
    stage.break_at(Fault(Answer(400, REFUSED), operation=leg, times=None))

    session = stage.sessions.session(AGENT)

    assert session.reason == "administrator-needed"
    assert f"leg {LEGS.index(leg) + 1} of 3" in session.message
    assert "(invalid_grant, AADSTS70000)" in session.message
    assert _legs_called(stage)[-1] == leg


def test_an_agent_user_that_is_mended_works_again(stage: Stage) -> None:
    """The same process goes on as soon as an administrator has acted."""
    stage.world.tenant.disable_user(AGENT)
    assert not stage.sessions.keep(AGENT).is_working

    stage.world.tenant.enable_user(AGENT)

    assert stage.sessions.keep(AGENT).is_working


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("kind", [unavailable(), throttled(), Drop(), Answer(200, "{}")])
def test_an_outage_at_any_leg_says_nothing_of_the_agent_user(
    stage: Stage, search_too: Callable[[str, str], None], leg: str, kind: Kind
) -> None:
    """Nothing can be said, since a service did not answer; and no further leg is called."""
    stage.break_at(Fault(kind, operation=leg, times=None))

    for ask in (stage.sessions.session, stage.sessions.keep, stage.sessions.access_token):
        with pytest.raises(UnavailableError) as away:
            ask(AGENT)
        search_too("error", everything_told_by(away.value))

    assert _legs_called(stage)[-1] == leg
    stage.world.faults.clear()
    assert stage.sessions.keep(AGENT).is_working


def _legs_called(stage: Stage) -> list[str]:
    return [call.operation for call in stage.world.calls if call.operation in LEGS]


# --- Everything together --------------------------------------------------------------------------


@pytest.mark.usefixtures("slept", "loggers")
def test_a_rotation_on_behalf_of_an_agent_user(sandbox: Sandbox, clock: ManualClock) -> None:
    """The rules and steps are the same as for people."""
    world = sandbox.world
    tags: dict[str, str | None] = {"pat-owner": AGENT}
    old = place(world, Placement("feed", owner=AGENT, age=25 * DAY, tags=tags))

    with wiring.open_service(settings.load(), clock) as service:
        report = service.rotator.run()
        clock.advance(3 * DAY)
        later = service.rotator.run()
        fleet = service.rotator.survey()

    token = world.token_in(VAULT, "feed")
    assert token
    assert [outcome.actions for outcome in (*report.outcomes, *later.outcomes)] == [
        ("renew",),
        ("retire",),
    ]
    assert token.authorization_id != old.authorization_id
    assert token.owner == world.tenant.users[AGENT].identity_id
    assert world.living_tokens() == (token,)
    (found,) = (owner for owner in fleet.owners if owner.session.owner == AGENT)
    assert (found.session.is_working, found.act_by, len(found.secrets)) == (True, None, 1)
