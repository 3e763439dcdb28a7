"""Somebody looks at the fleet: who may, and what they see of a world that is really looked at.

The product's real functions are served over HTTPS by the host in miniature.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests
from azure.functions.timer import TimerRequest

import function_app
from rotation.page.look import SWITCH
from sandbox.content import Properties
from sandbox.fault import Fault, unavailable
from sandbox.functions_host import FunctionsHost
from sandbox.furniture import OWNER, VAULT, Placement, place
from sandbox.https.server import Server
from tests.app.conftest import OTHER_VAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.functions.decorators.function_app import Function

    from sandbox.azurite import Account
    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.world import World

pytestmark = pytest.mark.usefixtures("fresh_process")

VISITOR = "olga@contoso.example"
TIMEOUT_SECONDS = 10
DAY = timedelta(days=1)
PRINCIPAL = {"X-MS-CLIENT-PRINCIPAL": "e30="}
PAGES = ["/", "/events", f"/secrets/{VAULT}/feed"]


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


def test_a_secret_has_a_page_of_its_own(get: Get, world: World) -> None:
    """Its name is found in either case; of others' tags only the names are told."""
    tags = {"team": "their own business"}
    place(world, Placement("feed", age=DAY, tags=tags))

    answer = get(f"/secrets/{VAULT.upper()}/Feed")

    assert answer.status_code == 200
    assert "feed is fresh, with 29 days left." in answer.text
    assert f"rotation rotate {VAULT}/feed --wait" in answer.text
    assert "team" in answer.text
    assert "their own business" not in answer.text


def test_a_secret_is_json_for_a_program(get: Get, world: World) -> None:
    """The very object that is in the status of the fleet."""
    place(world, Placement("feed", age=DAY))
    whole = get(Accept="application/json").json()

    assert get(f"/secrets/{VAULT}/feed", Accept="application/json").json() == whole["secrets"][0]


@pytest.mark.parametrize(
    "target", [f"/secrets/{VAULT}/other", "/secrets/kv-strange/feed", "/secrets/%3Cb%3E/%22"]
)
def test_a_secret_that_is_not_managed_is_not_found(get: Get, world: World, target: str) -> None:
    """What was asked for is not said again."""
    place(world, Placement("feed", age=DAY))

    answer = get(target)

    assert answer.status_code == 404
    assert "unknown-secret" in answer.text
    assert "<b>" not in answer.text


@pytest.mark.parametrize("target", ["/", "/events"])
def test_without_a_journal_the_rest_is_shown(get: Get, world: World, target: str) -> None:
    """And it is said that there is none."""
    place(world, Placement("feed", age=DAY))

    answer = get(target)

    assert answer.status_code == 200
    assert "There is no journal: ROTATION_STORAGE is not set" in answer.text


def test_events_are_not_json_without_a_journal(get: Get) -> None:
    """A program is not given an empty list, which would say that nothing happened."""
    answer = get("/events", Accept="application/json")

    assert (answer.status_code, answer.json()["reason"]) == (503, "no-journal")


def test_a_look_is_kept_for_a_minute(get: Get, world: World, clock: ManualClock) -> None:
    """Whoever loads the page again costs no call; after a minute it is looked at anew."""
    place(world, Placement("feed", age=DAY))
    get()
    place(world, Placement("later", age=DAY))
    before = len(world.calls)

    clock.advance(timedelta(seconds=59))
    assert "later" not in get().text
    assert len(world.calls) == before
    clock.advance(timedelta(seconds=2))
    assert "later" in get().text


def test_people_who_come_at_once_wait_for_the_same_look(get: Get, world: World) -> None:
    """Ten visitors cost as much as one."""
    place(world, Placement("feed", age=DAY))

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: get(), range(10)))

    assert {answer.status_code for answer in answers} == {200}
    assert Counter(call.operation for call in world.calls)["list_secrets"] == 2


