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

from rotation.tags import format_instant
from tests.infra.kusto import TEXTS, Verdict, Workspace, judge
from tests.infra.log import (
    ADA,
    BEN,
    DAY,
    HOUR,
    MINUTE,
    NOISE,
    NOW,
    VAULT,
    event,
    owner,
    picture,
    read,
    request,
    secret,
)
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


# --- What the queries give ------------------------------------------------------------------------


@pytest.fixture
def workspace() -> Workspace:
    """Give the log of a fleet with all kinds of secrets, and of the hours before."""
    workspace = Workspace()
    of_feed = {"vault": VAULT, "secret": "feed", "owner": ADA}
    workspace.add(
        "AppTraces",
        *NOISE,
        *picture(NOW - 2 * HOUR, secrets=[secret("gone"), secret("feed", state="failing")]),
        event("TokenStored", NOW - DAY, **of_feed, authorization_id="1"),
        event("TokenRetired", NOW - DAY + HOUR, **of_feed, authorization_id="0"),
        event("TokenExtended", NOW - 2 * HOUR, vault=VAULT, secret="npm"),
        event("RotationFailed", NOW - HOUR, vault=VAULT, secret="npm", reason="unavailable"),
        event("RotationFailed", NOW - MINUTE, vault=VAULT, secret="agent", reason="unavailable"),
        event("RotationRejected", NOW - HOUR, vault=VAULT, secret="wiki", reason="mis-tagged"),
        event("ScanStarted", NOW - 53 * MINUTE),
        event("ScanCompleted", NOW - 51 * MINUTE, reason="failed", message="1 failed, 3 settled"),
        *picture(
            NOW - 51 * MINUTE,
            secrets=[
                secret("feed"),
                secret("due", state="due", expires_at=format_instant(NOW + 9 * DAY)),
                secret("npm", state="failing", expires_at=format_instant(NOW + 4 * DAY)),
                secret(
                    "agent",
                    state="failing",
                    alert="expiring",
                    expires_at=format_instant(NOW + DAY),
                ),
                secret("wiki", state="rejected", expires_at=None, acts_next="keeper"),
                secret(
                    "old",
                    state="expired",
                    alert="expired",
                    expires_at=format_instant(NOW - 36 * HOUR),
                ),
                secret("portal", state="watched", mode="watch", owner=None, organization=None),
            ],
            owners=[owner(ADA), owner(BEN, act_by=format_instant(NOW + 3 * DAY))],
            vaults_failed=[{"vault": "kv-away", "reason": "access-denied"}],
            poisoned=2,
        ),
    )
    workspace.add("AppRequests", request(NOW - 51 * MINUTE, success=False))
    workspace.add(
        "AZKVAuditLogs",
        read(NOW - HOUR, "rotator"),
        read(NOW - MINUTE, "rotator", HttpStatusCode=403),
        read(NOW, None, HttpStatusCode=401),
        read(NOW, None, "SecretNearExpiryEventGridNotification"),
    )
    return workspace


def ask(workspace: Workspace, name: str, *columns: str) -> list[tuple[Any, ...]]:
    """Run a query, and give some columns."""
    answer = workspace.ask(TEXTS[name], NOW)
    return [tuple(row[column] for column in columns) for row in answer]


@pytest.mark.parametrize("name", [name for name in TEXTS if name not in RULES])
def test_an_empty_log(name: str) -> None:
    """Before the first run there is nothing to show, and nothing breaks."""
    counted = [0] * 4 if name == "fleet-states" else []
    assert [row.get("Secrets") for row in Workspace().ask(TEXTS[name], NOW)] == counted


def test_the_fleet_at_a_glance(workspace: Workspace) -> None:
    """Each secret of the newest picture is in one of four groups; an empty group is nought."""
    found = ask(workspace, "fleet-states", "State", "Secrets")
    assert found == [("fresh", 2), ("due", 1), ("in trouble", 3), ("expired", 1)]


def test_the_most_urgent_first(workspace: Workspace) -> None:
    """Expired, about to be, in trouble, due, all others; then by days."""
    found = ask(workspace, "fleet", "Secret", "DaysLeft", "ActsNext")
    assert found == [
        ("old", -1.5, "rotator"),
        ("agent", 1.0, "rotator"),
        ("npm", 4.0, "rotator"),
        ("wiki", None, "keeper"),
        ("due", 9.0, "rotator"),
        ("feed", 20.0, "rotator"),
        ("portal", 20.0, "rotator"),
    ]


def test_the_last_run(workspace: Workspace) -> None:
    """When it was, and what it left over."""
    assert ask(workspace, "last-scan", "What", "Value") == [
        ("minutes since the last scan", 51),
        ("managed secrets", 7),
        ("vaults not read", 1),
        ("messages as poison", 2),
    ]


def test_the_owners(workspace: Workspace) -> None:
    """Whoever must act first comes first."""
    found = ask(workspace, "owners", "Owner", "DaysLeft", "Secrets")
    assert found == [(BEN, 3.0, 3), (ADA, 60.0, 3)]


def test_what_there_is_to_choose_from(workspace: Workspace) -> None:
    """Secrets of the newest picture, by name."""
    names = ["agent", "due", "feed", "npm", "old", "portal", "wiki"]
    assert ask(workspace, "secrets", "Name") == [(f"{VAULT}/{name}",) for name in names]


def test_one_secret(workspace: Workspace) -> None:
    """What happened to it, and to no other, the newest first."""
    query = TEXTS["secret-history"].replace("kv-build/feed-token", "kv-build/feed")
    found = [(row["Event"], row["Token"]) for row in workspace.ask(query, NOW)]
    assert found == [("TokenRetired", "0"), ("TokenStored", "1")]


def test_what_happened(workspace: Workspace) -> None:
    """Every event but the starts, the newest first; other text is no event."""
    assert [kind for (kind,) in ask(workspace, "events", "Event")] == [
        "RotationFailed",
        "ScanCompleted",
        "RotationFailed",
        "RotationRejected",
        "TokenExtended",
        "TokenRetired",
        "TokenStored",
    ]


def test_events_by_the_hour(workspace: Workspace) -> None:
    """Counted by kind, without the scans."""
    found = ask(workspace, "events-by-hour", "Event", "Events")
    assert sorted(found) == [
        ("RotationFailed", 2),
        ("RotationRejected", 1),
        ("TokenExtended", 1),
        ("TokenRetired", 1),
        ("TokenStored", 1),
    ]


def test_rotations_by_the_day(workspace: Workspace) -> None:
    """Counted by what was done."""
    found = ask(workspace, "rotations-by-day", "What", "Tokens")
    assert sorted(found) == [("extended", 1), ("renewed", 1), ("retired", 1)]


def test_failures_by_reason(workspace: Workspace) -> None:
    """The most frequent first, and how many secrets each was about."""
    found = ask(workspace, "failures", "Reason", "Event", "Times", "Secrets")
    assert found == [
        ("unavailable", "RotationFailed", 2, 2),
        ("mis-tagged", "RotationRejected", 1, 1),
    ]


def test_readers_of_the_vaults(workspace: Workspace) -> None:
    """Who did what, and how often it was refused; not the vault itself, nor requests of nobody."""
    found = ask(workspace, "vault-readers", "Reader", "OperationName", "Times", "Refused")
    assert found == [("rotator", "SecretGet", 2, 1)]
