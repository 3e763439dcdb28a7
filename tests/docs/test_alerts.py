"""The page of the alerts, the manual, the files and the templates tell the same."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.infra.kusto import TEXTS
from tests.infra.rules import DEFAULTS, MODULE, RULES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "alerts.md").read_text()
MANUAL = (ROOT / "docs" / "operations.md").read_text()
WORKBOOK = (ROOT / "infra" / "modules" / "workbook.bicep").read_text()
TITLES = {
    re.sub(r"[^a-z -]", "", title.lower()).replace(" ", "-"): title
    for title in re.findall(r"^### (.+)$", MANUAL, re.MULTILINE)
}
"""The sections of the manual that alerts send people to, by their anchors."""
WINDOWS = {timedelta(days=2): "2 days", timedelta(hours=2): "2 hours"}
SPLIT = {"Secret": "secret", "Owner": "owner", "Vault": "vault", "Reader": "reader"}


def rows(heading: str) -> dict[str, list[str]]:
    """Give the rows of the table below a heading, by the name in the first cell."""
    (section,) = re.findall(rf"^{heading}$\n(.+?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^\| \[?`([\w-]+)`.*?\|(.+)\|$", section, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in lines}


ALERTS = rows("# Alerts, and the queries behind them")
QUERIES = rows("## The queries")


def test_every_alert_is_on_the_page() -> None:
    """In the order of the template, and no other."""
    assert list(ALERTS) == list(RULES)


@pytest.mark.parametrize("name", RULES)
def test_the_page_says_what_the_template_does(name: str) -> None:
    """Severity, window, what it is told for, where it sends people, and its parameter."""
    rule = RULES[name]
    _, split, severity, window, link, *rest = ALERTS[name]
    parameters = set(re.findall(r"\$\{(\w+)\}", str(rule.replaced))) & set(
        re.findall(r"^  (\w+): .*\?$", MODULE, re.MULTILINE)
    )

    assert split == next((SPLIT[column] for column in SPLIT if column in rule.dimensions), "")
    assert severity == rule.severity
    assert window == WINDOWS[rule.window]
    assert link == f"[{TITLES[rule.manual]}](operations.md#{rule.manual})"
    assert parameters <= set(re.findall(r"`(\w+)`", str(rest)))


def test_the_manual_has_a_section_for_each_alert() -> None:
    """Whoever is woken lands where it says what to do; no section is left without its alert."""
    assert [rule.manual for rule in RULES.values() if rule.manual not in TITLES] == []
    assert TITLES.keys() == {rule.manual for rule in RULES.values()}


@pytest.mark.parametrize("name", RULES)
def test_the_rule_is_called_as_the_section(name: str) -> None:
    """What the message says at its top, the manual says at its."""
    rule = RULES[name]
    words = re.sub(r"[^a-z -]", "", rule.title.lower()).replace(" ", "-")
    assert words == rule.manual


def test_the_page_tells_the_defaults() -> None:
    """The numbers that stand in the table and below it are those of the template."""
    for parameter, name in {
        "stuckHours": "secret-stuck",
        "failedRuns": "run-failed-twice",
        "silentHours": "no-scan",
        "signInDays": "sign-in-soon",
        "watchedDays": "watched-soon",
        "failedProofs": "proof-failed-twice",
    }.items():
        assert re.search(rf"\b{DEFAULTS[parameter]}\b", ALERTS[name][0]), parameter
    assert (
        f"`evaluationMinutes`, how often the rules look, is {DEFAULTS['evaluationMinutes']}" in PAGE
    )
    assert f"the numbers {DEFAULTS['urgent']} and {DEFAULTS['routine']}" in PAGE


def test_every_query_is_on_the_page() -> None:
    """Each file, with the question in its first line and who uses it."""
    assert list(QUERIES) == list(TEXTS)
    for name, (question, used) in QUERIES.items():
        by = [
            who
            for who, text in (("alert", MODULE), ("workbook", WORKBOOK))
            if f"/{name}.kql" in text
        ]
        assert TEXTS[name].startswith(f"// {question}"), name
        assert used == ", ".join(by), name
