"""Makes the package that Azure runs, its bill of materials and its licences: ``make package``.

The same tree gives the same bytes on every machine: only the product and the wheels of
``requirements.txt`` go in, each wheel compared with its hash, in a fixed order, without dates.
No code of a package runs here.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

from tools import materials

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
PYTHON = "3.13"
"""What the templates deploy, unless told otherwise."""
PLATFORM = "x86_64-manylinux_2_28"
"""Linux on x86-64 (Azure Functions documentation, *Flex Consumption plan*)."""
PACKAGES = Path(".python_packages/lib/site-packages")
"""Where the Python worker looks for packages that come with the app (Azure Functions documentation,
*Azure Functions Python developer reference guide*, *Local build*)."""
PRODUCT = ("function_app.py", "host.json", "requirements.txt", "rotation")
SCRIPTS = "bin"
"""Programs for a terminal: the Function starts none, and they name the folder of this build."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first date that a zip file knows."""
READABLE = 0o100644 << 16
"""A plain file that everybody may read, in a zip file's own form."""


def main() -> int:
    """Make the package and what describes it; print its parts, sizes and digest.

    Returns:
        0, or 1 if a package has a licence that nobody has agreed to.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.package", description=__doc__)
    parser.add_argument("--python", default=PYTHON, help="the version that the app runs on")
    python = parser.parse_args().python
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        packages = Path(folder)
        install(packages, python)
        ours, theirs = product(ROOT), site_packages(packages)
        target = BUILD / f"pat-rotation-python{python}.zip"
        write(target, {**ours, **theirs})
        found = materials.read(packages)
    bill = BUILD / f"pat-rotation-python{python}.cdx.json"
    bill.write_text(materials.bill(found))
    if python == PYTHON:
        materials.PAGE.write_text(materials.page(found, python))
    _print(target, ours, theirs)
    print(f"bill of materials: {bill.relative_to(ROOT)}, {len(found)} packages")
    strangers = [material for material in found if not material.is_agreed]
    for stranger in strangers:
        print(
            f"{stranger.name} {stranger.version} has the licence '{stranger.licence}', which is not"
            " among those agreed to: agree to it in tools/materials.py, or do without the package",
            file=sys.stderr,
        )
    return 1 if strangers else 0


def install(folder: Path, python: str) -> None:
    """Put the locked wheels for Azure's system into ``folder``, each compared with its hash.

    Raises:
        SystemExit: that did not succeed; the installer has said why.
    """
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(folder)]
    command += ["--python-platform", PLATFORM, "--python-version", python]
    command += ["--require-hashes", "--only-binary", ":all:", "--no-compile", "--link-mode", "copy"]
    command += ["--requirement", str(ROOT / "requirements.txt")]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(
            f"make: the packages of requirements.txt could not be had for Python {python}; the"
            " message is above: check the version, and that a package index is reached"
        )


def product(root: Path) -> dict[str, bytes]:
    """Give the product's own files, by their place in the package."""
    tops = [root / name for name in PRODUCT]
    files = [file for top in tops for file in ([top] if top.is_file() else top.rglob("*"))]
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in files
        if file.is_file() and "__pycache__" not in file.parts
    }


def site_packages(folder: Path) -> dict[str, bytes]:
    """Give what was installed into ``folder``, by its place in the package."""
    placed = {file: file.relative_to(folder) for file in folder.rglob("*") if file.is_file()}
    return {
        (PACKAGES / place).as_posix(): file.read_bytes()
        for file, place in placed.items()
        if place.parts[0] not in {SCRIPTS, ".lock"}
    }


def write(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a zip file whose bytes depend on the names and contents of ``files`` alone."""
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = READABLE
            entry.create_system = 3  # Unix, wherever it is made
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)


def _print(target: Path, ours: Mapping[str, bytes], theirs: Mapping[str, bytes]) -> None:
    table = Table("what", "files", "bytes", box=box.SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
    for what, files in (("the product", ours), ("packages", theirs)):
        table.add_row(what, f"{len(files):,}", f"{sum(map(len, files.values())):,}")
    content = target.read_bytes()
    table.add_row("the package, compressed", f"{len(ours) + len(theirs):,}", f"{len(content):,}")
    Console().print(table)
    print(f"package: {target.relative_to(ROOT)}\nsha256: {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    sys.exit(main())
