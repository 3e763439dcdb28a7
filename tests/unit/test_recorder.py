"""What a run tells its journal, and what it says of events that the journal could not take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rotation.errors import UnavailableError
from rotation.events import Kind
from rotation.recorder import Gap, Recorder
from sandbox.clock import ManualClock
from sandbox.ports.record import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotation.events import Event

START = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)


class AwayJournal(Journal):
    """A journal that can be out of reach."""

    is_away = True

    def write(self, events: Sequence[Event]) -> None:
        """Keep events, or fail."""
        if self.is_away:
            message = "cannot write to the table RotationTimeline"
            raise UnavailableError(message, service="storage", operation="write to")
        super().write(events)


def test_a_gap_is_told_whole() -> None:
    """However often the journal was tried in vain: how many it lacks, and since when."""
    clock, journal = ManualClock(START), AwayJournal()
    recorder = Recorder(Journal(), journal, clock, "run", Gap())
    for _ in range(3):
        recorder.say(Kind.SCAN_STARTED)
        recorder.say(Kind.SCAN_COMPLETED)
        recorder.flush()
        clock.advance(timedelta(minutes=10))

    journal.is_away = False
    recorder.say(Kind.SCAN_STARTED)
    recorder.flush()

    started, gap = journal.kept.values()
    assert started.event is Kind.SCAN_STARTED
    assert gap.reason == "journal-gap"
    assert str(gap.message).startswith("6 events since 2026-11-22 07:00 UTC are missing here")
    recorder.say(Kind.SCAN_COMPLETED)
    recorder.flush()
    assert len(journal.kept) == 3
