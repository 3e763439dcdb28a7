"""No quirk of a service is listed that no test would notice, if the product ignored it."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.docs.naming import ROOT, is_there
from tests.mutants.catalogue import load

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "quirks.md").read_text()
ASSUMPTIONS = (ROOT / "docs" / "assumptions.md").read_text()
ROWS = [
    [cell.strip() for cell in row.split(" | ")]
    for row in re.findall(r"^\| (.+) \|$", PAGE, re.MULTILINE)
    if not row.startswith(("---", "quirk |"))
]
MUTANTS = {mutant.name: mutant for mutant in load()}
NOTHING, UNSAID = "nothing here", "not documented"


@cache
def symbols(path: Path) -> set[str]:
    """Give what a file defines: functions, classes and their methods, and constants."""
    found = set[str]()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{n.name}" for n in node.body if isinstance(n, ast.FunctionDef)}
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_the_quirks_are_many() -> None:
    """The page was read: its rows are of the form that is looked for, and none is there twice."""
    assert len(ROWS) > 100
    assert len({row[0] for row in ROWS}) == len({row[3] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[3])
def test_a_quirk_has_its_source_its_imitation_and_its_test(row: list[str]) -> None:
    """The change that ignores it is one of the mutants, and the test is the one that notices."""
    quirk, source, imitated, ignored, noticed = row
    mutant = MUTANTS[ignored.strip("`")]

    assert quirk
    assert source
    assert noticed == f"`{mutant.caught_by.partition('[')[0]}`"
    assert is_there(noticed.strip("`"))
    if imitated != NOTHING:
        file, _, name = imitated.strip("`").partition("::")
        assert name in symbols(ROOT / file)


@pytest.mark.parametrize("row", [row for row in ROWS if row[1] == UNSAID], ids=lambda row: row[3])
def test_what_is_not_documented_is_an_assumption(row: list[str]) -> None:
    """What follows if it is otherwise stands on the page of what is relied on."""
    assert row[4] in ASSUMPTIONS


def test_every_manner_that_has_a_mutant_is_listed() -> None:
    """A mutant that ignores a service rather than a clause has its row."""
    catalogue = (ROOT / "tests/mutants/catalogue.toml").read_text()
    manners = catalogue.split("# --- Manners of the")[1].split("\n# ---")[0]
    listed = {row[3].strip("`") for row in ROWS}

    assert {*re.findall(r"^\[([a-z-]+)\]$", manners, re.MULTILINE)} <= listed
