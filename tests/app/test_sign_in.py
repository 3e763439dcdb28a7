"""An owner connects in a browser without scripts; everybody else, however they try, does not.

The product's real functions are served over HTTPS, and a plain client walks the sandbox's forms.
"""

from __future__ import annotations

import functools
import json
import logging
import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msal
import pytest
from cryptography.fernet import Fernet

import function_app
from rotation.page import sign_in
from rotation.page.sign_in import COOKIES
from sandbox.browser_step import Stage
from sandbox.fault import Answer, Drop, Fault, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, Placement, place
from sandbox.grant import AZURE_DEVOPS
from sandbox.person import Page, Person
from sandbox.web_token import encode
from sandbox.world import session_name
from tests.app.conftest import OTHER_VAULT
from tests.app.serving import KIM, TIMEOUT_SECONDS, reason_of
from tests.contract.conftest import access_token
from tests.leaks import told_by
from tests.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotation.errors import RotationError
    from rotation.page.page import Page as Answered
    from sandbox.clock import ManualClock
    from sandbox.fault import Kind
    from sandbox.world import World
    from tests.app.serving import Browser, Open

pytestmark = pytest.mark.usefixtures("fresh_process", "known_verifiers", "told_stacks")

STRANGER = "bob@contoso.example"
OTHER_TENANT = "99999999-9999-4999-8999-999999999999"
NOT_FOR_LONG = timedelta(minutes=10, seconds=1)


