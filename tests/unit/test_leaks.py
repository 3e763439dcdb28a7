"""The search for leaks fails a test that gives a value away, wherever it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]

RECORDING = """
import json
from pathlib import Path

def pytest_runtest_logreport(report):
    if report.failed:
        with Path("failures").open("a") as file:
            print(json.dumps([report.nodeid.partition("::")[2], str(report.longrepr)]), file=file)
"""

LEAKING = '''
import base64
import logging
import subprocess
import sys
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from rotation import settler
from rotation.errors import RejectedError, RotationError
from rotation.events import Event, Kind
from rotation.fleet import Fleet
from rotation.model import SecretName
from rotation.recorder import Recorder
from rotation.session import Session
from rotation.report import Ending, Outcome
from sandbox.clock import ManualClock
from sandbox.content import Properties
from sandbox.mint import Mint
from sandbox.world import World

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
KNOWN = "the-very-secret-value-of-a-token"

@pytest.fixture
def world():
    return World(ManualClock(NOW))

@pytest.fixture
def value(world):
    return world.ground.issue(KNOWN)


# --- Where ---

def test_stdout(value):
    print(value)

def test_stdout_that_is_taken(value, capsys):
    print(value)
    capsys.readouterr()

def test_stderr(value):
    print(value, file=sys.stderr)

def test_stderr_that_is_taken(value, capfdbinary):
    print(value, file=sys.stderr)
    capfdbinary.readouterr()

def test_log(value):
    logging.getLogger("ours").debug("it is %s", value)

def test_log_of_a_logger_that_is_quiet(value):
    logger = logging.getLogger("ours.quiet")
    logger.setLevel(logging.CRITICAL)
    logger.propagate = False
    logger.debug(value)

def test_log_beside_the_message(value):
    logging.getLogger("ours").debug("it", extra={"token": value})

def test_log_of_an_error(value):
    try:
        raise ValueError(value)
    except ValueError:
        logging.getLogger("ours").debug("it", exc_info=True)

def test_event(value):
    Event(Kind.ROTATION_FAILED, NOW, "run", message=value)

def test_outcome(value):
    Outcome(SecretName("kv", "feed"), Ending.FAILED, "failed", value)

def test_session(value):
    Session("ada@contoso.example", is_working=False, message=value)

def test_fleet(value):
    Fleet(NOW, (), (), (value,))

def test_error(value):
    RotationError("failed", hint=value)

def test_reason_of_an_error(value):
    RejectedError("refused", service="", operation="", reason=value)

def test_local_variable(value):
    def settle(held):
        raise RotationError("failed")
    run(lambda: settle(value))

def test_local_variable_of_a_cause(value):
    def parse(held):
        raise ValueError
    def settle():
        try:
            parse(value)
        except ValueError as exc:
            raise RotationError("failed") from exc
    run(settle)

def test_local_variable_of_a_defect(value):
    def settle(held):
        return 1 / 0
    run(lambda: settle(value))

def test_tags_of_a_new_version(world, value):
    world.session_vault.set("feed", "", Properties(tags={"note": value}))

def test_tags_of_an_old_version(world, value):
    world.session_vault.set("feed", "")
    world.session_vault.update("feed", None, Properties(content_type=value))

def test_process(value):
    subprocess.run([sys.executable, "-c", f"print({value!r})"], capture_output=True)

def test_process_that_fails(value):
    script = f"import sys; sys.exit({value!r})"
    subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

def test_terminal(value, search_too):
    search_too("terminal", value)

@pytest.fixture
def prepared(value):
    print(value)

def test_setup(prepared):
    pass

@pytest.fixture
def cleaned(value):
    yield
    print(value)

def test_teardown(cleaned):
    pass

def test_long_output(value, search_too):
    search_too("log", value)
    for _ in range(5):
        search_too("log", "x" * 1_000_000)


# --- How ---

def test_base64(value):
    print(base64.b64encode(value.encode()).decode())

def test_basic(value):
    print("Basic", base64.b64encode(f":{value}".encode()).decode())

def test_url(world):
    print(quote(world.ground.issue("a value & more of it"), safe=""))

def test_json(world):
    print(world.ground.issue('a "value"').replace('"', '\\\\"'))

def test_shape():
    print(Mint(1).token_value())


# --- What is none ---

def test_silence(value):
    pass

def test_another_tests_value():
    print(KNOWN)

def test_words_of_a_defect(value):
    def settle():
        raise ZeroDivisionError(KNOWN)
    run(settle)

def run(work):
    """Do something as a run does it: what is raised is translated."""
    recorder = Recorder(Log(), None, lambda: NOW, "run")
    settler.safely(SecretName("kv", "feed"), recorder, [], work)

class Log:
    def record(self, event):
        pass
'''

FOUND = {
    "stdout": "Captured stdout call (plain)",
    "stdout_that_is_taken": "stdout (plain)",
    "stderr": "Captured stderr call (plain)",
    "stderr_that_is_taken": "stderr (plain)",
    "log": "log of ours (plain)",
    "log_of_a_logger_that_is_quiet": "log of ours.quiet (plain)",
    "log_beside_the_message": "log of ours (plain)",
    "log_of_an_error": "log of ours (plain)",
    "event": "Event (plain)",
    "outcome": "Outcome (plain)",
    "session": "Session (plain)",
    "fleet": "Fleet (plain)",
    "error": "RotationError (plain)",
    "reason_of_an_error": "RejectedError (plain)",
    "local_variable": "RotationError in a run (plain)",
    "local_variable_of_a_cause": "RotationError in a run (plain)",
    "local_variable_of_a_defect": "ZeroDivisionError in a run (plain)",
    "tags_of_a_new_version": "tags (plain)",
    "tags_of_an_old_version": "tags (plain)",
    "process": "stdout of another process (plain)",
    "process_that_fails": "stderr of another process (plain)",
    "terminal": "terminal (plain)",
    "setup": "Captured stdout setup (plain)",
    "teardown": "Captured stdout teardown (plain)",
    "long_output": "log (plain)",
    "base64": "Captured stdout call (base64)",
    "basic": "Captured stdout call (base64)",
    "url": "Captured stdout call (URL-encoded)",
    "json": "Captured stdout call (JSON-escaped)",
    "shape": "Captured stdout call (by its shape)",
}


def test_a_test_that_gives_a_value_away_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly those do, each is told where and how, and none what; all processes are counted."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(RECORDING)
    pytester.makepyfile(LEAKING)

    ran = pytester.runpytest_subprocess(
        "-p", "tests.tally", "-p", "tests.leaks", "--show-capture", "no", "-n", "2"
    )

    lines = (pytester.path / "failures").read_text().splitlines()
    failures = dict(json.loads(line) for line in lines)
    assert failures == {
        f"test_{name}": f"a secret value was given away: {place}" for name, place in FOUND.items()
    }
    ran.stdout.fnmatch_lines(
        f"leaks: {len(FOUND)} in * texts (5,*,* characters), searched for 31 values in 6 forms"
    )
