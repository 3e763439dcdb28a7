"""The function app as Azure's own worker finds and calls it: on Python 3.13 and newer only.

Of an older Python there is no such library; there, ``test_function_app.py`` has what can be had.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import function_app
from sandbox.clock import ManualClock, ShiftedClock, wall
from sandbox.furniture import VAULT, Placement, place
from tests.app.storeroom import Storeroom
from tests.app.worker import PROTOS, SUCCESS, Worker
from tests.docs.naming import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.functions.decorators.function_app import Function

    from sandbox.azurite import Account
    from sandbox.clock import Clock
    from sandbox.https import Sandbox
    from sandbox.world import World

pytestmark = pytest.mark.usefixtures("sandbox", "fresh_process")

DUE = timedelta(days=25)
NAMES = [
    *("health", "scan", "settle", "sign_in", "sign_in_callback"),
    *("status", "status_events", "status_secret"),
]


@pytest.fixture
def clock() -> Clock:
    """Give the machine's clock: the function lives by it."""
    return ShiftedClock()


@pytest.fixture(scope="module")
def worker(functions: dict[str, Function]) -> Iterator[Worker]:
    """Give a worker that was started with the app in this process.

    The app was indexed in this process already, which an app bears only once.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(function_app.app, "get_functions", lambda: [*functions.values()])
        yield Worker(ROOT)


def test_the_app_is_indexed_before_there_are_settings(functions: dict[str, Function]) -> None:
    """A worker in a process of its own finds every function, with the bindings that we see."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("ROTATION_")}

    found = subprocess.run(
        [sys.executable, "-m", "tests.app.worker"],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert json.loads(found.stdout) == {
        "started": True,
        "functions": {name: one.get_raw_bindings() for name, one in functions.items()},
    }
    assert sorted(functions) == NAMES


def test_a_timer_renews_what_is_due(worker: Worker, world: World) -> None:
    """It is called in a thread of the worker, and the invocation succeeds."""
    old = place(world, Placement("feed", age=DUE))

    answer = worker.fire("scan")

    assert answer.result.status == SUCCESS
    assert world.token_in(VAULT, "feed") not in (old, None)


def test_a_late_timer_is_told(worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    """What the platform writes as ``IsPastDue`` is what the function looks at."""
    assert worker.fire("scan", is_past_due=True).result.status == SUCCESS
    assert "this run is late" in caplog.text


def test_a_run_that_fails_is_a_failed_invocation(worker: Worker, world: World) -> None:
    """The platform is told, with our own sentence and no value."""
    place(world, Placement("feed", age=DUE))
    world.vault(VAULT).permissions.discard("set")

    answer = worker.fire("scan")

    assert answer.result.status != SUCCESS
    assert "RunFailedError" in str(answer.result.exception)
    assert not world.leaks_in(str(answer.result.exception))


def test_a_message_without_a_storage_fails(worker: Worker) -> None:
    """It stays in the queue, and is told of when it has been tried often enough."""
    answer = worker.deliver("settle", "{}")

    assert answer.result.status != SUCCESS
    assert "ROTATION_STORAGE is not set" in str(answer.result.exception)


def test_a_message_settles_its_secret(
    worker: Worker, world: World, key_account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a scan has put on the queue is what the function can read when it comes back."""
    monkeypatch.setattr(function_app, "clock", ManualClock(wall()))
    monkeypatch.setenv("ROTATION_FAN_OUT", "queue")
    for name, value in key_account.by_key.items():
        monkeypatch.setenv(name, value)
    old = place(world, Placement("feed", age=DUE))
    assert worker.fire("scan").result.status == SUCCESS
    assert world.token_in(VAULT, "feed") == old
    (message,) = Storeroom(key_account).messages()

    answer = worker.deliver("settle", base64.b64decode(message).decode())

    assert answer.result.status == SUCCESS
    assert world.token_in(VAULT, "feed") not in (old, None)


def test_the_probe_answers(worker: Worker) -> None:
    """Status, body and headers reach the platform."""
    answer = worker.visit("health", "https://app.example/health")

    assert (answer.status_code, answer.body.bytes or answer.body.string) == ("200", b"ok\n")
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_sign_in_sends_a_browser_to_entra_with_its_cookies(
    worker: Worker, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a cookie for the platform, that comes back from another site and over TLS only."""
    monkeypatch.setenv("ROTATION_PUBLIC_URL", "https://app.example")

    answer = worker.visit("sign_in", "https://app.example/sign-in?start=here")

    assert answer.status_code == "302"
    assert answer.headers["Location"].startswith(sandbox.environment["ROTATION_AUTHORITY"])
    assert len(answer.cookies) == 2
    for cookie in answer.cookies:
        assert cookie.secure.value
        assert cookie.http_only.value
        assert cookie.same_site == PROTOS.RpcHttpCookie.SameSite.ExplicitNone


@pytest.mark.parametrize(("switch", "status"), [("False", "503"), ("True", "200")])
def test_the_page_is_shown_behind_the_platforms_sign_in_only(
    worker: Worker, world: World, monkeypatch: pytest.MonkeyPatch, switch: str, status: str
) -> None:
    """The header that tells who is there reaches the function as the platform writes it."""
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", switch)
    place(world, Placement("feed"))

    answer = worker.visit("status", "https://app.example/", {"x-ms-client-principal": "e30="})

    assert answer.status_code == status
    assert (b"feed" in (answer.body.bytes or b"")) == (status == "200")
