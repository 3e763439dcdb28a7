"""The command ``doctor`` over HTTPS, with an installation around the rotator."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation import cli, wiring
from rotation.adapters.local import LocalLocks
from rotation.doctor import Installation
from sandbox.furniture import OWNER, VAULT, Placement, place
from tests.app.conftest import OTHER_VAULT
from tests.app.test_commands import Said, state
from tests.unit.test_doctor import OneIdentity, Shed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotation.ports import Clock
    from rotation.settings import Settings
    from rotation.wiring import Service
    from sandbox.clock import ManualClock
    from sandbox.world import World

pytestmark = pytest.mark.usefixtures("sandbox")

DAY = timedelta(days=1)
LACKS = {"RotationEvents", "rotation-requests"}


@pytest.fixture
def shed() -> Shed:
    """Give a storage in which a table and the queue are missing."""
    return Shed(set(LACKS))


@pytest.fixture
def rotation(
    clock: ManualClock, capsys: pytest.CaptureFixture[str], shed: Shed
) -> Callable[..., Said]:
    """Give the program, with real vaults and sessions around it."""

    @contextmanager
    def open_service(settings: Settings, clock: Clock) -> Iterator[Service]:
        with wiring.open_service(settings, clock) as service:
            around = Installation(
                identity=OneIdentity(),
                locks=LocalLocks(),
                session_vault=settings.session_vault.name,
                session_store=service.connections.sessions,
                people=settings.owners,
                storage=shed,
                public_url=settings.public_url,
            )
            yield replace(service, doctor=replace(service.doctor, installation=around))

    def rotation(*arguments: str) -> Said:
        code = cli.main(arguments, clock=clock, open_service=open_service)
        return Said(code, *capsys.readouterr())

    return rotation


@pytest.fixture
def feeds(world: World) -> World:
    """Give a world with a secret in each vault."""
    for vault in (VAULT, OTHER_VAULT):
        place(world, Placement("feed", vault=vault, age=DAY))
    return world


def severities(said: Said) -> dict[tuple[str, str], str]:
    """Give how bad each finding is, by what was tried."""
    return {(each["subject"], each["finding"]): each["severity"] for each in json.loads(said.out)}


def test_everything_is_tried(rotation: Callable[..., Said], feeds: World) -> None:
    """0: what is missing can be made, and nothing but the tried write is written."""
    before, marks = state(feeds), len(feeds.calls)

    said = rotation("doctor", "--output", "json")

    found = severities(said)
    assert (said.code, said.err) == (0, "")
    assert found[("storage", "missing")] == found[("pages", "no-public-url")] == "warning"
    assert {key for key, severity in found.items() if severity == "fine"} >= {
        ("identity", "admitted"),
        ("session vault kv-sessions", "read"),
        *(
            (f"vault {vault}", what)
            for vault in (VAULT, OTHER_VAULT)
            for what in ("read", "written")
        ),
        (OWNER, "connected"),
        ("clock", "in-step"),
    }
    assert state(feeds) == before
    made = [call.operation for call in feeds.calls[marks:] if call.operation != "list_secrets"]
    assert made.count("update_secret") == 2
    assert not {"set_secret", "create_pat", "update_pat", "revoke_pat"} & {*made}


def test_what_is_missing_is_made_only_when_that_is_asked_for(
    rotation: Callable[..., Said], shed: Shed
) -> None:
    """The tables and the queue: making them harms nobody."""
    rotation("doctor")
    assert shed.missing == LACKS

    said = rotation("doctor", "--fix", "--output", "json")

    assert severities(said)[("storage", "made")] == "fine"
    assert not shed.missing


@pytest.mark.parametrize(
    ("permission", "subject"),
    [("update", f"vault {VAULT}"), ("get", f"vault {VAULT}"), ("list", f"vault {VAULT}")],
)
def test_a_missing_right_comes_with_the_command_that_grants_it(
    rotation: Callable[..., Said], feeds: World, permission: str, subject: str
) -> None:
    """1: for the very identity, on the very vault."""
    feeds.vault(VAULT).permissions.discard(permission)

    said = rotation("doctor", "--output", "json")

    (fix,) = (
        each["fix"]
        for each in json.loads(said.out)
        if (each["subject"], each["finding"]) == (subject, "access-denied")
    )
    assert said.code == 1
    assert f"--assignee {OneIdentity().name()} " in fix
    assert f"az keyvault show --name {VAULT} " in fix


def test_a_session_vault_that_refuses_is_told(rotation: Callable[..., Said], feeds: World) -> None:
    """1: with the command for that vault."""
    feeds.session_vault.permissions.discard("get")

    said = rotation("doctor")

    assert said.code == 1
    assert "access-denied: session vault kv-sessions: " in said.words
    assert "az keyvault show --name kv-sessions " in said.words
