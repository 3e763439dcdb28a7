"""Writes the page of the commands, docs/commands.md, from their help: ``make docs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rotation.cli import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
WIDTH = 80
HEAD = """\
# Commands

This page is what `rotation --help` and `rotation COMMAND --help` print; `make docs` writes it.
[reference.md](reference.md) tells the exit codes and the JSON.
"""


def page() -> str:
    """Give the whole page."""
    return "\n".join([HEAD, *_parts()])


def _parts() -> Iterator[str]:
    root = _context(commands, "rotation")
    yield _part("rotation", commands.get_help(root))
    for name in commands.list_commands(root):
        command = commands.commands[name]
        yield _part(f"rotation {name}", command.get_help(_context(command, name, root)))


def _context(
    command: click.Command, name: str, parent: click.Context | None = None
) -> click.Context:
    # The same width everywhere, whatever the terminal.
    return click.Context(
        command,
        parent,
        name,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
        help_option_names=["-h", "--help"],
    )


def _part(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text.rstrip()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page())
