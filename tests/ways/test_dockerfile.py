"""The image: what its Dockerfile says, and what its steps make."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from sandbox.furniture import OWNER
from tests.ways.conftest import assert_renewed
from tests.ways.image import LOCKS, ROOT, Image, build, interpreter, pinned, read, stages

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.https import Sandbox
    from sandbox.world import World

STEPS = read()
BEFORE, MADE, FINAL = stages(STEPS)
COPIED = [path for step in MADE if step.name == "COPY" for path in step.paths[0]]


def test_the_user_is_a_number_and_not_root() -> None:
    """Kubernetes refuses an image whose user it cannot see to be another than root."""
    users = [step.text for step in FINAL if step.name == "USER"]

    assert len(users) == 1
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[0])


def test_the_base_is_named_once_with_its_version() -> None:
    """Python's and the system's; a digest can take the tag's place."""
    (base,) = (step.text for step in BEFORE if step.name == "ARG")

    assert re.fullmatch(r"BASE=python:3\.13-slim-[a-z]+", base)
    assert [step.text for step in STEPS if step.name == "FROM"] == ["${BASE} AS made", "${BASE}"]


def test_nothing_is_fetched_but_packages_with_their_hashes() -> None:
    """No address is added, and pip takes wheels only, each as the locks have it."""
    assert "ADD" not in {step.name for step in STEPS}
    (pip,) = (step.words for step in STEPS if step.name == "RUN" and "pip" in step.words)
    given = {word for before, word in pairwise(pip) if before == "--requirement"}

    assert {"--require-hashes", "--only-binary"} <= {*pip}
    assert given == {*LOCKS}
    for lock in LOCKS:
        entries = re.split(r"\n(?=\w)", (ROOT / lock).read_text())
        assert all("--hash=sha256:" in entry for entry in entries if "==" in entry)


def test_no_step_needs_a_shell() -> None:
    """Neither what is built nor what is started."""
    assert all(s.text.startswith("[") for s in STEPS if s.name in {"RUN", "ENTRYPOINT", "CMD"})


def test_what_is_copied_is_there_and_let_through() -> None:
    """The context of the build has the sources, and nothing that is of no use to it."""
    ignored, *let_through = (
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] != "#"
    )

    assert ignored == "*"
    assert sorted(COPIED) == sorted(line[1:] for line in let_through if line.startswith("!"))
    assert all((ROOT / path).exists() for path in COPIED)


def test_it_is_told_why_there_is_no_health_check() -> None:
    """A job is not asked how it is: it ends, and its exit code says it."""
    assert [step.text for step in FINAL if step.name == "HEALTHCHECK"] == ["NONE"]


def test_nothing_in_it_is_secret() -> None:
    """It takes the version, and sets what Python needs: settings come when it is started."""
    arguments = {step.text.partition("=")[0] for step in STEPS if step.name == "ARG"}
    variables = {pair.partition("=")[0] for s in STEPS if s.name == "ENV" for pair in s.words}

    assert arguments == {"BASE", "VERSION", "REVISION"}
    assert all(name.startswith("PYTHON") for name in variables)


def test_the_locks_of_the_image_are_those_that_the_tests_run_with() -> None:
    """What is pinned for the image is pinned for the tests: one version of everything."""
    lock = (ROOT / "requirements-dev.txt").read_text()

    assert all(
        re.search(rf"^{re.escape(str(p).partition(';')[0].strip())} ", lock, re.MULTILINE)
        for p in pinned()
    )


def test_the_function_app_gets_nothing_of_it() -> None:
    """What is published to Azure is what it was before."""
    patterns = (ROOT / ".funcignore").read_text().splitlines()

    for path in ("Dockerfile", ".dockerignore", "requirements-cli.txt", "ways"):
        assert any(fnmatch(path, pattern) for pattern in patterns), path


def test_it_starts_where_nothing_can_be_written(image: Image) -> None:
    """As another user than root, without a home, from read-only folders: it tells its commands."""
    ended = image.run({}, ["--help"])

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "run" in ended.stdout
    assert not [path for path in image.folder.rglob("*") if path.stat().st_mode & 0o222]


def test_it_knows_nothing_but_the_packages_of_the_locks(image: Image) -> None:
    """What the tests need is not in it."""
    python, user = interpreter()
    ended = subprocess.run(
        [python, "-S", "-c", "import click, msal, rotation.cli; import pytest"],
        env={**image.environment},
        cwd=image.folder / "app",
        capture_output=True,
        text=True,
        check=False,
        user=user,
    )

    assert "No module named 'pytest'" in ended.stderr


def test_without_settings_it_ends_with_all_faults(image: Image) -> None:
    """The job fails at once, and says what is missing."""
    ended = image.run({})

    assert ended.returncode == 2
    assert "ROTATION_VAULTS is missing" in ended.stderr


def test_its_default_is_a_run(image: Image, sandbox: Sandbox, world: World, trust: str) -> None:
    """With a managed identity, as Azure Container Apps gives it one."""
    ended = image.run({**sandbox.environment, "REQUESTS_CA_BUNDLE": trust})

    assert ended.returncode == 0, ended.stderr
    assert_renewed(world)


def test_the_doctor_is_a_command_of_it(image: Image, sandbox: Sandbox, trust: str) -> None:
    """What stands in for a health check: it tries every precondition for real."""
    ended = image.run({**sandbox.environment, "REQUESTS_CA_BUNDLE": trust}, ["doctor"])

    assert OWNER in ended.stdout, ended.stderr


def test_hadolint_finds_nothing() -> None:
    """The Dockerfile's own linter, where it is installed."""
    program = shutil.which("hadolint")
    if program is None:
        pytest.skip("needs hadolint")

    ended = subprocess.run(
        [program, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.proof
def test_its_packages_are_installed_from_the_index(open_folder: Path) -> None:
    """The command of the Dockerfile itself, with every hash compared. Needs a package index."""
    folder = open_folder / "from-index"
    folder.mkdir()

    image = build(folder, install=[sys.executable])

    assert image.run({}, ["--help"]).returncode == 0


@pytest.mark.proof
def test_docker_builds_it() -> None:
    """With Docker itself, where its daemon runs. Needs a registry and a package index."""
    program = shutil.which("docker")
    if (
        program is None
        or subprocess.run([program, "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("needs docker, and its daemon")
    built = subprocess.run(
        [program, "build", "--quiet", str(ROOT)], capture_output=True, text=True, check=True
    )
    ended = subprocess.run(
        [program, "run", "--rm", "--read-only", "--network=none", built.stdout.strip(), "--help"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
