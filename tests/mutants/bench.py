"""A copy of the tree, in which the code is broken in one way after another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.mutants.catalogue import ROOT, BrokenError, StaleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.mutants.catalogue import Mutant

PARTS = (
    *("rotation", "sandbox", "benchmarks", "tests", "infra", "function_app.py"),
    *("host.json", "pyproject.toml", ".funcignore"),
)
WITNESSES = ".witnesses"
WIDE = ("tests/unit", "tests/story", "tests/contract")
"""Where somebody else may notice a mutant."""
OPTIONS = ("-q", "-p", "no:cacheprovider", "--tb=no")
SECONDS = 300
"""More than any of these tests takes: a mutant may make the code run for ever."""
TESTS_FAILED = 1
"""How pytest ends if tests failed; if one could not even be collected it ends otherwise."""
OUR_OWN = ("COV", "PYTEST_")
"""Variables that would make the tests inside part of the test run outside."""


class Verdict(StrEnum):
    """What came of a mutant."""

    CAUGHT = "caught"
    """The named test fails."""
    ELSEWHERE = "elsewhere"
    """The named test passes, but another one fails."""
    SURVIVES = "survives"
    """No test fails: one is missing."""
    STALE = "stale"
    """It cannot be applied any more."""
    BROKEN = "broken"
    """It makes no program, or the named test cannot be run."""


@dataclass(frozen=True)
class Trial:
    """One mutant, tried out."""

    mutant: Mutant
    verdict: Verdict
    told: str
    """By whom it was caught, or what is wrong with it."""


class Bench:
    """A copy of the tree. What is broken on it is mended before the next."""

    def __init__(self, home: Path) -> None:
        """Copy the tree to ``home``, without what Python has compiled."""
        self._home = home
        home.mkdir()
        for part in PARTS:
            if (ROOT / part).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / part, home / part, ignore=ignored)
            else:
                shutil.copy(ROOT / part, home / part)
        (home / WITNESSES).symlink_to(ROOT / WITNESSES)  # too large to copy, and never broken

    def try_out(self, mutant: Mutant, wide: Sequence[str] = WIDE) -> Trial:
        """Break the code, and see whether the named test notices, or else one of ``wide``."""
        try:
            with self._broken_by(mutant):
                return Trial(mutant, *self._judged(mutant, wide))
        except StaleError as exc:
            return Trial(mutant, Verdict.STALE, str(exc))
        except BrokenError as exc:
            return Trial(mutant, Verdict.BROKEN, str(exc))
        except subprocess.TimeoutExpired:
            return Trial(mutant, Verdict.BROKEN, f"the tests do not end in {SECONDS} seconds")

    def noticed_by(self, mutant: Mutant, *arguments: str) -> list[str]:
        """Break the code, and give the tests that fail.

        Raises:
            StaleError: it cannot be applied any more.
            BrokenError: it makes no program.
        """
        with self._broken_by(mutant):
            return self.failing(*arguments)

    def failing(self, *arguments: str) -> list[str]:
        """Run tests on the code as it is; give those that fail."""
        return [*_failed(self._run(*arguments))]

    @contextmanager
    def _broken_by(self, mutant: Mutant) -> Iterator[None]:
        path = self._home / mutant.file
        before = path.read_text()
        path.write_text(mutant.applied_to(before))
        try:
            yield
        finally:
            path.write_text(before)

    def _judged(self, mutant: Mutant, wide: Sequence[str]) -> tuple[Verdict, str]:
        finished = self._run("-x", mutant.caught_by)
        if finished.returncode == 0:
            others = self.failing("-x", *wide)
            return (
                (Verdict.ELSEWHERE, f"only {others[0]}")
                if others
                else (Verdict.SURVIVES, f"{mutant.caught_by} passes")
            )
        # A test that is not found, not imported or not prepared is none that has noticed.
        is_meant = any(test.startswith(mutant.caught_by) for test in _failed(finished))
        if finished.returncode == TESTS_FAILED and is_meant:
            return Verdict.CAUGHT, mutant.caught_by
        return Verdict.BROKEN, f"{mutant.caught_by} cannot be run"

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(OUR_OWN)}
        return subprocess.run(
            [sys.executable, "-m", "pytest", *OPTIONS, *arguments],
            cwd=self._home,
            # Python takes a compiled file for current if only the second and the length are those
            # of the source: there must be none.
            env={**inherited, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


def _failed(finished: subprocess.CompletedProcess[str]) -> Iterator[str]:
    """Read the short summary: failed tests, but not those whose preparation failed."""
    for line in finished.stdout.splitlines():
        if line.startswith("FAILED "):
            yield line.removeprefix("FAILED ").split(" - ")[0]
