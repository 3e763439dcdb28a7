"""The machine's own Chromium, and the screens on which pages are looked at."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

PROGRAM = "chromium"
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--ignore-certificate-errors",
    "--no-first-run",
    "--no-sandbox",
]
"""It talks to nobody but this machine, and runs where there is no desktop, as root, too."""
SCREENS = {"desktop": (1280, 800), "phone": (360, 740)}
PATIENCE_MILLISECONDS = 20_000


@contextmanager
def launched() -> Iterator[Browser]:
    """Start the machine's own browser; none is ever downloaded.

    Raises:
        FileNotFoundError: there is none.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise FileNotFoundError(PROGRAM)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Give the machine's own browser."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"needs {PROGRAM}")
    with launched() as browser:
        yield browser
