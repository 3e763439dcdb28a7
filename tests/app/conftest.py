"""A world with two watched vaults, its faces on loopback, and the process left as it was."""

from __future__ import annotations

import atexit
import sys
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import function_app
from sandbox.clock import ManualClock
from sandbox.furniture import ORGANIZATION, OWNER, VAULT
from sandbox.world import World
from tests.app.chromium import chromium
from tests.app.process import ProcessStage
from tests.app.serving import browser, fills_domains, make_host, serve
from tests.app.window import window
from tests.contract.conftest import authority, dressing, other_authority, sandbox
from tests.stage import loggers, slept
from tests.storage import http_azurite, https_azurite, key_account, token_account
from tests.story.stage import START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from azure.functions.decorators.function_app import Function

    from sandbox.clock import Clock
    from sandbox.https import Authority
    from tests.app.process import SetStage
    from tests.story.plot import Plot

__all__ = [
    "authority",
    "browser",
    "chromium",
    "dressing",
    "fills_domains",
    "http_azurite",
    "https_azurite",
    "key_account",
    "loggers",
    "make_host",
    "other_authority",
    "sandbox",
    "serve",
    "slept",
    "token_account",
    "window",
]

collect_ignore = [] if sys.version_info >= (3, 13) else ["test_worker.py"]
"""Azure's own worker is a library from Python 3.13 on; there is none for those before."""
OTHER_VAULT = "kv-web"


@pytest.fixture
def clock() -> Clock:
    """Give the world's clock, to be turned by hand."""
    return ManualClock(datetime(2026, 11, 22, 7, 0, tzinfo=UTC))


@pytest.fixture
def world(clock: Clock) -> World:
    """Give a world with two empty vaults, one organization and one connected owner."""
    world = World(clock)
    world.add_vault(VAULT)
    world.add_vault(OTHER_VAULT)
    world.add_organization(ORGANIZATION, [world.add_user(OWNER)])
    world.connect(OWNER)
    return world


@pytest.fixture(autouse=True)
def process_as_before(loggers: object, slept: object) -> None:
    """Leave the loggers as they were, and let no waiting take time."""


@pytest.fixture(scope="session")
def functions() -> dict[str, Function]:
    """Give the functions, by name, as the host indexes them: once in a process."""
    return {str(found.get_function_name()): found for found in function_app.app.get_functions()}


@pytest.fixture
def fresh_process(
    monkeypatch: pytest.MonkeyPatch,
    authority: Authority,  # noqa: ARG001 - is there before: the end of this is not its own
) -> Iterator[None]:
    """Start without a rotator, and close what was opened, as the end of a process does."""
    with ExitStack() as opened:
        monkeypatch.setattr(atexit, "register", opened.callback)
        function_app._opened.cache_clear()  # noqa: SLF001 - there is one for the whole process
        yield
    function_app._opened.cache_clear()  # noqa: SLF001


@pytest.fixture
def set_stage(
    authority: Authority, tmp_path: Path, search_too: Callable[[str, str], None]
) -> SetStage:
    """Give a function that sets a stage on which a plot begins, for processes of the product."""

    @contextmanager
    def set_stage(plot: Plot, start: datetime = START) -> Iterator[ProcessStage]:
        stage = ProcessStage(ManualClock(start), folder=tmp_path, hear=search_too)
        plot.begin(stage)
        stage.use()
        with stage.opened(authority):
            yield stage

    return set_stage
