"""One thing that a person can do to the world by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class InterventionError(Exception):
    """The words do not say what is to be done."""


@dataclass(frozen=True)
class Verb:
    """One thing that can be done."""

    usage: str
    """The words that it takes, after its name."""
    summary: str
    act: Callable[..., str]
    """Takes the world and the words; returns what was done, in one sentence."""
