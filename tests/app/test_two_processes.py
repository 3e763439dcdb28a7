"""Two processes at once, whose locks do not see each other: no promise is broken."""

from __future__ import annotations

from multiprocessing import connection
from threading import Event, Lock
from typing import TYPE_CHECKING

import pytest

from sandbox.registry import Deed
from tests.app.process import DEADLINE_SECONDS
from tests.story.plot import PLOTS
from tests.story.test_crash import HEALING_RUNS

if TYPE_CHECKING:
    from tests.app.process import SetStage
    from tests.story.runner import Stop

MEETINGS = (
    "identity_token",
    "redeem",
    "challenge",
    "list_secrets",
    "connection_data",
    "list_pats",
    "get_secret",
    "update_secret",
    "create_pat",
    "set_secret",
    "none",
)


class Meeting:
    """Keeps whoever comes first to a call waiting, until the other comes to it, too, or ends."""

    def __init__(self, operation: str) -> None:
        """Say at which call they meet."""
        self._operation = operation
        self._arrived = 0
        self._counting = Lock()
        self.is_over = Event()

    def stand(self, stop: Stop) -> None:
        """Wait, if this is where they meet."""
        if stop.is_after or stop.call.operation != self._operation:
            return
        with self._counting:
            self._arrived += 1
            if self._arrived > 1:
                self.is_over.set()
        assert self.is_over.wait(DEADLINE_SECONDS)


@pytest.mark.parametrize("operation", MEETINGS)
def test_two_processes_at_once_break_no_promise(operation: str, set_stage: SetStage) -> None:
    """Wherever they meet, at most one token too many is made, and it ends retired."""
    meeting = Meeting(operation)
    with set_stage(PLOTS["a token is due"]) as stage, stage.standing(meeting.stand):
        processes = [stage.start(), stage.start()]
        connection.wait([process.sentinel for process in processes], DEADLINE_SECONDS)
        meeting.is_over.set()
        codes = [process.finish().code for process in processes]

        assert 0 in codes
        made = [entry for entry in stage.world.registry.audit if entry.deed is Deed.CREATE]
        assert 1 <= len(made) <= 2
        stage.end(HEALING_RUNS)
