"""What is broken, and who must notice: ``catalogue.toml``, read."""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CATALOGUE = Path(__file__).with_name("catalogue.toml")


class StaleError(Exception):
    """The code is not any more as the mutant expects it."""


class BrokenError(Exception):
    """The mutant makes no program: what fails then says nothing about the tests."""


@dataclass(frozen=True)
class Mutant:
    """One way to break the code."""

    name: str
    clause: str
    """The clause of the protocol that it breaks."""
    without: str
    """What goes wrong without that clause."""
    file: str
    before: str
    after: str
    caught_by: str
    """The node id of the test that must fail."""

    @property
    def is_python(self) -> bool:
        """Whether it breaks code, and not a template or a setting of the platform."""
        return self.file.endswith(".py")

    def applied_to(self, text: str) -> str:
        """Give the broken text of the file.

        Raises:
            StaleError: what it replaces does not occur exactly once.
            BrokenError: what comes out is no Python.
        """
        if (count := text.count(self.before)) != 1:
            message = f"its `before` occurs {count} times in {self.file}"
            raise StaleError(message)
        broken = text.replace(self.before, self.after)
        if not self.is_python:
            return broken
        try:
            ast.parse(broken)
        except SyntaxError as exc:
            message = f"no Python: {exc.msg} in line {exc.lineno}"
            raise BrokenError(message) from None
        return broken


def load(path: Path = CATALOGUE) -> list[Mutant]:
    """Read the mutants, in the order of the file."""
    tables = tomllib.loads(path.read_text())
    return [Mutant(name, **table) for name, table in tables.items()]
