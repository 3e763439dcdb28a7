"""An owner connects in a real browser: Chromium, the product as a process, the sandbox's Entra."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import pytest

from rotation.page.sign_in import COOKIES
from sandbox.clock import ShiftedClock
from sandbox.functions import Functions
from sandbox.furniture import ORGANIZATION, OWNER, Placement, place
from sandbox.grant import AZURE_DEVOPS
from sandbox.world import session_name
from tests.app.chromium import PATIENCE_MILLISECONDS, SCREENS
from tests.contract.conftest import access_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser, ConsoleMessage, Page

    from sandbox.clock import Clock
    from sandbox.grant import User
    from sandbox.https import Sandbox
    from sandbox.world import World

STRANGER = "bob@contoso.example"


@dataclass
class Window:
    """One window, and what happens behind it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """What the browser writes on its console about the product: errors, and what is blocked."""
    asked: list[str] = field(default_factory=list)
    """Every address that was asked for."""

    def begin(self, url: str) -> None:
        """Read what will happen, and go on."""
        self.page.goto(f"{url}/sign-in")
        self.page.get_by_role("link", name="Sign in with Microsoft").click()

    def sign_in(self, user: User) -> None:
        """Fill in Entra's pages."""
        self.page.get_by_label("Account").fill(user.upn)
        self.page.get_by_label("Password").fill(user.password)
        self.page.get_by_role("button", name="Next").click()
        self.page.get_by_label("The number").fill(user.second_factor)
        self.page.get_by_role("button", name="Next").click()

    @property
    def heading(self) -> str:
        """What the page is about."""
        return self.page.get_by_role("heading", level=1).inner_text()

    @property
    def is_in_full_width(self) -> bool:
        """Whether nothing has to be scrolled sideways."""
        root = self.page.locator("html")
        return bool(root.evaluate("root => root.scrollWidth <= root.clientWidth"))

    @property
    def text(self) -> str:
        """Everything that is written on it, on one line."""
        return " ".join(self.page.get_by_role("main").inner_text().split())


class OpenWindow(Protocol):
    """Opens a window for a ``with`` block."""

    def __call__(self, screen: str = ..., scheme: str = ...) -> AbstractContextManager[Window]:
        """Open it on a screen, in a light or a dark colour scheme."""


@pytest.fixture
def clock() -> Clock:
    """Give the machine's clock: the browser lives by it, and so do its cookies."""
    return ShiftedClock()


@pytest.fixture
def functions_url(
    sandbox: Sandbox, world: World, search_too: Callable[[str, str], None]
) -> Iterator[str]:
    """Give the address of the product; what its process writes is searched for values."""
    place(world, Placement("feed"))
    functions = Functions(sandbox.environment)
    with functions:
        yield functions.url
    search_too("the function app's own process", functions.log)


