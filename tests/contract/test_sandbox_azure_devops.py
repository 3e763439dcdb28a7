"""Azure DevOps' two faces, manner by manner, over plain HTTP."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.furniture import ORGANIZATION, OWNER, Placement, plant
from sandbox.grant import AZURE_DEVOPS
from sandbox.organization import ANONYMOUS

if TYPE_CHECKING:
    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.organization import Policy
    from sandbox.token import Token
    from sandbox.world import World
    from tests.contract.conftest import AzureDevOps


@pytest.fixture
def token(world: World) -> Token:
    """Give a token of the owner, made ten days ago, with twenty to go."""
    return plant(world, Placement("feed", age=timedelta(days=10)))


@pytest.fixture
def owner_id(world: World) -> str:
    """Give the owner's Azure DevOps user id."""
    return world.tenant.users[OWNER].identity_id


def set_policy(world: World, **changes: object) -> Policy:
    """Change the policies of the organization."""
    organization = world.organization(ORGANIZATION)
    organization.policy = replace(organization.policy, **changes)  # type: ignore[arg-type]
    return organization.policy


# --- Create ---------------------------------------------------------------------------------


def test_a_created_token_works_at_once(
    azure_devops: AzureDevOps, world: World, owner_id: str
) -> None:
    """The answer holds the value, 84 characters with the signature in its place."""
    answer = azure_devops.create().json()

    made = answer["patToken"]
    assert answer["patTokenError"] == "none"
    assert (len(made["token"]), made["token"][76:80]) == (84, "AZDO")
    assert made["targetAccounts"] == [world.organization(ORGANIZATION).account_id]
    assert azure_devops.connection(made["token"]).json()["authenticatedUser"]["id"] == owner_id


def test_instants_are_rounded_and_have_up_to_seven_digits(
    azure_devops: AzureDevOps, clock: ManualClock
) -> None:
    """Answers are rounded to 300ths of a second, so that they differ from what was asked for."""
    clock.advance(timedelta(microseconds=103_000))

    made = azure_devops.create(validTo="2026-11-30T23:46:23.319Z").json()["patToken"]

    assert made["validTo"] == "2026-11-30T23:46:23.32Z"
    assert made["validFrom"] == "2026-11-22T07:00:00.1033333Z"


def test_scopes_come_back_in_another_order(azure_devops: AzureDevOps) -> None:
    """A scope is a set, whatever order it is written in."""
    made = azure_devops.create(scope="vso.work vso.code").json()["patToken"]

    assert made["scope"] == "vso.code vso.work"


def test_creating_twice_makes_two_tokens(azure_devops: AzureDevOps, world: World) -> None:
    """Names may be used twice: a repeated create is a second living token."""
    ids = {azure_devops.create().json()["patToken"]["authorizationId"] for _ in range(2)}

    assert {token.authorization_id for token in world.living_tokens()} == ids
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"displayName": None}, "displayNameRequired"),
        ({"scope": "everything"}, "invalidScope"),
        ({"scope": None}, "invalidScope"),
        ({"validTo": None}, "invalidValidTo"),
        ({"validTo": "2026-11-21T07:00:00Z"}, "invalidValidTo"),
        ({"validTo": "2027-11-23T07:00:00Z"}, "invalidValidTo"),
        ({"allOrgs": True}, "globalPATCreationBlocked"),
    ],
)
def test_a_bad_draft_is_refused_with_a_200(
    azure_devops: AzureDevOps, world: World, changes: dict[str, Any], reason: str
) -> None:
    """The refusal is in the body: an error by name, and no token."""
    answer = azure_devops.create(**changes)

    assert answer.status_code == 200
    assert (answer.json()["patToken"], answer.json()["patTokenError"]) == (None, reason)
    assert not world.living_tokens()


@pytest.mark.parametrize(
    ("policy", "changes", "reason"),
    [
        ({"restrict_creation": True}, {}, "disablePatCreationPolicyViolation"),
        ({"restrict_full_scope": True}, {"scope": "app_token"}, "fullScopePatPolicyViolation"),
        ({"restrict_global": True}, {"allOrgs": True}, "globalPatPolicyViolation"),
    ],
)
def test_a_policy_refuses_by_its_name(
    azure_devops: AzureDevOps,
    world: World,
    policy: dict[str, Any],
    changes: dict[str, Any],
    reason: str,
) -> None:
    """Each policy of the administrators has an error of its own, in a 200."""
    set_policy(world, **policy)

    answer = azure_devops.create(**changes)

    assert (answer.status_code, answer.json()["patTokenError"]) == (200, reason)


