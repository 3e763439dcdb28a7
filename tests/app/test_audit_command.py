"""The command ``audit``: a report on all tokens of the owners."""

from __future__ import annotations

import csv
import json
import re
import shlex
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import click
import pytest

from rotation.audit_rules import RULES
from rotation.cli import commands
from sandbox.fault import Fault, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place, plant
from sandbox.world import World
from tests.app.conftest import OTHER_VAULT
from tests.app.test_commands import Said, rotation, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import ManualClock

__all__ = ["rotation"]

pytestmark = pytest.mark.usefixtures("sandbox")

DAY = timedelta(days=1)
EVE = "eve@contoso.example"
ELSEWHERE = "fabrikam"


@pytest.fixture
def world(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a world with two owners and two organizations."""
    world = World(clock)
    for vault in (VAULT, OTHER_VAULT):
        world.add_vault(vault)
    members = [world.add_user(OWNER), world.add_user(EVE)]
    for organization in (ORGANIZATION, ELSEWHERE):
        world.add_organization(organization, members)
    for owner in (OWNER, EVE):
        world.connect(owner)
    place(world, Placement("feed", age=DAY, tags={"pat-owner": OWNER}))
    monkeypatch.setenv("ROTATION_OWNERS", f"{OWNER} {EVE}")
    return world


@pytest.fixture
def zoo(world: World) -> World:
    """Give a world with a token of every kind that the report knows."""
    for placement in (
        Placement("my token", display_name="my token"),
        Placement("wide", display_name="wide", scope="app_token"),
        Placement("global", display_name="global", is_global=True),
        Placement("long", display_name="long", lifetime=300 * DAY),
        Placement("dying", display_name="dying", age=28 * DAY),
        Placement("stray"),
        Placement("far", vault="kv-far"),
        Placement("git", display_name="git: https://dev.azure.com/contoso on WIN-7"),
    ):
        plant(world, placement)
    return world


def told(said: Said) -> set[tuple[str, str]]:
    """Give the words of the report, each with what the token is called."""
    found = json.loads(said.out)
    quoted = [(each["finding"], each["message"].split("'")) for each in found]
    return {(word, parts[1]) for word, parts in quoted if len(parts) > 1}


def test_each_kind_is_found(rotation: Callable[..., Said], zoo: World) -> None:
    """1: among them are errors; the one that is looked after is not mentioned."""
    said = rotation("audit", "--output", "json")

    assert said.code == 1
    assert told(said) - {("unmanaged", name) for _, name in told(said)} == {
        ("full-scope", "wide"),
        ("all-organizations", "global"),
        ("too-long-lived", "long"),
        ("expiring", "dying"),
        ("unclaimed", "stray [kv-build/stray]"),
        ("kept-elsewhere", "far [kv-far/far]"),
        ("made-by-tool", "git: https://dev.azure.com/contoso on WIN-7"),
        ("replaceable", "git: https://dev.azure.com/contoso on WIN-7"),
    }
    assert {word for word, _ in told(said)} >= set(RULES)
    assert ("unmanaged", "my token") in told(said)
    assert "feed [" not in said.out
    assert len(zoo.registry.tokens) == 9


@pytest.mark.usefixtures("zoo")
def test_the_json_has_its_stable_form(rotation: Callable[..., Said]) -> None:
    """A list of findings, the worst first, each with five texts."""
    found = json.loads(rotation("audit", "--output", "json").out)

    for each in found:
        assert each.keys() == {"subject", "finding", "severity", "message", "fix"}
        assert all(each.values())
    order = ["error", "warning", "note"]
    ranks = [order.index(each["severity"]) for each in found]
    assert ranks == sorted(ranks)


@pytest.mark.usefixtures("zoo")
def test_the_forms_tell_the_same(rotation: Callable[..., Said]) -> None:
    """Table, CSV and SARIF have every finding of the JSON; stderr has nothing."""
    found = json.loads(rotation("audit", "--output", "json").out)
    table, sheet, sarif = (rotation("audit", "--output", o) for o in ("table", "csv", "sarif"))

    assert [table.code, sheet.code, sarif.code] == [1, 1, 1]
    assert table.err == sheet.err == sarif.err == ""
    assert list(csv.DictReader(StringIO(sheet.out))) == found
    log = json.loads(sarif.out)
    assert log["version"] == "2.1.0"
    assert [r["ruleId"] for r in log["runs"][0]["results"]] == [each["finding"] for each in found]
    lines = table.out.splitlines()
    assert len(lines) == len(found) + 1
    for line, each in zip(lines, found, strict=False):
        assert line.startswith(each["severity"])
        assert all(each[key] in line for key in ("finding", "subject", "message", "fix"))
    assert lines[-1] == "Findings: 3 errors, 9 warnings, 3 notes."


def test_what_is_to_be_pasted_is_understood(rotation: Callable[..., Said], zoo: World) -> None:
    """Each command of this program in a fix is one that the program takes: no error is raised."""
    place(zoo, Placement("wide", scope="app_token", age=DAY, tags={"pat-owner": OWNER}))
    everywhere = {"pat-owner": OWNER, "pat-lifetime-days": "80"}
    place(zoo, Placement("all", is_global=True, lifetime=300 * DAY, tags=everywhere))
    zoo.tenant.revoke_sessions(EVE)
    found = [
        each["fix"]
        for command in ("audit", "doctor")
        for each in json.loads(rotation(command, "--output", "json").out)
    ]
    lines = {line for fix in found for line in re.findall(r"`(rotation [^`]+)`", fix)}

    root = click.Context(commands, info_name="rotation", **commands.context_settings)
    for line in lines:
        _, name, *arguments = shlex.split(line)
        commands.commands[name].make_context(name, arguments, parent=root)
    named = {line.split()[1] for line in lines}
    assert named == {"adopt", "rotate", "issue", "connect"}


@pytest.mark.parametrize("output", ["table", "json", "csv", "sarif"])
def test_it_changes_nothing(
    rotation: Callable[..., Said], zoo: World, clock: ManualClock, output: str
) -> None:
    """Not even a session that is due to be saved."""
    clock.advance(DAY)
    before = state(zoo)

    rotation("audit", "--output", output)

    assert state(zoo) == before


@pytest.mark.usefixtures("world")
def test_nothing_to_report_is_fine(rotation: Callable[..., Said]) -> None:
    """0, and the table says so."""
    said = rotation("audit", "--owner", OWNER)

    assert (said.code, said.out) == (0, "Findings: none.\n")


def test_warnings_are_no_failure(rotation: Callable[..., Said], world: World) -> None:
    """0: the exit code speaks of errors."""
    plant(world, Placement("my token", display_name="my token"))

    assert rotation("audit").code == 0


def test_owners_and_organizations_can_be_named(rotation: Callable[..., Said], world: World) -> None:
    """An organization that no secret names is looked at when somebody asks for it."""
    for organization in (ORGANIZATION, ELSEWHERE):
        for owner in (OWNER, EVE):
            name = f"{owner[0]} in {organization}"
            plant(world, Placement("x", display_name=name, organization=organization, owner=owner))

    def names(*arguments: str) -> set[str]:
        found = told(rotation("audit", "--output", "json", *arguments))
        return {name for word, name in found if word == "unmanaged"}

    assert names("--owner", OWNER) == {"a in contoso"}
    assert names("--owner", OWNER.upper(), "--organization", "Fabrikam") == {
        "a in contoso",
        "a in fabrikam",
    }
    assert names("--organization", ELSEWHERE, "--organization", ORGANIZATION) == {
        "a in contoso",
        "a in fabrikam",
        "e in contoso",
        "e in fabrikam",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ("--owner", "mallory@contoso.example"),
        ("--owner", "x" * 84),
        ("--organization", "../evil"),
        ("--organization", ""),
        ("--output", "xml"),
        ("everything",),
    ],
)
def test_wrong_usage_is_said_and_no_token_is_asked_for(
    rotation: Callable[..., Said], world: World, arguments: tuple[str, ...]
) -> None:
    """2: an owner who is none, a name that is none; what may be a value is not quoted."""
    said = rotation("audit", *arguments)

    assert (said.code, said.out) == (2, "")
    assert said.err
    assert "x" * 84 not in said.err
    assert not world.calls


@pytest.mark.parametrize("service", ["entra", "azure-devops", "identity", "key-vault"])
def test_a_service_that_is_away_is_told_without_a_traceback(
    rotation: Callable[..., Said], zoo: World, service: str
) -> None:
    """1: a report that is not complete says so, in every form."""
    zoo.faults.add(Fault(unavailable(), service=service, times=None))

    for output in ("table", "json", "csv", "sarif"):
        said = rotation("audit", "--output", output)

        assert said.code == 1
        assert "unavailable" in said.out or "access-denied" in said.out
        assert "Traceback" not in said.err


def test_one_owner_who_must_sign_in_does_not_stop_the_others(
    rotation: Callable[..., Said], zoo: World
) -> None:
    """1: it is a finding like the others."""
    zoo.tenant.revoke_sessions(EVE)

    found = json.loads(rotation("audit", "--output", "json").out)

    assert (EVE, "sign-in-needed") in {(each["subject"], each["finding"]) for each in found}
    assert "unmanaged" in {each["finding"] for each in found}


def test_names_from_outside_are_plain_text(rotation: Callable[..., Said], world: World) -> None:
    """Neither markup nor anything that a terminal would obey."""
    plant(world, Placement("x", display_name="[red]x[/nope] \x1b[31m\r\n=cmd"))

    for output in ("table", "json", "csv", "sarif"):
        said = rotation("audit", "--output", output)

        assert "[red]x[/nope]" in said.out
        assert "\x1b" not in said.out
        assert "\r" not in said.out
