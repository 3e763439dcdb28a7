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


MADE_BY_AZD = (".azure", f"{ROOT.name}_env")
"""What azd keeps of environments, their secrets included, and the packages of `azd restore`."""


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


def test_what_azd_makes_stays_here() -> None:
    """The values of the environments are neither deployed nor committed."""
    assert all(is_ignored(ROOT / name) for name in MADE_BY_AZD)
    assert ".azure/" in (ROOT / ".gitignore").read_text().splitlines()


def test_azd_is_new_enough() -> None:
    """Older ones know neither `.funcignore` nor, in their Bicep, the Graph extension.

    Source: azd's changelog (1.18.0: `.funcignore`, Bicep 0.36.177), and what is new in Microsoft
    Graph Bicep (July 2025: Bicep 0.36.1 at least).
    """
    said = (ROOT / "azure.yaml").read_text()
    page = (ROOT / "docs" / "deploy.md").read_text()

    assert "requiredVersions:\n  azd: '>= 1.18.0'\n" in said
    assert "    remoteBuild: true\n" in said
    assert "install-azd) 1.18 or newer" in page
    assert "`az bicep upgrade`" in page
