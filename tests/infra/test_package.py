"""What is deployed to the function app is the product, and nothing else."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING

from tests.infra.given import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PATTERNS = [
    line
    for line in (ROOT / ".funcignore").read_text().splitlines()
    if line and not line.startswith("#")
]
NEEDED = {"function_app.py", "host.json", "requirements.txt", "rotation"}


def is_ignored(path: Path) -> bool:
    """Tell whether a pattern matches a part of the path, as in a `.gitignore`."""
    parts = path.relative_to(ROOT).parts
    return any(fnmatch(part, pattern.rstrip("/")) for part in parts for pattern in PATTERNS)


def test_the_patterns_are_plain() -> None:
    """None of them is of a kind that this test reads otherwise than azd does."""
    assert not [p for p in PATTERNS if "/" in p.rstrip("/") or p.startswith("!")]


def test_only_the_product_is_at_the_top() -> None:
    """A new file there must be listed in `.funcignore`, or be needed."""
    assert {path.name for path in ROOT.iterdir() if not is_ignored(path)} == NEEDED


def test_the_product_is_whole() -> None:
    """Its code, its pages and their style."""
    left_out = {path.suffix for path in (ROOT / "rotation").rglob("*.*") if is_ignored(path)}

    assert left_out <= {".pyc"}
    assert not is_ignored(ROOT / "rotation" / "page" / "style.css")


def test_what_azd_knows_is_neither_deployed_nor_kept() -> None:
    """It writes its environments beside the code, and docs/deploy.md puts the settings there."""
    assert is_ignored(ROOT / ".azure" / "production" / "config.json")
    assert ".azure/" in (ROOT / ".gitignore").read_text().splitlines()