def test_the_allow_list_may_create(azure_devops: AzureDevOps, world: World, owner_id: str) -> None:
    """Restricted creation does not concern those whom the administrators named."""
    set_policy(world, restrict_creation=True, creators=frozenset({owner_id}))

    assert azure_devops.create().json()["patTokenError"] == "none"


def test_the_lifespan_policy_shortens_without_a_word(
    azure_devops: AzureDevOps, world: World
) -> None:
    """What is asked for and what is granted differ, and no error says so."""
    set_policy(world, max_lifespan=timedelta(days=7))

    answer = azure_devops.create(validTo="2026-12-22T07:00:00Z").json()

    assert answer["patTokenError"] == "none"
    assert answer["patToken"]["validTo"] == "2026-11-29T07:00:00Z"


# --- Get and list ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{}, {"revoked": True}, {"valid_to": datetime(2026, 1, 1, tzinfo=UTC)}]
)
def test_get_gives_a_token_dead_or_alive(
    azure_devops: AzureDevOps, world: World, token: Token, change: dict[str, Any]
) -> None:
    """No field tells whether a token still works, and none tells its value."""
    world.registry.amend(token.authorization_id, **change)

    answer = azure_devops.tokens("GET", {"authorizationId": token.authorization_id.upper()}).json()

    assert answer["patTokenError"] == "none"
    assert answer["patToken"]["authorizationId"] == token.authorization_id
    assert answer["patToken"]["token"] is None


def test_other_peoples_tokens_are_not_found(azure_devops: AzureDevOps, world: World) -> None:
    """An owner sees their own tokens only: neither list nor get shows anybody else's."""
    other = world.add_user("grace@contoso.example")
    foreign = plant(world, Placement("feed", owner=other.upn))

    answer = azure_devops.tokens("GET", {"authorizationId": foreign.authorization_id})

    assert answer.status_code == 200
    assert answer.json()["patToken"] is None
    assert answer.json()["patTokenError"] == "authorizationNotFound"
    assert azure_devops.tokens("GET", {"displayFilterOption": "all"}).json()["patTokens"] == []


def test_an_empty_id_turns_get_into_list(azure_devops: AzureDevOps, token: Token) -> None:
    """Get and list differ in the parameter only, so that an empty one silently lists."""
    answer = azure_devops.tokens("GET", {"authorizationId": ""}).json()

    assert [listed["authorizationId"] for listed in answer["patTokens"]] == [token.authorization_id]


def test_a_list_shows_what_the_filter_asks_for(
    azure_devops: AzureDevOps, world: World, token: Token
) -> None:
    """Active, revoked and expired tokens are apart; ``all`` has everything."""
    revoked = plant(world, Placement("revoked"))
    world.registry.amend(revoked.authorization_id, revoked=True)
    expired = plant(world, Placement("expired", age=timedelta(days=31)))

    def listed(option: str) -> set[str]:
        answer = azure_devops.tokens("GET", {"displayFilterOption": option}).json()
        return {shown["authorizationId"] for shown in answer["patTokens"]}

    assert listed("active") == {token.authorization_id}
    assert listed("revoked") == {revoked.authorization_id}
    assert listed("expired") == {expired.authorization_id}
    assert len(listed("all")) == 3


def test_a_list_shows_this_organization_and_global_tokens(
    azure_devops: AzureDevOps, world: World, token: Token
) -> None:
    """Tokens of the same owner elsewhere are not shown; a global one has no target accounts."""
    world.add_organization("fabrikam", [world.tenant.users[OWNER]])
    plant(world, Placement("elsewhere", organization="fabrikam"))
    everywhere = plant(world, Placement("everywhere", is_global=True))

    shown = azure_devops.tokens().json()["patTokens"]

    accounts = {one["authorizationId"]: one["targetAccounts"] for one in shown}
    assert accounts == {
        token.authorization_id: list(token.accounts or ()),
        everywhere.authorization_id: None,
    }


