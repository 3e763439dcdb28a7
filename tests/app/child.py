"""What a process of the product does that was forked from a parent which has imported it.

Each process imports this module, so it imports nothing that the parent does not have already.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    Work = Callable[[timedelta], int]
    """Told by how much the world's clock is ahead of the machine's; gives the exit code."""


def live(
    work: Work, offset: timedelta, environment: Mapping[str, str], streams: tuple[Path, Path]
) -> None:
    """Do ``work`` as a process of its own, which writes stdout and stderr to these files."""
    os.environ.update(environment)
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.exit(work(offset))


def command(arguments: Sequence[str], offset: timedelta) -> int:
    """Be the command ``rotation`` with these arguments."""
    from sandbox.launch import launch

    return launch(arguments, offset)


def run(offset: timedelta) -> int:
    """Be the command ``rotation run``."""
    return command(["run", "--output", "json"], offset)


def scan(_offset: timedelta) -> int:
    """Be the Functions host: index the functions, and let the timer fire, by the machine's clock.

    The host's own process goes on after that; this one ends.
    """
    from azure.functions.timer import TimerRequest

    import function_app

    functions = {str(f.get_function_name()): f for f in function_app.app.get_functions()}
    functions["scan"].get_user_function()(TimerRequest(past_due=False))
    return 0
