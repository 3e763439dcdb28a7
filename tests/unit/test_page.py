"""The pages of a sign-in: what they say, in which headers, and that nothing in them is markup."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import tomllib
from datetime import UTC, datetime
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path
from traceback import TracebackException
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RotationError,
    SettingsError,
    SignInError,
    UnavailableError,
)
from rotation.page import sign_in
from rotation.page.posted import LARGEST, MOST_FIELDS, read_cookie, read_form
from rotation.page.visit import come_back, enter
from rotation.sign_in import Begun, Connected, Trial

if TYPE_CHECKING:
    from collections.abc import Callable
    from traceback import StackSummary

    from rotation.page.page import Page
    from rotation.sign_in import SignIn

ROOT = Path(__file__).parents[2]
OWNER = "ada@contoso.example"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}&amp;'
AT = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
DENIED = AccessDeniedError("contoso refuses", service="azure-devops", operation="list")
HOST, SECURE = sign_in.COOKIES
PUBLIC_URL = "https://pats.contoso.example"
URL = f"{PUBLIC_URL}/sign-in"
BEGUN = Begun("https://login.example/authorize?state=s", "v1.abc-_")
REASONS = {
    "not-begun": 400,
    "foreign-answer": 400,
    "replayed": 400,
    "refused": 400,
    "declined": 400,
    "stale-answer": 400,
    "wrong-tenant": 400,
    "wrong-audience": 400,
    "nameless": 400,
    "permission-missing": 400,
    "no-session": 400,
    "refused-everywhere": 400,
    "unreadable-answer": 400,
    "no-answer": 400,
    "not-an-owner": 403,
    "somebody-else": 403,
}


def extract(error: Exception) -> StackSummary:
    """Give the frames of an error, with their local variables."""
    return TracebackException.from_exception(error, capture_locals=True).stack


def never() -> SignIn:
    """Fail whoever opens what carries out a sign-in, though nothing is to be carried out."""
    pytest.fail("the settings were read")


PAGES: dict[str, Callable[[], Page]] = {
    "welcome": sign_in.welcome,
    "redirect": lambda: sign_in.redirect(BEGUN),
    "elsewhere": lambda: sign_in.elsewhere(PUBLIC_URL),
    "connected": lambda: sign_in.connected(Connected(OWNER, AT, (Trial("contoso", 1),))),
    "refused": lambda: sign_in.refused(SignInError("no", reason="refused")),
    "failed": sign_in.failed,
}


class Seen(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self, page: Page) -> None:
        """Read a page."""
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page.body)
        self.close()

    @property
    def text(self) -> str:
        """Everything that is written on it."""
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See an element."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """See what is written, but not the style."""
        if self.tags[-1:] != ["style"] or not data.startswith(":root"):
            self.texts.append(data)


class TestEveryAnswer:
    """What all of them have in common."""

    @pytest.mark.parametrize("make", PAGES.values(), ids=PAGES)
    def test_the_headers_are_those_of_a_page_with_secrets_behind_it(
        self, make: Callable[[], Page]
    ) -> None:
        """Nothing is cached, framed, sniffed, referred to, posted on or loaded from anywhere."""
        headers = make().headers
        policy = headers["Content-Security-Policy"]

        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert policy.endswith("; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
        assert "unsafe" not in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
        assert headers["X-Content-Type-Options"] == "nosniff"

    @pytest.mark.parametrize("make", PAGES.values(), ids=PAGES)
    def test_no_page_has_a_script_or_anything_from_elsewhere(
        self, make: Callable[[], Page]
    ) -> None:
        """No script, no form, no frame, no picture, no handler; links stay on this host."""
        seen = Seen(make())
        names = {name for name, _ in seen.attributes}

        assert not {"script", "form", "iframe", "img", "link", "object", "base"} & set(seen.tags)
        assert not {name for name in names if name.startswith("on")} | (names & {"src", "style"})
        assert all(
            (value or "").startswith("/sign-in")
            for name, value in seen.attributes
            if name == "href"
        )

    @pytest.mark.parametrize("name", ["welcome", "connected", "refused", "failed"])
    def test_a_page_is_made_for_every_reader(self, name: str) -> None:
        """A language, a title, one main part, one heading of the first order, room on a phone."""
        page = PAGES[name]()
        seen = Seen(page)

        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.body.startswith('<!DOCTYPE html>\n<html lang="en">')
        assert [seen.tags.count(tag) for tag in ("title", "main", "h1")] == [1, 1, 1]
        assert ("content", "width=device-width, initial-scale=1") in seen.attributes

    def test_the_policy_lets_exactly_the_one_style_in(self) -> None:
        """Its hash is that of what stands between the tags."""
        page = sign_in.welcome()
        (style,) = re.findall("<style>(.*?)</style>", page.body, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

        assert f"style-src 'sha256-{digest}';" in page.headers["Content-Security-Policy"]
        assert "url(" not in style
        assert "@import" not in style


def test_every_file_of_the_pages_is_delivered() -> None:
    """Templates and style are in the package, and nothing keeps them from the function app."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    delivered = project["tool"]["setuptools"]["package-data"]["rotation.page"]
    withheld = (ROOT / ".funcignore").read_text().splitlines()
    files = [path.name for path in (ROOT / "rotation" / "page").iterdir() if path.is_file()]

    assert {"base.html", "style.css"} < set(files)
    for name in files:
        assert any(fnmatch(name, pattern) for pattern in [*delivered, "*.py"])
        assert not any(fnmatch(name, pattern) for pattern in withheld)


