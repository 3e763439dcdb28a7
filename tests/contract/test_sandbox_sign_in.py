"""Entra's sign-in pages, as a browser without scripts walks through them."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from sandbox.browser_step import Stage
from sandbox.fault import Fault, unavailable
from sandbox.furniture import OWNER
from sandbox.person import Page, Person, StuckError
from tests.contract.entra_client import REDIRECT_URI, SCOPES, EntraClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.clock import ManualClock
    from sandbox.grant import User
    from sandbox.https import Sandbox
    from sandbox.world import World

NEWCOMER = "bob@contoso.example"
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def entra(sandbox: Sandbox) -> Iterator[EntraClient]:
    """Give a client whose callback is registered."""
    sandbox.world.tenant.redirect_uris.add(REDIRECT_URI)
    client = EntraClient(sandbox)
    with client.http:
        yield client


@pytest.fixture
def owner(world: World) -> User:
    """Give the connected owner, who has consented."""
    return world.tenant.users[OWNER]


@pytest.fixture
def newcomer(world: World) -> User:
    """Give somebody who has never signed in."""
    return world.add_user(NEWCOMER)


def test_a_person_comes_back_with_a_code(entra: EntraClient, owner: User, world: World) -> None:
    """The form that a browser posts holds the code, the state, and who signed in."""
    back = entra.sign_in(Person(owner), client_info="1")

    assert (back.method, back.action) == ("post", REDIRECT_URI)
    assert set(back.fields) == {"code", "state", "session_state", "client_info"}
    assert back.fields["state"] == "a state"
    info = json.loads(urlsafe_b64decode(back.fields["client_info"] + "=="))
    assert info == {"uid": owner.object_id, "utid": world.tenant.id}
    assert world.issued >= {back.fields["code"], owner.password, owner.second_factor}


@pytest.mark.parametrize("mode", ["query", "fragment", None])
def test_a_code_can_come_back_in_the_address(
    entra: EntraClient, owner: User, mode: str | None
) -> None:
    """By a redirect, which is what happens if no mode is asked for."""
    back = entra.sign_in(Person(owner), response_mode=mode)

    assert (back.method, back.action) == ("get", REDIRECT_URI)
    assert set(back.fields) == {"code", "state", "session_state"}


def test_a_redirect_keeps_the_query_of_the_address(
    entra: EntraClient, owner: User, world: World
) -> None:
    """A registered address may have one of its own."""
    world.tenant.redirect_uris.add(f"{REDIRECT_URI}?from=entra")

    back = entra.sign_in(
        Person(owner), response_mode="query", redirect_uri=f"{REDIRECT_URI}?from=entra"
    )

    assert back.fields["from"] == "entra"
    assert "code" in back.fields


def test_a_newcomer_is_asked_to_consent_once(entra: EntraClient, newcomer: User) -> None:
    """The page lists what is asked for; what was agreed to is not asked again."""
    unsure = Person(newcomer, cancels_at=Stage.CONSENT)

    assert entra.sign_in(unsure).fields["error"] == "access_denied"
    assert "code" in entra.sign_in(Person(newcomer)).fields
    assert "code" in entra.sign_in(unsure).fields


def test_consent_can_be_asked_for_again(entra: EntraClient, owner: User, world: World) -> None:
    """By the client, or by a policy, until the person has agreed."""
    unsure = Person(owner, cancels_at=Stage.CONSENT)

    assert entra.sign_in(unsure, prompt="consent").fields["error"] == "access_denied"
    world.tenant.demand(OWNER, "consent_required")
    assert entra.sign_in(unsure).fields["error"] == "access_denied"
    assert "code" in entra.sign_in(Person(owner)).fields
    assert "code" in entra.sign_in(unsure).fields


def test_a_tenant_can_consent_for_everybody(
    entra: EntraClient, newcomer: User, world: World
) -> None:
    """Then nobody is asked."""
    world.tenant.registration.tenant_consent |= {"vso.pats", "vso.pats_manage"}

    assert "code" in entra.sign_in(Person(newcomer, cancels_at=Stage.CONSENT)).fields


def test_a_tenant_can_leave_consent_to_administrators(
    entra: EntraClient, newcomer: User, world: World
) -> None:
    """The page says so, and there is nothing to do but to go back; or an administrator consents."""
    world.tenant.directory.admin_consent_required = True

    back = entra.sign_in(Person(newcomer))

    assert back.fields["error"] == "access_denied"
    assert back.fields["error_description"].startswith("AADSTS90094: ")
    world.tenant.grant_consent(NEWCOMER)
    assert "code" in entra.sign_in(Person(newcomer)).fields


@pytest.mark.parametrize("page", [Stage.ACCOUNT, Stage.FACTOR, Stage.CONSENT])
def test_every_page_can_be_canceled(entra: EntraClient, newcomer: User, page: Stage) -> None:
    """The application is told, with its state."""
    back = entra.sign_in(Person(newcomer, cancels_at=page))

    assert back.action == REDIRECT_URI
    assert back.fields["error"] == "access_denied"
    assert back.fields["error_description"].startswith("AADSTS65004: ")
    assert back.fields["error_subcode"] == "cancel"
    assert back.fields["state"] == "a state"


def test_wrong_answers_are_asked_again(entra: EntraClient, owner: User) -> None:
    """An account that is not there, a wrong password, a wrong number: the same page, and why."""
    stranger = replace(owner, upn="eve@fabrikam.example")

    for person, number in (
        (Person(stranger), "50034"),
        (Person(owner, password="guessed"), "50126"),
        (Person(owner, number="00000000"), "50074"),
    ):
        with pytest.raises(StuckError, match=f"AADSTS{number}"):
            entra.sign_in(person)


def test_the_page_is_usable_after_a_wrong_answer(entra: EntraClient, owner: User) -> None:
    """What was wrong stays on the page as entered, and the right answer goes on from there."""
    page = Page.read(entra.open(login_hint=OWNER).text)
    wrong = Person(owner, password="guessed").answer(page)

    again = Page.read(entra.http.post(f"{entra.url}/login", data=wrong, timeout=5).text)
    right = entra.http.post(f"{entra.url}/login", data=Person(owner).answer(again), timeout=5)

    assert again.fields["login"] == OWNER
    assert again.fields["password"] == ""
    assert Page.read(right.text).fields["stage"] == "factor"


def test_an_agent_user_cannot_sign_in(entra: EntraClient, world: World) -> None:
    """It has no password: the form says so."""
    agent = world.add_agent_user("agent@contoso.example")

    with pytest.raises(StuckError, match="no password"):
        entra.sign_in(Person(agent))


def test_a_disabled_account_ends_at_an_error_page(
    entra: EntraClient, owner: User, world: World
) -> None:
    """Once the password was right; the application hears nothing."""
    world.tenant.disable_user(OWNER)

    with pytest.raises(StuckError, match="AADSTS50057"):
        entra.sign_in(Person(owner))


def test_a_blocked_account_ends_at_an_error_page(
    entra: EntraClient, owner: User, world: World
) -> None:
    """After both factors; unblocked, it may sign in."""
    world.tenant.block(OWNER)

    with pytest.raises(StuckError, match="AADSTS53003"):
        entra.sign_in(Person(owner))
    world.tenant.unblock(OWNER)
    assert "code" in entra.sign_in(Person(owner)).fields


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, 700016),
        ({"client_id": None}, 700016),
        ({"redirect_uri": "https://eve.example/callback"}, 50011),
        ({"redirect_uri": f"{REDIRECT_URI}/"}, 50011),
        ({"redirect_uri": None}, 50011),
    ],
)
def test_where_it_is_unsure_whom_to_tell_nobody_is_told(
    entra: EntraClient, changes: dict[str, str | None], number: int
) -> None:
    """An unknown client, or an address that is not its own: an error page and no redirect."""
    answer = entra.open(**changes)

    page = Page.read(answer.text)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert f"AADSTS{number}: " in page.alert
    assert not page.action


def test_another_tenant_is_an_error_page(entra: EntraClient, sandbox: Sandbox) -> None:
    """For the link, and for a page that was filled in."""
    url = f"{sandbox.authority_url}/other"

    link = entra.http.get(f"{url}/oauth2/v2.0/authorize", timeout=5)
    page = entra.http.post(f"{url}/login", timeout=5)

    for answer in (link, page):
        assert answer.status_code == 400
        assert "AADSTS90002: " in Page.read(answer.text).alert


@pytest.mark.parametrize(
    ("changes", "error", "number"),
    [
        ({"response_type": None}, "invalid_request", 900144),
        ({"response_type": "token"}, "unsupported_response_type", 70005),
        ({"response_mode": "web_message"}, "invalid_request", 70007),
        ({"scope": None}, "invalid_request", 900144),
        ({"scope": "https://graph.microsoft.com/User.Read"}, "invalid_resource", 500011),
        ({"scope": f"{SCOPES[0]}#"}, "invalid_client", 650053),
        ({"prompt": "none"}, "login_required", 50058),
        ({"prompt": "create"}, "invalid_request", 90023),
        ({"code_challenge_method": "plain"}, "invalid_request", 50149),
        ({"code_challenge_method": None}, "invalid_request", 50149),
        ({"code_challenge": None}, "invalid_request", 50147),
        ({"code_challenge": "short"}, "invalid_request", 50147),
    ],
)
def test_other_faults_are_told_to_the_application(
    entra: EntraClient, changes: dict[str, str | None], error: str, number: int
) -> None:
    """At its own address, with its state, before anybody has typed a password."""
    nobody = Person(replace(next(iter(entra.sandbox.world.tenant.users.values())), upn=""))

    back = entra.sign_in(nobody, **changes)

    assert back.action == REDIRECT_URI
    assert back.fields["error"] == error
    assert back.fields["error_description"].startswith(f"AADSTS{number}: ")
    assert back.fields["state"] == "a state"


def test_a_client_without_a_state_gets_none(entra: EntraClient, owner: User) -> None:
    """It is the client that must ask for it."""
    assert "state" not in entra.sign_in(Person(owner), state=None).fields


@pytest.mark.parametrize("prompt", [None, "select_account", "login"])
def test_somebody_who_signed_in_before_is_asked_again(
    entra: EntraClient, owner: User, prompt: str | None
) -> None:
    """No browser is remembered."""
    entra.sign_in(Person(owner))

    assert Page.read(entra.open(prompt=prompt).text).fields["stage"] == "account"


def test_what_a_link_says_is_text_and_nothing_else(
    entra: EntraClient, owner: User, world: World
) -> None:
    """Hints, states and accounts are escaped on every page."""
    hinted = entra.open(login_hint=HOSTILE)
    stranger = Person(replace(owner, upn=HOSTILE)).answer(Page.read(hinted.text))
    refused = entra.http.post(f"{entra.url}/login", data=stranger, timeout=5)
    world.tenant.registration.name = HOSTILE
    named = entra.open()
    unknown = entra.open(client_id=HOSTILE)
    back = entra.sign_in(Person(owner), state=HOSTILE)

    assert Page.read(hinted.text).fields["login"] == HOSTILE
    assert back.fields["state"] == HOSTILE
    for answer in (hinted, refused, named, unknown):
        assert "<script>" not in answer.text


def test_a_page_waits_for_half_an_hour(entra: EntraClient, owner: User, clock: ManualClock) -> None:
    """After that the sign-in is over."""
    page = Page.read(entra.open().text)
    clock.advance(timedelta(minutes=30))

    late = entra.http.post(f"{entra.url}/login", data=Person(owner).answer(page), timeout=5)

    assert (late.status_code, "AADSTS50089: " in late.text) == (400, True)


def test_a_page_cannot_be_used_twice_for_a_code(entra: EntraClient, newcomer: User) -> None:
    """What was finished is over; a page from before the present one shows the present one."""
    person, url = Person(newcomer), f"{entra.url}/login"
    account = person.answer(Page.read(entra.open().text))
    factor = person.answer(Page.read(entra.http.post(url, data=account, timeout=5).text))
    consent = person.answer(Page.read(entra.http.post(url, data=factor, timeout=5).text))

    back_button = entra.http.post(url, data=account, timeout=5)
    finished = entra.http.post(url, data=consent, timeout=5)
    again = entra.http.post(url, data=consent, timeout=5)

    assert Page.read(back_button.text).fields["stage"] == "consent"
    assert "code" in Page.read(finished.text).fields
    assert (again.status_code, "AADSTS165000: " in again.text) == (400, True)


def test_an_outage_of_the_pages_is_an_outage(entra: EntraClient, world: World) -> None:
    """The link is a remote call like any other; its target is who is expected."""
    world.faults.add(Fault(unavailable(), service="entra", operation="authorize", target=OWNER))

    assert entra.open(login_hint=OWNER).status_code == 503
    assert entra.open(login_hint=OWNER).status_code == 200
