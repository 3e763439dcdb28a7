"""A year keeps every promise: of 200 secrets in the full form, shorter with fewer in the usual."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def figures(*, is_proof: bool, tally: Callable[[str, int], None]) -> dict[str, Any]:
    """Live through it in a process of its own: this one searches every report for leaks."""
    size = ("200", "365") if is_proof else ("30", "45")
    lived = subprocess.run(
        [sys.executable, "-m", "tests.year", *size, "1"],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    figures: dict[str, Any] = json.loads(lived.stdout)
    tally("simulated hours of a secret", figures["hours"] * figures["secrets"])
    tally("calls that failed", figures["calls_that_failed"] + figures["calls_into_an_outage"])
    return figures


def test_every_promise_is_kept(figures: dict[str, Any]) -> None:
    """I1 to I6: no newest version dies but by outsiders, and nothing foreign is touched."""
    assert figures["faults"] == []
    assert (figures["foreign"], figures["leaks"]) == (0, 0)


def test_what_outsiders_kill_lives_again(figures: dict[str, Any]) -> None:
    """The next run renews it, or, if a call of that one failed, too, one of those after it."""
    ends = ("healed_by_the_next_run", "healed_later", "killed_in_an_outage")
    assert sum(figures[end] for end in ends) == figures["killed"]
    assert figures["minutes_dead_at_most"] <= 6 * 60


def test_much_has_happened(figures: dict[str, Any]) -> None:
    """The year was no quiet one: each promise was put to the test."""
    for name in ("created", "extended", "revoked", "killed", "runs_that_died", "uses", "doomed"):
        assert figures[name] > 0, name
    answered = figures["calls"] - figures["calls_into_an_outage"]
    assert figures["calls_that_failed"] > 0.04 * answered