class TestWelcome:
    """The page that explains what will happen."""

    def test_it_says_what_is_given_away_and_for_how_long(self) -> None:
        """In plain words, with one link, which is the only way on."""
        seen = Seen(sign_in.welcome())
        links = [value for name, value in seen.attributes if name == "href"]

        assert links == ["/sign-in?start=now"]
        assert "list, make, extend and revoke your personal access tokens" in seen.text
        assert "holds for 90 days" in seen.text

    @pytest.mark.parametrize(
        "parameters", [{}, {"start": "later"}, {"next": "https://evil.example", "start": ""}]
    )
    def test_no_other_parameter_does_anything(self, parameters: dict[str, str]) -> None:
        """Neither is it shown, nor followed; no setting is read."""
        assert enter(URL, parameters, never) == sign_in.welcome()

    def test_the_browser_is_sent_to_entra_with_a_cookie_that_comes_back(self) -> None:
        """For ten minutes, over HTTPS, to this host only, from Entra's page, past all scripts."""
        page = sign_in.redirect(BEGUN)

        assert (page.status, page.body, page.headers["Location"]) == (302, "", BEGUN.url)
        assert page.cookies == tuple(
            f"{name}=v1.abc-_; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=None"
            for name in ("__Host-pat-rotation-sign-in", "__Secure-pat-rotation-sign-in")
        )


class TestStart:
    """Where a sign-in begins."""

    @pytest.mark.parametrize(
        ("url", "start", "public_url", "location"),
        [
            (URL, "now", PUBLIC_URL, BEGUN.url),
            (URL.upper(), "now", PUBLIC_URL, BEGUN.url),
            ("http://pats.contoso.example:8080/", "now", PUBLIC_URL, BEGUN.url),
            ("https://app.example/sign-in", "now", PUBLIC_URL, f"{URL}?start=here"),
            (f"https://app.example/?u={URL}", "now", PUBLIC_URL, f"{URL}?start=here"),
            ("https://pats.contoso.example.evil.example/", "now", PUBLIC_URL, f"{URL}?start=here"),
            ("/sign-in", "now", PUBLIC_URL, f"{URL}?start=here"),
            ("https://app.example/sign-in", "here", PUBLIC_URL, BEGUN.url),
            ("https://app.example/sign-in", "now", "", BEGUN.url),
        ],
    )
    def test_it_is_where_the_browser_comes_back_to(
        self, url: str, start: str, public_url: str, location: str
    ) -> None:
        """Under another name nothing is begun; whoever was sent on is not sent on again."""
        opened = cast("SignIn", SimpleNamespace(public_url=public_url, begin=lambda: BEGUN))

        page = enter(url, {"start": start}, lambda: opened)

        assert (page.status, page.headers["Location"]) == (302, location)
        assert bool(page.cookies) is (location == BEGUN.url)


