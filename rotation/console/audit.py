"""How the report on all tokens is shown."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from rotation.console.doctor import show_diagnoses
from rotation.console.terminal import results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotation.diagnosis import Diagnosis


def show_findings(found: Sequence[Diagnosis]) -> None:
    """Show the findings, one line each, and how many there are of each severity."""
    show_diagnoses(found)
    counts = Counter(str(diagnosis.severity) for diagnosis in found)
    told = ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts.items())
    results.print(Text(f"Findings: {told or 'none'}."))