@pytest.fixture
def known_verifiers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the verifier of each sign-in be a value that must not be told."""
    initiate = msal.ConfidentialClientApplication.initiate_auth_code_flow

    @functools.wraps(initiate)
    def initiated(*arguments: Any, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - handed on
        flow: dict[str, Any] = initiate(*arguments, **more)
        world.ground.issue(flow["code_verifier"])
        return flow

    monkeypatch.setattr(msal.ConfidentialClientApplication, "initiate_auth_code_flow", initiated)


@pytest.fixture
def told_stacks(
    monkeypatch: pytest.MonkeyPatch, search_too: Callable[[str, str], None]
) -> list[str]:
    """Give what a printed stack with local variables tells of each refusal; it is searched."""
    refused, told = sign_in.refused, list[str]()

    def tell(error: RotationError) -> Answered:
        told.append(told_by(error))
        search_too(f"the stack of {error.reason}", told[-1])
        return refused(error)

    monkeypatch.setattr(sign_in, "refused", tell)
    return told


@pytest.fixture
def ada(world: World) -> Person:
    """Give the owner, on whom a secret depends."""
    place(world, Placement("feed", tags={"pat-owner": OWNER}))
    return Person(world.tenant.users[OWNER])


@pytest.fixture
def bob(world: World) -> Person:
    """Give somebody of the same tenant who owns nothing."""
    return Person(world.add_user(STRANGER))


@contextmanager
def nothing_saved(world: World) -> Iterator[None]:
    """Hold that the session vault keeps what it kept, and that the earlier session works."""
    before = _sessions(world)
    yield
    assert _sessions(world) == before
    assert access_token(world, f"{AZURE_DEVOPS}/vso.pats")


def _sessions(world: World) -> list[object]:
    vault = world.session_vault
    return [
        (version.id, version.enabled, version.value, version.tags)
        for secret in vault.list_secrets()
        if secret.name.startswith("session-")
        for version in vault.versions(secret.name)
    ]


def _tokens(world: World, location: str, **changes: object) -> Answer:
    """Make what Entra answers to a code, but for the changes to its ID token or to the rest."""
    tenant, ground = world.tenant, world.ground
    now = int(world.clock().timestamp())
    claims: dict[str, object] = {
        "sub": "pairwise",
        "iss": tenant.issuer,
        "aud": tenant.client_id,
        "tid": tenant.id,
        "oid": tenant.users[OWNER].object_id,
        "preferred_username": OWNER,
        "nonce": parse_qs(urlsplit(location).query)["nonce"][0],
        "iat": now,
        "exp": now + 3600,
    }
    answer: dict[str, object] = {
        "token_type": "Bearer",
        "scope": f"{AZURE_DEVOPS}/vso.pats {AZURE_DEVOPS}/vso.pats_manage",
        "expires_in": 3600,
        "access_token": ground.issue(ground.mint.opaque(60)),
        "refresh_token": ground.issue(ground.mint.opaque(60)),
    }
    known = {name: value for name, value in changes.items() if name in answer}
    told = {**claims, **{name: v for name, v in changes.items() if name not in answer}}
    id_token = ground.issue(encode(told, ground.mint.opaque(40)))
    said = {**answer, **known, "id_token": id_token}
    return Answer(200, json.dumps({name: v for name, v in said.items() if v is not None}))


def _answer_codes(world: World, answer: Kind) -> None:
    world.faults.add(Fault(answer, service="entra", operation="redeem_code", times=None))


class TestAnOwner:
    """From the first page to the last."""

    def test_is_connected_by_one_sign_in(
        self, browser: Browser, ada: Person, world: World, clock: ManualClock
    ) -> None:
        """The page says where it works; the session is saved, and the one before is off."""
        clock.advance(timedelta(minutes=1))

        answer = browser.sign_in(ada)

        page = Page.read(answer.text)
        assert answer.status_code == 200
        assert f"You are connected {OWNER}" in page.text
        assert f"{ORGANIZATION} 1 secret" in page.text
        assert "by 20 February 2027" in page.text
        older, newest = world.session_vault.versions(session_name(OWNER))
        assert (older.enabled, newest.enabled) == (False, True)
        assert newest.tags["session-object-id"] == ada.user.object_id
        assert newest.tags["session-signed-in"] == "2026-11-22T07:01:00Z"
        assert access_token(world, f"{AZURE_DEVOPS}/vso.pats")

    @pytest.mark.parametrize(
        ("fills_domains", "kept"), [(False, COOKIES), (True, COOKIES[1:])], ids=["empty", "filled"]
    )
    def test_is_connected_whatever_domain_the_host_writes_into_cookies(
        self, browser: Browser, ada: Person, kept: tuple[str, ...]
    ) -> None:
        """With the name of the host in it, one of the two is dropped; the other is enough."""
        fields = browser.visit(ada, browser.begin())
        assert tuple(browser.jar) == kept

        assert browser.post(fields).status_code == 200
        assert browser.jar == {}

    def test_who_comes_by_another_name_of_the_app_is_connected_under_the_right_one(
        self, browser: Browser, ada: Person
    ) -> None:
        """The cookie is kept where Entra's answer comes; a proxy that renames makes no loop."""
        other = {"Host": "app.azurewebsites.example"}

        sent = browser.get("/sign-in?start=now", **other)

        assert sent.headers["Location"] == f"{browser.url}/sign-in?start=here"
        assert browser.jar == {}
        location = browser.get("/sign-in?start=here", **other).headers["Location"]
        assert browser.post(browser.visit(ada, location)).status_code == 200

    def test_is_connected_for_the_first_time(self, browser: Browser, world: World) -> None:
        """Nothing has to be there before."""
        answer = browser.sign_in(Person(world.add_user(KIM)))

        assert answer.status_code == 200
        assert "No secret depends on your account yet." in answer.text
        assert len(world.session_vault.versions(session_name(KIM))) == 1

    def test_is_told_where_it_does_not_work(
        self, browser: Browser, ada: Person, world: World
    ) -> None:
        """One organization refuses, one vault does not answer: connected all the same."""
        world.add_organization("fabrikam")
        place(world, Placement("wiki", organization="fabrikam", tags={"pat-owner": OWNER}))
        world.vault(OTHER_VAULT).permissions.discard("list")

        answer = browser.sign_in(ada)

        page = Page.read(answer.text)
        assert answer.status_code == 200
        assert "Works in contoso 1 secret Does not work in fabrikam 1 secret" in page.text
        assert OTHER_VAULT in page.text

    def test_is_the_event_of_a_sign_in_and_nothing_else(
        self, browser: Browser, ada: Person, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One line in the log, at the level that the host keeps."""
        caplog.set_level(logging.INFO, "rotation")

        browser.sign_in(ada)

        (record,) = [record for record in caplog.records if record.name.startswith("rotation")]
        event = json.loads(record.getMessage())
        assert (event["event"], event["owner"]) == ("SessionSignedIn", OWNER)

    def test_may_sign_in_again_and_again(
        self, browser: Browser, ada: Person, world: World, clock: ManualClock
    ) -> None:
        """The newest session is the one that counts."""
        for _ in range(3):
            clock.advance(timedelta(minutes=1))
            assert browser.sign_in(ada).status_code == 200

        versions = world.session_vault.versions(session_name(OWNER))
        assert [version.enabled for version in versions] == [False, False, False, True]

    def test_may_have_two_windows_of_which_the_last_counts(
        self, browser: Browser, ada: Person, world: World
    ) -> None:
        """The window that was begun first is told to begin again."""
        first, second = browser.begin(), browser.begin()

        with nothing_saved(world):
            old = browser.post(browser.visit(ada, first), browser.cookie)
        assert reason_of(old) == "400 foreign-answer"
        assert browser.cookie == ""
        assert second != first

    def test_may_come_back_to_another_instance(
        self, browser: Browser, ada: Person, world: World
    ) -> None:
        """Any process of the app can finish what another one has begun."""
        fields = browser.visit(ada, browser.begin())
        function_app._opened.cache_clear()  # noqa: SLF001 - as in a process that has just started

        assert browser.post(fields).status_code == 200
        assert len(world.session_vault.versions("sign-in-key")) == 1

    def test_is_connected_whatever_the_age_of_the_key(
        self, browser: Browser, ada: Person, world: World, clock: ManualClock
    ) -> None:
        """The key of the cookie is made anew every day; one that was begun with goes on."""
        browser.begin()
        clock.advance(timedelta(hours=23, minutes=55))
        fields, kept = browser.visit(ada, browser.begin()), browser.cookie
        clock.advance(timedelta(minutes=9))
        browser.begin()

        assert len(world.session_vault.versions("sign-in-key")) == 2
        assert browser.post(fields, kept).status_code == 200

    def test_is_written_in_any_case(self, browser: Browser, bob: Person, world: World) -> None:
        """Entra tells a name as somebody has typed it once."""
        location = browser.begin()
        fields = browser.visit(bob, location)
        _answer_codes(world, _tokens(world, location, preferred_username="Ada@CONTOSO.example"))

        assert browser.post(fields).status_code == 200


class TestEverybodyElse:
    """People who sign in properly, and are not the ones."""

    def test_is_refused(self, browser: Browser, bob: Person, world: World) -> None:
        """Whoever is not among the owners gets no session, and is told who they are."""
        with nothing_saved(world):
            answer = browser.sign_in(bob)

        assert reason_of(answer) == "403 not-an-owner"
        assert STRANGER in answer.text.lower()

    @pytest.mark.parametrize(
        "name",
        [
            "\N{KELVIN SIGN}im@contoso.example",
            "\N{CYRILLIC SMALL LETTER A}da@contoso.example",
            "\N{FULLWIDTH LATIN SMALL LETTER A}da@contoso.example",
            "ada@contoso.example.",
            "ada@contoso.example\N{ZERO WIDTH SPACE}",
            "ada@contoso.example\n",
            " ada@contoso.example",
            "ada@contoso.example,bob@contoso.example",
            "ada",
            "",
        ],
        ids=ascii,
    )
    def test_with_a_name_that_looks_alike_is_refused(
        self, browser: Browser, bob: Person, world: World, name: str
    ) -> None:
        """Names are compared letter by letter, but for the case of ASCII."""
        location = browser.begin()
        fields = browser.visit(bob, location)
        _answer_codes(world, _tokens(world, location, preferred_username=name))

        with nothing_saved(world):
            assert reason_of(browser.post(fields)) == "403 not-an-owner"

    def test_who_was_given_an_owners_name_is_refused(self, browser: Browser, world: World) -> None:
        """A name may go to another person; the session stays the first one's."""
        world.tenant.delete_user(OWNER)
        before = _sessions(world)

        answer = browser.sign_in(Person(world.add_user(OWNER)))

        assert reason_of(answer) == "403 somebody-else"
        assert _sessions(world) == before

    def test_whom_azure_devops_refuses_everywhere_is_refused(
        self, browser: Browser, ada: Person, world: World
    ) -> None:
        """A session that works nowhere takes the place of none."""
        world.organization(ORGANIZATION).members.clear()

        with nothing_saved(world):
            assert reason_of(browser.sign_in(ada)) == "400 refused-everywhere"

    @pytest.mark.parametrize("stage", [Stage.ACCOUNT, Stage.FACTOR])
    def test_who_cancels_is_not_connected(
        self, browser: Browser, ada: Person, world: World, stage: Stage
    ) -> None:
        """At any of Entra's pages."""
        with nothing_saved(world):
            answer = browser.sign_in(replace(ada, cancels_at=stage))

        assert reason_of(answer) == "400 declined"


class TestAnAttack:
    """Answers that are not those to what was begun in this browser."""

    def test_a_replayed_answer_is_refused(
        self, browser: Browser, ada: Person, world: World
    ) -> None:
        """The cookie is gone; and whoever has kept it has a code that Entra takes once."""
        fields = browser.visit(ada, browser.begin())
        kept = browser.cookie
        assert browser.post(fields).status_code == 200

        with nothing_saved(world):
            assert reason_of(browser.post(fields)) == "400 not-begun"
            assert reason_of(browser.post(fields, kept)) == "400 refused"

    def test_a_replay_that_entra_lets_through_is_refused(
        self, browser: Browser, ada: Person, world: World
    ) -> None:
        """The session that was saved names its sign-in, which is good for one."""
        location = browser.begin()
        fields, kept = browser.visit(ada, location), browser.cookie
        assert browser.post(fields).status_code == 200
        _answer_codes(world, _tokens(world, location))

        with nothing_saved(world):
            assert reason_of(browser.post(fields, kept)) == "400 replayed"

    @pytest.mark.parametrize("state", ["", "another", "\N{LATIN SMALL LETTER E WITH ACUTE}" * 22])
    def test_a_foreign_state_is_refused(
        self, browser: Browser, ada: Person, world: World, state: str
    ) -> None:
        """An answer to a sign-in that nobody has begun here; nobody asks Entra about it."""
        fields = browser.visit(ada, browser.begin())

        with nothing_saved(world):
            assert reason_of(browser.post({**fields, "state": state})) == "400 foreign-answer"
        assert "redeem_code" not in {call.operation for call in world.calls}

    def test_an_answer_without_a_state_is_refused(
        self, browser: Browser, ada: Person, world: World
    ) -> None:
        """It is an answer to nothing."""
        fields = browser.visit(ada, browser.begin())
        del fields["state"]

        with nothing_saved(world):
            assert reason_of(browser.post(fields)) == "400 foreign-answer"

    def test_an_answer_without_a_code_is_refused(
        self, browser: Browser, ada: Person, world: World
    ) -> None:
        """Neither a code nor an error: Entra has said nothing."""
        fields = browser.visit(ada, browser.begin())
        del fields["code"]

        with nothing_saved(world):
            assert reason_of(browser.post(fields)) == "400 foreign-answer"

    def test_a_cookie_of_an_old_key_is_refused(
        self, browser: Browser, ada: Person, world: World, clock: ManualClock
    ) -> None:
        """A key that leaked long ago opens nothing, whatever instant is written in the cookie."""
        fields = browser.visit(ada, browser.begin())
        version, _, token = browser.sealed.partition(".")
        cipher = Fernet(world.session_vault.newest("sign-in-key").value)
        begun = cipher.decrypt(token + "=" * (-len(token) % 4))
        function_app._opened.cache_clear()  # noqa: SLF001 - as in a process that has just started
        clock.advance(timedelta(days=2))
        forged = cipher.encrypt_at_time(begun, int(clock().timestamp())).decode()

        with nothing_saved(world):
            answer = browser.post(fields, f"{COOKIES[0]}={version}.{forged.rstrip('=')}")
        assert reason_of(answer) == "400 not-begun"

    def test_another_browsers_cookie_is_refused(
        self, serve: Open, ada: Person, world: World
    ) -> None:
        """Of another sign-in, begun by somebody else at the same time."""
        victim, attacker = serve(), serve()
        fields = victim.visit(ada, victim.begin())
        attacker.begin()

        with nothing_saved(world):
            assert reason_of(victim.post(fields, attacker.cookie)) == "400 foreign-answer"

    def test_a_link_that_somebody_else_has_begun_connects_nobody(
        self, serve: Open, ada: Person, world: World
    ) -> None:
        """An owner who follows a stranger's link and signs in has no cookie to it."""
        victim, attacker = serve(), serve()
        fields = victim.visit(ada, attacker.begin())

        with nothing_saved(world):
            assert reason_of(victim.post(fields)) == "400 not-begun"

    def test_an_injected_code_is_refused(
        self, serve: Open, ada: Person, bob: Person, world: World
    ) -> None:
        """A code of another sign-in does not go with the verifier in this browser's cookie."""
        victim, attacker = serve(), serve()
        fields = victim.visit(bob, victim.begin())
        stolen = attacker.visit(ada, attacker.begin())

        with nothing_saved(world):
            answer = victim.post({**fields, "code": stolen["code"]})
        assert reason_of(answer) == "400 refused"

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda sealed: sealed[:-1],
            lambda sealed: sealed[:-4] + "AAAA",
            lambda sealed: f"{sealed.partition('.')[0]}.",
            lambda sealed: f"{'0' * 32}.{sealed.partition('.')[2]}",
            lambda sealed: f"../../secrets/x.{sealed.partition('.')[2]}",
            lambda sealed: sealed.partition(".")[2],
        ],
        ids=["short", "changed", "empty", "unknown-key", "path", "no-key"],
    )
    def test_a_cookie_that_was_tampered_with_is_refused(
        self, browser: Browser, ada: Person, world: World, spoil: Callable[[str], str]
    ) -> None:
        """Whatever is wrong with it, it is none of ours."""
        fields = browser.visit(ada, browser.begin())
        spoilt = "; ".join(f"{name}={spoil(browser.sealed)}" for name in COOKIES)

        with nothing_saved(world):
            assert reason_of(browser.post(fields, spoilt)) == "400 not-begun"

    def test_a_sign_in_that_takes_too_long_is_refused(
        self, browser: Browser, ada: Person, world: World, clock: ManualClock
    ) -> None:
        """After ten minutes the cookie means nothing, though the browser has kept it."""
        fields = browser.visit(ada, browser.begin())
        clock.advance(NOT_FOR_LONG)

        with nothing_saved(world):
            assert reason_of(browser.post(fields)) == "400 not-begun"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"tid": OTHER_TENANT}, "wrong-tenant"),
            ({"iss": f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"}, "wrong-tenant"),
            ({"iss": "https://evil.example"}, "wrong-tenant"),
            ({"aud": "00000000-0000-4000-8000-000000000000"}, "wrong-audience"),
            ({"aud": None}, "wrong-audience"),
            ({"nonce": "0" * 64}, "stale-answer"),
            ({"nonce": None}, "stale-answer"),
            ({"exp": 1}, "stale-answer"),
            ({"exp": None}, "stale-answer"),
            ({"oid": None}, "nameless"),
            ({"preferred_username": None}, "nameless"),
            ({"preferred_username": ["ada@contoso.example"]}, "nameless"),
            ({"scope": f"{AZURE_DEVOPS}/vso.pats"}, "permission-missing"),
            ({"refresh_token": None}, "no-session"),
            ({"refresh_token": ""}, "no-session"),
        ],
        ids=str,
    )
    def test_tokens_that_are_meant_for_others_are_refused(
        self,
        browser: Browser,
        ada: Person,
        world: World,
        changes: dict[str, object],
        reason: str,
    ) -> None:
        """Of another tenant, for another application or sign-in, of nobody, for too little."""
        location = browser.begin()
        fields = browser.visit(ada, location)
        _answer_codes(world, _tokens(world, location, **changes))

        with nothing_saved(world):
            assert reason_of(browser.post(fields)) == f"400 {reason}"

    @pytest.mark.parametrize(
        "target",
        [
            "/sign-in?next=https://evil.example&redirect_uri=https://evil.example",
            "/sign-in?start=now&next=//evil.example&redirect_uri=https://evil.example",
            "/sign-in/callback?code=evil.example&state=evil.example&error=evil.example",
            "/SIGN-IN/?evil.example",
        ],
    )
    def test_an_address_sends_nobody_anywhere(self, browser: Browser, target: str) -> None:
        """Nothing of it is followed, handed on, or shown."""
        answer = browser.get(target, **{"X-Forwarded-Host": "evil.example", "Host": "evil.example"})

        assert "evil" not in f"{answer.text}{answer.headers}"

    def test_an_address_signs_nobody_in(self, browser: Browser, ada: Person, world: World) -> None:
        """A good answer in the address, and not in a form, is none: addresses are written down."""
        fields = browser.visit(ada, browser.begin())
        query = "&".join(f"{name}={value}" for name, value in fields.items() if name == "state")

        with nothing_saved(world):
            answer = browser.get(f"/sign-in/callback?{query}", Cookie=browser.cookie)
        assert reason_of(answer) == "400 no-answer"

    @pytest.mark.parametrize(
        ("kind", "body"),
        [
            ("application/json", '{"state": "s", "code": "c"}'),
            ("text/plain", "state=s&code=c"),
            ("application/x-www-form-urlencoded", "state=s&state=t&code=c"),
            ("application/x-www-form-urlencoded", f"state=s&code={'c' * 65536}"),
            ("application/x-www-form-urlencoded", "state=%ff"),
        ],
        ids=["json", "text", "twice", "large", "no-text"],
    )
    def test_what_is_no_form_of_entras_is_refused(
        self, browser: Browser, world: World, kind: str, body: str
    ) -> None:
        """It is not looked at any further."""
        browser.begin()

        with nothing_saved(world):
            answer = browser.post(body, **{"Content-Type": kind})
        assert reason_of(answer) == "400 unreadable-answer"

    def test_an_error_in_somebody_elses_words_is_shown_as_text(
        self, browser: Browser, world: World
    ) -> None:
        """What is posted as Entra's error is no markup, and its long text is not shown at all."""
        state = parse_qs(urlsplit(browser.begin()).query)["state"][0]
        fields = {
            "state": state,
            "error": "access_denied",
            "error_description": "AADSTS65004: <script>call +1 555 0100</script>",
        }

        with nothing_saved(world):
            answer = browser.post(fields)
        assert reason_of(answer) == "400 declined"
        assert "555" not in answer.text


