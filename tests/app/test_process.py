"""``python -m rotation`` as a process of its own, by the machine's clock."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import rotation
from sandbox.clock import ShiftedClock
from sandbox.fault import Answer, Delay, Fault
from sandbox.furniture import ORGANIZATION, VAULT, Placement, place
from tests.search import Search

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import Clock
    from sandbox.fault import Call
    from sandbox.https import Sandbox
    from sandbox.world import World

ROOT = Path(rotation.__file__).parent.parent
PROGRAM = (sys.executable, "-m", "rotation")
DUE, FRESH = timedelta(days=25), timedelta(days=1)
DEADLINE_SECONDS = 60
ACCESS = "an-access-token-in-an-answer-that-was-cut"


@pytest.fixture
def clock() -> Clock:
    """Give the machine's clock: a process lives by it, and no setting moves it."""
    return ShiftedClock()


def test_a_process_renews_what_is_due(sandbox: Sandbox, world: World) -> None:
    """The result is on stdout, the events are on stderr, and the vault holds a newer token."""
    old = place(world, Placement("feed", age=DUE))

    done = _run(sandbox, "run", "--output", "json")

    new = world.token_in(VAULT, "feed")
    assert new
    assert new != old
    assert world.authenticate(ORGANIZATION, new.value)
    assert done.returncode == 0
    assert json.loads(done.stdout)["secrets"][0]["actions"] == ["renew"]
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [event["event"] for event in events][1:-1] == ["TokenCreated", "TokenStored"]


AT_DEBUG = """
import logging, sys
from rotation import cli, redaction

redaction.install()
logging.basicConfig(level=logging.DEBUG)
for library in redaction.LIBRARIES:
    logging.getLogger(library).setLevel(logging.DEBUG)
sys.exit(cli.main(["run"]))
"""
CUT = f'{{"access_token": "{ACCESS}", "expires_in": 3600, "token_type": "Bearer"'


@pytest.mark.parametrize("cut", ["nothing", "redeem", "identity_token"])
def test_a_process_at_debug_gives_no_value_away(sandbox: Sandbox, world: World, cut: str) -> None:
    """I4: an administrator turns everything on, and some answers cannot even be parsed.

    Without the redaction, msal and azure-identity print such an answer with its access token.
    """
    world.ground.issue(ACCESS)
    place(world, Placement("feed", age=DUE))
    world.faults.add(Fault(Answer(200, CUT), operation=cut, times=None))

    done = _start("-c", AT_DEBUG, environment=_environment(sandbox))

    assert done.returncode == (cut != "nothing")
    assert "DEBUG:urllib3.connectionpool:(a message of" in done.stderr
    assert not Search(world.issued).forms_in(done.stdout + done.stderr)


def test_a_process_without_settings_ends_with_2(sandbox: Sandbox, world: World) -> None:
    """Every fault is named, and nothing is touched."""
    done = _run(sandbox, "run", ROTATION_VAULTS="", ROTATION_OWNERS="ada")

    assert (done.returncode, done.stdout) == (2, "")
    assert "ROTATION_VAULTS is missing" in done.stderr
    assert "ROTATION_OWNERS is 'ada'" in done.stderr
    assert not world.calls


def test_a_process_says_on_a_terminal_what_it_says_in_a_pipe(
    sandbox: Sandbox, world: World, search_too: Callable[[str, str], None]
) -> None:
    """With colour, where a person watches."""
    place(world, Placement("feed", age=FRESH))
    shown = _on_a_terminal(sandbox, TERM="xterm", COLUMNS="120")
    search_too("terminal", shown)

    assert f"{VAULT}/feed" in shown
    assert "\x1b[" in shown


@pytest.mark.parametrize("plain", [{"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}])
def test_a_terminal_without_colour_has_the_same_bars(
    sandbox: Sandbox,
    world: World,
    search_too: Callable[[str, str], None],
    plain: dict[str, str],
) -> None:
    """In whatever width it has, and in characters that its encoding has."""
    place(world, Placement("feed", age=DUE))

    shown = _on_a_terminal(sandbox, COLUMNS="44", PYTHONIOENCODING="ascii", **plain)
    search_too("terminal", shown)

    assert shown.isascii()
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", shown)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert "~~|" in bare
    assert max(map(len, bare.splitlines())) <= 44


def _on_a_terminal(sandbox: Sandbox, **environment: str) -> str:
    """Ask for the status on a terminal, and give what it shows."""
    controller, terminal = pty.openpty()
    with os.fdopen(controller, "rb", buffering=0) as screen:
        with os.fdopen(terminal, "wb") as stdout:
            done = subprocess.run(
                [*PROGRAM, "status"],
                cwd=ROOT,
                env=_environment(sandbox, **environment),
                stdout=stdout,
                stderr=subprocess.PIPE,
                check=False,
                timeout=DEADLINE_SECONDS,
            )
        shown = screen.read(65536).decode()
    assert (done.returncode, done.stderr) == (0, b"")
    return shown


def test_an_interrupted_process_says_so_and_leaves_nothing_half_done(
    sandbox: Sandbox, world: World
) -> None:
    """Ctrl-C in the middle: one sentence, no traceback, and the next run goes on."""
    place(world, Placement("feed", age=DUE))
    started = threading.Event()
    world.faults.add(Fault(Delay(timedelta(seconds=0.3)), operation="list_pats"))
    with subprocess.Popen(
        [*PROGRAM, "run"],
        cwd=ROOT,
        env=_environment(sandbox),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:

        def interrupt(call: Call) -> None:
            if call.operation == "list_pats":
                started.wait(DEADLINE_SECONDS)
                process.send_signal(signal.SIGINT)

        world.before_call = interrupt
        started.set()
        out, err = process.communicate(timeout=DEADLINE_SECONDS)

    assert (process.returncode, out) == (1, "")
    assert "interrupted" in err
    assert "Traceback" not in err
    world.before_call = lambda _: None
    assert _run(sandbox, "run").returncode == 0


def _run(sandbox: Sandbox, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return _start("-m", "rotation", *arguments, environment=_environment(sandbox, **environment))


def _start(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )


def _environment(sandbox: Sandbox, **more: str) -> dict[str, str]:
    """Give this machine's environment with the sandbox's."""
    return {**os.environ, **sandbox.environment, **more}


def test_a_result_that_cannot_be_written_is_one_sentence(sandbox: Sandbox, world: World) -> None:
    """The disk is full: what the command was to do is done, and that is said, without a stack."""
    old = place(world, Placement("feed", age=DUE))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "run"],
            cwd=ROOT,
            env=_environment(sandbox),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=DEADLINE_SECONDS,
        )

    assert done.returncode == 1
    assert world.token_in(VAULT, "feed") != old
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert said[0].startswith("rotation: the result cannot be written: ")
    assert said[1] == "hint: what the command was to do, is done"


def test_a_misspelt_setting_is_remarked_on_beside_the_one_that_is_missing(
    sandbox: Sandbox, world: World
) -> None:
    """Both sentences together tell what happened."""
    done = _run(sandbox, "status", ROTATION_OWNERS="", ROTATION_OWNER="ada@contoso.example")

    assert done.returncode == 2
    assert "ROTATION_OWNER is not a setting of this version" in done.stderr
    assert "ROTATION_OWNERS is missing" in done.stderr
    assert not world.calls
