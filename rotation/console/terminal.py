"""The two streams, and how a person at a terminal is spoken to and asked."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager, suppress
from shutil import get_terminal_size
from typing import TYPE_CHECKING, TextIO

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEAST_WIDTH = 80
"""Of a table: a narrower terminal breaks the lines; nothing is cut off."""
LEAST_PICTURE = 30
"""Of what has a form for narrow terminals."""
HEIGHT = 25
"""Lines of a window. Nothing depends on it, but without one rich takes every terminal that calls
itself dumb for 80 columns wide."""
UNLIMITED = 10_000
"""Columns where no terminal sets a limit: a line that another program reads is not folded."""


def width(stream: TextIO, least: int = LEAST_WIDTH) -> int:
    """Give the width to draw in: that of the terminal, or of the variable COLUMNS."""
    if not stream.isatty() and "COLUMNS" not in os.environ:
        return UNLIMITED
    return max(get_terminal_size().columns, least)


class _Remarks(Console):
    """Writes to stderr; when nobody listens there any more, stdout is still worth writing."""

    def on_broken_pipe(self) -> None:
        """Fall silent."""
        self.quiet = True


results = Console(highlight=False, width=width(sys.stdout), height=HEIGHT)
remarks = _Remarks(stderr=True, highlight=False)


class LogLines(logging.Handler):
    """Writes log records to stderr as they are, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record on one line; that nobody listens any more stops nothing."""
        with suppress(Exception):
            remarks.print(Text(record.getMessage()), soft_wrap=True)


@contextmanager
def progress(verb: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress while a block runs, if a person is watching.

    Args:
        verb: what is being done.

    Yields:
        What to tell how many secrets of how many are done.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=remarks, transient=True, disable=not remarks.is_terminal
    ) as bar:
        task = bar.add_task(verb, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show that something is waited for while a block runs, if a person is watching."""
    if not remarks.is_terminal:
        complain(what)
        yield
        return
    with remarks.status(escape(what)):
        yield


def is_confirmed(question: str) -> bool:
    """Ask on stderr whether to go on; nobody who could answer is a no."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        remarks.print()
        return False


def is_typed(name: str, question: str) -> bool:
    """Ask on stderr for a name to be typed as it is; nobody who could answer is a no."""
    try:
        typed: str = click.prompt(question, default="", show_default=False, err=True)
    except click.Abort:
        remarks.print()
        return False
    return typed.strip() == name


def remark(sentence: str) -> None:
    """Say something on stderr that is neither a result nor wrong."""
    remarks.print(Text(sentence), soft_wrap=True)


def complain(*faults: str, hint: str = "") -> None:
    """Say on stderr what is wrong, each fault on a line, and what to do next."""
    for fault in faults:
        remarks.print(Text(f"rotation: {fault}"), soft_wrap=True)
    if hint:
        remarks.print(Text(f"hint: {hint}"), soft_wrap=True)