def test_pages_end_with_an_empty_continuation_token(
    azure_devops: AzureDevOps, world: World
) -> None:
    """At most a hundred a page, whatever is asked for; the last page says so by an empty string."""
    for number in range(250):
        plant(world, Placement(f"secret-{number:03}"))
    query = {"displayFilterOption": "active", "sortByOption": "displayName", "$top": "1000"}

    names, sizes = [], []
    while query.get("continuationToken") != "":
        page = azure_devops.tokens("GET", query).json()
        names += [shown["displayName"] for shown in page["patTokens"]]
        sizes.append(len(page["patTokens"]))
        query["continuationToken"] = page["continuationToken"]

    assert sizes == [100, 100, 50]
    assert names == sorted(names)
    assert len(set(names)) == 250


def test_the_next_page_wants_the_same_options(azure_devops: AzureDevOps, world: World) -> None:
    """A continuation that comes with other options is a bad request."""
    for number in range(3):
        plant(world, Placement(f"secret-{number}"))
    following = azure_devops.tokens("GET", {"$top": "2"}).json()["continuationToken"]
    query = {"$top": "2", "displayFilterOption": "all", "continuationToken": following}

    answer = azure_devops.tokens("GET", query)

    assert answer.status_code == 400


@pytest.mark.parametrize("is_ascending", [True, False])
def test_a_list_can_be_sorted_by_date(
    azure_devops: AzureDevOps, world: World, *, is_ascending: bool
) -> None:
    """``displayDate`` sorts by expiry, either way."""
    for days in (2, 3, 1):
        plant(world, Placement(f"secret-{days}", lifetime=timedelta(days=days)))

    answer = azure_devops.tokens(
        "GET", {"sortByOption": "displayDate", "isSortAscending": str(is_ascending)}
    )

    days_shown = [shown["validTo"][:10] for shown in answer.json()["patTokens"]]
    assert days_shown == sorted(days_shown, reverse=not is_ascending)


# --- Update and revoke ----------------------------------------------------------------------


def test_an_update_moves_the_expiry_and_keeps_the_value(
    azure_devops: AzureDevOps, token: Token, owner_id: str
) -> None:
    """What the body leaves out stays, and so does the value, which is not told again."""
    body = {"authorizationId": token.authorization_id, "validTo": "2027-01-01T00:00:00Z"}

    changed = azure_devops.tokens("PUT", body=body).json()["patToken"]

    assert changed["validTo"] == "2027-01-01T00:00:00Z"
    assert changed["displayName"] == token.display_name
    assert changed["scope"] == token.scope
    assert changed["token"] is None
    answer = azure_devops.connection(token.value).json()
    assert answer["authenticatedUser"]["id"] == owner_id


def test_an_extension_ends_at_creation_plus_maximum(
    azure_devops: AzureDevOps, world: World, token: Token
) -> None:
    """The lifespan policy counts from the creation of the token: a wall."""
    set_policy(world, max_lifespan=timedelta(days=25))
    body = {"authorizationId": token.authorization_id, "validTo": "2027-01-01T00:00:00Z"}

    changed = azure_devops.tokens("PUT", body=body).json()["patToken"]

    assert changed["validTo"] == "2026-12-07T07:00:00Z"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"revoked": True}, "failedToUpdateAccessToken"),
        ({"valid_to": datetime(2026, 1, 1, tzinfo=UTC)}, "expiredPatCannotBeExtended"),
    ],
)
def test_the_dead_cannot_be_extended(
    azure_devops: AzureDevOps, world: World, token: Token, change: dict[str, Any], reason: str
) -> None:
    """A revoked or an expired token stays dead."""
    world.registry.amend(token.authorization_id, **change)
    body = {"authorizationId": token.authorization_id, "validTo": "2027-01-01T00:00:00Z"}

    answer = azure_devops.tokens("PUT", body=body)

    assert (answer.status_code, answer.json()["patTokenError"]) == (200, reason)


