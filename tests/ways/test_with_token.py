"""The token of a pipeline's job, in a file for as long as a command runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotation.adapters.workload_identity import FILE
from sandbox.clock import ShiftedClock
from sandbox.world import World
from tests.ways.image import CONTAINER, ROOT
from tests.ways.jobs import Jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOW = f"import os, stat; s = os.stat(os.environ[{FILE!r}]); print(stat.filemode(s.st_mode))"
WHERE = f"import os; print(os.environ[{FILE!r}])"
UNTIL_NEWER = f"""
import os, pathlib
file = pathlib.Path(os.environ[{FILE!r}])
first = file.read_text()
while file.read_text() == first: pass
print(first.count("."), file.read_text().count("."))
"""


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    """Give where jobs get their tokens."""
    with Jobs(World(ShiftedClock()).tenant) as jobs:
        yield jobs


def start(
    environment: dict[str, str], *arguments: str, code: str = WHERE
) -> subprocess.CompletedProcess[str]:
    """Run a line of Python with the token of a job."""
    words = [*arguments, sys.executable, "-c", code]
    return subprocess.run(
        [sys.executable, "ways/with_token.py", *words],
        cwd=ROOT,
        env={**CONTAINER, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("kind", ["github", "pipelines"])
def test_the_file_is_there_as_long_as_the_command(jobs: Jobs, kind: str) -> None:
    """And nowhere afterwards."""
    pipelines = {**jobs.of_pipelines, "SYSTEM_ACCESSTOKEN": jobs.key}

    ended = start(jobs.of_github if kind == "github" else pipelines)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert not Path(ended.stdout.strip()).exists()
    assert jobs.given == 1


def test_only_its_user_can_read_it(jobs: Jobs) -> None:
    """The folder lets nobody else in."""
    code = SHOW.replace("os.environ[", "os.path.dirname(os.environ[", 1).replace("])", "]))", 1)

    ended = start(jobs.of_github, code=code)

    assert ended.stdout.strip() == "drwx------"


def test_the_commands_exit_code_is_the_jobs(jobs: Jobs) -> None:
    """A run in which something failed is a failed job."""
    assert start(jobs.of_github, code="raise SystemExit(7)").returncode == 7


def test_the_token_is_renewed_while_the_command_goes_on(jobs: Jobs) -> None:
    """The job's token lives a few minutes, a run may take longer."""
    ended = start(jobs.of_github, "--every", "0.05", code=UNTIL_NEWER)

    assert (ended.returncode, ended.stdout) == (0, "2 2\n")
    assert jobs.given >= 2


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "id-token: write"),
        ({"SYSTEM_OIDCREQUESTURI": "https://dev.azure.example/oidc"}, "AzureCLI@2"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "http://example.com/?v=1"}, "by https only"),
        ({"ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:9/?v=1"}, "no token from 127.0.0.1:9"),
    ],
)
def test_without_a_token_nothing_is_started(environment: dict[str, str], said: str) -> None:
    """What is missing is said."""
    ended = start(environment, code="print('started')")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr


@pytest.mark.parametrize("kind", ["github", "pipelines"])
def test_what_a_job_asks_with_is_shown_to_nobody_else(jobs: Jobs, kind: str) -> None:
    """An answer that points elsewhere is no answer: nobody goes there."""
    jobs.is_moved = True
    pipelines = {**jobs.of_pipelines, "SYSTEM_ACCESSTOKEN": jobs.key}

    ended = start(jobs.of_github if kind == "github" else pipelines)

    assert not jobs.strangers
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "HTTPError" in ended.stderr


def test_a_job_that_may_not_ask_is_told_so(jobs: Jobs) -> None:
    """The answer's words are not repeated."""
    ended = start({**jobs.of_github, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "wrong"})

    assert ended.returncode == 2
    assert "HTTPError" in ended.stderr
    assert "who are you" not in ended.stderr
