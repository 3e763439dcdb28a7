"""How the findings of the doctor are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from rotation.console.terminal import results
from rotation.diagnosis import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotation.diagnosis import Diagnosis

SEVERITIES = {
    Severity.FINE: "green",
    Severity.NOTE: "cyan",
    Severity.WARNING: "yellow",
    Severity.ERROR: "bold red",
}


def show_diagnoses(found: Sequence[Diagnosis]) -> None:
    """Show what came of each trial, and what to do about it: one line each."""
    for diagnosis in found:
        line = Text(f"{diagnosis.severity:8}", SEVERITIES[diagnosis.severity])
        told = "; ".join(filter(None, (diagnosis.message, diagnosis.fix)))
        results.print(
            line.append(f" {diagnosis.finding}: {diagnosis.subject}: {told}", "none"),
            soft_wrap=True,
        )
