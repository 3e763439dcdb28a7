"""The sign-in and the sessions, judged by an OpenID provider that is not ours.

The sandbox's Entra is our imitation, so that a wrong belief could be in both. This one comes from
others: what it refuses, and what it gives, is the standard's.
"""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import function_app
from rotation.session import ADMINISTRATOR_NEEDED, SIGN_IN_NEEDED
from sandbox.azurite import is_installable
from sandbox.clock import ManualClock, wall
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.grant import TOKEN_EXCHANGE
from sandbox.https.gate import Gate
from sandbox.https.identity import IdentityFace
from sandbox.https.message import Response
from sandbox.https.server import Server
from sandbox.world import World, session_name
from tests.app.chromium import PATIENCE_MILLISECONDS
from tests.app.openid import Guest, Provider, Tenancy, Used
from tests.app.serving import reason_of
from tests.leaks import EAR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests
    from playwright.sync_api import Browser as Chromium

    from rotation.session import Session
    from sandbox.clock import Clock
    from sandbox.https import Authority, Sandbox
    from sandbox.https.message import Request
    from sandbox.vault import SecretVersion
    from tests.app.serving import Browser, Open

pytestmark = pytest.mark.usefixtures("fresh_process")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADA, BOB = Guest(OWNER), Guest("bob@contoso.example")
CODE_LIFETIME = timedelta(seconds=60)


@pytest.fixture(scope="session")
def provider(authority: Authority) -> Iterator[Provider]:
    """Give the provider: once for the whole run."""
    if not is_installable():
        pytest.skip("needs npm")
    with Provider(authority) as provider:
        yield provider


@pytest.fixture
def clock() -> Clock:
    """Give a clock that starts at the machine's time: msal compares with that."""
    return ManualClock(wall())


@pytest.fixture
def world(clock: Clock) -> World:
    """Give a world in which an owner, on whom one secret depends, has never signed in."""
    world = World(clock)
    world.add_vault(VAULT)
    world.add_organization(ORGANIZATION, [world.add_user(OWNER)])
    place(world, Placement("feed", age=25 * DAY, tags={"pat-owner": OWNER}))
    return world


@pytest.fixture
def entra(
    provider: Provider,
    sandbox: Sandbox,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
) -> Iterator[Tenancy]:
    """Put the provider in Entra's place, for the product and for Azure DevOps."""
    world = sandbox.world

    def keep_secret(value: str) -> str:
        pytestconfig.stash[EAR].values.add(value)
        return value

    tenancy = Tenancy(provider, world, keep_secret)
    client_id = world.tenant.client_id
    provider.register(client_id, f"{browser.url}/sign-in/callback")
    monkeypatch.setattr(world.tenant, "inspect", tenancy.inspect)
    monkeypatch.setenv("ROTATION_AUTHORITY", provider.url)
    monkeypatch.setenv("ROTATION_TENANT_ID", provider.tenant_id)
    identity = IdentityFace(Gate(world), sandbox.environment["IDENTITY_HEADER"])

    def identify(request: Request) -> Response:
        answer = identity(request)
        if request.query.get("resource") != TOKEN_EXCHANGE:
            return answer
        given = {"access_token": tenancy.assertion(client_id), "resource": TOKEN_EXCHANGE}
        ends_at = wall() + HOUR
        more = {"expires_on": str(int(ends_at.timestamp())), "token_type": "Bearer"}
        return Response.of_json({**given, **more})

    with closing(Server(world.clock)) as server:
        server.start(identify)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{server.url}/msi/token")
        yield tenancy
        assert not server.failures


@pytest.fixture
def run(
    entra: Tenancy,  # noqa: ARG001 - is there before
) -> Callable[[], Session]:
    """Give a function that runs once, in a new process, and tells how the session stands then."""

    def run() -> Session:
        function_app._opened.cache_clear()  # noqa: SLF001 - there is one for the whole process
        rotator = function_app._service().rotator  # noqa: SLF001
        rotator.run()
        (session,) = (one for one in rotator.survey().sessions if one.owner == OWNER)
        return session

    return run


def sign_in(entra: Tenancy, browser: Browser, guest: Guest = ADA) -> requests.Response:
    """Have somebody sign in, from the product's page to the product's page."""
    return browser.post(walk(entra, browser, guest))


def walk(
    entra: Tenancy, browser: Browser, guest: Guest = ADA, location: str | None = None
) -> dict[str, str]:
    """Have somebody walk through the pages, and give what is to be posted to the product."""
    post = guest.sign_in(browser.http, location or browser.begin())
    assert post.action == f"{browser.url}/sign-in/callback"
    if code := post.fields.get("code"):
        entra.keep_secret(code)
    return dict(post.fields)


def kept(world: World) -> list[SecretVersion]:
    """Give what is kept of the owner's session: its versions."""
    names = {secret.name for secret in world.session_vault.list_secrets()}
    name = session_name(OWNER)
    return list(world.session_vault.versions(name)) if name in names else []


# --- What is right --------------------------------------------------------------------------------


def test_an_owner_is_connected_and_tokens_are_rotated(
    entra: Tenancy, browser: Browser, run: Callable[[], Session], world: World
) -> None:
    """Code, PKCE, nonce, form post, the client's assertion: all of it as the standard has it."""
    old = world.token_in(VAULT, "feed")

    answer = sign_in(entra, browser)

    assert answer.status_code == 200, answer.text
    assert "You are connected" in answer.text
    newest = kept(world)[-1]
    assert newest.tags["session-object-id"] == entra.provider.people[OWNER]
    assert run().is_working
    assert world.token_in(VAULT, "feed") != old


