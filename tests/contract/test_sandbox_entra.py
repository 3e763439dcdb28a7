"""Entra's face and the managed identity's, as Microsoft's own clients see them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import msal
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential

from sandbox.fault import Fault, unavailable
from sandbox.furniture import OWNER
from sandbox.grant import AZURE_DEVOPS
from sandbox.world import session_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.tenant import Tenant
    from sandbox.world import World

SCOPES = [f"{AZURE_DEVOPS}/vso.pats", f"{AZURE_DEVOPS}/vso.pats_manage"]


class Redeem(Protocol):
    """Redeems a refresh token and gives the client's answer."""

    def __call__(
        self, refresh_token: str, scopes: list[str] = ..., assertion: Callable[[], str] = ...
    ) -> dict[str, Any]:
        """Redeem ``refresh_token``, with a client assertion of its own if one is given."""


@pytest.fixture
def redeem(sandbox: Sandbox) -> Redeem:
    """Give a function that redeems a refresh token as a confidential client."""

    def assertion() -> str:
        client_id = sandbox.world.tenant.identity.client_id
        with ManagedIdentityCredential(client_id=client_id) as credential:
            return str(credential.get_token("api://AzureADTokenExchange/.default").token)

    def redeem(
        refresh_token: str,
        scopes: list[str] = SCOPES,
        assertion: Callable[[], str] = assertion,
    ) -> dict[str, Any]:
        with requests.Session() as http:
            client = msal.ConfidentialClientApplication(
                sandbox.world.tenant.client_id,
                authority=f"{sandbox.authority_url}/{sandbox.world.tenant.id}",
                instance_discovery=False,
                client_credential={"client_assertion": assertion},
                http_client=http,
            )
            answer: dict[str, Any] = client.acquire_token_by_refresh_token(refresh_token, scopes)
            return answer

    return redeem


@pytest.fixture
def session(world: World) -> str:
    """Give the connected owner's refresh token."""
    return world.session_vault.newest(session_name(OWNER)).value


def test_a_session_is_redeemed_with_the_identity_as_credential(
    redeem: Redeem, session: str, world: World
) -> None:
    """The answer holds a delegated token of the owner, with the scopes asked for."""
    answer = redeem(session)

    token = world.tenant.inspect(answer["access_token"])
    assert token
    assert token.subject == OWNER
    assert token.scopes == {"vso.pats", "vso.pats_manage"}
    assert set(answer["scope"].split()) == set(SCOPES)
    assert 3600 <= answer["expires_in"] <= 5400
    assert answer["id_token_claims"]["preferred_username"] == OWNER
    assert world.issued >= {answer["access_token"], answer["refresh_token"], session}


def test_redeeming_leaves_the_older_token_valid(redeem: Redeem, session: str) -> None:
    """Each redemption gives a newer refresh token, and both work afterwards."""
    newer = redeem(session)["refresh_token"]

    assert newer != session
    assert "error" not in redeem(session)
    assert "error" not in redeem(newer)


def test_a_session_ends_after_ninety_days(redeem: Redeem, session: str, clock: ManualClock) -> None:
    """What is not redeemed and saved in time is dead; a newer one lives on."""
    clock.advance(timedelta(days=60))
    newer = redeem(session)["refresh_token"]
    clock.advance(timedelta(days=60))

    answer = redeem(session)

    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [700082])
    assert "error" not in redeem(newer)


def test_an_administrator_can_end_all_sessions(redeem: Redeem, session: str, world: World) -> None:
    """Revoked means revoked, until the person signs in again."""
    world.tenant.revoke_sessions(OWNER)

    assert redeem(session)["error"] == "invalid_grant"
    world.connect(OWNER)
    assert "error" not in redeem(world.session_vault.newest(session_name(OWNER)).value)


@pytest.mark.parametrize("error", ["interaction_required", "consent_required"])
def test_a_person_can_be_asked_for(redeem: Redeem, session: str, world: World, error: str) -> None:
    """Policies may demand the person again: an error of its own, over when they signed in."""
    world.tenant.demand(OWNER, error)

    assert redeem(session)["error"] == error
    world.connect(OWNER)
    assert "error" not in redeem(session)


def test_a_scope_without_consent_is_refused(redeem: Redeem, session: str) -> None:
    """What nobody consented to is not handed out."""
    answer = redeem(session, [f"{AZURE_DEVOPS}/vso.code_full"])

    assert answer["error"] == "consent_required"


@pytest.mark.parametrize(
    ("turn", "refusal"),
    [
        (lambda tenant: tenant.disable_user(OWNER), ("invalid_grant", 50057)),
        (lambda tenant: tenant.block(OWNER), ("invalid_grant", 53003)),
        (lambda tenant: tenant.delete_user(OWNER), ("invalid_grant", 50034)),
        (lambda tenant: tenant.revoke_consent(OWNER), ("consent_required", 65001)),
    ],
)
def test_a_session_is_worth_what_its_account_is(
    redeem: Redeem,
    session: str,
    world: World,
    turn: Callable[[Tenant], None],
    refusal: tuple[str, int],
) -> None:
    """Disabled, blocked, deleted, or no longer consenting: each is said in its own number."""
    turn(world.tenant)

    answer = redeem(session)

    assert (answer["error"], *answer["error_codes"]) == refusal


def test_an_account_can_come_back(redeem: Redeem, session: str, world: World) -> None:
    """Enabled, unblocked and consenting again, its old session works again."""
    tenant = world.tenant
    for turn in (tenant.disable_user, tenant.block, tenant.revoke_consent):
        turn(OWNER)
    assert "error" in redeem(session)

    for turn in (tenant.enable_user, tenant.unblock, tenant.grant_consent):
        turn(OWNER)

    assert "error" not in redeem(session)