class TestAStack:
    """What is told by whoever prints an error with local variables, as some tools do."""

    def test_has_the_frames_in_which_a_sign_in_is_finished(
        self, browser: Browser, bob: Person, world: World, told_stacks: list[str]
    ) -> None:
        """With their variables; but not what is secret in them, though the search would find it."""
        fields = browser.visit(bob, browser.begin())

        assert reason_of(browser.post(fields)) == "403 not-an-owner"
        (told,) = told_stacks
        assert re.findall(r"in (\w+)\n", told)[:3] == ["_page", "finish", "finish"]
        assert "form = Hidden(…)" in told
        assert Search(world.ground.issued).forms_in(fields["code"]) == {"plain"}

    @pytest.mark.parametrize(
        ("more", "kind"),
        [
            ("", "text/plain"),
            ("&code=another", "application/x-www-form-urlencoded"),
            ("&x=%ff", "application/x-www-form-urlencoded"),
            ("&x", "application/x-www-form-urlencoded"),
        ],
        ids=["text", "twice", "no-text", "no-pair"],
    )
    def test_has_no_form_that_could_not_be_read(
        self, browser: Browser, ada: Person, told_stacks: list[str], more: str, kind: str
    ) -> None:
        """Though a code that is good is in it."""
        form = urlencode(browser.visit(ada, browser.begin()))

        answer = browser.post(f"{form}{more}", **{"Content-Type": kind})

        assert reason_of(answer) == "400 unreadable-answer"
        assert len(told_stacks) == 1


