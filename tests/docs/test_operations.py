"""The operator's manual names every warning, and only commands that there are."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path

import click
import pytest

from rotation.cli import commands
from rotation.events import ALERTS

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = Path(__file__).parents[1] / "unit" / "pictures"
MANUAL = (DOCS / "operations.md").read_text()
LINES = [
    *re.findall(r"^ *\$ (rotation .+)$", MANUAL, re.MULTILINE),
    *re.findall(r"`(rotation [^`]+)`", MANUAL),
]
PLACEHOLDERS = {"OWNER": "ada@example.com", "NEW-OWNER": "ada@example.com"}


def test_every_warning_is_in_the_manual() -> None:
    """Whoever is woken by an event finds what to do about it."""
    assert [str(kind) for kind in ALERTS if f"`{kind}`" not in MANUAL] == []


def test_the_manual_shows_many_commands() -> None:
    """The pattern that finds them finds them."""
    assert len(LINES) > 20


@pytest.mark.parametrize("line", dict.fromkeys(LINES))
def test_each_command_is_understood(line: str) -> None:
    """The program takes it as it stands there; a name alone is that of a command."""
    words = takewhile(lambda word: ">" not in word, shlex.split(line))
    _, name, *arguments = (PLACEHOLDERS.get(word, word) for word in words)
    root = click.Context(commands, info_name="rotation", **commands.context_settings)

    command = commands.commands[name]
    if arguments or not command.params:
        command.make_context(name, arguments, parent=root)


@pytest.mark.parametrize("name", ["status-100", "life-100"])
def test_the_pictures_are_those_of_the_commands(name: str) -> None:
    """As ``tests/unit/pictures`` keeps them, where another test draws them."""
    picture = (PICTURES / f"{name}.txt").read_text(encoding="utf-8")

    assert f"```text\n{picture}```" in MANUAL
