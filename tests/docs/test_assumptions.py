"""What is relied on names the test of what happens if it is otherwise."""

from __future__ import annotations

import re

import pytest

from tests.docs.naming import ROOT, is_there, named_tests

PAGE = (ROOT / "docs" / "assumptions.md").read_text()
ROWS = [
    [cell.strip() for cell in row.split(" | ")]
    for row in re.findall(r"^\| (.+) \|$", PAGE, re.MULTILINE)
    if not row.startswith(("---", "assumed |", "not known before |", "not relied on |"))
]


def test_much_is_assumed() -> None:
    """The page was read: its rows are of the form that is looked for."""
    assert len(ROWS) > 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_an_assumption_is_tested_or_said_not_to_be(row: list[str]) -> None:
    """What is assumed, what if not, and a test by its name, or that there is none here."""
    _, otherwise, tested = row

    assert otherwise
    assert tested == "nothing here" or named_tests(tested)
    assert [name for name in named_tests(tested) if not is_there(name)] == []
