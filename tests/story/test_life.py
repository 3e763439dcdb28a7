"""What one run does in each story, and what the days after it are like."""

from __future__ import annotations

import pytest

from tests.story.plot import PLOTS, SECRET, Plot
from tests.story.stage import DAY, GRACE, HOUR, Stage

CASES = pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS.keys())


@CASES
def test_one_run_does_what_the_story_needs(plot: Plot) -> None:
    """One run carries out the actions of the rules, and settles the secret."""
    stage = Stage()
    plot.begin(stage)

    (outcome,) = stage.run().outcomes

    assert (outcome.ending, outcome.actions) == (plot.ending, plot.actions)
    stage.check()


@CASES
def test_a_second_run_changes_nothing(plot: Plot) -> None:
    """I7: a run directly after a settled one changes nothing."""
    stage = Stage()
    plot.begin(stage)
    stage.run()

    before = stage.fingerprint()
    stage.run()

    assert stage.fingerprint() == before


@CASES
def test_the_days_after_leave_one_living_token(plot: Plot) -> None:
    """I1 and I3: hour by hour the newest value works, and only it outlives the grace."""
    stage = Stage()
    plot.begin(stage)
    stage.run()

    stage.live(GRACE + 2 * HOUR)

    (secret,) = stage.managed()
    (token,) = stage.bound(SECRET)
    assert token.value == secret.value


def test_sixty_days_of_renewals_never_leave_the_pipeline_without_a_token() -> None:
    """A secret that is left alone renews itself again and again, and never dies."""
    stage = Stage()
    PLOTS["a token is due"].begin(stage)

    stage.live(60 * DAY)

    renewals = [event for event in stage.events if event.event == "TokenStored"]
    assert len(renewals) == 4
