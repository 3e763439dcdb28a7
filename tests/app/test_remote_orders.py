"""Orders over Azurite: an operator's commands here, a worker as a process of its own there."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation import cli
from sandbox.clock import wall
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place, plant
from tests.app import queue_child
from tests.app.storeroom import POISON, QUEUE, Storeroom
from tests.app.test_commands import Said
from tests.app.test_process import ROOT
from tests.storage import DEADLINE_SECONDS, until
from tests.story.plot import Plot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

    from sandbox.azurite import Account
    from tests.app.process import Process, ProcessStage, SetStage
    from tests.story.stage import Stage

COLUMNS = 80
FEED, NEW = f"{VAULT}/feed", f"{VAULT}/new"
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
TABLES = {"RotationEvents", "RotationTimeline", "RotationLocks", "RotationQueued"}


def furnish(stage: Stage) -> None:
    """One secret for each thing that can be ordered, and one of which nothing can."""
    for placement in (
        Placement("feed", age=DAY, scope="vso.code vso.packaging"),
        Placement("old", age=31 * DAY),
        Placement("pasted", age=DAY, display_name="by hand", is_recorded=False),
        Placement("mistagged", age=DAY, tags={"pat-lifetime-days": "a month"}),
    ):
        place(stage.world, placement)


@dataclass(frozen=True)
class Operations:
    """A world, an account, and who works there."""

    stage: ProcessStage
    room: Storeroom
    rotation: Callable[..., Said]
    """The program, in this process."""

    def start(self) -> Process:
        """Start a worker that works until it is killed."""
        return self.stage.start(queue_child.work)

    def works(self, name: str, scope: str = "vso.code") -> bool:
        """Tell whether a secret holds a token that works, with this scope."""
        token = self.stage.world.token_in(VAULT, name)
        can = bool(token and self.stage.world.authenticate(ORGANIZATION, token.value))
        return can and token is not None and token.scope == scope

    def versions(self, name: str) -> int:
        """Count the versions of a secret."""
        return len(self.stage.world.vault(VAULT).versions(name))


@pytest.fixture
def operations(
    set_stage: SetStage,
    key_account: Account,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Operations]:
    """Give a furnished world, an empty account, and the program on a small terminal."""
    with set_stage(Plot(furnish)) as stage:
        stage.environment |= key_account.by_key
        for name, value in (stage.environment | {"COLUMNS": str(COLUMNS)}).items():
            monkeypatch.setenv(name, value)
        pause = threading.Event()
        left = iter(range(DEADLINE_SECONDS * 20))

        def sleep(_: float) -> None:
            assert next(left, None) is not None, "it waits for ever"
            pause.wait(0.05)

        monkeypatch.setattr("time.sleep", sleep)

        def rotation(*arguments: str) -> Said:
            stage.clock.advance(SECOND)  # orders are told from each other by their second
            code = cli.main(arguments, clock=stage.clock)
            return Said(code, *capsys.readouterr())

        yield Operations(stage, Storeroom(key_account), rotation)


@pytest.fixture
def worker(operations: Operations) -> Iterator[Process]:
    """Give a worker; all that it says is searched for values at its end."""
    process = operations.start()
    yield process
    process.kill()
    process.finish()


def fits(said: Said) -> bool:
    """Tell whether a table fits the terminal; what is to be pasted may be longer."""
    lines = [line for line in said.out.splitlines() if "rotation events" not in line]
    return max(map(len, lines), default=0) <= COLUMNS


# --- What is carried out --------------------------------------------------------------------------


@pytest.mark.usefixtures("worker")
def test_a_token_is_rotated_and_the_end_is_told(operations: Operations) -> None:
    """0: by the worker, and what it did is in the journal, with who asked."""
    said = operations.rotation("rotate", FEED, "--wait")

    assert said.code == 0
    assert f"{FEED} rotate done rotate took effect: renew" in said.words
    assert fits(said)
    assert (operations.works("feed", "vso.code vso.packaging"), operations.versions("feed")) == (
        True,
        2,
    )
    told = operations.rotation("events", "--secret", FEED, "--output", "json")
    rows = [json.loads(line) for line in told.out.splitlines()]
    assert [row["event"] for row in rows] == [
        "OrderDone",
        "TokenStored",
        "TokenCreated",
        "OrderReceived",
    ]
    client_id = operations.stage.world.tenant.identity.client_id
    assert {row["requested_by"] for row in rows if "order" in row} == {client_id}
    assert not operations.stage.world.leaks_in(operations.room.everything())


@pytest.mark.usefixtures("worker")
def test_a_new_secret_gets_its_first_token(operations: Operations) -> None:
    """0: and is kept fresh from then on."""
    said = operations.rotation(
        *("issue", NEW, "--scope", "vso.packaging", "--organization", ORGANIZATION),
        *("--owner", OWNER, "--wait"),
    )

    assert said.code == 0
    assert f"{NEW} issue done" in said.words
    assert operations.works("new", "vso.packaging")


@pytest.mark.usefixtures("worker")
def test_a_token_made_by_hand_is_adopted(operations: Operations) -> None:
    """0: the one that the secret holds; another one is refused with its sentence, 1."""
    token = operations.stage.world.token_in(VAULT, "pasted")
    assert token
    stray = plant(operations.stage.world, Placement("other"))

    refused = operations.rotation("adopt", f"{VAULT}/pasted", stray.authorization_id, "--wait")
    said = operations.rotation("adopt", f"{VAULT}/pasted", token.authorization_id, "--wait")

    assert refused.code == 1
    assert "is bound to another secret, kv-build/other" in refused.words
    assert fits(refused)
    assert said.code == 0
    assert (operations.works("pasted"), operations.versions("pasted")) == (True, 2)


@pytest.mark.usefixtures("worker")
def test_a_secret_is_given_up(operations: Operations) -> None:
    """0: neither a token nor its management is left; a second time there is nothing to do."""
    token = operations.stage.world.token_in(VAULT, "feed")
    assert token

    said = operations.rotation("retire", FEED, "--altogether", "--yes", "--wait")
    again = operations.rotation("retire", FEED, "--altogether", "--yes", "--wait")

    assert (said.code, again.code) == (0, 0)
    assert "retire --altogether done" in said.words
    assert "it is disabled, and not managed any more" in again.words
    assert not operations.stage.world.authenticate(ORGANIZATION, token.value)
    newest = operations.stage.world.vault(VAULT).newest("feed")
    assert not newest.enabled
    assert "pat-rotation" not in newest.tags


@pytest.mark.usefixtures("worker")
def test_what_is_refused_says_why(operations: Operations) -> None:
    """1: with the sentence of the rules."""
    mistagged = operations.rotation("rotate", f"{VAULT}/mistagged", "--wait")
    wider = operations.rotation(
        *("rotate", f"{VAULT}/old", "--scope", "vso.code vso.build", "--yes", "--wait")
    )

    assert (mistagged.code, wider.code) == (1, 1)
    assert "refused tag pat-lifetime-days is 'a month'" in mistagged.words
    assert "the scope would be wider" in wider.err + wider.out
    assert operations.versions("mistagged") == operations.versions("old") == 1


def test_a_vault_that_is_not_watched_is_told(operations: Operations) -> None:
    """1: in a sentence with what helps, and nothing is ordered."""
    for arguments in (("rotate", "kv-other/feed"), ("issue", "kv-other/x", "--scope", "vso.code")):
        said = operations.rotation(*arguments)

        assert (said.code, said.out) == (1, "")
        assert said.err == (
            "rotation: kv-other is none of the watched vaults\n"
            "hint: ROTATION_VAULTS names kv-build\n"
        )
    assert operations.room.count() == 0


@pytest.mark.usefixtures("worker")
def test_all_of_a_vault_are_rotated_together(operations: Operations) -> None:
    """0: those that can be; the plan is shown before, and what is left out."""
    said = operations.rotation("rotate", "--vault", VAULT, "--yes", "--wait", "--output", "json")

    assert said.code == 1  # of a value that was pasted nobody can tell which token it is
    done = {each["secret"]: each["outcome"] for each in said.result["orders"]}
    assert done == {"feed": "done", "old": "done", "pasted": "refused"}
    assert "left out: its tags are wrong" in said.err
    assert (operations.versions("feed"), operations.versions("old")) == (2, 2)


def test_an_order_that_nobody_carries_out_is_waited_for_and_told(
    operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1: with where to look later; it is still there for a worker."""
    clock = operations.stage.clock
    monkeypatch.setattr("time.sleep", lambda seconds: clock.advance(timedelta(seconds=seconds)))

    said = operations.rotation("rotate", FEED, "--wait", "--timeout", "1")

    assert said.code == 1
    assert "waiting it has not ended within 1 minute " in f"{said.words} "
    assert said.out.endswith(f"What becomes of it: rotation events --secret {FEED}\n")
    assert operations.room.count() == 1


