"""The quickstart does what it says: its shell blocks are typed into two terminals, in order."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.docs.naming import ROOT
from tests.docs.test_readme import GAP, steady

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = (ROOT / "docs" / "quickstart.md").read_text()
BLOCK = r"^```bash\n((?:(?!```).*\n)+)```$"
SERVE, *TYPED = re.findall(BLOCK, PAGE, re.MULTILINE)
SHOWN = re.findall(rf"{BLOCK}\n\n```text\n((?:(?!```).*\n)+)```$", PAGE, re.MULTILINE)
LAST_SETTING = "SANDBOX_CERTIFICATE"
PATIENCE_SECONDS = 300


@contextmanager
def first_terminal(folder: Path) -> Iterator[None]:
    """Type the first block, and leave it running; at last, press Ctrl-C."""
    words = ["bash", "--noprofile", "--norc", "-c", SERVE]
    with subprocess.Popen(
        words, cwd=folder, env=environment(), start_new_session=True, stdout=subprocess.DEVNULL
    ) as running:
        try:
            begun = time.monotonic()
            while LAST_SETTING not in read(folder / "sandbox.env"):
                assert running.poll() is None
                assert time.monotonic() < begun + PATIENCE_SECONDS
                time.sleep(0.05)
            yield
        finally:
            os.killpg(running.pid, signal.SIGINT)


def second_terminal(folder: Path) -> list[str]:
    """Type all other blocks into one shell; give what each has said on stdout."""
    end = "--- end of a block ---"
    script = "".join(f"{block}echo '{end}'\n" for block in TYPED)
    said = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", script],  # noqa: S607 - the one on the PATH
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_SECONDS,
    )
    assert "Traceback" not in said.stderr
    return said.stdout.split(f"{end}\n")[:-1]


def environment() -> dict[str, str]:
    """Give a terminal of 100 columns, in which nothing is set that the page does not set."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return {**kept, "COLUMNS": "100", "PYTHONPATH": str(ROOT)}


def read(path: Path) -> str:
    """Give what is written there so far."""
    return path.read_text() if path.exists() else ""


def test_what_is_typed_shows_what_the_page_shows(tmp_path: Path) -> None:
    """Block by block, in two terminals, in an empty folder with nothing but the environment."""
    (tmp_path / ".venv").symlink_to(sys.prefix)

    with first_terminal(tmp_path):
        answers = dict(zip(TYPED, second_terminal(tmp_path), strict=True))

    assert len(SHOWN) >= 5
    for block, shown in SHOWN:
        rest = steady(answers[block])
        for part in shown.split(GAP):
            _, found, rest = rest.partition(steady(part))
            assert found, f"after {block!r}, not shown or not in this order:\n{part}\n{rest}"


def test_the_skeleton_is_that_of_the_deployment() -> None:
    """Each command for Azure stands on the page that explains it, in the same order."""
    _, azure = PAGE.split("## Then in Azure")
    lines = re.findall(r"^\$ .+$", azure, re.MULTILINE)
    deploy = re.findall(r"^\$ .+$", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)

    assert lines
    assert [line for line in deploy if line in lines] == lines
