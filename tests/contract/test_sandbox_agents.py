"""Agent users: the three legs, as msal and a plain client walk them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sandbox.error import SignInRefusedError
from sandbox.furniture import ORGANIZATION, OWNER
from sandbox.grant import AZURE_DEVOPS, TOKEN_EXCHANGE, AgentRequest, ExchangeRequest
from sandbox.world import World
from tests.contract.conftest import AzureDevOps
from tests.contract.entra_client import SCOPES, EntraClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.clock import ManualClock
    from sandbox.directory import Application
    from sandbox.grant import User
    from sandbox.https import Sandbox
    from sandbox.tenant import Tenant

AGENT = "agent@contoso.example"
EXCHANGE = [f"{TOKEN_EXCHANGE}/.default"]


@pytest.fixture
def entra(sandbox: Sandbox) -> Iterator[EntraClient]:
    """Give a client of the tenant."""
    client = EntraClient(sandbox)
    with client.http:
        yield client


@pytest.fixture
def agent(world: World) -> User:
    """Give an agent user who is a member of the organization."""
    user = world.add_agent_user(AGENT)
    world.organization(ORGANIZATION).members.add(user.identity_id)
    return user


@pytest.fixture
def blueprint(agent: User, world: World) -> Application:
    """Give the blueprint of the agent user's identity."""
    applications = world.tenant.directory.applications
    return applications[applications[agent.agent_identity_id].parent_id]


class Legs:
    """The three legs at the token endpoint, each with what is given to it."""

    def __init__(self, entra: EntraClient, blueprint: Application, agent: User) -> None:
        """Walk for ``agent``."""
        self._entra = entra
        self._blueprint = blueprint
        self._agent = agent

    def first(self, **changes: str | None) -> dict[str, Any]:
        """Ask for T1 as the blueprint."""
        asked: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_id": self._blueprint.client_id,
            "scope": EXCHANGE[0],
            "fmi_path": self._agent.agent_identity_id,
        }
        return self._entra.token(**{**asked, **changes})[1]

    def second(self, t1: str, **changes: str | None) -> dict[str, Any]:
        """Ask for T2 as the agent identity."""
        asked: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_id": self._agent.agent_identity_id,
            "scope": EXCHANGE[0],
            "client_assertion": t1,
        }
        return self._entra.token(**{**asked, **changes})[1]

    def third(self, t1: str, t2: str, **changes: str | None) -> dict[str, Any]:
        """Ask for the agent user's token as the agent identity."""
        asked: dict[str, str | None] = {
            "grant_type": "user_fic",
            "client_id": self._agent.agent_identity_id,
            "scope": f"{AZURE_DEVOPS}/.default",
            "client_assertion": t1,
            "user_federated_identity_credential": t2,
            "username": self._agent.upn,
            "requested_token_use": "on_behalf_of",
        }
        return self._entra.token(**{**asked, **changes})[1]

    def both(self) -> tuple[str, str]:
        """Give T1 and T2."""
        t1: str = self.first()["access_token"]
        t2: str = self.second(t1)["access_token"]
        return t1, t2


@pytest.fixture
def legs(entra: EntraClient, blueprint: Application, agent: User) -> Legs:
    """Give the three legs of the agent user."""
    return Legs(entra, blueprint, agent)


def test_msal_walks_the_three_legs(
    entra: EntraClient, agent: User, blueprint: Application, world: World
) -> None:
    """A client of the blueprint and one of the agent identity, with what msal sends by itself."""
    parent = entra.application(blueprint.client_id)
    t1 = parent.acquire_token_for_client(EXCHANGE, fmi_path=agent.agent_identity_id)
    child = entra.application(agent.agent_identity_id, t1["access_token"])
    t2 = child.acquire_token_for_client(EXCHANGE)
    answer = child.acquire_token_by_user_federated_identity_credential(
        SCOPES, t2["access_token"], username=AGENT
    )

    token = world.tenant.inspect(answer["access_token"])
    assert token
    assert (token.subject, token.is_app_only) == (AGENT, False)
    assert token.scopes == {"vso.pats", "vso.pats_manage"}
    assert answer["id_token_claims"]["oid"] == agent.object_id
    assert "refresh_token" not in answer
    assert world.issued >= {t1["access_token"], t2["access_token"], answer["access_token"]}
    calls = [(call.operation, call.target) for call in world.calls]
    assert [call for call in calls if call[0] != "openid_configuration"] == [
        ("exchange_blueprint", agent.agent_identity_id),
        ("exchange_agent", agent.agent_identity_id),
        ("redeem_agent", AGENT),
    ]


