"""Every page can be found, and every link in it leads to what it says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.naming import ROOT

if TYPE_CHECKING:
    from pathlib import Path

README, INDEX = ROOT / "README.md", ROOT / "docs" / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def said(page: Path) -> str:
    """Give what a page says outside of its blocks of code."""
    return BLOCK.sub("", page.read_text())


def links(page: Path) -> list[tuple[Path, str]]:
    """Give the files that a page links to, and the heading in each, if one is named."""
    return [
        ((page.parent / target).resolve() if target else page, heading)
        for target, heading in LINK.findall(said(page))
    ]


def anchors(page: Path) -> set[str]:
    """Give the headings of a page as GitHub links to them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", said(page), re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[words] = found.get(words, -1) + 1
    return {
        f"{words}-{n}" if n else words for words, last in found.items() for n in range(last + 1)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_heading_that_is_there(page: Path) -> None:
    """A file of the project, and in it, if one is named, that very heading."""
    missing = [str(target) for target, _ in links(page) if not target.exists()]
    lost = [
        f"{target.name}#{heading}"
        for target, heading in links(page)
        if heading and target.suffix == ".md" and target.exists()
        if heading not in anchors(target)
    ]

    assert (missing, lost) == ([], [])


def test_every_page_can_be_reached() -> None:
    """From the README or the index, by links alone."""
    reached, todo = set[str](), [README, INDEX]
    while todo:
        page = todo.pop()
        if (name := str(page.relative_to(ROOT))) not in reached:
            reached.add(name)
            todo += [target for target, _ in links(page) if target in PAGES]
    orphans = {str(page.relative_to(ROOT)) for page in PAGES} - reached

    assert not orphans


def test_the_index_names_every_page() -> None:
    """Each once, by the question that it answers."""
    named = [target for target, _ in links(INDEX)]

    assert {*named} >= {*PAGES} - {INDEX}
    assert len(named) == len({*named})
