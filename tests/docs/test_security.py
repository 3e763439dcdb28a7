"""The threat model leaves no threat without the test that holds its stop, or a plain no."""

from __future__ import annotations

import re

import pytest

from tests.docs.naming import ROOT, is_there, named_tests

PAGE = (ROOT / "docs" / "security.md").read_text()
THREATS = {
    number: [cell.strip() for cell in cells.split(" | ")]
    for number, cells in re.findall(r"^\| (T\d+) \| (.+) \|$", PAGE, re.MULTILINE)
}
NOTHING = "nothing here"
CELLS = ["threat", "what stops it", "held by", "what remains"]


def test_the_threats_are_numbered() -> None:
    """One after another, so that others can name them; and what is named is there."""
    assert list(THREATS) == [f"T{number}" for number in range(1, len(THREATS) + 1)]
    assert len(THREATS) > 40
    assert {*re.findall(r"\bT\d+\b", PAGE)} == {*THREATS}


@pytest.mark.parametrize("number", THREATS)
def test_a_threat_is_held_or_said_to_be_free(number: str) -> None:
    """A test by its name, or the plain words that nothing here stops it: then, what is left."""
    assert len(THREATS[number]) == len(CELLS)
    threat, stop, held, remains = THREATS[number]
    names = named_tests(held)

    assert threat
    assert remains
    if held == NOTHING:
        assert stop.startswith("nothing here stops it")
    else:
        assert stop
        assert held == ", ".join(f"`{name}`" for name in re.findall("`(.+?)`", held))
        assert names
        assert [name for name in names if "::" not in name or not is_there(name)] == []


def test_every_actor_has_threats() -> None:
    """Each part of the list of threats has its table."""
    threats = PAGE.split("\n## The threats\n")[1].split("\n## ")[0]
    parts = threats.split("\n### ")[1:]

    assert len(parts) >= 11
    assert [part.splitlines()[0] for part in parts if "\n| T" not in part] == []