def test_azure_devops_takes_it_for_a_person(
    legs: Legs, agent: User, sandbox: Sandbox, world: World
) -> None:
    """Its token creates personal access tokens, which are its own."""
    bearer = {"Authorization": f"Bearer {legs.third(*legs.both())['access_token']}"}
    body = {
        "displayName": "new",
        "scope": "vso.code",
        "validTo": "2026-11-23T07:00:00Z",
        "allOrgs": False,
    }
    with requests.Session() as http:
        created = AzureDevOps(sandbox, http).tokens("POST", body=body, headers=bearer).json()

    assert world.authenticate(ORGANIZATION, created["patToken"]["token"]) == agent.identity_id


def test_who_is_no_member_is_refused_by_azure_devops(
    legs: Legs, agent: User, sandbox: Sandbox, world: World
) -> None:
    """Entra gives the token all the same."""
    world.organization(ORGANIZATION).members.discard(agent.identity_id)
    bearer = {"Authorization": f"Bearer {legs.third(*legs.both())['access_token']}"}

    with requests.Session() as http:
        answer = AzureDevOps(sandbox, http).tokens(headers=bearer)

    assert answer.status_code == 401


def test_the_user_may_be_named_by_object_id(legs: Legs, agent: User) -> None:
    """Instead of the name, and not beside it."""
    t1, t2 = legs.both()

    by_id = legs.third(t1, t2, username=None, user_id=agent.object_id)
    both = legs.third(t1, t2, user_id=agent.object_id)
    neither = legs.third(t1, t2, username=None)

    assert "access_token" in by_id
    assert [both["error_codes"], neither["error_codes"]] == [[900144], [900144]]


def test_the_use_of_the_token_may_go_without_saying(legs: Legs) -> None:
    """Which is how msal asks; another use is refused."""
    t1, t2 = legs.both()

    assert "access_token" in legs.third(t1, t2, requested_token_use=None)
    assert legs.third(t1, t2, requested_token_use="other")["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("changes", "error", "number"),
    [
        ({"fmi_path": "unknown"}, "unauthorized_client", 700016),
        ({"client_id": "unknown"}, "unauthorized_client", 700016),
        ({"client_assertion": None}, "invalid_client", 7000218),
        ({"client_assertion": "made.up.assertion"}, "invalid_client", 700024),
        ({"scope": f"{AZURE_DEVOPS}/.default"}, "unauthorized_client", 82001),
        ({"scope": None}, "unauthorized_client", 82001),
    ],
)
def test_the_blueprint_is_checked(
    legs: Legs, changes: dict[str, str | None], error: str, number: int
) -> None:
    """Who it is, how it proves that, whom it wants to become, and for which audience."""
    answer = legs.first(**changes)

    assert (answer["error"], answer["error_codes"]) == (error, [number])


def test_a_token_for_another_audience_proves_no_blueprint(entra: EntraClient, legs: Legs) -> None:
    """The federated credential of a blueprint is compared like any other."""
    answer = legs.first(client_assertion=entra.assertion("https://vault.azure.net"))

    assert answer["error_codes"] == [700213]


def test_the_app_registration_cannot_become_an_agent(legs: Legs, world: World) -> None:
    """It trusts the same managed identity, and is no blueprint."""
    answer = legs.first(client_id=world.tenant.client_id)

    assert (answer["error"], answer["error_codes"]) == ("unauthorized_client", [70001])


def test_a_child_of_another_blueprint_is_refused(legs: Legs, world: World) -> None:
    """A blueprint can become its own children only."""
    stranger = world.tenant.add_agent_identity(world.tenant.add_blueprint())

    answer = legs.first(fmi_path=stranger.client_id)

    assert (answer["error"], answer["error_codes"]) == ("unauthorized_client", [700016])


def test_without_a_path_the_token_opens_nothing(legs: Legs) -> None:
    """The blueprint gets one, which is nobody's credential."""
    bare = legs.first(fmi_path=None)["access_token"]

    assert legs.second(bare)["error_codes"] == [700213]


def test_each_token_fits_its_own_leg_only(entra: EntraClient, legs: Legs) -> None:
    """T1 is no T2, T2 is no T1, and the managed identity's own token is neither."""
    t1, t2 = legs.both()
    own = entra.assertion()

    assert legs.second(own)["error_codes"] == [700213]
    assert legs.second(t2)["error_codes"] == [700213]
    assert legs.third(t2, t2)["error_codes"] == [700213]
    assert legs.third(t1, t1)["error_codes"] == [50013]
    assert legs.third(t1, own)["error_codes"] == [50013]
    assert legs.third(t1, "made-up")["error_codes"] == [50013]


