"""A year keeps every promise: of 200 secrets in the full form, shorter with fewer in the usual."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

FULL, USUAL = ("200", "365"), ("30", "45")
"""Secrets, and days."""


def test_a_year_keeps_every_promise(*, is_proof: bool, tally: Callable[[str, int], None]) -> None:
    """I1 to I6: no newest version dies but by outsiders, and nothing foreign is touched.

    It is lived through in a process of its own: this one searches every report for leaks.
    """
    lived = subprocess.run(
        [sys.executable, "-m", "tests.year", *(FULL if is_proof else USUAL), "1"],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    year: dict[str, Any] = json.loads(lived.stdout)

    assert year["faults"] == []
    assert (year["foreign"], year["leaks"], year["dead_at_the_end"]) == (0, 0, 0)
    assert_that_the_killed_live_again(year)
    assert_that_much_has_happened(year)
    tally("simulated hours of a secret", year["hours"] * year["secrets"])
    tally("calls that failed", year["calls_that_failed"] + year["calls_into_an_outage"])


def assert_that_the_killed_live_again(year: dict[str, Any]) -> None:
    """The next run renews a killed token; if a call of that one failed, one of those after it."""
    ends = ("healed_by_the_next_run", "healed_later", "killed_in_an_outage")
    assert sum(year[end] for end in ends) == year["killed"]
    assert year["minutes_dead_at_most"] <= 6 * 60


def assert_that_much_has_happened(year: dict[str, Any]) -> None:
    """The year was no quiet one: each promise was put to the test."""
    for name in ("created", "extended", "revoked", "killed", "runs_that_died", "uses", "doomed"):
        assert year[name] > 0, name
    answered = year["calls"] - year["calls_into_an_outage"]
    assert year["calls_that_failed"] > 0.04 * answered
