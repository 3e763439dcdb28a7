"""The pages about consumers, taken apart into their blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

FOLDER = Path(__file__).parents[2] / "docs" / "consumers"
PAGES = sorted(path.name for path in FOLDER.glob("*.md"))
RUN = frozenset({"bash", "python", "yaml"})
READ = frozenset({"hcl", "xml"})
"""What is not run, but read by the program that it is for."""
LEFT = frozenset({"powershell", "csharp"})
"""What is neither: the page must say so."""
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of a page."""

    language: str
    text: str
    before: str
    """What the page says up to here."""


def blocks(page: str) -> list[Block]:
    """Give the blocks of a page, in their order."""
    text = (FOLDER / page).read_text()
    return [Block(m[2], dedent(m[3]), text[: m.start()]) for m in _BLOCK.finditer(text)]
