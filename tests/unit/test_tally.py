"""What tests count is summed over all processes and printed once."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COUNTING = """
import pytest

@pytest.mark.parametrize("number", [1, 20, 1000])
def test_counting(tally, number):
    count = tally
    count("crashes", number)
    count("pairs of crashes", 1)
"""


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a pytest of its own find our plugins."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.parametrize("processes", [(), ("-n", "2"), ("-p", "no:xdist")])
def test_the_figures_of_all_processes_are_one_table(
    pytester: pytest.Pytester, processes: tuple[str, ...]
) -> None:
    """With workers, without, and where they are not even installed."""
    pytester.makepyfile(COUNTING)

    ran = pytester.runpytest_subprocess("-p", "tests.tally", *processes)

    ran.assert_outcomes(passed=3)
    ran.stdout.fnmatch_lines(
        [
            "*= counted =*",
            "crashes           1,021",
            "pairs of crashes      3",
            "tests                 3",
            "failures              0",
        ]
    )


def test_without_figures_there_is_no_table(pytester: pytest.Pytester) -> None:
    """Nothing counted, nothing said."""
    pytester.makepyfile("def test_nothing(tally): pass")

    ran = pytester.runpytest_subprocess("-p", "tests.tally")

    ran.assert_outcomes(passed=1)
    ran.stdout.no_fnmatch_line("*counted*")
