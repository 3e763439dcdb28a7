"""The workbook, put together as infra/modules/workbook.bicep does: each part fits its query."""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra.kusto import TEXTS, Verdict, judge
from tests.infra.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

INFRA = Path(__file__).parents[2] / "infra"
PARTS = INFRA / "workbook"
MODULE = (INFRA / "modules" / "workbook.bicep").read_text()
VISUALIZATIONS = {"barchart", "table", "tiles"}
"""Those in use, of the many of Azure Workbooks."""
FORMATTERS = {1: "text", 4: "bar", 5: "hidden", 6: "date", 12: "big number", 18: "thresholds"}
"""Those in use, by their numbers in Azure Workbooks."""
ICONS = {"success", "pending", "warning", "critical", "unknown"}
TWO_DAYS = 2 * 24 * 3600 * 1000
CALL = re.compile(
    r"""
      text\('(?P<text>[\w-]+)',\ loadTextContent\('\.\./workbook/(?P<words>[\w-]+)\.md'\)\)
    | (?P<links>links\(\[.+?^\ \ \]\))
    | part\(\s*loadJsonContent\('\.\./workbook/(?P<shown>[\w-]+)\.json'\),\s*
        (?:replace\()?loadTextContent\('\.\./queries/(?P<query>[\w-]+)\.kql'\)
        (?:,\ '(?P<old>[^']+)',\ '(?P<new>[^']+)'\))?,\s*workspaceId\s*\)
    | choice\((?P<choice>\w+)\.name,.+?(?:queries/(?P<asked>[\w-]+)\.kql'\),.+?)?workspaceId\)$
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Item:
    """One item of the workbook, from top to bottom."""

    name: str
    kind: str
    text: str = ""
    """The words, or the query as it is deployed."""
    query: str = ""
    """The name of the query."""
    shown: str = ""
    """The file that says how it is shown."""
    content: Any = None
    """What that file says."""


def _items() -> Iterator[Item]:
    found = re.search(r"^var items = \[\n(.+?)^\]$", MODULE, re.MULTILINE | re.DOTALL)
    assert found
    calls = list(CALL.finditer(found[1]))
    assert len(calls) == len(re.findall(r"^  \w+\(", found[1], re.MULTILINE))
    for call in calls:
        if call["text"]:
            words = (PARTS / f"{call['words']}.md").read_text()
            yield Item(call["text"], "text", words, shown=f"{call['words']}.md")
        elif call["links"]:
            yield Item("links", "links", call["links"])
        elif call["choice"]:
            (file,) = re.findall(
                rf"^var {call['choice']} = .+/(.+\.json)'\)$", MODULE, re.MULTILINE
            )
            chosen = json.loads((PARTS / file).read_text())
            asked = call["asked"] or ""
            text = TEXTS[asked] if asked else ""
            yield Item(chosen["name"], "choice", text, asked, file, chosen["parameter"])
        else:
            shown = json.loads((PARTS / f"{call['shown']}.json").read_text())
            text = TEXTS[call["query"]]
            if call["old"]:
                assert text.count(call["old"]) == 1
                text = text.replace(call["old"], call["new"])
            file = f"{call['shown']}.json"
            yield Item(shown["name"], "part", text, call["query"], file, shown["content"])


ITEMS = list(_items())
BY_QUERY = {item.name: item for item in ITEMS if item.kind == "part"}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    """Have all judged at once, as they are deployed."""
    return judge({item.name: item.text for item in ITEMS if item.query})


def test_everything_is_used() -> None:
    """Each part is shown once, and each query is somebody's."""
    files = Counter(path.name for path in PARTS.iterdir())
    used = {item.query for item in ITEMS if item.query} | {rule.file for rule in RULES.values()}

    assert Counter(item.shown for item in ITEMS if item.shown) == files
    assert used == TEXTS.keys()


def test_names_and_ids_are_unique() -> None:
    """Azure Workbooks tells items by their names, parameters and links by their ids."""
    ids = re.findall(r"[\"']?id[\"']?: [\"']([\w-]+)[\"']", MODULE) + [
        item.content["id"] for item in ITEMS if item.kind == "choice"
    ]

    assert len({item.name for item in ITEMS}) == len(ITEMS)
    assert len({uuid.UUID(one) for one in ids}) == len(ids) == 4


def test_what_was_asked_for_is_there() -> None:
    """The fleet, the past, one secret, the owners, failures, rotations, the last scan, poison."""
    assert BY_QUERY.keys() >= {
        "events",
        "events-by-hour",
        "failures",
        "fleet",
        "fleet-states",
        "last-scan",
        "owners",
        "poison-queue",
        "rotations-by-day",
        "secret-history",
    }


@pytest.mark.parametrize("name", BY_QUERY)
def test_a_part_shows_columns_that_there_are(verdicts: dict[str, Verdict], name: str) -> None:
    """Whatever it formats, names or draws is a column of its query."""
    content = BY_QUERY[name].content
    chart = content.get("chartSettings", {})
    tiles = [value for value in content.get("tileSettings", {}).values() if value is not True]
    grid = content.get("gridSettings", {})
    named = [
        *(one["columnMatch"] for one in [*tiles, *grid.get("formatters", [])]),
        *(one["columnId"] for one in grid.get("labelSettings", [])),
        *(chart[key] for key in ("xAxis", "group") if key in chart),
        *chart.get("yAxis", []),
    ]

    assert verdicts[name].findings == []
    assert [column for column in named if column not in verdicts[name].columns] == []


@pytest.mark.parametrize("name", BY_QUERY)
def test_a_part_is_of_a_known_form(name: str) -> None:
    """Each key and number is one that Azure Workbooks knows."""
    content = BY_QUERY[name].content
    allowed = {
        "chartSettings",
        "gridSettings",
        "noDataMessage",
        "noDataMessageStyle",
        "showExportToExcel",
        "size",
        "tileSettings",
        "timeContext",
        "timeContextFromParameter",
        "title",
        "visualization",
    }
    settings = {"barchart": "chartSettings", "tiles": "tileSettings", "table": "gridSettings"}
    others = set(settings.values()) - {settings[content["visualization"]]}
    text = json.dumps(content)

    assert content.keys() <= allowed - others
    assert content["visualization"] in VISUALIZATIONS
    assert content["size"] in range(5)
    assert content["title"]
    assert {int(one) for one in re.findall(r'"formatter": (\d+)', text)} <= FORMATTERS.keys()
    assert set(re.findall(r'"representation": "(\w+)"', text)) <= ICONS


@pytest.mark.parametrize("name", BY_QUERY)
def test_a_part_looks_at_its_time(name: str) -> None:
    """What says itself how far back it looks gets that much, all else the chosen time."""
    content, text = BY_QUERY[name].content, BY_QUERY[name].text
    if "let since = " in text:
        assert content["timeContext"] == {"durationMs": TWO_DAYS}
        assert "timeContextFromParameter" not in content
    else:
        assert content["timeContextFromParameter"] == "TimeRange"
        assert content["timeContext"] == {"durationMs": 0}


def test_parameters_are_chosen_before_they_are_used() -> None:
    """Each name in braces, or as a time, is that of a choice further up."""
    chosen: set[str] = set()
    for item in ITEMS:
        told = item.text + json.dumps(item.content)
        used = set(re.findall(r"\{([A-Z]\w+)\}", told)) | set(
            re.findall(r'"timeContextFromParameter": "(\w+)"', told)
        )
        assert used <= chosen, item.name
        chosen |= {item.content["name"]} if item.kind == "choice" else set()


def test_only_whole_columns_are_wider_than_half() -> None:
    """Parts that share a line fill it: they come in pairs."""
    widths = [
        json.loads((PARTS / item.shown).read_text()).get("width", "100")
        for item in ITEMS
        if item.kind == "part"
    ]
    lines = re.sub("100", ".", "".join(widths)).split(".")

    assert set(widths) == {"50", "100"}
    assert all(line.count("50") % 2 == 0 for line in lines)