def test_the_tokens_of_one_agent_identity_are_none_of_another(legs: Legs, world: World) -> None:
    """Neither T1 nor T2, though both agents have one blueprint."""
    other = world.add_agent_user("other@contoso.example")
    t1, t2 = legs.both()
    their_t1 = legs.first(fmi_path=other.agent_identity_id)["access_token"]
    their_t2 = legs.second(their_t1, client_id=other.agent_identity_id)["access_token"]

    assert legs.second(their_t1)["error_codes"] == [700213]
    assert legs.third(their_t1, t2)["error_codes"] == [700213]
    assert legs.third(t1, their_t2)["error_codes"] == [50013]


def test_an_agent_identity_cannot_become_another(legs: Legs, agent: User) -> None:
    """Only a blueprint can."""
    t1, _ = legs.both()

    answer = legs.second(t1, fmi_path=agent.agent_identity_id)

    assert (answer["error"], answer["error_codes"]) == ("unauthorized_client", [70001])


def test_an_agent_identity_acts_as_its_own_user_only(legs: Legs, world: World) -> None:
    """Neither as another agent user nor as a person."""
    other = world.add_agent_user("other@contoso.example")
    t1, t2 = legs.both()

    for upn in (other.upn, OWNER):
        answer = legs.third(t1, t2, username=upn)
        assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [50013])


def test_exchanged_tokens_live_for_an_hour(legs: Legs, clock: ManualClock) -> None:
    """By the world's time, unlike the managed identity's."""
    t1, t2 = legs.both()
    clock.advance(timedelta(minutes=59))
    fresh = legs.first()["access_token"]
    assert "access_token" in legs.third(t1, t2)
    clock.advance(timedelta(minutes=1))

    assert legs.second(t1)["error_codes"] == [700024]
    assert legs.third(fresh, t2)["error_codes"] == [50013]


@pytest.mark.parametrize(
    ("turn", "error", "number"),
    [
        (lambda tenant: tenant.disable_user(AGENT), "invalid_grant", 50057),
        (lambda tenant: tenant.block(AGENT), "invalid_grant", 53003),
        (lambda tenant: tenant.delete_user(AGENT), "invalid_grant", 50034),
        (lambda tenant: tenant.revoke_consent(AGENT), "consent_required", 65001),
        (
            lambda tenant: tenant.demand(AGENT, "interaction_required"),
            "interaction_required",
            50076,
        ),
    ],
)
def test_an_agent_user_can_be_refused(
    legs: Legs, world: World, turn: Callable[[Tenant], None], error: str, number: int
) -> None:
    """Disabled, blocked, deleted, without consent, or asked for what it cannot give."""
    t1, t2 = legs.both()
    turn(world.tenant)

    answer = legs.third(t1, t2)

    assert (answer["error"], answer["error_codes"]) == (error, [number])


def test_consent_can_be_given_back(legs: Legs, world: World) -> None:
    """By an administrator, since nobody can sign in."""
    world.tenant.revoke_consent(AGENT)
    world.tenant.grant_consent(AGENT)

    assert "access_token" in legs.third(*legs.both())


def test_an_unknown_name_is_refused(legs: Legs) -> None:
    """Whether by name or by id."""
    t1, t2 = legs.both()

    assert legs.third(t1, t2, username="nobody@contoso.example")["error_codes"] == [50034]
    assert legs.third(t1, t2, username=None, user_id="nobody")["error_codes"] == [50034]


def test_the_legs_can_be_walked_past_the_network(agent: User, world: World) -> None:
    """Each is a method of the tenant, with the same checks."""
    tenant = world.tenant
    assert tenant.blueprint
    own = tenant.identity_token(TOKEN_EXCHANGE, tenant.identity.client_id)
    assert own
    identity = agent.agent_identity_id

    t1 = tenant.exchange(ExchangeRequest(tenant.blueprint.client_id, own.value, identity))
    t2 = tenant.exchange(ExchangeRequest(identity, t1.value))
    scopes = frozenset({f"{AZURE_DEVOPS}/.default"})
    grant = tenant.act(AgentRequest(identity, t1.value, t2.value, username=AGENT, scopes=scopes))

    assert (grant.access.subject, grant.refresh) == (AGENT, None)
    with pytest.raises(SignInRefusedError):
        tenant.act(AgentRequest(identity, own.value, t2.value, username=AGENT, scopes=scopes))


def test_agents_change_nothing_that_was_there_before(clock: ManualClock) -> None:
    """A world without them hands out the same values as ever."""
    first, second = World(clock), World(clock)
    owner = first.add_user(OWNER)
    first.add_agent_user(AGENT)

    assert second.add_user(OWNER) == owner
