"""The shells complete commands, options and values."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

import rotation
from rotation import cli

ROOT = Path(rotation.__file__).parent.parent
DEADLINE_SECONDS = 60
HEAVY = ("azure", "msal", "pydantic", "requests", "cryptography")
"""What no help and no completion needs."""
ASK = """
set -eu
eval "$(rotation completion bash)"
COMP_WORDS=({words}) COMP_CWORD={last}
_rotation_completion rotation
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def program(tmp_path: Path) -> dict[str, str]:
    """Give an environment in which the program is installed, without any settings."""
    script = tmp_path / "rotation"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m rotation "$@"\n')
    script.chmod(0o755)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("ROTATION_")}
    return {**kept, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def complete(environment: dict[str, str], *words: str) -> list[str]:
    """Let bash complete the last of some words."""
    bash = which("bash")
    if bash is None:
        pytest.skip("needs bash")
    quoted = " ".join(f"'{word}'" for word in words)
    done = subprocess.run(
        [bash, "--norc", "-c", ASK.format(words=quoted, last=len(words) - 1)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("rotation", "ro"), ["rotate"]),
        (("rotation", "rotate", "--all"), ["--all-expired", "--allow-wider"]),
        (("rotation", "events", "--kind", "OrderR"), ["OrderReceived", "OrderRefused"]),
        (("rotation", "issue", "kv/feed", "--mode", "ext"), ["extend"]),
        (
            ("rotation", "rotate", "kv/feed", "--scope", "vso.packaging"),
            ["vso.packaging", "vso.packaging_manage", "vso.packaging_write"],
        ),
        (("rotation", "completion", ""), ["bash", "fish", "zsh"]),
    ],
)
def test_bash_completes(program: dict[str, str], words: tuple[str, ...], found: list[str]) -> None:
    """After the script was sourced: names of commands, options, and values; without settings."""
    assert sorted(complete(program, *words)) == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    """0: on stdout, and nothing else there; it asks the program for completions."""
    code = cli.main(["completion", shell])

    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    assert f"_ROTATION_COMPLETE={shell}_complete" in out
    assert "rotation" in out


def test_only_shells_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    """2: which there are."""
    assert cli.main(["completion", "tcsh"]) == 2
    assert "'bash', 'zsh', 'fish'" in capsys.readouterr().err


def test_the_last_of_several_scopes_is_completed() -> None:
    """What is typed before it stays."""
    items = cli.completion.complete_scope(None, None, "vso.code vso.packaging_w")  # type: ignore[arg-type]

    assert [item.value for item in items] == ["vso.code vso.packaging_write"]
    assert items[0].help


@pytest.mark.parametrize("arguments", [("--help",), ("rotate", "--help"), ("completion", "zsh")])
def test_help_loads_nothing_heavy(program: dict[str, str], arguments: tuple[str, ...]) -> None:
    """Whoever asks for help, or presses Tab, does not wait for the SDKs."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "rotation", *arguments],
        cwd=ROOT,
        env=program,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )

    loaded = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert "click" in loaded
    assert loaded & {*HEAVY} == set()
