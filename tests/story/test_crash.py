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
    from collections.abc import Callable, Hashable

    from tests.story.stage import Stage

    Tally = Callable[[str, int], None]

MINUTE = timedelta(minutes=1)
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
def test_a_crash_at_any_call_is_healed(plot: Plot, wait: timedelta, tally: Tally) -> None:
    """Whichever call the process dies at, plain runs settle the secret, and no token is lost."""
    for number in count():
        with ExitStack() as opened:
            stage = crash(plot, (number,), opened)
            if stage is None:
                break
            stage.clock.advance(wait)
            stage.end(HEALING_RUNS)
    assert number > 5
    tally("crash points", number)


@pytest.mark.exhaustive
@CASES
def test_a_second_crash_is_healed(plot: Plot, tally: Tally) -> None:
    """The run that should heal a crash dies, too: every pair of crashes.

    First crashes that leave the very same world behind are judged once.
    """
    judged: dict[Hashable, int] = {}
    pairs = 0
    for first in count():
        with ExitStack() as opened:
            stage = crash(plot, (first,), opened)
            if stage is None:
                break
            world = (stage.fingerprint(), stage.clock())
        if world not in judged:
            judged[world] = judge_second(plot, first)
        pairs += judged[world]
    tally("pairs of crashes", pairs)


def judge_second(plot: Plot, first: int) -> int:
    """Judge every crash of the run after a crash, and count them."""
    for second in count():
        with ExitStack() as opened:
            stage = crash(plot, (first, second), opened)
            if stage is None:
                break
            stage.end(HEALING_RUNS)
    return second


NAPS = {"9 minutes": 9 * MINUTE, "11 minutes": 11 * MINUTE, "36 hours": 36 * HOUR}
"""Shorter than a settling may take, longer, and nearly a grace."""


@pytest.mark.exhaustive
@CASES
@pytest.mark.parametrize("nap", NAPS.values(), ids=NAPS.keys())
def test_a_process_that_slept_does_no_harm(plot: Plot, nap: timedelta, tally: Tally) -> None:
    """A process stands still anywhere, while others do its work, and wakes up.

    Even a call that it was about to make is made then: only what it looks at before each call, the
    age of its settling and its lock, keeps it from making more.
    """
    for number in count():
        stage = plot.stage()
        with stage.runner() as sleeper:
            if not sleeper.go_to(number):
                break
            stage.live(nap, every=min(nap, 4 * HOUR))
            sleeper.finish()
            stage.end(HEALING_RUNS)
    tally("naps", number)
