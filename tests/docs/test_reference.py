"""Every public name is documented, and nothing is documented that is not there."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from rotation import tags
from rotation.audit_rules import RULES
from rotation.cli import commands
from rotation.diagnosis import Diagnosis, Severity
from rotation.events import Event, Kind
from rotation.fleet import Actor, Fleet, State
from rotation.model import Mode
from rotation.report import Ending
from rotation.session import ADMINISTRATOR_NEEDED, LONG_AGO, SIGN_IN_NEEDED, Session
from rotation.settings import PREFIX, Settings

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text()

TAGS = {value for value in vars(tags).values() if isinstance(value, str) and value[:4] == "pat-"}
SETTINGS = {
    "AZURE_CLIENT_ID" if name == "managed_identity" else PREFIX + name.upper()
    for name in Settings.model_fields
}
NAMES = {
    "tag": TAGS,
    "setting": SETTINGS,
    "event": set(Kind),
    "key": {key.name for key in fields(Event) if key.repr},
    "command": set(commands.commands),
    "mode": set(Mode),
    "state": set(State),
    "outcome": set(Ending),
    "severity": set(Severity),
    "actor": set(Actor),
    "finding": set(RULES),
    "owner": {"person", "agent", "connected", SIGN_IN_NEEDED, ADMINISTRATOR_NEEDED, "unknown"},
    "reminder": {"sign-in-soon", "sign-in-urgent", "sign-in-overdue"},
}
OWNERS = Fleet(LONG_AGO, (), (Session("ada@example.com", is_working=False),)).status()["owners"]
KEYS = {"doctor": set(Diagnosis.__dataclass_fields__), "owner": set(OWNERS[0])}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
def test_every_name_is_documented(names: set[str]) -> None:
    """Each name stands in the reference, as code."""
    missing = {str(name) for name in names if f"`{name}`" not in REFERENCE}

    assert not missing


@pytest.mark.parametrize("keys", KEYS.values(), ids=KEYS.keys())
def test_every_key_of_the_json_is_documented(keys: set[str]) -> None:
    """All keys of one object stand together, in one line of the reference."""
    found = [set(re.findall(r'"(\w+)"', line)) for line in REFERENCE.splitlines()]

    assert any(keys <= line for line in found)


def test_nothing_else_is_documented() -> None:
    """Each tag, setting and event in the reference is one of the code."""
    documented = set(re.findall(r"`(pat-[a-z-]+|ROTATION_[A-Z_]+)`", REFERENCE))
    events = set(re.findall(r"^\| (`[A-Z][a-z]\w+`.*?) ?\*? \|", REFERENCE, re.MULTILINE))

    assert documented <= TAGS | SETTINGS
    assert {name for row in events for name in re.findall(r"\w+", row)} == set(Kind)
