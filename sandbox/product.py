"""The product as processes of its own, which may be killed at any of their calls."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sandbox.clock import ShiftedClock
    from sandbox.fault import Call
    from sandbox.world import World

    Fatal = Callable[[Call], bool]
    """Tells whether the process dies when this call has taken effect and is not answered yet."""


def never(_call: Call) -> bool:
    """Let the process live."""
    return False


@dataclass(frozen=True)
class Ran:
    """What one process of the product said."""

    code: int
    output: str
    events: list[dict[str, str]]

    @property
    def report(self) -> Mapping[str, Any]:
        """Its JSON."""
        report: Mapping[str, Any] = json.loads(self.output)
        return report

    @property
    def secrets(self) -> list[dict[str, Any]]:
        """What its JSON says of the secrets."""
        secrets: list[dict[str, Any]] = self.report["secrets"]
        return secrets


class Product:
    """Starts the product's command line, by the time of a world; the environment tells it where."""

    def __init__(self, world: World, clock: ShiftedClock) -> None:
        """Take the world that it works on, and the clock that it is handed."""
        self._world = world
        self._clock = clock
        self.events: list[dict[str, str]] = []
        """All events of all processes, in their order."""
        self.heard: list[str] = []
        """All that the processes wrote."""

    def start(self, *arguments: str, is_fatal: Fatal = never) -> Ran:
        """Start one process, wait for its end, and give what it said."""
        offset = str(self._clock.offset.total_seconds())
        command = [sys.executable, "-m", "sandbox", "rotation", "--offset", offset, *arguments]
        with (
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as process,
            self._killing(process, is_fatal),
        ):
            output, log = process.communicate()
        self.heard += [output, log]
        events = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        self.events += events
        return Ran(process.returncode, output, events)

    @contextmanager
    def _killing(self, process: subprocess.Popen[str], is_fatal: Fatal) -> Iterator[None]:
        """Kill the process at the moment when a call has taken effect and is not answered yet."""

        def kill(call: Call) -> None:
            if is_fatal(call):
                process.kill()
                process.wait()

        before = self._world.after_effect
        self._world.after_effect = kill
        try:
            yield
        finally:
            self._world.after_effect = before
