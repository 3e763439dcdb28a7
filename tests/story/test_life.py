"""What one run does in each story, and what the days after it are like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.story.plot import PLOTS, Plot
from tests.story.stage import DAY, GRACE, HOUR

CASES = pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS.keys())

if TYPE_CHECKING:
    from collections.abc import Callable

WRITES = frozenset({"set_secret", "update_secret", "create_pat", "update_pat", "revoke_pat"})


@CASES
def test_one_run_does_what_the_story_needs(plot: Plot, tally: Callable[[str, int], None]) -> None:
    """One run carries out the actions of the rules, and settles the secret."""
    stage = plot.stage()

    outcomes = stage.run().outcomes

    expected = [(plot.ending, plot.actions)] if plot.is_managed else []
    assert [(outcome.ending, outcome.actions) for outcome in outcomes] == expected
    stage.check()
    tally("stories", 1)


@CASES
def test_a_second_run_changes_nothing(plot: Plot) -> None:
    """I7: a run directly after a settled one changes nothing, and does not even write."""
    stage = plot.stage()
    stage.run()
    before = stage.fingerprint()
    stage.world.calls.clear()

    stage.run()

    assert stage.fingerprint() == before
    assert not WRITES & {call.operation for call in stage.world.calls}


@CASES
def test_the_days_after_leave_one_living_token(plot: Plot) -> None:
    """I1 and I3: hour by hour the newest value works, and only it outlives the grace."""
    stage = plot.stage()
    stage.run()

    stage.live(GRACE + 2 * HOUR)

    stage.end(limit=0)


def test_sixty_days_of_renewals_never_leave_the_pipeline_without_a_token() -> None:
    """A secret that is left alone renews itself again and again, and never dies."""
    stage = PLOTS["a token is due"].stage()

    stage.live(60 * DAY)

    renewals = [event for event in stage.events if event.event == "TokenStored"]
    assert len(renewals) == 4