class TestABadDay:
    """Services that do not answer, and settings that are missing."""

    def test_without_entra_nobody_is_sent_there(self, browser: Browser, world: World) -> None:
        """The page says so, and what to do."""
        world.faults.add(Fault(unavailable(), service="entra", times=None))

        assert reason_of(browser.get("/sign-in?start=now")) == "503 unavailable"

    @pytest.mark.parametrize("kind", [unavailable(), Drop()], ids=["unavailable", "drop"])
    @pytest.mark.parametrize("operation", ["openid_configuration", "redeem_code"])
    def test_without_entra_nobody_is_connected(
        self, browser: Browser, ada: Person, world: World, kind: Kind, operation: str
    ) -> None:
        """The earlier session is as it was."""
        fields = browser.visit(ada, browser.begin())
        world.faults.add(Fault(kind, service="entra", operation=operation, times=None))

        with nothing_saved(world):
            assert reason_of(browser.post(fields)) == "503 unavailable"

    def test_without_the_session_vault_nobody_is_sent_anywhere(
        self, browser: Browser, world: World
    ) -> None:
        """What could not be finished is not begun."""
        world.session_vault.permissions.discard("get")

        assert reason_of(browser.get("/sign-in?start=now")) == "503 access-denied"

    def test_a_vault_that_refuses_to_save_keeps_what_it_has(
        self, browser: Browser, ada: Person, world: World
    ) -> None:
        """And the page says that it was refused."""
        fields = browser.visit(ada, browser.begin())
        world.session_vault.permissions.discard("set")

        with nothing_saved(world):
            assert reason_of(browser.post(fields)) == "503 access-denied"

    def test_a_session_that_is_saved_is_one_though_the_one_before_stays(
        self, browser: Browser, ada: Person, world: World
    ) -> None:
        """The vault does not get to switch the older one off: the next save does."""
        fields = browser.visit(ada, browser.begin())
        world.faults.add(
            Fault(unavailable(), service="key-vault", operation="update_secret", times=None)
        )

        assert browser.post(fields).status_code == 200
        versions = world.session_vault.versions(session_name(OWNER))
        assert [version.enabled for version in versions] == [True, True]

    def test_without_settings_the_page_explains_and_goes_no_further(
        self,
        browser: Browser,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """People are told that nobody can sign in yet, and administrators why."""
        for name in ("VAULTS", "OWNERS"):
            monkeypatch.delenv(f"ROTATION_{name}")

        assert browser.get("/sign-in").status_code == 200
        answer = browser.get("/sign-in?start=now")
        assert reason_of(answer) == "503 misconfigured"
        assert "ROTATION_" not in answer.text
        assert "ROTATION_VAULTS is missing" in caplog.text

    def test_a_refusal_is_one_line_in_the_log(
        self, browser: Browser, bob: Person, caplog: pytest.LogCaptureFixture
    ) -> None:
        """With one word, and nobody's name."""
        browser.sign_in(bob)

        said = [r.getMessage() for r in caplog.records if r.name.startswith("rotation")]
        assert said == ["a sign-in was refused: not-an-owner"]


def test_other_methods_and_paths_are_nobodys(browser: Browser) -> None:
    """The host knows of no function there."""
    for method, path in (("PUT", "/sign-in"), ("DELETE", "/sign-in/callback"), ("GET", "/sign-i")):
        answer = browser.http.request(method, f"{browser.url}{path}", timeout=TIMEOUT_SECONDS)
        assert answer.status_code == 404