@pytest.fixture
def open_window(
    chromium: Browser, sandbox: Sandbox, functions_url: str, search_too: Callable[[str, str], None]
) -> OpenWindow:
    """Give a function that opens a window."""

    @contextmanager
    def open_window(screen: str = "desktop", scheme: str = "light") -> Iterator[Window]:
        width, height = SCREENS[screen]
        context = chromium.new_context(
            ignore_https_errors=True,
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        window = Window(context.new_page())

        def hear(message: ConsoleMessage) -> None:
            if message.location["url"].startswith(functions_url):
                window.complaints.append(message.text)

        window.page.on("console", hear)
        window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
        window.page.on("request", lambda request: window.asked.append(request.url))
        try:
            yield window
        finally:
            search_too("the browser's addresses", "\n".join(window.asked))
            if window.page.url.startswith(functions_url):
                search_too("the last page", window.page.content())
            context.close()
        places = (functions_url, sandbox.authority_url)
        assert all(asked.startswith(places) for asked in window.asked)

    return open_window


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_an_owner_connects(
    open_window: OpenWindow, functions_url: str, world: World, screen: str, scheme: str
) -> None:
    """From the first page to the last, on each screen: nothing is cut off, blocked or broken."""
    before = world.session_vault.newest(session_name(OWNER))

    with open_window(screen, scheme) as window:
        window.begin(functions_url)
        kept = [c for c in window.page.context.cookies() if c["name"] in COOKIES]
        assert {c["name"] for c in kept} == set(COOKIES)
        assert {(c["httpOnly"], c["secure"], c["sameSite"]) for c in kept} == {(True, True, "None")}
        window.sign_in(world.tenant.users[OWNER])

        window.page.get_by_role("heading", name="You are connected").wait_for()
        assert OWNER in window.text
        assert f"Works in {ORGANIZATION} 1 secret" in window.text
        assert not [c for c in window.page.context.cookies() if c["name"] in COOKIES]
        assert window.is_in_full_width
        assert window.complaints == []

    newest = world.session_vault.newest(session_name(OWNER))
    assert newest.id != before.id
    assert access_token(world, f"{AZURE_DEVOPS}/vso.pats")


@pytest.mark.parametrize("screen", SCREENS)
def test_somebody_else_is_refused(
    open_window: OpenWindow, functions_url: str, world: World, screen: str
) -> None:
    """They are told why, and the way back to the beginning."""
    stranger = world.add_user(STRANGER)
    before = world.session_vault.newest(session_name(OWNER))

    with open_window(screen) as window:
        window.begin(functions_url)
        window.sign_in(stranger)
        window.page.get_by_role("button", name="Accept").click()

        window.page.get_by_role("heading", name="You are not connected").wait_for()
        assert "not among the owners" in window.text
        assert window.is_in_full_width
        # Of a page with such a status the browser itself says so; of anything else it must not.
        assert [text for text in window.complaints if "status of 403" not in text] == []
        window.page.get_by_role("link", name="Begin again").click()
        assert window.heading == "Connect your account"

    assert world.session_vault.newest(session_name(OWNER)).id == before.id


def test_the_keyboard_is_enough(open_window: OpenWindow, functions_url: str) -> None:
    """The one link is reached by one key, is seen to be, and leads on."""
    with open_window() as window:
        window.page.goto(f"{functions_url}/sign-in")
        window.page.keyboard.press("Tab")

        focused = window.page.locator(":focus-visible")
        assert focused.inner_text() == "Sign in with Microsoft"
        assert focused.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
        window.page.keyboard.press("Enter")
        window.page.get_by_label("Account").wait_for()


def test_a_page_that_is_loaded_again_changes_nothing(
    open_window: OpenWindow, functions_url: str, world: World
) -> None:
    """The browser posts the same answer once more; the session stays the one that it was."""
    with open_window() as window:
        window.begin(functions_url)
        window.sign_in(world.tenant.users[OWNER])
        window.page.get_by_text("You are connected").wait_for()
        newest = world.session_vault.newest(session_name(OWNER))

        window.page.reload()

        window.page.get_by_role("heading", name="Nothing to finish here").wait_for()
        assert "if you were connected a moment ago, you still are" in window.text

    assert world.session_vault.newest(session_name(OWNER)) == newest
    assert access_token(world, f"{AZURE_DEVOPS}/vso.pats")


def test_from_the_fleet_to_a_secret_and_to_the_sign_in(
    open_window: OpenWindow, functions_url: str
) -> None:
    """What is shown is the world; each link leads where it says, and nothing is blocked."""
    with open_window() as window:
        window.page.goto(functions_url)
        assert "The one token is fresh. Next renewal: feed, " in window.heading
        window.page.get_by_role("link", name="feed", exact=True).click()
        assert "feed is fresh, with 29 days left." in window.heading
        assert "There is no journal" in window.text
        window.page.get_by_role("link", name="Fleet").first.click()
        window.page.get_by_role("link", name="Connect an account").click()
        assert window.heading == "Connect your account"
        assert window.complaints == []
