"""A run may die at any of its calls: the runs after it put everything right."""

from __future__ import annotations

import pytest

from tests.story.plot import PLOTS, SECRET, Plot
from tests.story.stage import GRACE, HOUR, Stage

HEALING_RUNS = 2
"""Plain runs after a crash that may still change something; the next one changes nothing."""


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS.keys())
@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_a_crash_at_any_call_is_healed(plot: Plot, *, after_effect: bool) -> None:
    """Whatever call the process dies at, plain runs settle the secret, and no token is lost."""
    rehearsal = Stage()
    plot.begin(rehearsal)
    rehearsal.run()

    for number in range(len(rehearsal.world.calls)):
        stage = Stage()
        plot.begin(stage)
        stage.die_at(number, after_effect=after_effect)
        stage.check_at_any_moment()

        stage.run_until_quiet(limit=HEALING_RUNS)
        stage.check()
        stage.live(GRACE + 16 * HOUR, every=8 * HOUR)

        (secret,) = stage.managed()
        (token,) = stage.bound(SECRET)
        assert token.value == secret.value, f"after a crash at call {number}"
