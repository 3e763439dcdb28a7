"""The alerts as infra/modules/alerts.bicep deploys them: what each asks, and when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.infra.kusto import TEXTS

MODULE = (Path(__file__).parents[2] / "infra" / "modules" / "alerts.bicep").read_text()
WINDOWS = {
    "PT2H": timedelta(hours=2),
    "P2D": timedelta(days=2),
}
DEFAULTS = {
    **dict(re.findall(r"^var (\w+) = \w+\.\?\1 \?\? (\d+)$", MODULE, re.MULTILINE)),
    "rotatorPrincipalId": "4be1f0e2-aaaa-bbbb-cccc-0123456789ab",
    "sessionVaultId": "/subscriptions/1/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/kv-s",
}
"""What the parameters are unless they are given; the two that have to be are made up."""


@dataclass(frozen=True)
class Rule:
    """One alert."""

    name: str
    title: str
    severity: str
    window: timedelta
    file: str
    """The name of its query."""
    replaced: tuple[tuple[str, str], ...]
    """Texts of the query, and by what they are replaced, in the words of Bicep."""
    dimensions: tuple[str, ...]
    todo: str
    manual: str
    """The heading in docs/operations.md that it sends people to."""

    def query(self, **parameters: str | int) -> str:
        """Give the query as it is deployed with these parameters, and defaults for the rest."""
        text, values = TEXTS[self.file], {**DEFAULTS, **parameters}
        for old, new in self.replaced:
            text = text.replace(old, re.sub(r"\$\{(\w+)\}", lambda name: str(values[name[1]]), new))
        return text


def _rule(block: str) -> Rule:
    words = dict(re.findall(r"^    (\w+): '?([^'\n]+?)'?$", block, re.MULTILINE))
    (dimensions,) = re.findall(r"^    dimensions: (.+)$", block, re.MULTILINE)
    if dimensions == "ofSecrets":
        (dimensions,) = re.findall(r"^var ofSecrets = (.+)$", MODULE, re.MULTILINE)
    quoted = re.findall(r"^ +'(.+)'(,?)$", block, re.MULTILINE)
    (file,) = re.findall(r"loadTextContent\('\.\./queries/(.+)\.kql'\)", block)
    return Rule(
        name=words["name"],
        title=words["title"],
        severity=words["severity"],
        window=WINDOWS[words["window"]],
        file=file,
        replaced=tuple(
            (old, new) for (old, _), (new, _) in zip(quoted[::2], quoted[1::2], strict=True)
        ),
        dimensions=tuple(re.findall(r"\w+", dimensions)),
        todo=words["todo"],
        manual=words["manual"],
    )


def _rules() -> dict[str, Rule]:
    found = re.search(r"^var rules = \[\n(.+?)^\]$", MODULE, re.MULTILINE | re.DOTALL)
    assert found
    blocks = re.findall(r"^  \{\n(.+?)^  \}$", found[1], re.MULTILINE | re.DOTALL)
    return {rule.name: rule for rule in map(_rule, blocks)}


RULES = _rules()
"""Every alert by its name."""
