"""Figures that tests count as they go: summed over all processes, one table at the end.

A test takes the fixture ``tally`` and says what it has counted::

    tally("pairs of crashes", 12)

The processes of pytest-xdist hand their figures to the one that prints.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FIGURES = pytest.StashKey[dict[str, Counter[str]]]()
OUTPUT = "figures"
"""The key under which a worker process hands them over."""
TABLE = "counted"
"""The title of the table; figures under another title are somebody else's to print."""


class Worker(Protocol):
    """A process of pytest-xdist that has ended, as the one that started it sees it."""

    config: pytest.Config


def figures(config: pytest.Config, title: str = TABLE) -> Counter[str]:
    """Give the figures under a title: of this process, and of the workers that have ended."""
    titles = config.stash.setdefault(FIGURES, {})
    return titles.setdefault(title, Counter())


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Callable[[str, int], None]:
    """Give a function that adds a number to the figure of a name."""
    counted = figures(pytestconfig)

    def add(what: str, count: int) -> None:
        counted[what] += count

    return add


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the figures over, if this is a worker."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        titles = session.config.stash.get(FIGURES, {})
        output[OUTPUT] = {title: dict(counted) for title, counted in titles.items()}


@pytest.hookimpl(optionalhook=True)  # pytest-xdist calls it, if it is there
def pytest_testnodedown(node: Worker) -> None:
    """Add the figures of a worker; one that died has none."""
    output: dict[str, Any] = getattr(node, "workeroutput", {})
    for title, counted in output.get(OUTPUT, {}).items():
        figures(node.config, title).update(counted)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table, if anything was counted."""
    counted = figures(config)
    if not counted:
        return
    ended = terminalreporter.stats
    failures = len(ended.get("failed", ())) + len(ended.get("error", ()))
    rows = [(what, f"{counted[what]:,}") for what in sorted(counted)]
    rows += [("tests", f"{len(ended.get('passed', ())) + failures:,}"), ("failures", f"{failures}")]
    names, numbers = (max(map(len, column)) for column in zip(*rows, strict=True))
    terminalreporter.section(TABLE)
    for what, number in rows:
        terminalreporter.write_line(f"{what:{names}}  {number:>{numbers}}")
