"""Ctrl-C and SIGTERM in the middle of a command: said in a sentence, and healed by the next run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from signal import Signals
from typing import TYPE_CHECKING

import pytest

from sandbox.clock import wall
from sandbox.furniture import Placement, place
from sandbox.registry import Deed
from tests.app.process import DEADLINE_SECONDS
from tests.story.plot import DUE, PLOTS, Plot
from tests.story.test_crash import HEALING_RUNS

if TYPE_CHECKING:
    from tests.app.process import ProcessStage, SetStage
    from tests.story.runner import Stop
    from tests.story.stage import Stage

STOPS = (
    "before redeem",
    "after update_secret",
    "before create_pat",
    "after create_pat",
    "after set_secret",
)
MANY = 12


def interrupt(stage: ProcessStage, where: str, number: Signals) -> subprocess.CompletedProcess[str]:
    """Run the program, send it a signal where it first stands there, and wait for its end."""
    offset = str((stage.clock() - wall()).total_seconds())
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox", "rotation", "--offset", offset, "run"],
        env=os.environ | stage.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        signals = iter([number])

        def stand(stop: Stop) -> None:
            if str(stop).startswith(where):
                for each in signals:
                    process.send_signal(each)

        with stage.standing(stand):
            out, err = process.communicate(timeout=DEADLINE_SECONDS)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.parametrize("where", STOPS)
def test_an_interrupted_process_says_so(where: str, set_stage: SetStage) -> None:
    """Ctrl-C: the exit code of what needs a person, a sentence, no stack, and nothing to mend."""
    with set_stage(PLOTS["a token is due"]) as stage:
        done = interrupt(stage, where, signal.SIGINT)

        assert (done.returncode, done.stdout) == (1, "")
        assert "rotation: interrupted; " in done.stderr
        assert "Traceback" not in done.stderr
        stage.end(HEALING_RUNS)


@pytest.mark.parametrize("where", STOPS)
def test_a_terminated_process_ends_at_once(where: str, set_stage: SetStage) -> None:
    """SIGTERM: it dies of it where it stands, without a word, and the next run goes on."""
    with set_stage(PLOTS["a token is due"]) as stage:
        done = interrupt(stage, where, signal.SIGTERM)

        assert (done.returncode, done.stdout) == (-signal.SIGTERM, "")
        assert "Traceback" not in done.stderr
        stage.end(HEALING_RUNS)


def many_renewals(stage: Stage) -> None:
    """Many tokens are due."""
    for number in range(MANY):
        place(stage.world, Placement(f"feed-{number}", age=DUE))


def test_an_interrupted_process_begins_nothing_more(set_stage: SetStage) -> None:
    """Ctrl-C: what was begun is finished, and the other secrets are left to the next run."""
    with set_stage(Plot(many_renewals)) as stage:
        stage.environment["ROTATION_CONCURRENCY"] = "1"

        done = interrupt(stage, "before create_pat", signal.SIGINT)

        assert "rotation: interrupted; " in done.stderr
        made = [entry for entry in stage.world.registry.audit if entry.deed is Deed.CREATE]
        assert len(made) < MANY
        stage.end(HEALING_RUNS)
