"""Somebody looks at the fleet: who may, and what they see of a world that is really looked at.

The product's real functions are served over HTTPS by the host in miniature.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests

import function_app
from rotation.page.look import SWITCH
from sandbox.functions_host import FunctionsHost
from sandbox.furniture import OWNER, VAULT, Placement, place
from sandbox.https.server import Server
from tests.app.conftest import OTHER_VAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.functions.decorators.function_app import Function

    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.world import World

pytestmark = pytest.mark.usefixtures("fresh_process")

VISITOR = "olga@contoso.example"
TIMEOUT_SECONDS = 10
DAY = timedelta(days=1)
PRINCIPAL = {"X-MS-CLIENT-PRINCIPAL": "e30="}
PAGES = ["/"]


Get = Callable[..., requests.Response]
"""Asks for an address of the product: what comes is searched for values."""


@pytest.fixture
def serve(
    sandbox: Sandbox,
    clock: ManualClock,
    functions: dict[str, Function],
    monkeypatch: pytest.MonkeyPatch,
    search_too: Callable[[str, str], None],
) -> Iterator[Callable[[str | None], Get]]:
    """Give a function that serves the product, to somebody who has signed in or to anybody."""
    with ExitStack() as opened:
        monkeypatch.setattr(function_app, "clock", clock)
        monkeypatch.setenv(SWITCH, "True")

        def serve(visitor: str | None) -> Get:
            server = opened.enter_context(closing(Server(clock, sandbox.authority.context)))
            server.start(FunctionsHost(functions.values(), server.url, visitor=visitor))

            def get(target: str = "/", **headers: str) -> requests.Response:
                url = f"{server.url}{target}"
                answer = requests.get(url, headers=headers, timeout=TIMEOUT_SECONDS)
                search_too("the status page", f"{answer.headers}{answer.text}")
                return answer

            return get

        yield serve


@pytest.fixture
def get(serve: Callable[[str | None], Get]) -> Get:
    """Ask as somebody who has signed in."""
    return serve(VISITOR)


def test_how_everything_stands_is_seen(get: Get, world: World) -> None:
    """The sentence, each secret, and the owner, of a world that was really looked at."""
    place(world, Placement("feed", age=DAY))
    place(world, Placement("site", OTHER_VAULT, age=DAY))

    answer = get()

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "All 2 tokens are fresh. Next renewal: " in answer.text
    assert all(part in answer.text for part in ("feed", "site", VAULT, OTHER_VAULT, OWNER))


def test_a_program_is_given_the_status_as_json(get: Get, world: World) -> None:
    """In the stable form of the command ``status``, at the same address."""
    place(world, Placement("feed", age=DAY))

    answer = get(Accept="application/json")

    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.headers["Vary"] == "Accept"
    (secret,) = answer.json()["secrets"]
    assert (secret["vault"], secret["secret"], secret["state"]) == (VAULT, "feed", "fresh")
    assert [owner["owner"] for owner in answer.json()["owners"]] == [OWNER]


@pytest.mark.parametrize("switch", [None, "", "False", "0", "true-ish"])
@pytest.mark.parametrize("target", PAGES)
def test_nothing_is_shown_where_the_platforms_sign_in_is_off(
    get: Get, world: World, monkeypatch: pytest.MonkeyPatch, switch: str | None, target: str
) -> None:
    """Whatever a header says: it could be anybody's own. What helps is said."""
    place(world, Placement("feed", age=DAY))
    if switch is None:
        monkeypatch.delenv(SWITCH)
    else:
        monkeypatch.setenv(SWITCH, switch)
    before = len(world.calls)

    answer = get(target, **PRINCIPAL)

    assert answer.status_code == 503
    assert "sign-in-off" in answer.text
    assert OWNER not in answer.text
    assert len(world.calls) == before


@pytest.mark.parametrize("target", PAGES)
@pytest.mark.parametrize("headers", [{}, {"X-MS-CLIENT-PRINCIPAL": ""}])
def test_nothing_is_shown_to_whom_the_platform_does_not_name(
    serve: Callable[[str | None], Get], world: World, target: str, headers: dict[str, str]
) -> None:
    """Nor is anything looked at for them."""
    place(world, Placement("feed", age=DAY))
    before = len(world.calls)

    answer = serve(None)(target, **headers)

    assert answer.status_code == 403
    assert "not-signed-in" in answer.text
    assert OWNER not in answer.text
    assert len(world.calls) == before


def test_a_refusal_is_json_for_a_program(serve: Callable[[str | None], Get]) -> None:
    """With a word that it can tell from others."""
    answer = serve(None)(Accept="application/json")

    assert answer.status_code == 403
    assert answer.json()["reason"] == "not-signed-in"
