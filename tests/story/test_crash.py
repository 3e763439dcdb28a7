"""A run may die at any of its calls, and the run after it too: plain runs put everything right."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from tests.story.plot import PLOTS, Plot
from tests.story.stage import HOUR

if TYPE_CHECKING:
    from tests.story.stage import Stage

HEALING_RUNS = 2
"""Plain runs after one crash or two that may still change something; the next changes nothing."""
CASES = pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS.keys())


def crash(plot: Plot, numbers: tuple[int, ...], opened: ExitStack) -> Stage | None:
    """Let one run after the other die where it stands for the n-th time.

    A process stands before each remote call, and again after its effect, before its answer.

    Returns:
        The stage; None if a run came to its end before.
    """
    stage = plot.stage()
    for number in numbers:
        if not opened.enter_context(stage.runner()).go_to(number):
            return None
        stage.check_at_any_moment()
    return stage


@CASES
@pytest.mark.parametrize("wait", [timedelta(0), HOUR], ids=["at once", "an hour later"])
def test_a_crash_at_any_call_is_healed(plot: Plot, wait: timedelta) -> None:
    """Whichever call the process dies at, plain runs settle the secret, and no token is lost."""
    for number in count():
        with ExitStack() as opened:
            stage = crash(plot, (number,), opened)
            if stage is None:
                break
            stage.clock.advance(wait)
            stage.end(HEALING_RUNS)


@CASES
def test_a_second_crash_is_healed(plot: Plot) -> None:
    """The run that should heal a crash dies, too: every pair of crashes.

    First crashes that leave the very same world behind are judged once.
    """
    seen = set()
    for first in count():
        with ExitStack() as opened:
            stage = crash(plot, (first,), opened)
            if stage is None:
                break
            world = stage.fingerprint()
        if world not in seen:
            seen.add(world)
            pair(plot, first)


def pair(plot: Plot, first: int) -> None:
    """Judge all crashes of the run after a crash."""
    for second in count():
        with ExitStack() as opened:
            stage = crash(plot, (first, second), opened)
            if stage is None:
                return
            stage.end(HEALING_RUNS)
