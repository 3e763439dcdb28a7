"""What a browser asks to see: filters and a page number, out of an address and back into it. Pure.

What makes no sense is as if it were not there: an address may come from anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.fleet import State

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 200
"""Characters of a filter: no name is longer."""
LAST_PAGE = 9999


@dataclass(frozen=True)
class Wanted:
    """What is to be shown; an empty filter admits everything."""

    vault: str = ""
    owner: str = ""
    state: str = ""
    search: str = ""
    """A part of a secret's name."""
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        """Whether anything is left out."""
        return bool(self.vault or self.owner or self.state or self.search)

    def but(self, **changes: str) -> dict[str, str]:
        """Give the parameters of the address that differs in this, on its first page."""
        told = {
            "vault": self.vault,
            "owner": self.owner,
            "state": self.state,
            "search": self.search,
            **changes,
        }
        return {name: text for name, text in told.items() if text}

    def on(self, page: int) -> dict[str, str]:
        """Give the parameters of the address of another page of the same."""
        return self.but(page=str(page) if page > 1 else "")


def read(parameters: Mapping[str, str]) -> Wanted:
    """Read the parameters of an address."""
    state = _text(parameters, "state").lower()
    return Wanted(
        vault=_text(parameters, "vault"),
        owner=_text(parameters, "owner").lower(),
        state=state if state in set(State) else "",
        search=_text(parameters, "search"),
        page=page_in(parameters),
    )


def page_in(parameters: Mapping[str, str]) -> int:
    """Read the number of a page; the first one, if there is none."""
    text = parameters.get("page", "")
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(LAST_PAGE))
    return max(int(text), 1) if is_number else 1


def _text(parameters: Mapping[str, str], name: str) -> str:
    return parameters.get(name, "").strip()[:LONGEST]