def test_a_block_is_a_matter_for_administrators(redeem: Redeem, session: str, world: World) -> None:
    """The suberror says that a person can do nothing about it, and signing in changes nothing."""
    world.tenant.block(OWNER)

    assert redeem(session)["suberror"] == "message_only"
    world.connect(OWNER)
    assert redeem(session)["error_codes"] == [53003]


def test_a_deleted_accounts_tokens_are_nobodys(redeem: Redeem, session: str, world: World) -> None:
    """Whoever looks at one finds nothing."""
    access_token = redeem(session)["access_token"]
    world.tenant.delete_user(OWNER)

    assert world.tenant.inspect(access_token) is None
    assert world.tenant.session_owner(session) == OWNER


def test_a_session_can_be_narrowed(redeem: Redeem, session: str, world: World) -> None:
    """One of the scopes may be asked for alone; `.default` gives those consented to."""
    narrow = redeem(session, SCOPES[:1])
    world.tenant.registration.user_consent[OWNER].discard("vso.pats_manage")
    default = redeem(session, [f"{AZURE_DEVOPS}/.default"])

    assert narrow["scope"].split() == SCOPES[:1]
    assert default["scope"].split() == SCOPES[:1]


@pytest.mark.parametrize(
    "scope", ["https://graph.microsoft.com/User.Read", "vso.pats", f"{AZURE_DEVOPS}/nothing"]
)
def test_a_scope_that_does_not_exist_is_refused(redeem: Redeem, session: str, scope: str) -> None:
    """Of another resource, of none, or of none that Azure DevOps has."""
    assert redeem(session, [scope])["error"] in {"invalid_resource", "invalid_client"}


def test_a_token_that_was_never_issued_is_refused(redeem: Redeem) -> None:
    """A made-up refresh token is an invalid grant."""
    assert redeem("made-up")["error"] == "invalid_grant"


def test_a_credential_that_is_not_the_identity_is_refused(
    redeem: Redeem, session: str, world: World
) -> None:
    """The assertion must be issued, for the right audience: a stolen session is useless."""
    tenant = world.tenant
    for_vault = tenant.identity_token("https://vault.azure.net", tenant.identity.client_id)
    assert for_vault

    made_up = redeem(session, assertion=lambda: "made.up.assertion")
    wrong_audience = redeem(session, assertion=lambda: for_vault.value)

    assert made_up["error"] == "invalid_client"
    assert wrong_audience["error"] == "invalid_client"
    assert wrong_audience["error_codes"] == [700213]


def test_a_tenant_that_does_not_exist_is_a_400(sandbox: Sandbox) -> None:
    """A mistyped tenant is noticed at the metadata."""
    answer = requests.get(
        f"{sandbox.authority_url}/nobody/v2.0/.well-known/openid-configuration", timeout=5
    )

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_tenant"


def test_other_grants_are_not_offered(sandbox: Sandbox) -> None:
    """Device codes and passwords lead nowhere, as in a tenant with today's policies."""
    answer = requests.post(
        f"{sandbox.authority_url}/{sandbox.world.tenant.id}/oauth2/v2.0/token",
        data={"grant_type": "password", "client_id": sandbox.world.tenant.client_id},
        timeout=5,
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_a_client_without_credential_is_refused(sandbox: Sandbox, session: str) -> None:
    """The app registration is a confidential client."""
    answer = requests.post(
        f"{sandbox.authority_url}/{sandbox.world.tenant.id}/oauth2/v2.0/token",
        data={
            "grant_type": "refresh_token",
            "client_id": sandbox.world.tenant.client_id,
            "refresh_token": session,
        },
        timeout=5,
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_outage_is_an_outage(redeem: Redeem, session: str, world: World) -> None:
    """A 503 of the token endpoint reaches the client as one."""
    world.faults.add(Fault(unavailable(), service="entra", operation="redeem"))

    with pytest.raises(msal.exceptions.MsalServiceError):
        redeem(session)


@pytest.mark.usefixtures("sandbox")
def test_only_the_assigned_identity_gets_tokens() -> None:
    """Another client id, or none, is no identity of this function."""
    for client_id in ("00000000-0000-0000-0000-000000000000", None):
        with (
            ManagedIdentityCredential(client_id=client_id) as credential,
            pytest.raises(ClientAuthenticationError),
        ):
            credential.get_token("https://vault.azure.net/.default")


def test_the_identity_endpoint_wants_its_header(sandbox: Sandbox) -> None:
    """Whoever does not know the header's value gets nothing."""
    answer = requests.get(
        f"{sandbox.identity_url}/msi/token",
        params={"api-version": "2019-08-01", "resource": "https://vault.azure.net"},
        timeout=5,
    )

    assert answer.status_code == 401


def test_the_session_is_stored_as_the_sign_in_page_would(world: World, clock: ManualClock) -> None:
    """One secret an owner, with what people must know about it in its tags."""
    stored = world.session_vault.newest("session-ada-contoso-example")

    assert stored.content_type == "application/vnd.pat-rotation.session"
    assert stored.tags == {
        "session-owner": OWNER,
        "session-signed-in": "2026-11-22T07:00:00Z",
        "session-redeemed": "2026-11-22T07:00:00Z",
        "session-object-id": world.tenant.users[OWNER].object_id,
    }
    assert stored.expires_at == clock() + timedelta(days=90)


def test_signing_in_again_disables_the_older_session(world: World) -> None:
    """At most one version of a session is enabled."""
    world.connect(OWNER)

    versions = world.session_vault.versions(session_name(OWNER))
    assert [version.enabled for version in versions] == [False, True]
