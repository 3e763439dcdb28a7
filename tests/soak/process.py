"""One process of the product, forked from a parent that has imported it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.app import child
from tests.app.process import CONTEXT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.context import ForkServerProcess
    from pathlib import Path

    from tests.app.child import Work

DEADLINE_SECONDS = 60
"""So long a process may take to end that was asked to."""


@dataclass
class Process:
    """One process of the product."""

    place: Path
    """Where it writes, without a suffix."""
    work: Work
    environment: Mapping[str, str]
    offset: timedelta = timedelta(0)
    """How far its clock is ahead of the machine's, if it does not read another one."""
    process: ForkServerProcess = field(init=False)

    def __post_init__(self) -> None:
        """Start it."""
        streams = self.place.with_suffix(".out"), self.place.with_suffix(".err")
        self.process = CONTEXT.Process(
            target=child.live, args=(self.work, self.offset, self.environment, streams)
        )
        self.process.start()

    def kill(self) -> None:
        """Kill it, wherever it is."""
        self.process.kill()
        self.process.join()

    def finish(self) -> tuple[int | None, str]:
        """Wait for its end; give its exit code, None if it does not end, and its output."""
        self.process.join(DEADLINE_SECONDS)
        return self.process.exitcode, self.place.with_suffix(".out").read_text()
