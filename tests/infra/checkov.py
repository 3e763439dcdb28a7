"""Checkov, a judge of templates that is not ours, over what they deploy.

It is shown the resolved resources as an ARM template, since its own reader of Bicep knows an older
form of the language, and leaves out what it cannot read.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.infra.given import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.infra.bicep.deployment import Resource

PROGRAM = ROOT / ".witnesses" / "checkov" / "bin" / "checkov"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
_SKIP = re.compile(r"//\s*checkov:skip=([\w,]+):\s*(.+)")


@dataclass(frozen=True)
class Verdict:
    """What Checkov says of all that it was shown."""

    report: Mapping[str, Any]

    @property
    def seen(self) -> int:
        """How many resources it looked at."""
        return int(self.report["summary"]["resource_count"])

    @property
    def unread(self) -> int:
        """How many files it could not read."""
        return int(self.report["summary"]["parsing_errors"])

    @property
    def passed(self) -> set[str]:
        """The checks that something passed."""
        return {check["check_id"] for check in self.report["results"]["passed_checks"]}

    @property
    def failed(self) -> dict[tuple[str, str], str]:
        """What is not as it should be, in words, by the check and the resource's type."""
        return {
            (check["check_id"], _type(check["resource"])): check["check_name"]
            for check in self.report["results"]["failed_checks"]
        }


def judge(deployments: Mapping[str, Sequence[Resource]], folder: Path) -> Verdict:
    """Let Checkov look at what is deployed.

    Args:
        deployments: resources by a name for them.
        folder: where the templates are written for it.
    """
    assert PROGRAM.exists(), "Checkov is not installed: make witnesses"
    for name, resources in deployments.items():
        (folder / f"{name}.json").write_text(json.dumps(_template(resources)))
    options = ["--framework", "arm", "--skip-download", "--compact", "--output", "json"]
    done = subprocess.run(
        [PROGRAM, "--directory", folder, *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    return Verdict(json.loads(done.stdout))


def skips(resource: Resource) -> Iterator[tuple[str, str]]:
    """Give the checks that a comment in a resource's template leaves out, each with its reason."""
    first, last = resource.declaration.lines
    for line in resource.template.lines[first - 1 : last]:
        if found := _SKIP.search(line):
            yield from ((check, found[2]) for check in found[1].split(","))


def _template(resources: Sequence[Resource]) -> dict[str, Any]:
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "resources": [
            {**r.body, "type": r.type, "apiVersion": r.api_version, "name": _name(r)}
            for r in resources
        ],
    }


def _name(resource: Resource) -> str:
    """Name what is added to another resource by its whole id: two of one name would be one."""
    return resource.name if resource.id.count("/providers/") == 1 else resource.id


def _type(resource: str) -> str:
    """Give the type out of Checkov's name for a resource, which is type and name."""
    return ".".join(resource.split(".")[:2])
