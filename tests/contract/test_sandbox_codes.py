"""Authorization codes at Entra's token endpoint, as msal and a plain client redeem them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.fault import Fault, unavailable
from sandbox.furniture import OWNER
from sandbox.grant import AZURE_DEVOPS
from sandbox.person import Person
from tests.contract.entra_client import REDIRECT_URI, SCOPES, VERIFIER, EntraClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.clock import ManualClock
    from sandbox.grant import User
    from sandbox.https import Sandbox
    from sandbox.tenant import Tenant
    from sandbox.world import World


@pytest.fixture
def entra(sandbox: Sandbox) -> Iterator[EntraClient]:
    """Give a client whose callback is registered."""
    sandbox.world.tenant.redirect_uris.add(REDIRECT_URI)
    client = EntraClient(sandbox)
    with client.http:
        yield client


@pytest.fixture
def owner(world: World) -> User:
    """Give the connected owner."""
    return world.tenant.users[OWNER]


@pytest.fixture
def code(entra: EntraClient, owner: User) -> str:
    """Give a code of the owner."""
    return entra.sign_in(Person(owner)).fields["code"]


def claims_of(id_token: str) -> dict[str, Any]:
    """Read what an ID token says."""
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(id_token.split(".")[1] + "=="))
    return claims


@pytest.mark.usefixtures("redacted")  # msal logs code and verifier
def test_msal_signs_an_owner_in(entra: EntraClient, owner: User, world: World) -> None:
    """Its flow, its PKCE and its nonce agree with the pages and the endpoint."""
    client = entra.application()
    flow = client.initiate_auth_code_flow(
        SCOPES, redirect_uri=REDIRECT_URI, response_mode="form_post", login_hint=OWNER
    )

    back = Person(owner).sign_in(entra.http, flow["auth_uri"])
    answer = client.acquire_token_by_auth_code_flow(flow, dict(back.fields))

    token = world.tenant.inspect(answer["access_token"])
    assert token
    assert token.subject == OWNER
    assert token.scopes == {"vso.pats", "vso.pats_manage"}
    assert set(answer["scope"].split()) == set(SCOPES)
    assert answer["id_token_claims"]["oid"] == owner.object_id
    assert world.issued >= {
        answer["access_token"],
        answer["refresh_token"],
        back.fields["code"],
        flow["code_verifier"],
    }


def test_the_session_of_a_sign_in_is_redeemed_like_any_other(entra: EntraClient, code: str) -> None:
    """The refresh token that comes with a code is the owner's session."""
    _, answer = entra.redeem(code)

    again = entra.application().acquire_token_by_refresh_token(answer["refresh_token"], SCOPES)

    assert set(again["scope"].split()) == set(SCOPES)
    assert again["refresh_token"] != answer["refresh_token"]


def test_msal_tells_of_a_refused_sign_in(entra: EntraClient, owner: User) -> None:
    """As it came back: the error and its description, and no exception."""
    client = entra.application()
    flow = client.initiate_auth_code_flow(
        SCOPES, redirect_uri=REDIRECT_URI, response_mode="form_post", prompt="none"
    )

    back = Person(owner).sign_in(entra.http, flow["auth_uri"])
    answer = client.acquire_token_by_auth_code_flow(flow, dict(back.fields))

    assert answer["error"] == "login_required"
    assert "AADSTS50058" in answer["error_description"]


def test_an_id_token_tells_who_signed_in(
    entra: EntraClient, code: str, owner: User, world: World
) -> None:
    """Its claims are those of the documentation, by the world's time."""
    _, answer = entra.redeem(code, client_info="1")

    claims = claims_of(answer["id_token"])
    now = int(world.clock().timestamp())
    assert claims.pop("sub") != owner.object_id
    assert claims == {
        "ver": "2.0",
        "iss": world.tenant.issuer,
        "aud": world.tenant.client_id,
        "tid": world.tenant.id,
        "oid": owner.object_id,
        "preferred_username": OWNER,
        "name": "Ada",
        "nonce": "a nonce",
        "iat": now,
        "nbf": now,
        "exp": now + answer["expires_in"],
    }
    info = json.loads(urlsafe_b64decode(answer["client_info"] + "=="))
    assert info == {"uid": owner.object_id, "utid": world.tenant.id}


def test_only_what_was_asked_for_is_given(entra: EntraClient, owner: User) -> None:
    """Without `openid` no ID token, without `offline_access` no session, without asking no info."""
    code = entra.sign_in(Person(owner), scope=" ".join(SCOPES)).fields["code"]

    status, answer = entra.redeem(code)

    assert status == 200
    assert not {"id_token", "refresh_token", "client_info"} & set(answer)


def test_fewer_scopes_may_be_redeemed_and_not_more(entra: EntraClient, owner: User) -> None:
    """What the person was asked for is the most."""
    narrow = entra.sign_in(Person(owner), scope=SCOPES[0]).fields["code"]
    wide = entra.sign_in(Person(owner)).fields["code"]

    _, more = entra.redeem(narrow, scope=" ".join(SCOPES))
    _, fewer = entra.redeem(wide, scope=SCOPES[0])

    assert (more["error"], more["error_codes"]) == ("invalid_grant", [70000])
    assert fewer["scope"] == SCOPES[0]