class TestConnected:
    """The page after a sign-in that has come to something."""

    def test_it_says_who_where_and_until_when(self) -> None:
        """Organizations that work, those that do not and why, vaults that did not answer."""
        trials = (Trial("contoso", 3), Trial("fabrikam", 1, DENIED))

        page = sign_in.connected(Connected(OWNER, AT, trials, ("kv-web",)))

        text = Seen(page).text
        assert page.status == 200
        assert "You are connected ada@contoso.example" in text
        assert "by 20 February 2027 ." in text
        assert "Works in contoso 3 secrets Does not work in fabrikam 1 secret" in text
        assert "Contoso refuses." in text
        assert "kv-web" in text
        assert text.endswith("You can close this window.")

    def test_nothing_depends_on_the_owner_yet(self) -> None:
        """That is said, too."""
        text = Seen(sign_in.connected(Connected(OWNER, AT, ()))).text

        assert "No secret depends on your account yet." in text
        assert "Works in" not in text

    def test_names_are_never_markup(self) -> None:
        """Whoever names an organization, a vault or an account writes no page."""
        error = UnavailableError(HOSTILE, service="x", operation="y", hint=HOSTILE)
        trials = (Trial(HOSTILE, 1), Trial(HOSTILE, 1, error))

        seen = Seen(sign_in.connected(Connected(HOSTILE, AT, trials, (HOSTILE,))))

        assert not {"script", "img"} & set(seen.tags)
        assert seen.text.count("{{ 7*7 }}&amp;") == 6


class TestRefused:
    """The page after a sign-in that has come to nothing."""

    @pytest.mark.parametrize(("reason", "status"), REASONS.items())
    def test_every_reason_is_said_with_what_to_do(self, reason: str, status: int) -> None:
        """The message, the hint, the word, and the way back to the beginning."""
        error = SignInError("this is why", reason=reason, hint="do that")

        page = sign_in.refused(error)

        seen = Seen(page)
        assert page.status == status
        assert "This is why. Do that. Nothing " in seen.text
        assert f"Reason: {reason}" in seen.text
        assert ("href", "/sign-in") in seen.attributes

    @pytest.mark.parametrize("reason", REASONS)
    def test_nobody_is_told_that_they_are_not_connected_who_may_be(self, reason: str) -> None:
        """A page of success that is loaded again brings back an answer that is used up."""
        text = Seen(sign_in.refused(SignInError("why", reason=reason))).text

        is_used_up = reason in {"not-begun", "replayed"}
        assert ("You are not connected" in text) is not is_used_up
        assert ("Nothing was saved; a session that worked" in text) is not is_used_up
        assert text.startswith("Nothing to finish here \N{EN DASH} Token rotation") is is_used_up
        assert ("if you were connected a moment ago, you still are." in text) is is_used_up

    @pytest.mark.parametrize(
        "error",
        [
            UnavailableError("no answer", service="entra", operation="redeem"),
            DENIED,
            RotationError("no"),
            SettingsError(("ROTATION_PUBLIC_URL is missing",)),
        ],
    )
    def test_what_is_not_the_persons_doing_is_a_503(self, error: RotationError) -> None:
        """Something behind the page does not work."""
        assert sign_in.refused(error).status == 503

    def test_a_save_without_an_answer_may_have_been_one(self) -> None:
        """So it is not said that nothing was saved."""
        error = OutcomeUnknownError("it may be done", service="key-vault", operation="save")

        assert "Nothing was saved" not in Seen(sign_in.refused(error)).text

    def test_settings_are_none_of_a_strangers_business(self) -> None:
        """The page does not show them."""
        page = sign_in.refused(SettingsError(("ROTATION_VAULTS is 'kv x': expected",)))

        assert "ROTATION_" not in page.body
        assert "log of the function app" in page.body

    def test_a_name_at_the_beginning_stays_as_it_is(self) -> None:
        """A sentence begins with a capital letter, an account does not."""
        error = SignInError(f"{OWNER} is not among the owners", reason="not-an-owner")

        assert f"{OWNER} is not among the owners." in Seen(sign_in.refused(error)).text

    def test_words_from_outside_are_never_markup(self) -> None:
        """Not in the message, the hint or the reason."""
        seen = Seen(sign_in.refused(SignInError(HOSTILE, reason=HOSTILE, hint=HOSTILE)))

        assert not {"script", "img"} & set(seen.tags)
        assert seen.text.count("{{ 7*7 }}&amp;") == 3

    @pytest.mark.parametrize("name", ["connected", "refused", "failed"])
    def test_the_cookie_is_taken_back(self, name: str) -> None:
        """Whatever came of it, it is good for one answer."""
        assert PAGES[name]().cookies == tuple(
            f"{cookie}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=None"
            for cookie in ("__Host-pat-rotation-sign-in", "__Secure-pat-rotation-sign-in")
        )