def test_a_revoked_token_works_no_more(azure_devops: AzureDevOps, token: Token) -> None:
    """Revoking answers 204 without a body, the second time too."""
    first = azure_devops.tokens("DELETE", {"authorizationId": token.authorization_id})
    second = azure_devops.tokens("DELETE", {"authorizationId": token.authorization_id})

    assert (first.status_code, first.content) == (204, b"")
    assert second.status_code == 204
    assert azure_devops.connection(token.value).status_code == 401


def test_what_is_not_there_cannot_be_revoked(azure_devops: AzureDevOps) -> None:
    """An unknown id is a 404."""
    unknown = "00000000-0000-0000-0000-000000000000"

    assert azure_devops.tokens("DELETE", {"authorizationId": unknown}).status_code == 404


# --- Who may call ---------------------------------------------------------------------------


def test_an_application_is_sent_to_sign_in(azure_devops: AzureDevOps, sandbox: Sandbox) -> None:
    """A managed identity gets no 401 but a redirect to a page, at both hosts."""
    tenant = sandbox.world.tenant
    app_only = tenant.identity_token(AZURE_DEVOPS, tenant.identity.client_id)
    assert app_only
    headers = {"Authorization": f"Bearer {app_only.value}"}

    for answer in (azure_devops.tokens(headers=headers), azure_devops.connection(headers=headers)):
        assert answer.status_code == 302
        assert "/_signin" in answer.headers["Location"]
        assert answer.headers["Content-Type"].startswith("text/html")


def test_a_token_is_no_credential_for_the_token_api(
    azure_devops: AzureDevOps, token: Token
) -> None:
    """A PAT cannot be used to make PATs."""
    basic = base64.b64encode(f":{token.value}".encode()).decode()

    assert azure_devops.tokens(headers={"Authorization": f"Basic {basic}"}).status_code == 302


@pytest.mark.parametrize("scope", ["vso.pats", "vso.pats_manage"])
def test_either_scope_alone_is_refused(azure_devops: AzureDevOps, scope: str) -> None:
    """Both scopes of the API must be there, even to list."""
    headers = azure_devops.bearer_with(f"{AZURE_DEVOPS}/{scope}")

    assert azure_devops.tokens(headers=headers).status_code == 401


def test_an_expired_bearer_gets_a_page_with_203(
    azure_devops: AzureDevOps, clock: ManualClock
) -> None:
    """Reads and creates get a sign-in page that looks like success; the others a 401."""
    headers = azure_devops.bearer
    clock.advance(timedelta(hours=2))

    statuses = {
        method: azure_devops.tokens(method, body={}, headers=headers).status_code
        for method in ("GET", "POST", "PUT", "DELETE")
    }

    assert statuses == {"GET": 203, "POST": 203, "PUT": 401, "DELETE": 401}
    answer = azure_devops.connection(headers=headers)
    assert answer.status_code == 203
    assert answer.headers["Content-Type"].startswith("text/html")


def test_without_credentials_the_header_suppresses_the_redirect(
    azure_devops: AzureDevOps,
) -> None:
    """A nameless caller is redirected, unless it says that it is no browser."""
    suppressed = {"X-TFS-FedAuthRedirect": "Suppress"}

    assert azure_devops.tokens(headers={}).status_code == 302
    assert azure_devops.tokens(headers=suppressed).status_code == 401


def test_somebody_from_outside_is_refused(azure_devops: AzureDevOps, world: World) -> None:
    """Who is no member of the organization gets a 401."""
    world.organization(ORGANIZATION).members.clear()

    assert azure_devops.tokens().status_code == 401
    assert azure_devops.connection(headers=azure_devops.bearer).status_code == 401


# --- Who am I -------------------------------------------------------------------------------


def test_a_delegated_token_tells_the_owners_id(
    azure_devops: AzureDevOps, world: World, owner_id: str
) -> None:
    """The id is that of Azure DevOps, not of Entra; the instance is the organization's id."""
    answer = azure_devops.connection(headers=azure_devops.bearer).json()

    assert answer["authenticatedUser"]["id"] == owner_id
    assert answer["authorizedUser"]["id"] == owner_id
    assert answer["instanceId"] == world.organization(ORGANIZATION).account_id
    assert owner_id != world.tenant.users[OWNER].object_id


