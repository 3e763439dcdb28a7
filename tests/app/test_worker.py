"""The function app as Azure's own worker finds and calls it: on Python 3.13 and newer only.

Of an older Python there is no such library; there, ``test_function_app.py`` has what can be had.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import function_app
from sandbox.clock import ManualClock, ShiftedClock, wall
from sandbox.furniture import VAULT, Placement, place
from tests.app.storeroom import Storeroom
from tests.app.worker import PROTOS, SUCCESS, Worker

if TYPE_CHECKING:
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
def worker() -> Worker:
    """Give a worker that was started with the app."""
    return Worker(Path(function_app.__file__).parent)


def test_the_app_is_indexed(worker: Worker, functions: dict[str, Function]) -> None:
    """The worker starts, and finds every function, with the same bindings as we do."""
    assert worker.started.result.status == SUCCESS
    assert sorted(worker.functions) == NAMES == sorted(functions)
    for name, found in worker.functions.items():
        told = functions[name].get_raw_bindings()
        assert list(found.raw_bindings) == list(told)
        assert found.script_file == "function_app.py"


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
    worker: Worker, sandbox: Sandbox
) -> None:
    """Each is a cookie for the platform, that comes back from another site and over TLS only."""
    answer = worker.visit("sign_in", "https://app.example/sign-in?start=here")

    assert answer.status_code == "303"
    assert answer.headers["Location"].startswith(sandbox.environment["ROTATION_AUTHORITY"])
    assert len(answer.cookies) == 2
    for cookie in answer.cookies:
        assert cookie.secure.value
        assert cookie.http_only.value
        assert cookie.same_site == PROTOS.RpcHttpCookie.SameSite.ExplicitNone


def test_the_page_is_refused_without_the_platforms_sign_in(worker: Worker) -> None:
    """Whatever header comes along."""
    headers = {"x-ms-client-principal": "e30="}
    answer = worker.visit("status", "https://app.example/", headers)

    assert answer.status_code == "403"
