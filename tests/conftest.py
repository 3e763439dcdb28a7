"""What holds for every test: random examples are the same at each run, whatever the machine."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from coverage import Coverage
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = ["pytester", "tests.tally", "tests.leaks", "tests.contract.pat_api.recorder"]

# No deadline: a promise about the product is not one about the speed of this machine.
# No database: a failure is repeated from the commit alone.
settings.register_profile("repeatable", deadline=None, database=None, derandomize=True)
settings.register_profile("proof", settings.get_profile("repeatable"), max_examples=1000)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the option that asks for the full form of the proof."""
    parser.addoption("--proof", action="store_true", help="run the full form of every proof")


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many random examples are tried, and say what the marker means."""
    settings.load_profile("proof" if config.getoption("--proof") else "repeatable")
    # A shell lets what it starts in the background ignore Ctrl-C; what a test starts must not.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "people: a story about the session of a person")
    config.addinivalue_line("markers", "manners: told in front of a world of other manners, too")
    config.addinivalue_line("markers", "exhaustive: told in very many ways; not measured")
    config.addinivalue_line("markers", "proof: too long for every day; run with --proof")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is too long for every day, unless it was asked for."""
    if not config.getoption("--proof"):
        left_out = [item for item in items if item.get_closest_marker("proof")]
        items[:] = [item for item in items if not item.get_closest_marker("proof")]
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Do not measure a story that is told in very many ways: it would take twice as long.

    No line counts as tested only because chance, or a search through all states, has come by.
    """
    measuring = Coverage.current()
    if measuring is None or not item.get_closest_marker("exhaustive"):
        return (yield)
    measuring.stop()
    try:
        return (yield)
    finally:
        measuring.start()


@pytest.fixture(scope="session")
def is_proof(pytestconfig: pytest.Config) -> bool:
    """Tell whether the full form was asked for."""
    return bool(pytestconfig.getoption("--proof"))
