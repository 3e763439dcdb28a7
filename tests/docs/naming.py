"""The tests that pages name: which they are, and which there are."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(tests/[\w/]+\.py(?:::\w+)*)`")


def named_tests(text: str) -> list[str]:
    """Give the files and tests that a page names, as pytest does, each once."""
    return sorted(set(_NAMED.findall(text)))


def is_there(name: str) -> bool:
    """Tell whether there is such a file, and such a test in it if one is named."""
    file, *names = name.split("::")
    return (ROOT / file).is_file() and "::".join(names) in {"", *_tests_in(ROOT / file)}


@cache
def _tests_in(path: Path) -> set[str]:
    """Give the tests of a file, with their classes, as pytest names them."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{n.name}" for n in node.body if isinstance(n, ast.FunctionDef)}
    return found
