"""Findings in the forms of those who collect them."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any

import pytest

from rotation.audit_rules import RULES
from rotation.diagnosis import Diagnosis, Severity
from rotation.export import as_csv, as_list, as_sarif

FULL = Diagnosis(
    "token 1 of ada@example.com in contoso",
    "full-scope",
    Severity.ERROR,
    "the token 'a \"b\", c' may do whatever its owner may",
    "name the scopes",
)
NOTED = Diagnosis("ada@example.com", "nowhere", Severity.NOTE, "no secret, ü")
LOST = Diagnosis("vault kv-web", "access-denied", Severity.ERROR, "refused", "grant")
FOUND = (FULL, LOST, NOTED)


def test_the_list() -> None:
    """The five keys, all of them texts."""
    assert json.loads(json.dumps(as_list(FOUND)))[0] == {
        "subject": "token 1 of ada@example.com in contoso",
        "finding": "full-scope",
        "severity": "error",
        "message": "the token 'a \"b\", c' may do whatever its owner may",
        "fix": "name the scopes",
    }
    assert as_list(()) == []


def test_the_csv_reads_back() -> None:
    """Quotes, commas and all; without findings, only the names of the columns."""
    rows = list(csv.DictReader(StringIO(as_csv(FOUND))))

    assert rows == as_list(FOUND)
    assert as_csv(()) == "subject,finding,severity,message,fix\n"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@"])
def test_no_cell_is_a_formula(begin: str) -> None:
    """A spreadsheet might carry it out."""
    strange = Diagnosis(f"{begin}cmd|'/c calc'!A0", "unmanaged", Severity.NOTE, "x")

    (row,) = csv.DictReader(StringIO(as_csv([strange])))

    assert row["subject"] == f"'{begin}cmd|'/c calc'!A0"


def test_no_cell_has_more_than_one_line() -> None:
    """Nor anything else that a terminal might obey."""
    (row,) = csv.DictReader(StringIO(as_csv([Diagnosis("a\rb", "x", Severity.NOTE, "c\n\x1bd")])))

    assert (row["subject"], row["message"]) == ("a b", "c  d")


class TestSarif:
    """The structure that the published schema of SARIF 2.1.0 asks for."""

    @pytest.fixture
    def log(self) -> dict[str, Any]:
        """Give a log, as a reader of its JSON gets it."""
        read: dict[str, Any] = json.loads(json.dumps(as_sarif(FOUND, RULES, "1.2.3")))
        return read

    def test_the_log(self, log: dict[str, Any]) -> None:
        """A version and one run of a named tool: all that is required, and where the schema is."""
        assert log.keys() == {"$schema", "version", "runs"}
        assert log["version"] == "2.1.0"
        assert log["$schema"].startswith("https://docs.oasis-open.org/sarif/")
        (run,) = log["runs"]
        assert run.keys() == {"tool", "results"}
        assert run["tool"].keys() == {"driver"}
        driver = run["tool"]["driver"]
        assert (driver["name"], driver["semanticVersion"]) == ("pat-rotation", "1.2.3")

    def test_the_rules(self, log: dict[str, Any]) -> None:
        """Each once, with a title, help, and how bad it is; those too that nothing was found of."""
        rules = log["runs"][0]["tool"]["driver"]["rules"]

        assert [rule["id"] for rule in rules] == sorted({*RULES, "access-denied", "nowhere"})
        for rule in rules:
            assert rule.keys() == {"id", "shortDescription", "help", "defaultConfiguration"}
            assert rule["shortDescription"]["text"]
            assert rule["help"]["text"].endswith(".")
            assert rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}

    def test_the_results(self, log: dict[str, Any]) -> None:
        """Each names its rule, says what is to be done, and where."""
        run = log["runs"][0]
        rules = run["tool"]["driver"]["rules"]

        assert len(run["results"]) == len(FOUND)
        for result, found in zip(run["results"], FOUND, strict=True):
            assert result["ruleId"] == found.finding == rules[result["ruleIndex"]]["id"]
            assert (result["kind"], result["level"]) == ("fail", str(found.severity))
            assert found.message in result["message"]["text"]
            assert found.fix in result["message"]["text"]
            ((where,),) = (place["logicalLocations"] for place in result["locations"])
            assert where == {"fullyQualifiedName": found.subject, "kind": "resource"}

    def test_what_is_fine_is_a_pass(self) -> None:
        """The level of whatever is no failure is none."""
        fine = Diagnosis("vault kv-web", "listed", Severity.FINE, "it can be listed")
        (result,) = as_sarif([fine], {}, "1")["runs"][0]["results"]

        assert (result["kind"], result["level"]) == ("pass", "none")

    def test_a_finding_is_known_again(self, log: dict[str, Any]) -> None:
        """Whatever its sentence says today; no other finding has its print."""
        later = Diagnosis(FULL.subject, FULL.finding, Severity.WARNING, "in other words")
        results = [*log["runs"][0]["results"], *as_sarif([later], RULES, "2")["runs"][0]["results"]]
        prints = [result["partialFingerprints"]["finding/v1"] for result in results]

        assert prints[0] == prints[3]
        assert len(set(prints)) == 3

    def test_nothing_was_found(self) -> None:
        """That is a list of results without any, and no missing one."""
        assert as_sarif((), RULES, "1")["runs"][0]["results"] == []
