"""Tags that would lead a request astray, all the way through the real adapters."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from rotation.model import TokenValue
from rotation.rotator import Rotator
from rotation.settling import Ports
from sandbox.fault import Answer, Fault
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.ports import Journal, MemoryLocks
from tests.stage import FEED, SCOPE
from tests.story.disguise import ORGANIZATIONS
from tests.story.plot import DUE

if TYPE_CHECKING:
    from rotation.report import Outcome
    from tests.stage import HttpsStage


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Give the names of all hosts that anything in this process wants to reach."""
    found: set[str] = set()
    resolve = socket.getaddrinfo

    def listening(host: Any, *rest: Any, **more: Any) -> Any:  # noqa: ANN401 - whatever it takes
        found.add(str(host))
        return resolve(host, *rest, **more)

    monkeypatch.setattr("socket.getaddrinfo", listening)
    return found


def outcomes(stage: HttpsStage) -> dict[str, Outcome]:
    """Run once, and give what is said of each secret."""
    journal = Journal()
    ports = Ports(stage.store, stage.issuer, journal, journal, stage.clock, stage.slept.append)
    report = Rotator(ports, stage.sessions, MemoryLocks(), SCOPE).run()
    return {outcome.name.name: outcome for outcome in report.outcomes}


def test_no_organizations_name_leads_a_request_astray(
    https_stage: HttpsStage, asked_for: set[str]
) -> None:
    """Nothing is asked for but the configured hosts, and there only for what is an organization."""
    world = https_stage.world
    place(world, Placement(FEED.name, age=DUE))
    for number, organization in enumerate(ORGANIZATIONS):
        tags = {"pat-organization": organization}
        place(world, Placement(f"astray-{number}", age=DUE, tags=tags))

    found = outcomes(https_stage)

    assert found.pop(FEED.name).actions == ("renew",)
    assert {outcome.reason for outcome in found.values()} == {"mis-tagged"}
    assert len(found) == len(ORGANIZATIONS)
    assert asked_for <= {"localhost", "127.0.0.1"}
    paths = {call.target for call in world.calls if call.service == "azure-devops"}
    assert {path.partition("/")[0] for path in paths} == {ORGANIZATION}
    assert asked_for


@pytest.mark.parametrize("text", [None, 7, ["x"], {"x": "y"}])
def test_a_tag_that_is_no_text_harms_nobody_else(https_stage: HttpsStage, text: object) -> None:
    """A vault promises texts; whatever else it tells is one secret's trouble."""
    world = https_stage.world
    place(world, Placement(FEED.name, vault=VAULT, age=DUE))
    url = f"https://{VAULT}.example/secrets"
    dates = {"enabled": True, "created": 1_790_000_000, "updated": 1_790_000_000}
    tags = {"pat-rotation": "regenerate", "pat-organization": ORGANIZATION}
    listed = [
        {"id": f"{url}/{FEED.name}", "attributes": dates, "tags": tags},
        {"id": f"{url}/odd", "attributes": dates, "tags": {**tags, "pat-owner": text}},
    ]
    https_stage.break_at(
        Fault(Answer(200, json.dumps({"value": listed})), operation="list_secrets")
    )

    found = outcomes(https_stage)

    assert found[FEED.name].actions == ("renew",)
    assert found["odd"].ending in {"rejected", "failed", "skipped"}


@pytest.mark.parametrize("value", ["\ud800", "\x00\r\nHost: evil.example", "\U0001f98a" * 999, ""])
def test_a_value_that_is_no_token_proves_false(https_stage: HttpsStage, value: str) -> None:
    """Whatever somebody stored is tried as it is, and is no error of ours."""
    assert not https_stage.issuer.prove(OWNER, ORGANIZATION, TokenValue(value))
