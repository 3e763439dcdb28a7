"""The package that is made here: the product and its locked packages, the same at each time."""

from __future__ import annotations

import json
import os
import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

from tests.infra.given import MAIN, ROOT
from tests.infra.test_package import is_ignored
from tools import materials, package
from tools.materials import Material

if TYPE_CHECKING:
    from pathlib import Path

MATERIALS = [
    Material("cffi", "2.1", "MIT-0", frozenset({"pycparser"})),
    Material("pycparser", "3.12", "BSD-3-Clause", frozenset()),
    Material("requests", "2.34", "Apache-2.0 OR BSD-3-Clause", frozenset({"elsewhere"})),
]
DAY = 86_400


def pins() -> set[tuple[str, str]]:
    """Give what the lock installs on Azure's system."""
    given = {"python_version": package.PYTHON, "python_full_version": f"{package.PYTHON}.0"}
    given |= {"sys_platform": "linux", "platform_python_implementation": "CPython"}
    lines = re.findall(r"^(\S+==[^\\\n]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    locked = [Requirement(line.strip()) for line in lines]
    return {
        (one.name, str(one.specifier).removeprefix("=="))
        for one in locked
        if one.marker is None or one.marker.evaluate(given)
    }


def installed(folder: Path, name: str, metadata: str) -> None:
    """Leave in ``folder`` what an installed package leaves there."""
    record = folder / f"{name}-1.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {name}\n{metadata}\nVersion: 1.0\n"
    )


def test_it_holds_what_azd_would_deploy() -> None:
    """The product's files are those that `.funcignore` leaves over."""
    left = (file for name in package.PRODUCT for file in [ROOT / name, *(ROOT / name).rglob("*")])

    assert set(package.product(ROOT)) == {
        file.relative_to(ROOT).as_posix()
        for file in left
        if file.is_file() and not is_ignored(file)
    }


def test_it_is_made_for_the_python_that_is_deployed() -> None:
    """Unless told otherwise, both are the same version."""
    assert f"param pythonVersion string = '{package.PYTHON}'" in MAIN.read_text()


def test_the_same_files_make_the_same_bytes(tmp_path: Path) -> None:
    """Whatever their order, their dates and who may read them."""
    made = []
    for turn, names in enumerate(
        (["b.py", "a/c.so", "host.json"], ["host.json", "a/c.so", "b.py"])
    ):
        folder = tmp_path / str(turn)
        for name in names:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(name.encode() * 1000)
            file.chmod(0o600 + turn)
            os.utime(file, (turn * DAY, turn * DAY))
        target = tmp_path / f"{turn}.zip"
        package.write(target, package.site_packages(folder))
        made.append(target.read_bytes())

    assert made[0] == made[1]
    with zipfile.ZipFile(tmp_path / "0.zip") as archive:
        assert archive.namelist() == [
            f".python_packages/lib/site-packages/{name}" for name in ("a/c.so", "b.py", "host.json")
        ]
        assert archive.read(archive.namelist()[1]) == b"b.py" * 1000


def test_only_what_is_imported_is_taken_of_a_package(tmp_path: Path) -> None:
    """No programs for a terminal, and nothing that the installer keeps for itself."""
    for name in ("bin/dotenv", ".lock", "dotenv/bin/kept.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert list(package.site_packages(tmp_path)) == [
        ".python_packages/lib/site-packages/dotenv/bin/kept.py"
    ]


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ("License-Expression: MIT-0", "MIT-0"),
        ("Classifier: License :: OSI Approved :: MIT License\nLicense: all of\n its text", "MIT"),
        ("Classifier: License :: OSI Approved :: BSD License", "BSD License"),
        ("License: MIT License", "MIT"),
        ("Classifier: Topic :: Internet", "unknown"),
    ],
)
def test_a_licence_is_named_as_the_package_names_it(
    tmp_path: Path, metadata: str, named: str
) -> None:
    """By its identifier, where it tells one; else by its classifier, else in its own words."""
    installed(tmp_path, "parcel", metadata)

    (found,) = materials.read(tmp_path)

    assert (found.name, found.version, found.licence) == ("parcel", "1.0", named)
    assert found.is_agreed is (named != "unknown")


def test_what_only_an_extra_asks_for_is_not_needed(tmp_path: Path) -> None:
    """It is not installed either."""
    needs = ["Requires-Dist: Urllib3>=2", "Requires-Dist: PySocks; extra == 'socks'"]
    installed(tmp_path, "parcel", "\n".join([*needs, "License-Expression: MIT"]))

    assert materials.read(tmp_path)[0].needs == {"urllib3"}


def test_the_bill_is_in_the_form_of_cyclonedx() -> None:
    """As its own schema says, with every package, its licence and what needs what."""
    text = materials.bill(MATERIALS)

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    told = json.loads(text)
    assert [(part["name"], part["version"]) for part in told["components"]] == [
        (material.name, material.version) for material in MATERIALS
    ]
    assert told["components"][2]["licenses"] == [{"expression": "Apache-2.0 OR BSD-3-Clause"}]
    within = {part["ref"]: part.get("dependsOn", []) for part in told["dependencies"]}
    assert within["pkg:pypi/cffi@2.1"] == ["pkg:pypi/pycparser@3.12"]
    assert within["pat-rotation"] == ["pkg:pypi/requests@2.34"]


def test_the_same_packages_give_the_same_bill() -> None:
    """And others another number."""
    first, again, fewer = (materials.bill(each) for each in (MATERIALS, MATERIALS, MATERIALS[1:]))

    assert first == again
    assert json.loads(first)["serialNumber"] != json.loads(fewer)["serialNumber"]


def test_the_page_lists_what_is_locked() -> None:
    """After `make lock`, `make package` writes it again."""
    rows = re.findall(r"^\| `(\S+)` \| (\S+) \| (.+?) \|", materials.PAGE.read_text(), re.MULTILINE)

    assert {(name, version) for name, version, _ in rows} == pins()
    assert {licence for _, _, licence in rows} <= materials.AGREED
