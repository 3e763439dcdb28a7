"""Checkov, a judge of templates that is not ours, over what they deploy.

It is shown the resolved resources as an ARM template, since its own reader of Bicep knows an older
form of the language, and leaves out what it cannot read.
"""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.infra.given import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.infra.bicep.resolver import Resource

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

    @cached_property
    def passed(self) -> set[str]:
        """The checks that something passed."""
        return {check["check_id"] for check in self.report["results"]["passed_checks"]}

    @cached_property
    def failed(self) -> list[str]:
        """What was not skipped, and is not as it should be."""
        return [_told(check) for check in self.report["results"]["failed_checks"]]

    @cached_property
    def skipped(self) -> set[tuple[str, str]]:
        """The checks that were skipped and would have failed, each with the resource's type."""
        skipped = self.report["results"]["skipped_checks"]
        return {(check["check_id"], check["resource"].rpartition(".")[0]) for check in skipped}


def judge(deployments: Mapping[str, Sequence[Resource]], folder: Path) -> Verdict:
    """Let Checkov look at what is deployed.

    Args:
        deployments: resources by a name for them.
        folder: where the templates are written for it.
    """
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
            {
                **resource.body,
                "type": resource.type,
                "apiVersion": resource.api_version,
                "name": resource.name,
                "metadata": {
                    "checkov": [f"checkov:skip={check}:{why}" for check, why in skips(resource)]
                },
            }
            for resource in resources
        ],
    }


def _told(check: Mapping[str, Any]) -> str:
    return f"{check['check_id']} {check['resource']}: {check['check_name']}"
