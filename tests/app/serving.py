"""The product's real functions over HTTPS, and a browser without scripts in front of them."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

import pytest
import requests

import function_app
from rotation.page.sign_in import COOKIES
from sandbox.functions_host import FunctionsHost
from sandbox.furniture import OWNER
from sandbox.https.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from azure.functions.decorators.function_app import Function

    from sandbox.clock import Clock
    from sandbox.https import Sandbox
    from sandbox.person import Person

KIM = "kim@contoso.example"
"""The other owner, beside the one of the furniture."""
TIMEOUT_SECONDS = 10


@dataclass
class Browser:
    """A browser without scripts; all that it is given is searched for values."""

    url: str
    hear: Callable[[str, str], None]
    http: requests.Session = field(default_factory=requests.Session)
    jar: dict[str, str] = field(default_factory=dict)
    """What it keeps for this product, by name."""

    @property
    def cookie(self) -> str:
        """What it keeps, as it sends it."""
        return "; ".join(f"{name}={value}" for name, value in self.jar.items())

    @property
    def sealed(self) -> str:
        """What it keeps of a sign-in, under whichever name."""
        (value,) = set(self.jar.values())
        return value

    def get(self, target: str, **headers: str) -> requests.Response:
        """Open an address of the product, and go nowhere else."""
        return self._take("GET", target, headers)

    def post(
        self, fields: Mapping[str, str] | str | bytes, cookie: str | None = None, **headers: str
    ) -> requests.Response:
        """Bring something back to the product; with another cookie than one's own, if given."""
        kept = self.cookie if cookie is None else cookie
        return self._take("POST", "/sign-in/callback", {"Cookie": kept, **headers}, fields)

    def begin(self) -> str:
        """Begin a sign-in, and give the address to which the product sends the browser."""
        page = self.get("/sign-in")
        assert page.status_code == 200
        (target,) = re.findall('href="(/[^"]+)"', page.text)
        return self.get(target).headers["Location"]

    def visit(self, person: Person, url: str) -> dict[str, str]:
        """Walk through Entra's pages, and give the form that is to be posted to the product."""
        post = person.sign_in(self.http, url)
        assert post.action == f"{self.url}/sign-in/callback"
        return dict(post.fields)

    def sign_in(self, person: Person) -> requests.Response:
        """Do all of it."""
        return self.post(self.visit(person, self.begin()))

    def _take(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Mapping[str, str] | str | bytes | None = None,
    ) -> requests.Response:
        answer = self.http.request(
            method,
            f"{self.url}{target}",
            headers=headers,
            data=body,
            allow_redirects=False,
            timeout=TIMEOUT_SECONDS,
        )
        self.hear("an answer of the product", f"{answer.url} {answer.headers} {answer.text}")
        for cookie in cookies_of(answer):
            self._keep(cookie)
        return answer

    def _keep(self, cookie: str) -> None:
        """Keep or drop a cookie as browsers do (MDN, *Set-Cookie*: "Cookie prefixes")."""
        first, *rest = cookie.split("; ")
        name, _, value = first.partition("=")
        attributes = dict(word.partition("=")[::2] for word in rest)
        domain = attributes.get("domain", "")
        assert {"secure", "httponly"} <= attributes.keys()
        assert (attributes["path"], attributes["samesite"]) == ("/", "none")
        if domain not in {"", urlsplit(self.url).hostname} or (domain and name[:7] == "__Host-"):
            return
        self.jar.pop(name, None)
        if attributes["max-age"] != "0":
            self.jar[name] = value


def cookies_of(answer: requests.Response) -> list[str]:
    """Give the cookies that an answer sets, as they are written."""
    return list(answer.raw.headers.getlist("Set-Cookie"))


Open: TypeAlias = "Callable[[], Browser]"
"""Opens another browser."""


@pytest.fixture
def fills_domains() -> bool:
    """Tell whether the host writes its name into cookies; tests that ask for both say so."""
    return False


@pytest.fixture
def make_host(
    functions: dict[str, Function], *, fills_domains: bool
) -> Callable[[str], FunctionsHost]:
    """Give a function that makes a host of the product's functions, for an address."""
    return lambda url: FunctionsHost(functions.values(), url, fills_domains=fills_domains)


@pytest.fixture
def serve(
    sandbox: Sandbox,
    clock: Clock,
    make_host: Callable[[str], FunctionsHost],
    monkeypatch: pytest.MonkeyPatch,
    search_too: Callable[[str, str], None],
) -> Iterator[Open]:
    """Serve the product's functions, and give a function that opens a browser."""
    with closing(Server(clock, sandbox.authority.context)) as server:
        monkeypatch.setattr(function_app, "clock", clock)
        monkeypatch.setenv("ROTATION_PUBLIC_URL", server.url)
        monkeypatch.setenv("ROTATION_OWNERS", f"{OWNER},{KIM}")
        sandbox.world.tenant.redirect_uris.add(f"{server.url}/sign-in/callback")
        server.start(make_host(server.url))
        yield lambda: Browser(server.url, search_too)
        assert not server.failures


@pytest.fixture
def browser(serve: Open) -> Browser:
    """Give a browser."""
    return serve()


def reason_of(answer: requests.Response) -> str:
    """Give the one word that a page of refusal says."""
    found = re.search("Reason: <code>(.+?)</code>", answer.text)
    assert found, answer.text
    assert [cookie.split("; ")[:2] for cookie in cookies_of(answer)] == [
        [f"{name}=", "max-age=0"] for name in COOKIES
    ]
    return f"{answer.status_code} {found[1]}"
