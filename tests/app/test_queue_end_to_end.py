"""The function app with a queue, on Azurite: scans put on it what workers settle."""

from __future__ import annotations

import base64
import json
import logging
import os
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.functions.timer import TimerRequest

import function_app
from rotation import cli
from sandbox.clock import ManualClock, wall
from sandbox.furniture import ORGANIZATION, VAULT, Placement, place
from sandbox.queue_host import QueueHost, QueueSettings
from tests.app import queue_child
from tests.app.process import Process
from tests.app.storeroom import POISON, Storeroom
from tests.app.test_commands import Said
from tests.storage import DEADLINE_SECONDS, until
from tests.story.plot import Plot
from tests.story.test_crash import HEALING_RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.functions.decorators.function_app import Function

    from sandbox.azurite import Account, Azurite
    from sandbox.world import World
    from tests.app.process import ProcessStage, SetStage
    from tests.story.runner import Stop
    from tests.story.stage import Stage

pytestmark = pytest.mark.usefixtures("fresh_process")

DUE, FRESH = timedelta(days=25), timedelta(days=1)
NAMES = [f"feed-{number}" for number in range(7)]
BAD = ["no base64!", *(base64.b64encode(text).decode() for text in (b"nonsense", b"{}"))]
LOCKED_FOR = timedelta(minutes=5)
"""Longer than the lock of a dead process holds."""


class Installation:
    """The function app in this process, with storage; and the account, seen from outside."""

    def __init__(self, functions: dict[str, Function], room: Storeroom) -> None:
        """Take the functions, and the account that their settings name."""
        self._functions = functions
        self.room = room

    def scan(self) -> None:
        """Let the timer fire."""
        self._functions["scan"].get_user_function()(TimerRequest(past_due=False))

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let the host bring messages while a block runs."""
        spans = {"lease": timedelta(seconds=30), "visibility_timeout": timedelta(0)}
        soon = timedelta(milliseconds=20)
        settings = QueueSettings.read(**spans, polling_interval=soon)
        host, is_over = (
            QueueHost(self._functions["settle"], os.environ, settings),
            threading.Event(),
        )
        thread = threading.Thread(target=host.listen, args=[is_over])
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()

    def work(self) -> None:
        """Let the host bring messages until there is none, not even a hidden one."""
        with self.working():
            until(lambda: not self.room.count())


@pytest.fixture
def clock() -> ManualClock:
    """Give the world's clock, at first as the machine's."""
    return ManualClock(wall())


@pytest.fixture(params=["key", "token"])
def installation(
    request: pytest.FixtureRequest,
    functions: dict[str, Function],
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Installation:
    """Give the function app, whose storage is entered by key, or by the identity's token."""
    request.getfixturevalue("sandbox")
    account: Account = request.getfixturevalue(f"{request.param}_account")
    for name, value in (account.by_key if request.param == "key" else account.by_token).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ROTATION_FAN_OUT", "queue")
    monkeypatch.setattr(function_app, "clock", clock)
    return Installation(functions, Storeroom(account))


