"""The function app as the Functions host finds it, and its functions as the host calls them."""

from __future__ import annotations

import inspect
import json
import logging
import os
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import azure.functions as func
import pytest
from azure.functions.timer import TimerRequest

import function_app
from rotation.errors import SettingsError
from sandbox.clock import ShiftedClock
from sandbox.fault import Fault, unavailable
from sandbox.furniture import ORGANIZATION, VAULT, Placement, place
from sandbox.organization import Policy
from tests.app.conftest import OTHER_VAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.functions.decorators.function_app import Function

    from sandbox.clock import Clock
    from sandbox.https import Sandbox
    from sandbox.world import World

pytestmark = pytest.mark.usefixtures("sandbox", "fresh_process")

ROOT = Path(function_app.__file__).parent
DUE = timedelta(days=25)
REQUIRED = ("VAULTS", "SESSION_VAULT", "OWNERS", "TENANT_ID", "CLIENT_ID")
HEAVY = ("azure.identity", "azure.keyvault", "jinja2", "msal", "pydantic", "requests", "rich")


@pytest.fixture
def clock() -> Clock:
    """Give the machine's clock: the function lives by it, and no setting moves it."""
    return ShiftedClock()


@pytest.fixture
def scan(functions: dict[str, Function]) -> Callable[[], None]:
    """Give a function that lets the timer fire."""
    return lambda: functions["scan"].get_user_function()(TimerRequest(past_due=False))


def test_the_host_finds_the_functions(functions: dict[str, Function]) -> None:
    """A timer, a queue of requests, a probe, the two ends of a sign-in, and what people look at."""
    looks = {"status", "status_secret", "status_events"}
    assert set(functions) == {"scan", "settle", "health", "sign_in", "sign_in_callback", *looks}


def test_the_queue_is_that_of_the_requests(functions: dict[str, Function]) -> None:
    """Its connection is the setting that the rotator reads, too."""
    (binding,) = functions["settle"].get_dict_repr()["bindings"]

    assert binding["type"] == "queueTrigger"
    assert (binding["queueName"], binding["connection"]) == (
        "rotation-requests",
        "ROTATION_STORAGE",
    )


def test_the_schedule_is_a_setting(functions: dict[str, Function]) -> None:
    """The timer is bound to the app setting, and remembers its last run."""
    (binding,) = _bindings(functions["scan"])

    assert binding["type"] == "timerTrigger"
    assert binding["schedule"] == "%ROTATION_SCHEDULE%"
    assert binding["useMonitor"] is True
    assert not binding.get("runOnStartup")


def test_the_probe_answers_anybody_who_asks(functions: dict[str, Function]) -> None:
    """``GET /health``, without a key, and nothing else."""
    trigger, answer = _bindings(functions["health"])

    assert (trigger["type"], trigger["route"]) == ("httpTrigger", "health")
    assert [method.value for method in trigger["methods"]] == ["GET"]
    assert trigger["authLevel"] is func.AuthLevel.ANONYMOUS
    assert answer["type"] == "http"


@pytest.mark.parametrize(
    ("name", "route", "methods"),
    [("sign_in", "sign-in", ["GET"]), ("sign_in_callback", "sign-in/callback", ["GET", "POST"])],
)
def test_anybody_reaches_the_sign_in(
    functions: dict[str, Function], name: str, route: str, methods: list[str]
) -> None:
    """Without a key: who may connect is decided by who they are."""
    trigger, answer = _bindings(functions[name])

    assert (trigger["type"], trigger["route"], answer["type"]) == ("httpTrigger", route, "http")
    assert [method.value for method in trigger["methods"]] == methods
    assert trigger["authLevel"] is func.AuthLevel.ANONYMOUS


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("status", "/"),
        ("status_secret", "secrets/{vault}/{name}"),
        ("status_events", "events"),
    ],
)
def test_what_people_look_at_is_only_looked_at(
    functions: dict[str, Function], name: str, route: str
) -> None:
    """``GET``, without a key: who is let in is decided by the platform's sign-in."""
    trigger, answer = _bindings(functions[name])

    assert (trigger["type"], trigger["route"], answer["type"]) == ("httpTrigger", route, "http")
    assert [method.value for method in trigger["methods"]] == ["GET"]
    assert trigger["authLevel"] is func.AuthLevel.ANONYMOUS