class TestCallback:
    """What a browser brings back."""

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("", b"state=s"),
            ("application/json", b'{"state": "s"}'),
            ("multipart/form-data; boundary=b", b"--b--"),
            (FORM, b""),
            (FORM, b"state"),
            (FORM, b"\xff=s"),
            (FORM, b"state=%ff"),
            (FORM, b"state=s&state=t"),
            (FORM, b"state=s&code=a&code=a"),
            (FORM, b"code=" + b"x" * LARGEST),
            (FORM, "&".join(f"f{n}=" for n in range(MOST_FIELDS + 1)).encode()),
        ],
    )
    def test_what_is_no_plain_form_is_refused(self, content_type: str, body: bytes) -> None:
        """Nothing is guessed, and no setting is read."""
        headers = {"Content-Type": content_type, "Cookie": f"{HOST}=v1.abc"}

        page = come_back("POST", headers, lambda: body, never)

        assert page.status == 400
        assert "unreadable-answer" in page.body

    def test_a_form_is_read_as_browsers_write_it(self) -> None:
        """Percent signs, pluses, empty fields, and a character set after the type."""
        found = read_form(f"{FORM.upper()}; charset=UTF-8", lambda: b"a=1+2&b=%C3%A9&c=")

        assert found == {"a": "1 2", "b": "é", "c": ""}
        assert "1 2" not in repr(found)

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("text/plain", b"code=the-code"),
            (FORM, b"code=the-code&x"),
            (FORM, b"code=the-code&x=%ff"),
            (FORM, b"code=the-code\xff"),
            (FORM, b"code=the-code&code=the-code"),
            (FORM, b"code=the-code" + b"x" * LARGEST),
        ],
    )
    def test_a_form_that_is_refused_is_in_no_frame(self, content_type: str, body: bytes) -> None:
        """Neither in one of the error itself, nor of what led to it."""
        with pytest.raises(SignInError) as caught:
            read_form(content_type, lambda: body)

        (_, frame) = extract(caught.value)
        assert caught.value.__context__ is None
        assert frame.name == "read_form"
        assert "the-code" not in str(frame.locals)

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("", ""),
            (f"{HOST}=v1.abc", "v1.abc"),
            (f"{SECURE}=v1.abc", "v1.abc"),
            (f"{SECURE}=b; {HOST}=a", "a"),
            (f"other=1; {HOST}=v1.abc;x=y", "v1.abc"),
            (f"{HOST}=a; {HOST}=b", ""),
            (f"{HOST}=a; {HOST}=b; {SECURE}=c", "c"),
            (f"{HOST}=a; {SECURE}=b; {SECURE}=c", "a"),
            (f"{SECURE}=b; {SECURE}=c", ""),
            (f"x{HOST}=a", ""),
            (f"{HOST.lower()}=a; {SECURE.lower()}=a", ""),
            (HOST, ""),
        ],
    )
    def test_only_the_cookie_is_read(self, header: str, value: str) -> None:
        """Exactly these names in this order, and only if there is no doubt about its value."""
        assert read_cookie(header) == value

    def test_without_a_cookie_nothing_is_tried(self) -> None:
        """A browser in which no sign-in was begun has no business here."""
        page = come_back("POST", {"Content-Type": FORM}, lambda: b"state=s&code=c", never)

        assert page.status == 400
        assert "not-begun" in page.body

    def test_who_comes_back_by_address_begins_again(self) -> None:
        """The callback takes a form, and shows nothing of what an address says."""
        page = come_back("GET", {}, bytes, never)

        assert page.status == 400
        assert "no-answer" in page.body

    def test_a_refusal_is_logged_by_its_reason_alone(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One line, a warning."""

        def refuse() -> SignIn:
            raise SignInError("bob@contoso.example is not an owner", reason="not-an-owner")

        headers = {"Content-Type": FORM, "Cookie": f"{HOST}=v"}
        come_back("POST", headers, lambda: b"a=b", refuse)

        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert record.getMessage() == "a sign-in was refused: not-an-owner"

    def test_a_defect_is_logged_by_its_kind_and_its_place_alone(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Its words may hold a value; the page has none of it, either."""

        def fail() -> SignIn:
            raise KeyError("a value")

        page = enter(URL, {"start": "now"}, fail)

        assert page.status == 500
        assert "value" not in page.body
        (record,) = caplog.records
        assert re.fullmatch(
            r"unexpected KeyError in test_page\.py:\d+; please report it", record.getMessage()
        )
        assert record.exc_info is None

    def test_faulty_settings_are_for_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        """The administrator is told which, where nobody else reads it."""

        def refuse() -> SignIn:
            raise SettingsError(("ROTATION_PUBLIC_URL is missing",))

        page = enter(URL, {"start": "now"}, refuse)

        assert page.status == 503
        assert "ROTATION_PUBLIC_URL is missing" in caplog.text