def test_a_look_changes_nothing_and_reads_no_value_without_need(get: Get, world: World) -> None:
    """Not even of a secret whose hour to be proven it is, for which a run reads it."""
    for number in range(24):
        place(world, Placement(f"feed-{number}", age=DAY))

    get()
    get(f"/secrets/{VAULT}/feed-1")

    operations = Counter(call.operation for call in world.calls)
    assert not operations.keys() & {"set_secret", "update_secret", "create_pat", "revoke_pat"}
    assert operations["get_secret"] == 1  # the owner's session


def test_a_vault_that_is_not_reached_is_said_and_the_rest_is_shown(get: Get, world: World) -> None:
    """With who must do something about it."""
    world.vault(OTHER_VAULT).permissions.discard("list")
    place(world, Placement("feed", age=DAY))

    answer = get()

    assert f"but vault {OTHER_VAULT} could not be looked at" in answer.text
    assert "An administrator must act" in answer.text


def test_versions_that_are_not_told_do_not_hide_the_rest(get: Get, world: World) -> None:
    """The page of a secret says why they are missing."""
    place(world, Placement("feed", age=DAY))
    get()
    world.faults.add(Fault(unavailable(), operation="list_versions", times=None))

    answer = get(f"/secrets/{VAULT}/feed")

    assert answer.status_code == 200
    assert "feed is fresh" in answer.text
    assert "annot list the versions of" in answer.text


def test_faulty_settings_are_for_the_log(
    get: Get, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever looks is told that there is nothing to see yet."""
    monkeypatch.delenv("ROTATION_VAULTS")

    answer = get()

    assert answer.status_code == 503
    assert "misconfigured" in answer.text
    assert "ROTATION_" not in answer.text
    assert "ROTATION_VAULTS is missing" in caplog.text


def test_what_a_run_did_is_seen(
    serve: Callable[[str | None], Get],
    functions: dict[str, Function],
    key_account: Account,
    monkeypatch: pytest.MonkeyPatch,
    world: World,
) -> None:
    """From the journal: on the page of the fleet, of the secret, of the events, and as JSON."""
    for name, text in key_account.by_key.items():
        monkeypatch.setenv(name, text)
    old = place(world, Placement("feed", age=25 * DAY))
    functions["scan"].get_user_function()(TimerRequest(past_due=False))
    get = serve(VISITOR)

    for target in PAGES:
        shown = get(target).text
        assert all(kind in shown for kind in ("TokenCreated", "TokenStored"))
        assert f"in place of {old.authorization_id[:8]}" in shown
    told = get("/events", Accept="application/json").json()
    assert [event["event"] for event in told] == [
        "ScanCompleted",
        "TokenStored",
        "TokenCreated",
        "ScanStarted",
    ]
    assert "ScanStarted" not in get("/events").text
    assert "ScanStarted" in get("/events?only=all").text
    assert "Nothing more." in get("/events?page=2").text


def test_a_secret_that_only_its_keeper_can_renew(
    get: Get,
    functions: dict[str, Function],
    world: World,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The function app asks its keeper once a day in the log, and the pages say what to do."""
    vault, tags = world.vault(VAULT), {"pat-rotation": "watch"}
    vault.set("key", "a value", Properties(tags=tags, expires_at=clock() + 10 * DAY))

    for _ in range(24):
        clock.advance(timedelta(hours=1))
        functions["scan"].get_user_function()(TimerRequest(past_due=False))

    said = [r.getMessage() for r in caplog.records if "KeeperNeeded" in r.getMessage()]
    assert [json.loads(line)["reason"] for line in said] == ["expires-soon"]
    shown = get().text
    assert "1 of 1 token needs attention." in shown
    assert "Whoever keeps the secret must act" in shown
    assert "9 days left" in get(f"/secrets/{VAULT}/key").text
    assert {call.service for call in world.calls} <= {"key-vault", "entra", "identity"}

    vault.set("key", "the next value", Properties(tags=tags))
    clock.advance(timedelta(minutes=2))
    command = f"az keyvault secret set-attributes --vault-name {VAULT} --name key --expires YYYY"
    for target in ("/", f"/secrets/{VAULT}/key"):
        assert command in get(target).text
    told = get(Accept="application/json").json()["secrets"][0]
    assert (told["state"], told["reason"], told["acts_next"]) == ("watched", "no-expiry", "keeper")
