"""The page of the architecture names what there is."""

from __future__ import annotations

import ast
import re

from tests.docs.naming import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
PICTURE = (ROOT / "docs" / "pictures" / "architecture.svg").read_text()
NAMED = sorted({*re.findall(r"`((?:\w+/)*\w+(?:\.(?:py|toml)|/))`", PAGE)})
UNIT = re.compile(r"`(\w+)\.(\w+)`")


def test_every_file_and_folder_that_is_named_is_there() -> None:
    """By its whole path, from the top of the project."""
    assert len(NAMED) > 40
    assert [name for name in NAMED if not (ROOT / name).exists()] == []


def test_every_file_in_the_picture_is_there() -> None:
    """By its name alone, in the product or at the top of the project."""
    modules = {path.stem for path in (ROOT / "rotation").rglob("*") if path.name != "__pycache__"}
    lists = re.findall(r">((?:[a-z_]+, )+[a-z_]+)<", PICTURE)
    drawn = {word for names in lists for word in names.split(", ")} - {"timer", "queue", "pages"}

    assert len(drawn) > 20
    assert drawn - modules == set()


def test_every_port_has_its_row() -> None:
    """Each contract of the product, and no other; the clock is none, as it is a mere function."""
    ports = ast.parse((ROOT / "rotation" / "ports.py").read_text())
    contracts = {node.name for node in ports.body if isinstance(node, ast.ClassDef)}
    rows = re.findall(r"^\| (`[A-Z].*?) \|", PAGE, re.MULTILINE)

    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == contracts


def test_what_is_named_in_a_class_is_there() -> None:
    """Each method that the page names is one of a class of the product."""
    classes = {
        (node.name, method.name)
        for path in (ROOT / "rotation").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef)
    }
    named = {name for name in UNIT.findall(PAGE) if name[0][0].isupper()}

    assert named
    assert named - classes == set()