def test_the_event_of_a_sign_in_is_logged_though_looks_at_the_page_are_not() -> None:
    """A level holds for all names that begin alike, so the longer name has one of its own."""
    levels = json.loads((ROOT / "host.json").read_text())["logging"]["logLevel"]

    assert levels["Function.sign_in"] == "Warning"
    assert levels["Function.sign_in_callback"] == "Information"
    assert levels["Function.status"] == "Warning"


def test_the_routes_are_at_the_root() -> None:
    """The host's settings say so: ``/health``, not ``/api/health``."""
    host = json.loads((ROOT / "host.json").read_text())

    assert host["extensions"]["http"]["routePrefix"] == ""


def test_indexing_loads_nothing_heavy() -> None:
    """Cold start is a feature: what is heavy is imported when a function runs."""
    script = (
        "import sys, function_app; function_app.app.get_functions();"
        f"print([name for name in sys.modules if name.startswith({HEAVY!r})])"
    )

    found = _python("-c", script, environment={})

    assert (found.stdout, found.stderr) == ("[]\n", "")


def test_no_function_blocks_the_loop_of_the_worker(functions: dict[str, Function]) -> None:
    """The worker runs a plain function in a thread of its own, and a coroutine in its one loop."""
    assert [
        name
        for name, function in functions.items()
        if inspect.iscoroutinefunction(function.get_user_function())
    ] == []


def test_a_good_run_renews_what_is_due(scan: Callable[[], None], world: World) -> None:
    """The invocation succeeds, and the vault holds a newer token that works."""
    old = place(world, Placement("feed", age=DUE))

    scan()

    new = world.token_in(VAULT, "feed")
    assert new
    assert new.authorization_id != old.authorization_id
    assert world.authenticate(ORGANIZATION, new.value)
    assert world.authenticate(ORGANIZATION, old.value)


