"""Orders without a queue: the commands carry them out, on the whole product."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation import cli
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place, plant
from tests.app.test_commands import Said
from tests.app.test_process import DEADLINE_SECONDS, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.world import World

FEED, NEW = f"{VAULT}/feed", f"{VAULT}/new"
DAY = timedelta(days=1)


@pytest.fixture
def rotation(
    sandbox: Sandbox,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Said]:
    """Give the program, by the world's clock; whoever waits turns it."""
    assert sandbox.environment
    monkeypatch.setattr("time.sleep", lambda seconds: clock.advance(timedelta(seconds=seconds)))

    def rotation(*arguments: str) -> Said:
        code = cli.main(arguments, clock=clock)
        return Said(code, *capsys.readouterr())

    return rotation


def outcome(said: Said) -> tuple[int, str]:
    """Give the exit code, and the outcome of the only order."""
    (ordered,) = said.result["orders"]
    return said.code, ordered["outcome"]


def scope_in(world: World, name: str) -> str | None:
    """Give the scope of the token that a secret holds, if it works."""
    token = world.token_in(VAULT, name)
    return token.scope if token and world.authenticate(ORGANIZATION, token.value) else None


def test_a_token_is_rotated_with_another_scope(rotation: Callable[..., Said], world: World) -> None:
    """0: at once, though it is not due; and the scope is the one that was ordered."""
    old = place(world, Placement("feed", age=DAY, scope="vso.code vso.packaging"))

    said = rotation("rotate", FEED, "--scope", "vso.code", "--output", "json")

    assert outcome(said) == (0, "done")
    assert "takes away vso.packaging" in said.err
    assert (scope_in(world, "feed"), world.token_in(VAULT, "feed") != old) == ("vso.code", True)


def test_a_first_token_is_issued(rotation: Callable[..., Said], world: World) -> None:
    """0: for a secret that there was not, with the tags that keep it fresh from then on."""
    said = rotation(
        *("issue", NEW, "--scope", "vso.packaging", "--organization", ORGANIZATION),
        *("--owner", OWNER, "--output", "json"),
    )

    assert outcome(said) == (0, "done")
    assert scope_in(world, "new") == "vso.packaging"
    found = rotation("status", "--output", "json").result["secrets"]
    assert [(s["secret"], s["state"]) for s in found] == [("new", "fresh")]


def test_a_new_secret_needs_an_organization(rotation: Callable[..., Said], world: World) -> None:
    """1: it is refused, and what is missing is named as the command takes it."""
    said = rotation("issue", NEW, "--scope", "vso.packaging")

    assert said.code == 1
    assert f"{NEW} is new: say its --organization" in " ".join(said.err.split())
    assert not world.vault(VAULT).list_secrets()


def test_a_leak_that_must_wait_says_until_when(rotation: Callable[..., Said], world: World) -> None:
    """1: there is no journal to look into; the next run sees to the rest."""
    place(world, Placement("feed", age=timedelta(minutes=5)))

    said = rotation("retire", FEED, "--now")

    assert said.code == 1
    assert f"{FEED} retire --now waiting" in said.words
    assert "rotation events" not in said.words


def test_a_leak_ends_the_old_token(rotation: Callable[..., Said], world: World) -> None:
    """0: it is waited for until the new one may be relied on."""
    old = place(world, Placement("feed", age=DAY))

    said = rotation("retire", FEED, "--now", "--output", "json")

    assert outcome(said) == (0, "done")
    assert not world.authenticate(ORGANIZATION, old.value)
    assert scope_in(world, "feed")


@pytest.mark.parametrize(
    "arguments",
    [
        ("issue", "kv-biuld/new", "--scope", "vso.code"),
        ("adopt", "kv-biuld/feed", "6c3c23c4-4ae0-4a1b-a1d1-5e0b7bbf2d5e"),
        ("rotate", "kv-biuld/feed"),
        ("retire", "kv-biuld/feed", "--altogether", "--yes"),
    ],
)
def test_a_vault_that_nobody_watches_is_a_slip(
    rotation: Callable[..., Said], arguments: tuple[str, ...]
) -> None:
    """1: it is named, and so are those that are watched; nothing is ordered."""
    said = rotation(*arguments)

    assert said.code == 1
    assert "kv-biuld is none of the watched vaults" in said.err
    assert VAULT in said.err


def test_a_secret_is_given_up(rotation: Callable[..., Said], world: World) -> None:
    """0: neither a token nor a management is left."""
    old = place(world, Placement("feed", age=DAY))

    said = rotation("retire", FEED, "--altogether", "--yes", "--output", "json")

    assert outcome(said) == (0, "done")
    assert not world.authenticate(ORGANIZATION, old.value)
    assert rotation("status", "--output", "json").result["secrets"] == []


def test_a_token_made_by_hand_is_adopted(rotation: Callable[..., Said], world: World) -> None:
    """0: it is succeeded by one of which everything is known."""
    placement = Placement("feed", display_name="by hand", is_recorded=False, age=DAY)
    token = place(world, placement)

    said = rotation("adopt", FEED, token.authorization_id, "--output", "json")

    assert outcome(said) == (0, "done")
    assert scope_in(world, "feed") == "vso.code"


