"""The argument for the protocol names tests that there are, and numbers that hold.

So does the changelog, where it tells what was mended.
"""

from __future__ import annotations

import re

import pytest

from rotation import fan_out, model, order, policy, renewal, scan, schedule, settling
from rotation.adapters import border, refusal
from tests.docs.naming import ROOT, is_there, named_tests
from tests.mutants.catalogue import load
from tests.story import (
    plot,
    test_crash,
    test_orders,
    test_orders_at_once,
    test_sessions,
    test_two_runners,
)
from tests.unit import test_fuzz

PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
NAMED = named_tests(PROTOCOL + CHANGELOG)
NAMES_FIGURE = r'\b(?:tally\(|counted\[)"([^"]+)"'
NUMBERS = {
    "policy.RULES": len(policy.RULES) + 1,
    "settling.LIMIT": settling.LIMIT,
    "settling.ACTIONS_LIMIT": settling.ACTIONS_LIMIT,
    "scan.SUPERSEDED_LIMIT": scan.SUPERSEDED_LIMIT,
    "model.DIGEST_LENGTH": model.DIGEST_LENGTH,
    "schedule.SPREAD": schedule.SPREAD,
    "border.CLOCK_TOLERANCE": border.CLOCK_TOLERANCE,
    "renewal.ROUNDING": renewal.ROUNDING,
    "test_crash.HEALING_RUNS": test_crash.HEALING_RUNS,
    "test_sessions.HEALING_SAVES": test_sessions.HEALING_SAVES,
    "plot.PLOTS": len(plot.PLOTS),
    "test_two_runners.PIECES": len(test_two_runners.PIECES),
    "test_orders.PLOTS": len(test_orders.PLOTS),
    "test_orders.REFUSALS": len(test_orders.REFUSALS),
    "test_orders_at_once.PIECES": len(test_orders_at_once.PIECES),
    "order.LIFE": order.LIFE,
    "fan_out.PATIENCE": fan_out.PATIENCE,
    "catalogue.toml": len(load()),
    "refusal.REFUSALS": len(refusal.REFUSALS),
    "test_fuzz.PROOF_CASES": test_fuzz.PROOF_CASES,
}


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_is_named_is_there(name: str) -> None:
    """Each is a file, or a test in it."""
    assert is_there(name)


def test_many_tests_are_named() -> None:
    """The page was read: its names are of the form that is looked for."""
    assert len(NAMED) > 30


def test_the_numbers_hold() -> None:
    """Each number stands in the table as the code has it, and none besides."""
    table = re.findall(r"^\| [^|]+ \| ([^|]+) \| `([\w.]+)`", PROTOCOL, re.MULTILINE)

    assert {name: value for value, name in table} == {
        name: _shown(number) for name, number in NUMBERS.items()
    }


def test_the_evidence_is_what_the_proof_counts() -> None:
    """Each row of the evidence is counted by some test, and each that is counted has its row."""
    evidence = PROTOCOL.split("<!-- proof -->")[1].split("<!-- end of proof -->")[0]
    rows = {
        row.strip() for row in re.findall(r"^([a-z][a-z0-9 ]+?)  +[\d,]+$", evidence, re.MULTILINE)
    }
    tests = (ROOT / "tests" / part for part in ("app", "mutants", "story", "unit", "year"))
    sources = (file.read_text() for part in tests for file in part.rglob("*.py"))
    counted = {name for text in sources for name in re.findall(NAMES_FIGURE, text)}

    assert rows - {"leaks", "texts searched for leaks", "tests", "failures"} == counted
    assert re.search(r"^failures +0$", evidence, re.MULTILINE)


def _shown(number: object) -> str:
    """Write a number as the page does."""
    if hasattr(number, "total_seconds"):
        return f"{number.total_seconds() / 60:,.0f} minutes"
    return f"{number:,}" if isinstance(number, int) else str(number)