def test_the_default_scope_means_what_was_registered(entra: EntraClient, owner: User) -> None:
    """`.default` gives all that was consented to."""
    scope = f"{AZURE_DEVOPS}/.default"
    code = entra.sign_in(Person(owner), scope=scope).fields["code"]

    _, answer = entra.redeem(code)

    assert set(answer["scope"].split()) == set(SCOPES)


def test_a_code_works_once(entra: EntraClient, code: str) -> None:
    """The second use is refused; a redemption that failed is none."""
    entra.redeem(code, code_verifier="another" * 7)
    status, _ = entra.redeem(code)
    refused, answer = entra.redeem(code)

    assert (status, refused) == (200, 400)
    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [54005])


def test_a_code_lives_for_ten_minutes(entra: EntraClient, code: str, clock: ManualClock) -> None:
    """Then the person must sign in again."""
    clock.advance(timedelta(minutes=10))

    _, answer = entra.redeem(code)

    assert (answer["error"], answer["error_codes"]) == ("invalid_grant", [70008])


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"code": "made-up"}, (400, "invalid_grant", 70000)),
        ({"code": None}, (400, "invalid_grant", 70000)),
        ({"redirect_uri": f"{REDIRECT_URI}/"}, (401, "invalid_client", 500112)),
        ({"redirect_uri": None}, (401, "invalid_client", 500112)),
        ({"code_verifier": f"{VERIFIER}-"}, (400, "invalid_grant", 501481)),
        ({"code_verifier": None}, (400, "invalid_grant", 50148)),
        ({"client_id": "unknown"}, (400, "unauthorized_client", 700016)),
        ({"client_assertion": None}, (401, "invalid_client", 7000218)),
        ({"client_assertion_type": None}, (401, "invalid_client", 7000218)),
        ({"client_assertion": "made.up.assertion"}, (401, "invalid_client", 700024)),
    ],
)
def test_a_code_is_bound_to_how_it_was_asked_for(
    entra: EntraClient, code: str, changes: dict[str, str | None], refusal: tuple[int, str, int]
) -> None:
    """To its client and that one's credential, to the address, and to the verifier."""
    status, answer = entra.redeem(**{"code": code, **changes})

    assert (status, answer["error"], *answer["error_codes"]) == refusal


def test_a_verifier_for_a_code_without_challenge_is_refused(
    entra: EntraClient, owner: User
) -> None:
    """Nothing that was not asked for is taken for proven; without a verifier, the code is good."""
    plain = Person(owner)
    code = entra.sign_in(plain, code_challenge=None, code_challenge_method=None).fields["code"]

    _, answer = entra.redeem(code)
    status, _ = entra.redeem(code, code_verifier=None)

    assert (answer["error_codes"], status) == ([501481], 200)


def test_a_code_of_one_application_is_none_of_another(
    entra: EntraClient, code: str, world: World
) -> None:
    """Nor is its session, whatever its own credential."""
    other = world.tenant.add_application("another")

    _, stolen = entra.redeem(code, client_id=other.client_id)
    _, own = entra.redeem(code)
    _, session = entra.token(
        grant_type="refresh_token",
        client_id=other.client_id,
        refresh_token=own["refresh_token"],
        scope=SCOPES[0],
    )

    assert (stolen["error"], stolen["error_codes"]) == ("invalid_grant", [70000])
    assert (session["error"], session["error_codes"]) == ("invalid_grant", [70000])


def test_a_token_for_another_audience_is_no_credential(entra: EntraClient, code: str) -> None:
    """Issuer, subject and audience are compared with the federated credential."""
    _, answer = entra.redeem(code, client_assertion=entra.assertion("https://vault.azure.net"))

    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [700213])


@pytest.mark.parametrize(
    ("turn", "number"),
    [
        (lambda tenant: tenant.disable_user(OWNER), 50057),
        (lambda tenant: tenant.block(OWNER), 53003),
        (lambda tenant: tenant.delete_user(OWNER), 50034),
        (lambda tenant: tenant.revoke_consent(OWNER), 65001),
    ],
)
def test_what_happens_meanwhile_counts(
    entra: EntraClient, code: str, world: World, turn: Callable[[Tenant], None], number: int
) -> None:
    """Between the pages and the redemption, the account may be gone, or no longer wanted."""
    turn(world.tenant)

    _, answer = entra.redeem(code)

    assert answer["error_codes"] == [number]


def test_signing_in_ends_what_was_demanded(
    entra: EntraClient, owner: User, world: World, count_calls: Callable[[str], int]
) -> None:
    """With the last page, not with the redemption; both are calls in the owner's name."""
    world.tenant.demand(OWNER, "interaction_required")

    code = entra.sign_in(Person(owner)).fields["code"]
    status, _ = entra.redeem(code)

    assert status == 200
    assert (count_calls("authorize"), count_calls("redeem_code")) == (1, 1)
    assert world.calls[-1].target == OWNER


def test_an_outage_of_the_redemption_is_an_outage(
    entra: EntraClient, code: str, world: World
) -> None:
    """It is an operation of its own, which can fail before its effect and after."""
    world.faults.add(Fault(unavailable(), service="entra", operation="redeem_code", target=OWNER))
    form = {"grant_type": "authorization_code", "code": code}

    down = entra.http.post(f"{entra.url}/oauth2/v2.0/token", data=form, timeout=5)

    assert down.status_code == 503
    assert entra.redeem(code)[0] == 200
