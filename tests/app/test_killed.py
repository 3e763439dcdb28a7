"""The process dies, by SIGKILL, at any of its calls over HTTPS: plain runs put everything right."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest

from sandbox.clock import wall
from tests.app import child
from tests.story.plot import PLOTS
from tests.story.test_crash import HEALING_RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.app.child import Work
    from tests.app.process import SetStage

    Tally = Callable[[str, int], None]

DUE = "a token is due"
STORIES = (
    DUE,
    "a token in mode extend is due",
    "an extension meets a wall",
    "a predecessor outlived its grace",
    "an older value was restored",
    "a value was pasted with copied tags",
    "a session was not saved for a day",
)


def judge_kills(
    story: str, numbers: Iterable[int], set_stage: SetStage, work: Work = child.run
) -> int:
    """Let a process die at each of these stops, as far as it comes; count its deaths."""
    killed = 0
    for number in numbers:
        with set_stage(PLOTS[story]) as stage:
            if stage.kill_at(number, work) is None:
                break
            stage.end(HEALING_RUNS)
        killed += 1
    return killed


@pytest.mark.parametrize("remainder", range(2), ids=["before", "after"])
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.proof
def test_a_process_killed_at_any_call_is_healed(
    story: str, remainder: int, set_stage: SetStage, tally: Tally
) -> None:
    """Before and after the effect of each call: the next processes settle it, and lose nothing."""
    killed = judge_kills(story, count(remainder, 2), set_stage)

    assert killed > 8
    tally("processes killed", killed)


def test_a_process_killed_at_some_calls_is_healed(set_stage: SetStage, tally: Tally) -> None:
    """The same for some stops of one story."""
    killed = judge_kills(DUE, count(0, 8), set_stage)

    assert killed == 4
    tally("processes killed", killed)


def test_a_function_killed_at_some_calls_is_healed(set_stage: SetStage, tally: Tally) -> None:
    """The platform ends the host's process in the middle of ``scan``; other runs go on from there.

    The function lives by the machine's clock, so the story does, too.
    """
    killed = judge_kills(DUE, count(5, 9), partial(set_stage, start=wall()), child.scan)

    assert killed > 2
    tally("processes killed", killed)