@pytest.mark.parametrize("used", [Used.LIVES, Used.STAYS])
def test_a_session_lives_for_as_long_as_it_is_used(
    entra: Tenancy, browser: Browser, run: Callable[[], Session], world: World, used: Used
) -> None:
    """Redeemed every few hours by processes that know nothing of each other, and saved daily."""
    entra.provider.tell(used=used)
    sign_in(entra, browser)
    for _ in range(8):
        entra.advance(12 * HOUR)
        assert run().is_working

    values = [version.value for version in kept(world)]
    assert len(values) == 1 + 4
    assert len(set(values)) == (len(values) if used is Used.LIVES else 1)
    assert [version.enabled for version in kept(world)[-2:]] == [False, True]


def test_a_real_browser_is_sent_there_and_back(
    entra: Tenancy, browser: Browser, chromium: Chromium, world: World
) -> None:
    """Cookies, redirects and the form that posts itself, across two sites."""
    with closing(chromium.new_context(ignore_https_errors=True)) as context:
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        page = context.new_page()
        page.goto(f"{browser.url}/sign-in")
        page.get_by_role("link", name="Sign in with Microsoft").click()
        page.get_by_label("Account").fill(ADA.name)
        page.get_by_role("button", name="Next").click()
        page.get_by_role("heading", name="You are connected").wait_for()

    (saved,) = kept(world)
    assert saved.tags["session-object-id"] == entra.provider.people[OWNER]


# --- What if it were otherwise --------------------------------------------------------------------


def test_a_session_would_end_if_a_used_refresh_token_were_a_stolen_one(
    entra: Tenancy, browser: Browser, run: Callable[[], Session], world: World
) -> None:
    """Entra leaves it valid; whoever does not, ends the session at the second use.

    Nothing that is stored stops working by that, the owner is asked for, and a sign-in mends it,
    until the next second use.
    """
    entra.provider.tell(used=Used.KILLS)
    sign_in(entra, browser)
    saved = kept(world)
    assert run().is_working
    token = world.token_in(VAULT, "feed")
    assert token

    entra.advance(HOUR)
    ended = run()

    assert (ended.is_working, ended.reason) == (False, SIGN_IN_NEEDED)
    assert f"{OWNER} must sign in" in ended.message
    assert kept(world) == saved
    assert world.authenticate(ORGANIZATION, token.value)

    entra.advance(HOUR)
    assert sign_in(entra, browser).status_code == 200
    assert run().is_working


# --- What is refused ------------------------------------------------------------------------------


def test_a_code_of_another_sign_in_is_refused(
    entra: Tenancy, browser: Browser, serve: Open
) -> None:
    """Its verifier is in another browser's cookie: PKCE."""
    attacker = serve()
    fields = walk(entra, browser)
    stolen = walk(entra, attacker)

    answer = browser.post({**fields, "code": stolen["code"]})

    assert reason_of(answer) == "400 refused"


def test_a_foreign_state_is_refused(entra: Tenancy, browser: Browser) -> None:
    """And the code is not used up by that."""
    fields, cookie = walk(entra, browser), browser.cookie

    assert reason_of(browser.post({**fields, "state": "another"})) == "400 foreign-answer"
    assert browser.post(fields, cookie).status_code == 200


def test_a_foreign_nonce_is_refused(entra: Tenancy, browser: Browser, world: World) -> None:
    """The ID token is of a sign-in that was not begun here."""
    location = urlsplit(browser.begin())
    query = {name: values[0] for name, values in parse_qs(location.query).items()}
    changed = location._replace(query=urlencode({**query, "nonce": "0" * 64})).geturl()

    answer = browser.post(walk(entra, browser, location=changed))

    assert reason_of(answer) == "400 stale-answer"
    assert not kept(world)


def test_an_old_code_is_refused(entra: Tenancy, browser: Browser) -> None:
    """It is good for a minute."""
    fields = walk(entra, browser)
    entra.advance(CODE_LIFETIME)

    assert reason_of(browser.post(fields)) == "400 refused"


def test_a_code_is_good_for_one_use(
    entra: Tenancy, browser: Browser, run: Callable[[], Session], world: World
) -> None:
    """Whoever has kept cookie and code gets nothing; by the standard, what was given is taken back.

    (RFC 6749, 4.1.2: the code may have been stolen.) A browser cannot do so: its cookie is gone.
    """
    fields, cookie = walk(entra, browser), browser.cookie
    assert browser.post(fields).status_code == 200
    saved = kept(world)

    assert reason_of(browser.post(fields)) == "400 not-begun"
    assert run().is_working
    assert reason_of(browser.post(fields, cookie)) == "400 refused"
    assert kept(world) == saved
    assert run().reason == SIGN_IN_NEEDED


def test_a_foreign_assertion_is_refused(
    entra: Tenancy, browser: Browser, run: Callable[[], Session], world: World
) -> None:
    """Nobody but the managed identity uses a session, and nobody else begins one."""
    assert sign_in(entra, browser).status_code == 200
    saved = kept(world)
    entra.key = ec.generate_private_key(ec.SECP256R1())
    entra.advance(2 * HOUR)

    session = run()
    answer = sign_in(entra, browser)

    assert (session.is_working, session.reason) == (False, ADMINISTRATOR_NEEDED)
    assert "invalid_client" in session.message
    assert reason_of(answer) == "400 refused"
    assert kept(world) == saved


def test_who_is_no_owner_or_cancels_is_not_connected(
    entra: Tenancy, browser: Browser, world: World
) -> None:
    """Whoever the provider lets in is not let in here by that."""
    assert reason_of(sign_in(entra, browser, BOB)) == "403 not-an-owner"
    assert reason_of(sign_in(entra, browser, Guest(OWNER, "cancel"))) == "400 declined"
    assert not kept(world)