def test_a_run_is_told_in_the_log_and_tells_no_value(
    scan: Callable[[], None], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """One JSON object a line, for Application Insights; the libraries' lines are withheld."""
    caplog.set_level(logging.DEBUG)
    place(world, Placement("feed", age=DUE))

    scan()

    events = [json.loads(r.getMessage()) for r in caplog.records if r.name == "rotation.events"]
    assert [event["event"] for event in events] == [
        "ScanStarted",
        "TokenCreated",
        "TokenStored",
        "ScanCompleted",
    ]
    assert world.leaks_in(caplog.text + "".join(map(repr, map(vars, caplog.records)))) == 0


def test_every_line_of_a_run_is_logged_in_the_thread_of_its_invocation(
    scan: Callable[[], None], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The host drops what other threads log; of the events of a run, none may be lost."""
    for number in range(20):
        place(world, Placement(f"feed-{number}", age=DUE))
    host = ThreadsOfLines()

    with host.listening():
        scan()

    assert host.lines["rotation.events"] == {threading.get_ident(): 42}
    assert set(host.lines["rotation.fleet"]) == {threading.get_ident()}
    assert len(caplog.records) >= 42


def test_a_run_with_a_failure_fails_after_all_else_was_settled(
    scan: Callable[[], None], world: World
) -> None:
    """The platform's own count of failures tells; the other vault's secret is fresh by then."""
    world.vault(VAULT).permissions.discard("list")
    old = place(world, Placement("feed", vault=OTHER_VAULT, age=DUE))

    with pytest.raises(function_app.RunFailedError, match="1 settled, 1 vaults failed"):
        scan()

    assert world.token_in(OTHER_VAULT, "feed") not in (old, None)


def test_a_secret_that_fails_fails_the_run(
    scan: Callable[[], None], world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """A policy refuses the renewal: the log names the secret and the reason."""
    world.organization(ORGANIZATION).policy = Policy(restrict_creation=True)
    place(world, Placement("feed", age=DUE))
    place(world, Placement("fresh", age=timedelta(days=1)))

    with pytest.raises(function_app.RunFailedError, match="1 settled, 1 failed"):
        scan()

    assert "disablePatCreationPolicyViolation" in caplog.text
    assert "kv-build/feed" in caplog.text


def test_the_run_after_a_bad_one_is_as_ever(scan: Callable[[], None], world: World) -> None:
    """The process lives on, and what it keeps is not spoilt by an outage."""
    place(world, Placement("feed", age=DUE))
    world.faults.add(Fault(unavailable(), service="key-vault", times=None))
    with pytest.raises(function_app.RunFailedError):
        scan()
    world.faults.clear()

    scan()

    assert len(world.living_tokens()) == 2


def test_connections_and_sessions_stay_warm(scan: Callable[[], None], world: World) -> None:
    """The second run in a process asks for no new tokens and no new challenge."""
    place(world, Placement("feed", age=timedelta(days=1)))
    scan()
    world.calls.clear()

    scan()

    made = {call.operation for call in world.calls}
    assert not made & {"challenge", "identity_token", "redeem"}


def test_missing_settings_are_all_named_and_nothing_is_touched(
    scan: Callable[[], None], sandbox: Sandbox, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that says so at each run, until they are there."""
    for name in REQUIRED:
        monkeypatch.delenv(f"ROTATION_{name}")

    for _ in range(2):
        with pytest.raises(SettingsError) as refused:
            scan()
        for name in REQUIRED:
            assert f"ROTATION_{name} is missing" in str(refused.value)
    assert not world.calls

    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    scan()
    assert world.calls


def test_wrong_settings_are_all_named_and_nothing_is_touched(
    scan: Callable[[], None], sandbox: Sandbox, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name, what it is, and what was expected."""
    monkeypatch.setenv("ROTATION_SESSION_VAULT", f"{VAULT}={sandbox.vault_urls[VAULT]}")
    monkeypatch.setenv("ROTATION_LIFETIME_DAYS", "400")
    monkeypatch.setenv("ROTATION_TENANT_ID", "contoso")

    with pytest.raises(SettingsError) as refused:
        scan()

    assert len(refused.value.faults) == 3
    assert all("expected" in fault or "less than" in fault for fault in refused.value.faults)
    assert not world.calls


def test_an_unknown_setting_is_remarked_on(
    scan: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A misspelt one has no effect, and that is said."""
    monkeypatch.setenv("ROTATION_LIFETIME_DAY", "7")

    scan()

    assert "ROTATION_LIFETIME_DAY is not a setting" in caplog.text


def test_a_late_run_is_a_run(
    functions: dict[str, Function], caplog: pytest.LogCaptureFixture
) -> None:
    """The timer may be late; that is said, and nothing is lost."""
    functions["scan"].get_user_function()(TimerRequest(past_due=True))

    assert "late" in caplog.text
    assert "ScanCompleted" in caplog.text


def test_the_probe_tells_nothing(
    functions: dict[str, Function], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that the process answers: no settings, no secrets, no call, nothing to cache."""
    for name in REQUIRED:
        monkeypatch.delenv(f"ROTATION_{name}")
    asked = func.HttpRequest(method="GET", url="https://app.example/health", body=b"")

    answer = functions["health"].get_user_function()(asked)

    assert (answer.status_code, answer.get_body(), answer.mimetype) == (200, b"ok\n", "text/plain")
    assert answer.headers["Cache-Control"] == "no-store"
    assert not world.calls


class ThreadsOfLines(logging.Handler):
    """Counts the lines of each logger by the thread in which a handler gets them."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: defaultdict[str, Counter[int]] = defaultdict(Counter)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen where the host's own handler does."""
        logging.getLogger().addHandler(self)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        self.lines[record.name][threading.get_ident()] += 1


def _bindings(function: Function) -> list[dict[str, Any]]:
    """Give what the host is told about a function."""
    told: dict[str, Any] = function.get_dict_repr()
    assert told["scriptFile"] == "function_app.py"
    return list(told["bindings"])


def _python(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Start a Python of its own where the app is."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("ROTATION_")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
