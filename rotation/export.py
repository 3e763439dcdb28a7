"""Findings in the forms of those who collect them: JSON, CSV and SARIF 2.1.0. Pure.

Source: OASIS, *Static Analysis Results Interchange Format (SARIF) Version 2.1.0*.
"""

from __future__ import annotations

import csv
import hashlib
from io import StringIO
from typing import TYPE_CHECKING, Any

from rotation.diagnosis import Diagnosis, Severity
from rotation.errors import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotation.audit_rules import Rule

COLUMNS = tuple(Diagnosis.__dataclass_fields__)
SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
LEVELS = {
    Severity.FINE: "none",
    Severity.NOTE: "note",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
}
FORMULA = ("=", "+", "-", "@")
"""A cell that begins so is taken for a formula by spreadsheets."""


def as_list(found: Sequence[Diagnosis]) -> list[dict[str, str]]:
    """Give the stable form of the commands' JSON."""
    return [{name: str(getattr(each, name)) for name in COLUMNS} for each in found]


def as_csv(found: Sequence[Diagnosis]) -> str:
    """Give one row a finding, below the names of the columns."""
    written = StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(text) for text in row.values()] for row in as_list(found))
    return written.getvalue()


def as_sarif(found: Sequence[Diagnosis], rules: Mapping[str, Rule], version: str) -> dict[str, Any]:
    """Give one run of the tool, with a result for each finding.

    Args:
        found: the findings.
        rules: what their words mean; a word that is not among them names why something could not
            be looked at.
        version: the product's.
    """
    words = sorted({*rules, *(diagnosis.finding for diagnosis in found)})
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "pat-rotation",
                        "semanticVersion": version,
                        "rules": [_rule(word, rules.get(word)) for word in words],
                    }
                },
                "results": [_result(diagnosis, words) for diagnosis in found],
            }
        ],
    }


def _rule(word: str, rule: Rule | None) -> dict[str, Any]:
    title = rule.title if rule else f"Something could not be looked at: {word}"
    told = rule.help if rule else "The report is not complete; the message says what helps."
    return {
        "id": word,
        "shortDescription": {"text": title},
        "help": {"text": told},
        "defaultConfiguration": {"level": LEVELS[rule.severity if rule else Severity.ERROR]},
    }


def _result(diagnosis: Diagnosis, words: Sequence[str]) -> dict[str, Any]:
    # The same finding has the same print in every report, so that collectors can follow it.
    identity = f"{diagnosis.finding}:{diagnosis.subject}"
    text = "; ".join(filter(None, (diagnosis.message, diagnosis.fix)))
    return {
        "ruleId": diagnosis.finding,
        "ruleIndex": words.index(diagnosis.finding),
        "kind": "pass" if diagnosis.severity is Severity.FINE else "fail",
        "level": LEVELS[diagnosis.severity],
        "message": {"text": text},
        "locations": [
            {"logicalLocations": [{"fullyQualifiedName": diagnosis.subject, "kind": "resource"}]}
        ],
        "partialFingerprints": {"finding/v1": hashlib.sha256(identity.encode()).hexdigest()},
    }


def _cell(text: str) -> str:
    shown = plain(text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown
