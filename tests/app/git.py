"""The real git, at home in a folder, in front of a sandbox with a repository."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import pytest

import rotation
from sandbox.furniture import ORGANIZATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.https import Sandbox

ROOT = Path(rotation.__file__).parent.parent
REPOSITORY = "web/_git/app"
DEADLINE_SECONDS = 60
SCRIPT = '#!/bin/sh\nPYTHONPATH="{root}" exec "{python}" -m rotation "$@"\n'


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Git:
    """The git of somebody who has a home and the product installed, and may read the vault."""

    home: Path
    url: str
    """Where the organizations are."""
    environment: Mapping[str, str]

    @classmethod
    def of(cls, sandbox: Sandbox, folder: Path) -> Git:
        """Give one that knows where the vault is, and no other setting of the product."""
        programs, home = folder / "bin", folder / "home"
        programs.mkdir()
        home.mkdir()
        script = programs / "rotation"
        script.write_text(SCRIPT.format(root=ROOT, python=sys.executable))
        script.chmod(0o755)
        known = sandbox.environment
        names = ("AUTHORITY", "DEVOPS_URL", "VAULTS")
        wanted = {f"ROTATION_{name}": known[f"ROTATION_{name}"] for name in names}
        machine = ("AZURE_CLIENT_ID", "IDENTITY_ENDPOINT", "IDENTITY_HEADER")
        ways = {"NO_PROXY", "HTTPS_PROXY"} & known.keys()
        # In place of what this machine has, so that nothing of it helps or hinders.
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(home),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSL_CAINFO": str(sandbox.authority.bundle),
            "REQUESTS_CA_BUNDLE": str(sandbox.authority.bundle),
            **{name: known[name] for name in (*machine, *ways)},
            **wanted,
        }
        return cls(home, sandbox.devops_url, environment)

    def __call__(self, *arguments: str, folder: Path | None = None, **more: str) -> Ended:
        """Run one command of git."""
        ended = subprocess.run(
            ["git", *arguments],  # noqa: S607 - the one on the PATH is meant
            cwd=folder or self.home,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_SECONDS,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def fill(self, address: str) -> tuple[dict[str, str], str]:
        """Let git ask its helpers about an address; give what it is told, and its stderr.

        What git writes goes to a file: there is a value in it, as there should be.
        """
        told = self.home / "told"
        with told.open("w") as stdout:
            ended = subprocess.run(
                ["git", "credential", "fill"],  # noqa: S607 - the one on the PATH is meant
                env=self.environment,
                input=f"url={address}\n\n",
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=DEADLINE_SECONDS,
            )
        lines = told.read_text().splitlines()
        told.unlink()
        told_of = {} if ended.returncode else dict(line.split("=", 1) for line in lines)
        return told_of, ended.stderr

    def configure(self, helper: str = "!rotation git-credential", where: str = "") -> None:
        """Make the product its helper, as the help says, for all of Azure DevOps or a part."""
        section = f"credential.{self.url}{where}"
        self("config", "--global", f"{section}.helper", "")
        self("config", "--global", "--add", f"{section}.helper", helper)
        self("config", "--global", f"credential.{self.url}.useHttpPath", "true")
        self("config", "--global", "user.name", "Ada")
        self("config", "--global", "user.email", "ada@contoso.example")

    def address(self, organization: str = ORGANIZATION, user: str = "") -> str:
        """Give the address of the repository."""
        at = f"{user}@" if user else ""
        return f"{self.url.replace('://', f'://{at}')}/{organization}/{REPOSITORY}"

    def clone(self, name: str, address: str = "") -> Ended:
        """Clone the repository into a folder of the home."""
        return self("clone", "--quiet", address or self.address(), name)


def share(sandbox: Sandbox, folder: Path, organization: str = ORGANIZATION) -> Path:
    """Put a repository with one commit into an organization; give where it is."""
    if which("git") is None:
        pytest.skip("needs git")
    bare = folder / f"{organization}.git"
    plain = {
        **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "ada"),
        **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "ada@contoso.example"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PATH": os.environ["PATH"],
    }

    def run(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments],  # noqa: S607 - the one on the PATH is meant
            cwd=bare,
            env=plain,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    bare.mkdir()
    run("init", "--quiet", "--bare", "--initial-branch", "main")
    tree = run("write-tree")
    run("update-ref", "refs/heads/main", run("commit-tree", tree, "-m", "Begin"))
    sandbox.repositories[f"{organization}/{REPOSITORY}"] = bare
    return bare