@pytest.fixture
def rotation(clock: ManualClock, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Give the program, by the world's clock."""

    def rotation(*arguments: str) -> Said:
        code = cli.main(arguments, clock=clock)
        return Said(code, *capsys.readouterr())

    return rotation


def kinds(said: Said) -> list[str]:
    """Give the kinds of the events on stdout."""
    return [json.loads(line)["event"] for line in said.out.splitlines()]


def settled_once(world: World, name: str) -> bool:
    """Tell whether a secret was renewed once, and all who use it can go on."""
    values = [version.value for version in world.vault(VAULT).versions(name)]
    return len(values) == 2 and all(world.authenticate(ORGANIZATION, value) for value in values)


def test_a_scan_queues_and_a_worker_settles(
    installation: Installation,
    world: World,
    clock: ManualClock,
    rotation: Callable[..., Said],
) -> None:
    """One message for each due secret; then all are fresh, and the journal tells of both."""
    for name in NAMES:
        place(world, Placement(name, age=DUE))
    place(world, Placement("fresh", age=FRESH))
    room = installation.room

    installation.scan()

    assert room.count() == len(NAMES)
    assert not any(settled_once(world, name) for name in NAMES)
    assert not world.leaks_in(room.everything())

    clock.advance(timedelta(minutes=1))
    installation.work()

    assert all(settled_once(world, name) for name in NAMES)
    assert len(world.vault(VAULT).versions("fresh")) == 1
    assert room.count(POISON) == 0
    assert room.rows("RotationQueued") == room.rows("RotationLocks") == []
    told = kinds(rotation("events", "--output", "json"))
    assert told.count("TokenStored") == len(NAMES)
    assert (told[-1], told.count("ScanCompleted")) == ("ScanStarted", 1)
    assert len({row["run_id"] for row in room.rows("RotationEvents")}) == len(NAMES) + 1
    assert not world.leaks_in(room.everything())


def test_what_waits_is_not_queued_again(installation: Installation, world: World) -> None:
    """A second scan directly after the first, and one when all is done, put nothing there."""
    for name in NAMES:
        place(world, Placement(name, age=DUE))

    installation.scan()
    installation.scan()

    assert installation.room.count() == len(NAMES)
    installation.work()
    installation.scan()
    assert installation.room.count() == 0
    assert all(settled_once(world, name) for name in NAMES)


def test_only_what_makes_no_sense_is_given_up(
    installation: Installation, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no base64 at once, what is no order after a few tries; the others are done."""
    caplog.set_level(logging.CRITICAL, "sandbox.functions")  # the stacks of the failures
    for name in NAMES[:2]:
        place(world, Placement(name, age=DUE))
    installation.scan()
    with installation.room.queue() as queue:
        for text in BAD:
            queue.send_message(text)

    installation.work()

    assert sorted(installation.room.messages(POISON)) == sorted(BAD)
    assert all(settled_once(world, name) for name in NAMES[:2])


def test_a_scan_whose_storage_is_away_settles_by_itself(
    installation: Installation,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The run succeeds, and says what it did: in the log, since there is no journal either."""
    away = {"AccountName": "gone", "AccountKey": base64.b64encode(b"a key").decode()}
    for service in ("Table", "Queue"):
        monkeypatch.delenv(f"ROTATION_STORAGE__{service.lower()}ServiceUri", raising=False)
        away[f"{service}Endpoint"] = "http://127.0.0.1:1/gone"
    string = ";".join(f"{name}={value}" for name, value in away.items())
    monkeypatch.setenv("ROTATION_STORAGE", string)
    for name in NAMES:
        place(world, Placement(name, age=DUE))

    installation.scan()

    assert all(settled_once(world, name) for name in NAMES)
    events = [json.loads(r.getMessage()) for r in caplog.records if r.name == "rotation.events"]
    reasons = {event.get("reason") for event in events if event["event"] == "RotationFailed"}
    assert reasons == {"not-queued", "journal-gap"}


def test_what_was_not_done_now_is_found_by_the_next_scan(
    installation: Installation, world: World, clock: ManualClock
) -> None:
    """A worker that fails at it is done with its message: no outage fills the poison queue."""
    place(world, Placement("feed", age=DUE))
    installation.scan()
    world.vault(VAULT).permissions.discard("set")
    installation.work()
    assert (installation.room.count(POISON), len(world.vault(VAULT).versions("feed"))) == (0, 1)
    world.vault(VAULT).permissions.add("set")
    clock.advance(timedelta(days=2))

    installation.scan()
    installation.work()

    assert len(world.vault(VAULT).versions("feed")) == 2


# --- As processes ---------------------------------------------------------------------------------


def many_renewals(stage: Stage) -> None:
    """Many tokens are due."""
    for name in NAMES:
        place(stage.world, Placement(name, age=DUE))


def kill_both(stage: ProcessStage, number: int) -> None:
    """Start two workers, and kill both when they stand for the ``number``-th time."""
    workers = [Process(stage, queue_child.work) for _ in range(2)]
    guard, left, is_over = threading.Lock(), iter(range(number)), threading.Event()

    def stand(_: Stop) -> None:
        with guard:
            if next(left, None) is None and not is_over.is_set():
                for worker in workers:
                    worker.kill()
                is_over.set()

    with stage.standing(stand):
        for worker in workers:
            worker.start()
        assert is_over.wait(DEADLINE_SECONDS)
        for worker in workers:
            worker.finish()


def test_workers_that_are_killed_lose_nothing(set_stage: SetStage, http_azurite: Azurite) -> None:
    """Two processes at a time, killed twice: the next ones settle all, each secret once."""
    room = Storeroom(http_azurite.account())
    with set_stage(Plot(many_renewals)) as stage:
        stage.environment |= room.account.by_key | {"ROTATION_FAN_OUT": "queue"}
        assert stage.start(queue_child.scan).finish().code == 0
        assert room.count() == len(NAMES)
        for number in (9, 30):
            kill_both(stage, number)
            stage.clock.advance(LOCKED_FOR)
            stage.check_at_any_moment()
        last = [stage.start(queue_child.drain) for _ in range(2)]
        assert [process.finish().code for process in last] == [0, 0]

        assert all(len(stage.world.vault(VAULT).versions(name)) == 2 for name in NAMES)
        assert room.count(POISON) == 0
        rows: list[dict[str, Any]] = [dict(row) for row in room.rows("RotationEvents")]
        stored = {row["secret"] for row in rows if row["event"] == "TokenStored"}
        assert stored <= {*NAMES}
        assert {"ScanStarted", "ScanCompleted"} <= {row["event"] for row in rows}
        assert not stage.world.leaks_in(room.everything())
        stage.run_until_quiet(HEALING_RUNS)
