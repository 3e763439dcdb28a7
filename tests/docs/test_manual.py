"""The page of the commands is what the commands themselves say, and what they say teaches."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click
import pytest

from rotation.cli import commands
from rotation.cli.teaching import Command, Group
from tools import manual

if TYPE_CHECKING:
    from collections.abc import Iterator


def examples() -> Iterator[tuple[str, ...]]:
    """Give each example of each command, as its words."""
    for command in (commands, *commands.commands.values()):
        assert isinstance(command, Command | Group)
        for line, _ in command.examples:
            yield tuple(shlex.split(line))


def test_the_page_is_current() -> None:
    """``make docs`` would change nothing."""
    assert manual.PAGE.read_text() == manual.page()


@pytest.mark.parametrize("name", commands.commands)
def test_each_command_has_a_purpose_in_one_line(name: str) -> None:
    """It stands in the list of commands, and nothing of it is cut off."""
    listed = manual.page().split("Commands:\n")[1].split("```")[0]
    (line,) = (line for line in listed.splitlines() if line.split()[0] == name)

    assert line.endswith(".")
    assert "..." not in line


@pytest.mark.parametrize("name", commands.commands)
def test_each_command_shows_examples_before_its_options(name: str) -> None:
    """Each example on a line as it is typed, not broken."""
    part = manual.page().split(f"## rotation {name}\n")[1].split("\n## ")[0]
    command = commands.commands[name]

    assert isinstance(command, Command)
    assert command.examples
    assert part.index("Examples:") < part.index("Options:")
    lines = part.splitlines()
    assert [line for line, _ in command.examples if f"  {line}" not in lines] == []


@pytest.mark.parametrize("words", [*dict.fromkeys(examples())], ids=" ".join)
def test_each_example_is_understood(words: tuple[str, ...]) -> None:
    """The program takes it: no option, and no value of one, is made up."""
    program, name, *arguments = (word for word in words if not word.startswith("2>"))

    assert program == "rotation"
    root = click.Context(commands, info_name=program, help_option_names=["-h", "--help"])
    command = commands.get_command(root, name)
    assert command
    assert isinstance(command, Command)
    if arguments != ["--help"]:
        command.make_context(name, arguments, parent=root)