def test_an_expired_token_is_told_apart(
    azure_devops: AzureDevOps, token: Token, clock: ManualClock
) -> None:
    """A 401 with a header of its own says that the token has expired."""
    clock.advance(timedelta(days=21))

    answer = azure_devops.connection(token.value)

    assert answer.status_code == 401
    assert answer.headers["X-TFS-ServiceError"].endswith("used%20has%20expired.")
    assert answer.json()["message"].endswith("used has expired.")


@pytest.mark.parametrize("change", [{"revoked": True}, {"asleep": True}])
def test_a_dead_token_is_refused(
    azure_devops: AzureDevOps, world: World, token: Token, change: dict[str, Any]
) -> None:
    """Revoked, or asleep since its owner does not sign in: a 401, whatever the list shows."""
    world.registry.amend(token.authorization_id, **change)

    assert azure_devops.connection(token.value).status_code == 401


def test_a_public_project_takes_a_bad_token_for_nobody(
    azure_devops: AzureDevOps, world: World, token: Token, owner_id: str
) -> None:
    """There a bad token is a 200, as the anonymous user; a good one is its owner still."""
    world.organization(ORGANIZATION).has_public_project = True

    answer = azure_devops.connection("no-such-token")

    assert answer.status_code == 200
    assert answer.json()["authenticatedUser"]["id"] == ANONYMOUS
    assert azure_devops.connection(token.value).json()["authenticatedUser"]["id"] == owner_id


def test_a_token_works_in_its_organization_only(azure_devops: AzureDevOps, world: World) -> None:
    """A token of another organization of the same owner is refused."""
    world.add_organization("fabrikam", [world.tenant.users[OWNER]])
    elsewhere = plant(world, Placement("elsewhere", organization="fabrikam"))

    assert azure_devops.connection(elsewhere.value).status_code == 401


def test_global_tokens_stop_working(
    azure_devops: AzureDevOps, world: World, clock: ManualClock
) -> None:
    """From 1 December 2026 on, a global token works nowhere."""
    everywhere = plant(world, Placement("everywhere", is_global=True, is_short=True))

    before = azure_devops.connection(everywhere.value).status_code
    clock.advance(timedelta(days=9))

    assert (before, azure_devops.connection(everywhere.value).status_code) == (200, 401)


# --- Forms ----------------------------------------------------------------------------------


def test_every_version_is_a_preview(azure_devops: AzureDevOps) -> None:
    """An api-version without the word is a bad request."""
    answer = azure_devops.tokens("GET", {"api-version": "7.1"})

    assert answer.status_code == 400


def test_a_body_that_is_no_json_is_a_bad_request(
    azure_devops: AzureDevOps, sandbox: Sandbox
) -> None:
    """Nonsense gets a 400 with the service's own error code."""
    answer = azure_devops.http.post(
        f"{sandbox.tokens_url}/{ORGANIZATION}/_apis/tokens/pats",
        params={"api-version": "7.1-preview.1"},
        data="{",
        headers=azure_devops.bearer,
    )

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("TF400898")
    assert answer.json()["typeKey"] == "JsonReaderException"


def test_paths_have_no_case(azure_devops: AzureDevOps, sandbox: Sandbox, token: Token) -> None:
    """The documentation writes the path in two ways, and both work."""
    answer = azure_devops.http.get(
        f"{sandbox.tokens_url}/Contoso/_apis/Tokens/Pats",
        params={"api-version": "7.1-preview.1"},
        headers=azure_devops.bearer,
    )

    listed = [shown["authorizationId"] for shown in answer.json()["patTokens"]]
    assert listed == [token.authorization_id]


def test_an_unknown_organization_is_a_page(azure_devops: AzureDevOps, sandbox: Sandbox) -> None:
    """Where there is no organization, there is an HTML 404."""
    answer = azure_devops.http.get(
        f"{sandbox.tokens_url}/nobody/_apis/tokens/pats",
        params={"api-version": "7.1-preview.1"},
        headers=azure_devops.bearer,
    )

    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_answers_tell_the_services_time(azure_devops: AzureDevOps, clock: ManualClock) -> None:
    """The ``Date`` header is read from the world's clock."""
    clock.advance(timedelta(days=100, minutes=6))

    assert azure_devops.connection("x").headers["Date"] == "Tue, 02 Mar 2027 07:06:00 GMT"
