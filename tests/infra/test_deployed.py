"""What main.bicep deploys of alerts and workbook is what the other tests have looked at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.infra.given import MOST, least, main, most
from tests.infra.rules import DEFAULTS, RULES
from tests.infra.test_workbook import ITEMS

if TYPE_CHECKING:
    from tests.infra.bicep.deployment import Resource


def deployed(kind: str) -> list[Resource]:
    """Give the resources of a kind, in the order of the template."""
    return [resource for resource in least().resources if resource.type.endswith(kind)]


def test_the_rules() -> None:
    """Every alert with its query, its dimensions and its severity, and all of them on."""
    found = deployed("/scheduledQueryRules")
    vault = next(one for one in least().resources if "kv-sess" in one.name and "/" not in one.name)
    identity = deployed("/userAssignedIdentities")[0].member("properties")["principalId"]
    assert len(found) == len(RULES)
    for resource, rule in zip(found, RULES.values(), strict=True):
        told: dict[str, Any] = dict(resource.body["properties"])
        (condition,) = told["criteria"]["allOf"]
        assert resource.name.endswith(f"-{rule.name}")
        assert condition["query"] == rule.query(
            sessionVaultId=vault.id, rotatorPrincipalId=identity
        )
        assert [one["name"] for one in condition["dimensions"]] == list(rule.dimensions)
        assert told["severity"] == int(DEFAULTS[rule.severity])
        assert told["description"].startswith(rule.todo)
        assert told["enabled"]


def test_how_a_rule_fires() -> None:
    """On any row; each goes to the action group, and is taken back. Azure Monitor takes the rest.

    Source: Azure documentation, *Log search alert rules*: a window of two days at most, and for
    rules that are taken back, a look every twelve hours at least. Tables that have no row yet are
    none for Azure, which would refuse the rule.
    """
    (group,) = deployed("/actionGroups")
    for resource in deployed("/scheduledQueryRules"):
        told: dict[str, Any] = dict(resource.body["properties"])
        (condition,) = told["criteria"]["allOf"]
        assert (condition["timeAggregation"], condition["operator"]) == ("Count", "GreaterThan")
        assert condition["threshold"] == 0
        assert told["actions"]["actionGroups"] == [group.id]
        assert told["autoMitigate"]
        assert told["skipQueryValidation"]
        assert told["evaluationFrequency"] == "PT15M"
        assert told["windowSize"] in {"PT2H", "P2D"}


def test_who_is_told() -> None:
    """Everybody whom the parameters name; the short name keeps Azure's twelve characters."""
    (group,) = (r for r in most().resources if r.type.endswith("/actionGroups"))
    told = group.body["properties"]
    assert told["enabled"]
    assert 1 <= len(told["groupShortName"]) <= 12
    assert [r["emailAddress"] for r in told["emailReceivers"]] == MOST["alertEmails"]
    assert {r["name"]: r["serviceUri"] for r in told["webhookReceivers"]} == MOST["alertWebhooks"]


def test_thresholds_and_manual_arrive() -> None:
    """What main.bicep is told, the rules go by."""
    page = "https://docs.contoso.example/operations"
    told = main(alertThresholds={"silentHours": 5}, operationsUrl=page)
    rules = [r for r in told.resources if r.type.endswith("/scheduledQueryRules")]
    (silent,) = (r.body["properties"] for r in rules if r.name.endswith("-no-scan"))
    assert "ago(5h)" in silent["criteria"]["allOf"][0]["query"]
    assert all(f"{page}#" in r.body["properties"]["description"] for r in rules)


def test_the_workbook() -> None:
    """Every item with its words or its query, and everything that says how it is shown."""
    (workbook,) = deployed("/workbooks")
    told = json.loads(workbook.body["properties"]["serializedData"])["items"]
    assert [item["name"] for item in told] == [item.name for item in ITEMS]
    for deployed_item, item in zip(told, ITEMS, strict=True):
        content = deployed_item["content"]
        if item.kind == "text":
            assert content["json"] == item.text
        if item.kind == "part":
            assert content["query"] == item.text
            assert content.items() >= item.content.items()
            assert content["crossComponentResources"] == [workbook.body["properties"]["sourceId"]]
        if item.kind == "choice":
            (parameter,) = content["parameters"]
            assert parameter.items() >= item.content.items()
            assert parameter.get("query", "") == item.text
