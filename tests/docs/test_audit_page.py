"""The page about the audit says of each finding what it means, and what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotation.audit_rules import RULES
from rotation.maker import BUTTON, MAKERS

if TYPE_CHECKING:
    from rotation.maker import Maker

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()


def test_the_table_is_that_of_the_code() -> None:
    """Every finding, its severity and its title, in the same order."""
    rows = re.findall(r"^\| \[`([a-z-]+)`\]\(#\1\) \| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)

    assert rows == [(word, str(rule.severity), rule.title) for word, rule in RULES.items()]


@pytest.mark.parametrize("word", RULES)
def test_every_finding_has_its_section(word: str) -> None:
    """With more than a line in it."""
    _, _, section = PAGE.partition(f"\n### `{word}`\n")

    assert len(section.partition("\n#")[0].split()) > 25


@pytest.mark.parametrize("maker", [*(maker for _, maker in MAKERS), BUTTON])
def test_every_tool_is_named(maker: Maker) -> None:
    """In the words of the report."""
    assert f"| {maker.title} |" in PAGE