def test_what_is_refused_is_told(rotation: Callable[..., Said], world: World) -> None:
    """1: with the reason of the rules."""
    place(world, Placement("feed", age=DAY))
    stray = plant(world, Placement("other"))

    said = rotation("adopt", FEED, stray.authorization_id, "--output", "json")

    assert outcome(said) == (1, "refused")
    assert said.result["orders"][0]["message"]


def test_all_that_expired_are_rotated_together(rotation: Callable[..., Said], world: World) -> None:
    """0: the others stay as they are."""
    fresh = place(world, Placement("feed", age=DAY))
    for name in ("old", "older"):
        place(world, Placement(name, age=31 * DAY))

    said = rotation("rotate", "--all-expired", "--yes", "--output", "json")

    assert said.code == 0
    done = {each["secret"]: each["outcome"] for each in said.result["orders"]}
    assert done == {"old": "done", "older": "done"}
    assert scope_in(world, "old") == scope_in(world, "older") == "vso.code"
    assert world.token_in(VAULT, "feed") == fresh


# --- As a process ---------------------------------------------------------------------------------

AT_DEBUG = """
import logging, sys
from rotation import cli
from rotation.order_desk import LocalDesk

def submit(self, order):
    value = {value!r}
    raise ValueError(value)

LocalDesk.submit = submit
sys.exit(cli.main({arguments!r}))
"""


def start(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Start a process by the machine's clock, with the sandbox's environment; wait for its end."""
    environment = {**os.environ, **sandbox.environment}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )


@pytest.mark.parametrize("columns", ["80", "160"])
def test_a_process_asks_nobody(
    sandbox: Sandbox, world: World, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """1: where nobody is there, nothing is done; its lines fit."""
    monkeypatch.setenv("COLUMNS", columns)
    for number in range(2):
        place(world, Placement(f"feed-{number}", age=DAY))
    before = len(world.registry.tokens)

    done = start(sandbox, "-m", "rotation", "rotate", "--vault", VAULT)

    assert (done.returncode, done.stdout) == (1, "")
    assert "not confirmed; nothing was done" in done.stderr
    assert len(world.registry.tokens) == before
    assert max(map(len, done.stderr.splitlines())) <= int(columns)


@pytest.mark.parametrize("options", [[], ["--debug"]], ids=["plain", "debug"])
def test_a_process_that_meets_a_defect_gives_no_value_away(
    sandbox: Sandbox, world: World, options: list[str]
) -> None:
    """1: one sentence, or the way that it came; its words and its variables hold a token."""
    token = place(world, Placement("feed", age=DAY))
    arguments = [*options, "rotate", FEED, "--output", "json"]

    done = start(sandbox, "-c", AT_DEBUG.format(value=token.value, arguments=arguments))

    assert done.returncode == 1
    assert json.loads(done.stdout)["orders"][0]["outcome"] == "unsent"
    assert "rotation: unexpected ValueError in rotation/cli/dispatch.py:" in done.stderr
    assert "Traceback" not in done.stderr
    assert token.value not in done.stdout + done.stderr
    assert ("in Dispatch.submit" in done.stderr) is bool(options)


FOLLOW = """
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from rotation import cli
from rotation.events import Kind
from tests.app.desk import KeptJournal, event

journal = KeptJournal()
now = datetime(2026, 11, 22, 7, tzinfo=UTC)
for number in range(3_000):
    journal.rows.append(event(Kind.TOKEN_STORED, now).as_dict())

@contextmanager
def open_service(settings, clock):
    yield SimpleNamespace(journal=journal)

arguments = ["events", "--limit", "100000", *sys.argv[1:]]
sys.exit(cli.main(arguments, clock=lambda: now, open_service=open_service))
"""


def test_ctrl_c_is_the_proper_end_of_following(sandbox: Sandbox) -> None:
    """0: without a word."""
    with subprocess.Popen(
        [sys.executable, "-c", FOLLOW, "--follow"],
        cwd=ROOT,
        env={**os.environ, **sandbox.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        for _ in range(3_000):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE_SECONDS)

    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    "arguments", [[], ["--output", "json"], ["--follow"]], ids=["table", "json", "follow"]
)
def test_a_reader_who_has_seen_enough_ends_it(
    sandbox: Sandbox, tmp_path: Path, arguments: list[str]
) -> None:
    """1: ``| head`` stops it, without a stack."""
    heard = tmp_path / "stderr"
    with (
        heard.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", FOLLOW, *arguments],
            cwd=ROOT,
            # unbuffered, Python takes a write that was cut short for a whole one
            env={**os.environ, **sandbox.environment, "PYTHONUNBUFFERED": ""},
            stdout=subprocess.PIPE,
            stderr=stderr,
        ) as process,
    ):
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        code = process.wait(DEADLINE_SECONDS)

    assert code == 1
    assert "Traceback" not in heard.read_text()
