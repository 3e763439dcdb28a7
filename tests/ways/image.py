"""The steps of the Dockerfile, carried out in a folder: what they make, and what it is started as.

There is no container here. What comes nearest: nothing but the pinned packages and the product is
importable, nothing can be written, there is no home, and the user is not root.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import distribution
from itertools import chain
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-cli.txt")
NOBODY = 65532
CONTAINER = {"PATH": "/usr/bin:/bin"}
"""What a container has by itself, and no ``HOME``."""


@dataclass(frozen=True)
class Step:
    """One instruction of a Dockerfile."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its arguments, in either form."""
        return loads(self.text) if self.text.startswith("[") else shlex.split(self.text)

    @property
    def flags(self) -> dict[str, str]:
        """Its options, such as ``--from=made``."""
        pairs = (word[2:].partition("=") for word in self.words if word.startswith("--"))
        return {name: value for name, _, value in pairs}

    @property
    def paths(self) -> tuple[list[str], str]:
        """Of ``COPY``: what, and where to."""
        *sources, target = [word for word in self.words if not word.startswith("--")]
        return sources, target


def read(path: Path = ROOT / "Dockerfile") -> list[Step]:
    """Read the instructions, in their order."""
    lines = "\n".join(s for s in path.read_text().splitlines() if not s.startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    parted = (line.partition(" ") for line in joined.splitlines() if line.strip())
    return [Step(name, text.strip()) for name, _, text in parted]


def stages(steps: Sequence[Step]) -> list[list[Step]]:
    """Part the instructions at each ``FROM``; the first part is what stands before."""
    parts: list[list[Step]] = [[]]
    for step in steps:
        if step.name == "FROM":
            parts.append([])
        parts[-1].append(step)
    return parts


@dataclass(frozen=True)
class Image:
    """What the last stage holds."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = ()
    """Without arguments."""
    default: Sequence[str] = ()
    """The arguments, if nobody gives others."""

    def run(
        self, environment: Mapping[str, str], arguments: Sequence[str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Start it as a container would, and wait for its end."""
        python, user = interpreter()
        program, *rest = self.command
        assert program == "python"
        given = self.default if arguments is None else arguments
        # -S: what is installed beside this interpreter is not in the image.
        return subprocess.run(
            [python, "-S", *rest, *given],
            cwd=self.folder / "app",
            env={**CONTAINER, **self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )


def build(folder: Path, install: Sequence[str] | None = None) -> Image:
    """Carry out the Dockerfile's steps in a folder, and let nobody write there.

    Args:
        folder: an empty one.
        install: what installs the packages instead; without, they are copied from here.
    """
    _, made, final = stages(read())
    work = folder / "made"
    work.mkdir()
    for step in made:
        if step.name == "COPY":
            sources, target = step.paths
            for source in sources:
                _copy(ROOT / source, work / target / ("" if target == "./" else "."))
        if step.name == "RUN" and "pip" in step.words:
            if install is None:
                _copy_packages(work / "packages")
            else:
                subprocess.run([sys.executable, *step.words[1:]], cwd=work, check=True)
        elif step.name == "RUN":
            assert step.words[0] == "python"
            subprocess.run([sys.executable, *step.words[1:]], cwd=work, check=True)
    image = folder / "image"
    for step in final:
        if step.name == "COPY":
            (source,), target = step.paths
            shutil.move(work / Path(source).relative_to("/made"), image / target.lstrip("/"))
    _forbid_writing(image)
    environment = dict(
        pair.split("=", 1) for step in final if step.name == "ENV" for pair in step.words
    )
    environment["PYTHONPATH"] = str(image / environment["PYTHONPATH"].lstrip("/"))
    (entry,) = (step.words for step in final if step.name == "ENTRYPOINT")
    (default,) = (step.words for step in final if step.name == "CMD")
    return Image(image, environment, entry, default)


def interpreter() -> tuple[str, int | None]:
    """Give a Python of this version, and the number of the user as whom it is to be started.

    None stands for the present user: who is not root, or is, and has no Python that others reach.
    """
    if os.getuid() != 0:
        return sys.executable, None
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for found in (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin")):
        if found and _is_reached_by_all(Path(found).resolve()):
            return found, NOBODY
    return sys.executable, None


def pinned() -> Iterator[Requirement]:
    """Give what the locks of the image name for this Python."""
    for line in chain.from_iterable((ROOT / lock).read_text().splitlines() for lock in LOCKS):
        if line[:1].isalnum():
            requirement = Requirement(line.rstrip("\\ "))
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _copy_packages(target: Path) -> None:
    """Copy the packages that the locks name, and no other, from where they are installed."""
    for requirement in pinned():
        found = distribution(requirement.name)
        assert found.version in requirement.specifier, f"{requirement} is not what is installed"
        for file in found.files or ():
            if ".." in file.parts or "__pycache__" in file.parts:
                continue  # scripts
            path = target / file
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(found.locate_file(file)), path)


def _forbid_writing(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222 | 0o444 | (0o111 if path.is_dir() else 0))


def _is_reached_by_all(path: Path) -> bool:
    return all(p.stat().st_mode & stat.S_IXOTH for p in (path, *path.parents))
