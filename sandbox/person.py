"""A person who signs in in a browser, played by a plain HTTP client that fills in forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urljoin, urlsplit

from sandbox.browser_step import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from sandbox.grant import User

PATIENCE_SECONDS = 10
TOO_MANY_PAGES = 10


class StuckError(Exception):
    """The person is at a page from which they cannot go on: its text says why."""


@dataclass(frozen=True)
class FormPost:
    """What a browser would send to the application now; it is not sent."""

    action: str
    """Where to."""
    fields: Mapping[str, str] = field(repr=False)
    method: str = "post"
    """``get`` for what comes back in the address."""


@dataclass(frozen=True)
class Person:
    """Somebody at a browser, who knows what is asked of them."""

    user: User
    password: str | None = field(default=None, repr=False)
    """What they take for their password, if not the right one."""
    number: str | None = field(default=None, repr=False)
    """What they read off the other device, if not the right one."""
    cancels_at: Stage | None = None
    """The page at which they would rather not."""

    def sign_in(self, http: requests.Session, url: str) -> FormPost:
        """Follow an application's link and walk through the pages.

        Args:
            http: the browser.
            url: of ``/authorize``, with its query.

        Returns:
            What the browser would send to the application at last.

        Raises:
            StuckError: the way ends at a page without a form, or one says that an answer is wrong.
        """
        answer = http.get(url, allow_redirects=False, timeout=PATIENCE_SECONDS)
        for _ in range(TOO_MANY_PAGES):
            if answer.is_redirect:
                return _returned(urljoin(url, answer.headers["Location"]))
            page = Page.read(answer.text)
            if not page.action or page.alert:
                raise StuckError(page.alert or page.text)
            action = urljoin(url, page.action)
            if urlsplit(action).netloc != urlsplit(url).netloc or "stage" not in page.fields:
                return FormPost(action, page.fields)
            answer = http.post(
                action, data=self.answer(page), allow_redirects=False, timeout=PATIENCE_SECONDS
            )
        raise StuckError("the pages do not end")

    def answer(self, page: Page) -> dict[str, str]:
        """Fill in a page and choose a button."""
        known = {
            "login": self.user.upn,
            "password": self.user.password if self.password is None else self.password,
            "number": self.user.second_factor if self.number is None else self.number,
        }
        filled = {name: known.get(name, value) for name, value in page.fields.items()}
        stage = Stage(page.fields["stage"])
        rather_not = stage in {self.cancels_at, Stage.APPROVAL}
        return {**filled, "button": "cancel" if rather_not else "next"}


class Page(HTMLParser):
    """What a person sees of a page: one form, its fields, and what is written."""

    def __init__(self) -> None:
        """Begin to read; ``read`` does it all."""
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._texts: list[str] = []
        self._alerts: list[str] = []
        self._open: list[tuple[str, str]] = []

    @classmethod
    def read(cls, text: str) -> Page:
        """Read a page."""
        page = cls()
        page.feed(text)
        page.close()
        return page

    @property
    def text(self) -> str:
        """Everything that is written on it."""
        return " ".join(self._texts)

    @property
    def alert(self) -> str:
        """What it complains about; empty if it does not."""
        return " ".join(self._alerts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See a form, a field, or where an alert begins."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found["action"]
        elif tag == "input":
            self.fields[found["name"]] = found.get("value", "")
        self._open.append((tag, found.get("role", "")))

    def handle_endtag(self, tag: str) -> None:
        """See the end of an element, and of those in it that have no end of their own."""
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        """See what is written."""
        tags, roles = {tag for tag, _ in self._open}, {role for _, role in self._open}
        if data.strip() and not tags & {"style", "script"}:
            self._texts.append(data.strip())
            if "alert" in roles:
                self._alerts.append(data.strip())


def _returned(location: str) -> FormPost:
    parts = urlsplit(location)
    fields = dict(parse_qsl(parts.query or parts.fragment))
    return FormPost(parts._replace(query="", fragment="").geturl(), fields, method="get")