def test_a_leak_is_followed_to_its_end(
    operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0: a new token first; the old one ends once an hour has shown that nobody else stored it.

    The queue keeps time by the machine, so the message is put there by hand for the second time.
    """
    stage, room = operations.stage, operations.room
    old = stage.world.token_in(VAULT, "feed")
    assert old
    texts: list[str] = []
    workers: list[Process] = []

    def sleep(_: float) -> None:
        if not texts:
            texts.extend(room.messages())
            workers.append(operations.start())
        elif len(workers) == 1 and operations.versions("feed") == 2 and not room.messages():
            until(lambda: not room.rows("RotationLocks"))
            workers[0].kill()
            stage.clock.advance(2 * HOUR)
            workers.append(operations.start())
            room.put(base64.b64decode(texts[0]).decode())
        threading.Event().wait(0.05)

    monkeypatch.setattr("time.sleep", sleep)
    said = operations.rotation("retire", FEED, "--now", "--wait", "--timeout", "600")

    for worker in workers:
        worker.kill()
        worker.finish()
    assert said.code == 0
    assert "retire --now done" in said.words
    assert not stage.world.authenticate(ORGANIZATION, old.value)
    assert (operations.works("feed", "vso.code vso.packaging"), operations.versions("feed")) == (
        True,
        2,
    )
    assert room.count(POISON) == 0


# --- What is looked at ----------------------------------------------------------------------------


@pytest.mark.usefixtures("worker")
def test_the_journal_is_shown(operations: Operations) -> None:
    """0: of one secret, without its name, below its life; of all by their kind; and all fits."""
    operations.rotation("rotate", FEED, f"{VAULT}/old", "--yes", "--wait")

    of_one = operations.rotation("events", "--secret", FEED)
    stored = operations.rotation("events", "--since", "1d", "--kind", "TokenStored")

    assert (of_one.code, stored.code) == (0, 0)
    assert ["Time", "(UTC)", "Event", "What"] in [line.split() for line in of_one.out.splitlines()]
    assert FEED not in of_one.out
    assert stored.words.count("TokenStored") == 2
    assert FEED in stored.words
    assert f"{VAULT}/old" in stored.words
    assert fits(of_one)
    assert fits(stored)


HASTE = """
import sys, time
from datetime import timedelta
from sandbox.launch import launch

pause = time.sleep
time.sleep = lambda seconds: pause(seconds / 50)
sys.exit(launch(sys.argv[2:], timedelta(seconds=float(sys.argv[1]))))
"""


def test_the_journal_is_followed_until_ctrl_c(operations: Operations) -> None:
    """0: what is there, and then what happens, as it happens."""
    operations.rotation("run")
    offset = str((operations.stage.clock() - wall()).total_seconds())
    with subprocess.Popen(
        [sys.executable, "-c", HASTE, offset, "events", "--follow", "--output", "json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        seen = [event_in(process.stdout)]
        operations.rotation("run")
        while seen.count("ScanCompleted") < 2:
            seen.append(event_in(process.stdout))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)

    assert seen[0] == "ScanStarted"
    assert seen.count("ScanStarted") == seen.count("ScanCompleted") == 2
    assert (process.returncode, out, err) == (0, "", "")


def event_in(stream: IO[str]) -> str:
    """Give the kind of the next event."""
    return str(json.loads(stream.readline())["event"])


def test_without_storage_there_is_no_journal_and_orders_are_carried_out_here(
    operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2, with what is missing; 0, without any worker."""
    monkeypatch.delenv("ROTATION_STORAGE")

    events = operations.rotation("events")
    said = operations.rotation("rotate", FEED, "--wait")

    assert (events.code, events.out) == (2, "")
    assert events.err.startswith("rotation: ROTATION_STORAGE is missing\nhint: ")
    assert said.code == 0
    assert operations.versions("feed") == 2


def test_the_doctor_makes_what_is_missing(operations: Operations) -> None:
    """First said, then made, then there; and the doctor is content with the storage."""
    sick = operations.rotation("doctor")
    assert "warning missing: storage: there is no table RotationEvents" in sick.words
    assert f"no queue {QUEUE}" in sick.words

    made = operations.rotation("doctor", "--fix")

    assert "fine made: storage: made: RotationEvents" in made.words
    assert operations.room.tables() == TABLES
    assert "fine complete: storage" in operations.rotation("doctor").words


def test_a_storage_that_is_away_is_told_and_hides_no_state(
    operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is in the vaults; whatever needs the storage says so, and ends with 1."""
    account = operations.room.account
    port = account.queue_url.split(":")[2].split("/")[0]
    away = account.connection_string
    for url in (account.table_url, account.queue_url):
        away = away.replace(url, f"http://127.0.0.1:1/{account.name}")
    assert port not in away
    monkeypatch.setenv("ROTATION_STORAGE", away)
    monkeypatch.setattr("time.sleep", lambda _: None)

    status = operations.rotation("status")
    events = operations.rotation("events")
    order = operations.rotation("rotate", FEED)
    doctor = operations.rotation("doctor")

    assert f"{FEED} fresh" in status.words
    assert status.err == ""
    assert (events.code, events.out) == (1, "")
    assert events.err.startswith("rotation: cannot read the table RotationTimeline: ")
    assert order.code == 1
    assert f"{FEED} rotate failed cannot write to the queue {QUEUE}: " in order.words
    assert "error unavailable: storage: cannot read the table RotationEvents" in doctor.words
    assert operations.versions("feed") == 1
