"""A world with tokens, repositories and feeds, and a machine on which their consumers run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.clock import ManualClock, wall
from sandbox.furniture import ORGANIZATION, OWNER, VAULT
from sandbox.https import Sandbox
from sandbox.package import stock
from sandbox.world import World
from tests.app.git import ROOT, SCRIPT, share
from tests.contract.conftest import authority
from tests.search import Search

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.https import Authority

__all__ = ["authority"]

FEED = f"{ORGANIZATION}/web/_packaging/tools"
STAND_IN = Path(__file__).with_name("stand_in.py")
MASKS = ("::add-mask::", "##vso[task.setsecret]")
"""What tells a platform which value it must not print: the one place for it on stdout."""
DEADLINE_SECONDS = 120


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that starts at the machine's time: consumers live by that."""
    return ManualClock(wall())


@pytest.fixture
def world(clock: ManualClock) -> World:
    """Give a world with an empty vault, one organization and one connected owner."""
    world = World(clock)
    world.add_vault(VAULT)
    world.add_organization(ORGANIZATION, [world.add_user(OWNER)])
    world.connect(OWNER)
    return world


@pytest.fixture
def sandbox(world: World, authority: Authority, tmp_path: Path) -> Iterator[Sandbox]:
    """Give the world's faces, with a repository and a feed."""
    with Sandbox(world, authority) as sandbox:
        share(sandbox, tmp_path)
        sandbox.shelf |= stock(sandbox.packages_url, FEED)
        yield sandbox


@dataclass
class Machine:
    """Where a consumer runs: a folder, and programs on the PATH."""

    sandbox: Sandbox
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """The folder in which everything runs."""
        return self.folder / "work"

    def fill(self, text: str) -> str:
        """Put the sandbox's hosts in the place of Microsoft's, and what a look-alike takes."""
        vault = self.sandbox.vault_urls[VAULT]
        for real, ours in {
            "pkgs.dev.azure.com": self.sandbox.packages_url.removeprefix("https://"),
            "dev.azure.com": self.sandbox.devops_url.removeprefix("https://"),
            f"https://{VAULT}.vault.azure.net": vault,
            "Credential())": "Credential(), verify_challenge_resource=False)",
        }.items():
            text = text.replace(real, ours)
        return text

    def run(self, words: list[str], more: Mapping[str, str] | None = None) -> str:
        """Run a program, see that it ends well and gives no value away, and give its stdout.

        What it writes goes to files, so that the masks can be told from everything else.
        """
        out, err = self.folder / "stdout", self.folder / "stderr"
        with out.open("w") as stdout, err.open("w") as stderr:
            ended = subprocess.run(
                words,
                cwd=self.work,
                env={**self.environment, **(more or {})},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                check=False,
                timeout=DEADLINE_SECONDS,
            )
        said = out.read_text()
        lines = [line for line in said.splitlines() if not line.startswith(MASKS)]
        told = "\n".join([*lines, err.read_text()])
        given_away = Search(self.sandbox.world.issued).forms_in(told)
        assert not given_away, f"a value was given away: {given_away}"
        assert ended.returncode == 0, told
        return said

    def shell(self, script: str, more: Mapping[str, str] | None = None) -> str:
        """Run a script as a step of a pipeline would."""
        words = ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", self.fill(script)]
        return self.run(words, more)

    def python(self, code: str, more: Mapping[str, str] | None = None) -> str:
        """Run a program in Python."""
        return self.run([sys.executable, "-c", self.fill(code)], more)


@pytest.fixture
def machine(sandbox: Sandbox, tmp_path: Path) -> Machine:
    """Give a machine with the programs that the pages name; what is not here has a stand-in."""
    machine = Machine(sandbox, tmp_path)
    programs, home = tmp_path / "bin", tmp_path / "home"
    for folder in (programs, home, machine.work):
        folder.mkdir()
    scripts = {name: f'exec "{sys.executable}" "{STAND_IN}" {name} "$@"' for name in NOT_HERE}
    scripts["python"] = f'exec "{sys.executable}" "$@"'
    for name, script in scripts.items():
        _program(programs / name, f"#!/bin/sh\n{script}\n")
    _program(programs / "rotation", SCRIPT.format(root=ROOT, python=sys.executable))
    (programs / "config.sh").rename(machine.work / "config.sh")
    bundle, known = str(sandbox.authority.bundle), sandbox.environment
    names = ("ROTATION_AUTHORITY", "ROTATION_DEVOPS_URL", "ROTATION_VAULTS", "NO_PROXY")
    identity = ("AZURE_CLIENT_ID", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")
    machine.environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "STAND_IN_VAULTS": json.dumps(sandbox.vault_urls),
        **{name: known[name] for name in (*names, *identity)},
        # Each program has its own way to be told whom to trust, and where it may write.
        **dict.fromkeys(("REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"), bundle),
        **dict.fromkeys(("PIP_CERT", "NPM_CONFIG_CAFILE"), bundle),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "NPM_CONFIG_AUDIT": "false",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "PIP_TARGET": str(machine.work / "installed"),
    }
    return machine


NOT_HERE = ("az", "terraform", "dotnet", "config.sh")


def _program(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(0o755)
