"""The product as real processes, on the stage of a story: they reach its world by HTTPS alone.

To import the product takes most of the time of a short run. So the processes are forked from a
parent that has done nothing else yet (the standard library's fork server); from there on each is by
itself, and dies of the same signals as any other.
"""

from __future__ import annotations

import multiprocessing
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from multiprocessing import connection
from signal import SIGKILL
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from rotation.decision import Action
from rotation.model import SecretName
from rotation.report import Ending, Outcome, Outcomes, RunReport
from sandbox.clock import wall
from sandbox.fault import ConnectionDroppedError
from sandbox.https import Sandbox
from sandbox.product import Ran
from tests.app import child
from tests.story.runner import Stop
from tests.story.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sandbox.https import Authority
    from sandbox.ports import InProcess
    from tests.app.child import Work
    from tests.story.plot import Plot

    Hear = Callable[[str, str], None]
    """Has a text searched for values: its place, the text."""

    class Place(Protocol):
        """Where processes of the product live: the stage of a story, or another world."""

        numbers: Iterator[int]

        @property
        def folder(self) -> Path:
            """Tell where they write."""

        @property
        def hear(self) -> Hear:
            """Give what searches all that they write."""

        @property
        def clock(self) -> Callable[[], datetime]:
            """Give the world's clock."""

        @property
        def environment(self) -> Mapping[str, str]:
            """Give the variables by which they find the world."""

    class SetStage(Protocol):
        """Sets a stage on which a plot begins, at an instant."""

        def __call__(
            self, plot: Plot, start: datetime = ...
        ) -> AbstractContextManager[ProcessStage]:
            """Set it for a ``with`` block."""


CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [child.__name__, "function_app", "rotation.cli", "rotation.wiring", "sandbox.launch"]
)
DEADLINE_SECONDS = 60


class Process:
    """One process of the product, from its start to its end."""

    def __init__(self, stage: Place, work: Work) -> None:
        """Prepare it; it lives by the world's clock, which stands still meanwhile."""
        place = stage.folder / f"process-{next(stage.numbers)}"
        self._streams = place.with_suffix(".out"), place.with_suffix(".err")
        ahead = stage.clock() - wall()
        self._process = CONTEXT.Process(
            target=child.live, args=(work, ahead, stage.environment, self._streams)
        )
        self._hear = stage.hear
        self._handling = Lock()

    def start(self) -> None:
        """Start it."""
        with self._handling:
            self._process.start()

    @property
    def sentinel(self) -> int:
        """What is ready when it has ended: something to wait for."""
        return self._process.sentinel

    def kill(self) -> None:
        """Kill it, and wait until it is dead."""
        # Its first call may come before we know whom to kill; and while we wait, nobody may
        # close what we wait on.
        with self._handling:
            self._process.kill()
            connection.wait([self.sentinel], DEADLINE_SECONDS)

    def finish(self) -> Ran:
        """Wait for its end, and give what it said, which is no value, and no stack."""
        connection.wait([self.sentinel], DEADLINE_SECONDS)
        with self._handling:
            code = self._process.exitcode
            assert code is not None, "the process does not end"
            self._process.close()
        out, err = (path.read_text() if path.exists() else "" for path in self._streams)
        self._hear("stdout of a process", out)
        self._hear("stderr of a process", err)
        assert "Traceback" not in err, err
        return Ran(code, out, [])


@dataclass
class ProcessStage(Stage):
    """A stage on which the rotators are processes of their own."""

    folder: Path = field(kw_only=True)
    """Where they write."""
    hear: Hear = field(kw_only=True)
    environment: dict[str, str] = field(default_factory=dict)
    """By which they find the world."""
    numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def opened(self, authority: Authority) -> Iterator[ProcessStage]:
        """Let the world be reached while a block runs."""
        with Sandbox(self.world, authority) as sandbox:
            owners = ",".join(self.owners)
            self.environment |= sandbox.environment | {"ROTATION_OWNERS": owners}
            yield self

    def start(self, work: Work = child.run) -> Process:
        """Start a process of the product: ``rotation run``, or what the host does."""
        process = Process(self, work)
        process.start()
        return process

    def run(
        self,
        process: InProcess | None = None,  # noqa: ARG002 - a process here lives for one run
    ) -> RunReport:
        """Run once, from the start to the end of a process."""
        report = _read(self.start().finish())
        self.reports.append(report)
        return report

    def kill_at(self, number: int, work: Work = child.run) -> Stop | None:
        """Let a process die where it stands for the ``number``-th time, counted from 0.

        It stands before each remote call, and again after its effect, before its answer.

        Returns:
            Where it died; None if it came to its end before.
        """
        process, numbers, died_at = Process(self, work), count(), list[Stop]()

        def stand(stop: Stop) -> None:
            if next(numbers) == number:
                died_at.append(stop)
                process.kill()
                # Nobody hears its answer; and if this is before the call, it has no effect.
                raise ConnectionDroppedError

        with self.standing(stand):
            process.start()
            ran = process.finish()
        assert (ran.code == -SIGKILL) is bool(died_at)
        return died_at[0] if died_at else None

    @contextmanager
    def standing(self, stand: Callable[[Stop], None]) -> Iterator[None]:
        """Have ``stand`` called, while a block runs, wherever a process stands at the wire.

        That is in the thread in which a call arrived; what it raises takes the place of the answer.
        """
        world = self.world
        before, after = world.before_call, world.after_effect
        world.before_call = lambda call: stand(Stop(call, is_after=False))
        world.after_effect = lambda call: stand(Stop(call, is_after=True))
        try:
            yield
        finally:
            world.before_call, world.after_effect = before, after


def _read(ran: Ran) -> RunReport:
    """Read the report that a process wrote."""
    report = ran.report
    return RunReport(
        run_id=report["run_id"],
        started_at=datetime.fromisoformat(report["started_at"]),
        finished_at=datetime.fromisoformat(report["finished_at"]),
        outcomes=Outcomes(
            Outcome(
                SecretName(found["vault"], found["secret"]),
                Ending(found["outcome"]),
                found["reason"],
                found["message"],
                tuple(map(Action, found["actions"])),
            )
            for found in ran.secrets
        ),
    )
