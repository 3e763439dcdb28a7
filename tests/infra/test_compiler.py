"""Microsoft's own compiler takes the templates, where it is installed."""

from __future__ import annotations

import subprocess
from shutil import which

import pytest

from tests.infra.given import INFRA, MAIN, REGISTRATION, WATCHED

pytestmark = pytest.mark.skipif(which("bicep") is None, reason="needs bicep")


@pytest.mark.parametrize("path", [MAIN, WATCHED, REGISTRATION], ids=lambda path: path.name)
@pytest.mark.parametrize("command", ["build", "lint"])
def test_it_compiles(command: str, path: object) -> None:
    """Neither an error nor a warning: bicepconfig.json makes errors of all that matters."""
    options = ["--stdout"] if command == "build" else []
    done = subprocess.run(
        ["bicep", command, str(path), *options],  # noqa: S607 - the one on the PATH is meant
        capture_output=True,
        text=True,
        check=False,
        cwd=INFRA,
    )

    assert (done.returncode, done.stderr.strip()) == (0, "")
