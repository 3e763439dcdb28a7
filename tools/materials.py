"""The packages that the product is deployed with, and their licences: as CycloneDX, as a page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.metadata import Distribution

PAGE = Path(__file__).parents[1] / "docs" / "dependencies.md"
DIRECT = Path(__file__).parents[1] / "requirements.in"
AGREED = frozenset(
    {
        "Apache-2.0",
        "Apache-2.0 OR BSD-3-Clause",
        "BSD License",
        "BSD-3-Clause",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
    }
)
"""Licences that ask for no more than their text and a mention, which the package carries along."""
SPDX = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""The identifiers of SPDX for what older packages write."""
HEAD = """\
# What is deployed with it

The packages that the function app carries, on Python {python}: those of `requirements.txt`.
`make package` writes this page, and the same as a bill of materials in CycloneDX's form.
It fails on a licence that nobody has agreed to (`tools/materials.py`).
`make audit` asks whether vulnerabilities of them are known ([security.md](security.md)).

| package | version | licence | needed by |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Material:
    """One package that is deployed."""

    name: str
    version: str
    licence: str
    """By its identifier in SPDX where the package tells one, else in the package's own words."""
    needs: frozenset[str]
    """The names of other packages, canonical; those of other systems among them."""

    @property
    def is_agreed(self) -> bool:
        """Tell whether its licence is among those agreed to."""
        return self.licence in AGREED


def read(folder: Path) -> list[Material]:
    """Give what is installed in ``folder``, by name."""
    found = (_material(each) for each in distributions(path=[str(folder)]))
    return sorted(found, key=lambda material: material.name)


def licence(expression: str | None, classifiers: Sequence[str], words: str | None) -> str:
    """Name a package's licence from what its metadata says.

    Args:
        expression: the field ``License-Expression``, which comes first.
        classifiers: all of its classifiers.
        words: the field ``License``: a name, or a whole text, of which the first line is taken.
    """
    classified = [each.split(" :: ")[-1] for each in classifiers if each.startswith("License ::")]
    told = [expression or "", *classified, *(words or "").splitlines()[:1]]
    first = next((text.strip() for text in told if text.strip()), "unknown")
    return SPDX.get(first, first)


def bill(materials: Sequence[Material]) -> str:
    """Give the bill of materials as CycloneDX 1.6 in JSON.

    It carries no date and no random number: what is the same gives the same text.
    """
    factory = LicenseFactory()
    components = [
        Component(
            name=material.name,
            version=material.version,
            type=ComponentType.LIBRARY,
            licenses=[factory.make_from_string(material.licence)],
            purl=(purl := PackageURL("pypi", None, material.name, material.version)),
            bom_ref=purl.to_string(),
        )
        for material in materials
    ]
    found = Bom(components=components)
    found.metadata.timestamp = None  # type: ignore[assignment] # optional, whatever its type says
    found.metadata.component = Component(
        name="pat-rotation", type=ComponentType.APPLICATION, bom_ref=BomRef("pat-rotation")
    )
    refs = {component.name: component for component in components}
    for material in materials:
        within = [refs[name] for name in sorted(material.needs & refs.keys())]
        found.register_dependency(refs[material.name], within)
    roots = direct() & refs.keys()
    found.register_dependency(found.metadata.component, [refs[name] for name in sorted(roots)])
    pins = "".join(f"{material.name}=={material.version}\n" for material in materials)
    found.serial_number = UUID(bytes=hashlib.sha256(pins.encode()).digest()[:16], version=5)
    return JsonV1Dot6(found).output_as_string(indent=2) + "\n"


def page(materials: Sequence[Material], python: str) -> str:
    """Give the page that lists them."""
    asked = direct()
    rows = []
    for material in materials:
        users = [f"`{each.name}`" for each in materials if material.name in each.needs]
        needed_by = ", ".join([*(["the product"] if material.name in asked else []), *users])
        row = (f"`{material.name}`", material.version, material.licence, needed_by)
        rows.append(f"| {' | '.join(row)} |\n")
    return HEAD.format(python=python) + "".join(rows)


def direct() -> frozenset[str]:
    """Name the packages that the product itself imports."""
    lines = (line.partition("#")[0].strip() for line in DIRECT.read_text().splitlines())
    return frozenset(canonicalize_name(Requirement(line).name) for line in lines if line)


def _material(found: Distribution) -> Material:
    classifiers = found.metadata.get_all("Classifier") or []
    needs = (Requirement(line) for line in found.requires or ())
    return Material(
        name=canonicalize_name(found.name),
        version=found.version,
        licence=licence(_field(found, "License-Expression"), classifiers, _field(found, "License")),
        # What only an extra asks for is not needed.
        needs=frozenset(
            canonicalize_name(need.name)
            for need in needs
            if need.marker is None or "extra" not in str(need.marker)
        ),
    )


def _field(found: Distribution, name: str) -> str | None:
    return next(iter(found.metadata.get_all(name) or []), None)
