"""A year keeps every promise about sessions: of ten people in the full form, shorter with fewer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

FULL, USUAL = ("10", "365"), ("4", "60")
"""People, and days."""


def test_a_year_loses_no_session(*, is_proof: bool, tally: Callable[[str, int], None]) -> None:
    """No session ends but by administrators, each end is said, and nothing else is.

    It is lived through in a process of its own: this one searches every report for leaks.
    """
    lived = subprocess.run(
        [sys.executable, "-m", "tests.year.sessions", *(FULL if is_proof else USUAL), "2"],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    year: dict[str, Any] = json.loads(lived.stdout)

    assert year["faults"] == []
    assert year["leaks"] == 0
    assert_that_much_has_happened(year)
    tally("simulated hours of a session", year["hours"] * year["owners"])


def assert_that_much_has_happened(year: dict[str, Any]) -> None:
    """The year was no quiet one: each promise was put to the test."""
    assert set(year["losses"]) == {"revoked", "sign-in demanded", "account disabled"}
    for name in ("saves", "sign_ins", "reminders", "runs_that_died", "runs_at_once", "renewals"):
        assert year[name] > 0, name
    assert year["redemptions_that_failed"] > 0.04 * year["redemptions"]
    assert year["expired_while_nobody_could_renew"] > 0
