"""The promises of ``ports.Journal``, quoted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from rotation.adapters.local import NoJournal
from rotation.adapters.storage_check import AzureStorageCheck
from rotation.errors import SettingsError, UnavailableError
from rotation.events import Event, Kind
from rotation.model import SecretName
from sandbox.furniture import VAULT
from tests.contract.conftest import START
from tests.stage import FEED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.storage import StorageStage, TableStage, Wire

OTHER = SecretName(VAULT, "other")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def made(number: int, *, ago: timedelta = timedelta(0), secret: str | None = "feed") -> Event:
    """Make an event, the ``number``th of its run."""
    return Event(
        Kind.TOKEN_STORED,
        START - ago,
        "run",
        vault=VAULT if secret else None,
        secret=secret,
        message=f"no. {number}",
        number=number,
    )


def numbers(told: Iterable[Mapping[str, str]]) -> list[int]:
    """Tell the events by their numbers."""
    return [int(row["message"].split()[-1]) for row in told]


def test_what_is_given_back_is_the_stable_form(storage_stage: StorageStage) -> None:
    """What is given back of an event is its stable form: every key, and no other."""
    event = Event(
        Kind.ORDER_DONE,
        START + timedelta(microseconds=1),
        "run",
        *(VAULT.upper(), "Feed", "contoso", "ada@example.com", "new", "old", "version"),
        *(START + DAY, START + HOUR, "reason", "message 'with' odd/#?\\ words \u2028"),
        *("retire --now", "ada@example.com", START),
    )

    storage_stage.journal.write([event])

    assert list(storage_stage.journal.of_secret(FEED)) == [event.as_dict()]
    assert list(storage_stage.journal.since(START)) == [event.as_dict()]
    assert len(event.as_dict()) == 17


def test_the_newest_comes_first(storage_stage: StorageStage) -> None:
    """The newest first; of one instant, that which was said last."""
    events = [made(number, ago=HOUR * (3 - number // 2)) for number in range(8)]

    storage_stage.journal.write(events)

    assert numbers(storage_stage.journal.of_secret(FEED)) == [7, 6, 5, 4, 3, 2, 1, 0]
    assert numbers(storage_stage.journal.since(START - DAY)) == [7, 6, 5, 4, 3, 2, 1, 0]


def test_a_replay_does_no_harm(storage_stage: StorageStage) -> None:
    """Keep events; one that is kept already stays as it is."""
    first, second, third = (made(number, ago=HOUR * (3 - number)) for number in range(3))
    storage_stage.journal.write([first, second])

    storage_stage.journal.write([replace(second, message="no. 9"), third, third])
    storage_stage.journal.write([first])
    storage_stage.journal.write([])

    assert numbers(storage_stage.journal.of_secret(FEED)) == [2, 1, 0]
    assert numbers(storage_stage.journal.since(START - DAY)) == [2, 1, 0]


def test_the_events_of_one_secret_are_its_own(storage_stage: StorageStage) -> None:
    """Whatever the case; those of other secrets, of a vault or of nobody are not among them."""
    journal = storage_stage.journal
    journal.write([made(0), made(1, secret="other"), made(2, secret=None)])
    journal.write([replace(made(3), secret=None), made(4, secret="feed-2")])

    assert numbers(journal.of_secret(SecretName(VAULT.upper(), "FEED"))) == [0]
    assert numbers(journal.of_secret(OTHER)) == [1]
    assert numbers(journal.of_secret(SecretName("kv", "none"))) == []
    assert numbers(journal.since(START)) == [4, 3, 2, 1, 0]


def test_since_is_to_the_instant(storage_stage: StorageStage) -> None:
    """Give the events of all secrets since ``instant``: with it, and over days."""
    spans = [timedelta(0), HOUR, DAY, DAY + timedelta(microseconds=1), 3 * DAY, 40 * DAY]
    events = [made(n, ago=ago) for n, ago in enumerate(reversed(spans))]
    storage_stage.journal.write(events)

    assert numbers(storage_stage.journal.since(START + HOUR)) == []
    assert numbers(storage_stage.journal.since(START)) == [5]
    assert numbers(storage_stage.journal.since(START - DAY)) == [5, 4, 3]
    assert numbers(storage_stage.journal.since(START - 3 * DAY)) == [5, 4, 3, 2, 1]
    assert numbers(storage_stage.journal.since(START - 40 * DAY)) == [5, 4, 3, 2, 1, 0]


def test_an_event_of_a_clock_that_is_ahead_is_found(storage_stage: StorageStage) -> None:
    """Whoever wrote it, and by which clock: here after midnight."""
    storage_stage.journal.write([made(0, ago=-17 * HOUR)])

    assert numbers(storage_stage.journal.since(START)) == [0]


def test_old_events_are_forgotten(storage_stage: StorageStage) -> None:
    """Remove the events before ``before``, and no other; give how many there were."""
    journal = storage_stage.journal
    journal.write([made(n, ago=DAY * (30 - n), secret=f"s{n % 3}") for n in range(30)])

    assert journal.forget(START - 40 * DAY) == 0
    assert journal.forget(START - 10 * DAY) == 20
    assert journal.forget(START - 10 * DAY) == 0
    assert numbers(journal.since(START - 50 * DAY)) == [*range(29, 19, -1)]
    assert numbers(journal.of_secret(SecretName(VAULT, "s0"))) == [27, 24, 21]


def test_many_events_at_once(storage_stage: StorageStage) -> None:
    """A run over very many secrets writes more than the service takes in one go."""
    events = [made(n, ago=timedelta(minutes=120 - n)) for n in range(120)]

    storage_stage.journal.write(events)

    assert numbers(storage_stage.journal.of_secret(FEED)) == [*range(119, -1, -1)]
    assert storage_stage.journal.forget(START) == 120
    assert numbers(storage_stage.journal.since(START - DAY)) == []


@pytest.mark.parametrize("text", ["\ud800 \x00\x1b[31m", "ü" * 40_000, "\U0001f511" * 40_000])
def test_a_text_that_does_not_fit_is_cut(table_stage: TableStage, text: str) -> None:
    """Events are short; one that is not must not keep the others out."""
    storage_stage = table_stage
    storage_stage.journal.write([made(0), replace(made(1), message=text)])

    (kept, _) = storage_stage.journal.of_secret(FEED)

    assert len(kept["message"]) <= 4000
    assert kept["message"][:3999].strip("\ufffd\x00") in text or "\ud800" in text


@pytest.mark.parametrize("run_id", ["a:b", "a/b#c?d\\e", "\x00\u2028", "_", "%2F"])
def test_odd_ids_are_no_harm(table_stage: TableStage, run_id: str) -> None:
    """A key takes few characters; what is given back is as it was said."""
    event = Event(Kind.SCAN_STARTED, START, run_id)

    table_stage.journal.write([event])

    assert [row["run_id"] for row in table_stage.journal.since(START)] == [run_id]
    assert table_stage.journal.forget(START + HOUR) == 1


class TestWhatIsRead:
    """Page by page as they are asked for; nothing that is older is read."""

    def test_a_page_is_read_when_it_is_asked_for(self, table_stage: TableStage, wire: Wire) -> None:
        """Who wants the newest event reads one page of five, not the journal."""
        table_stage.journal.write([made(n, ago=HOUR * (40 - n)) for n in range(40)])
        wire.sent.clear()

        told = table_stage.journal.of_secret(FEED)
        assert wire.count() == 0
        assert numbers(islice(told, 5)) == [39, 38, 37, 36, 35]
        assert wire.count() == 1
        assert numbers(islice(told, 1)) == [34]
        assert wire.count() == 2

    def test_since_reads_its_days_and_no_other(self, table_stage: TableStage, wire: Wire) -> None:
        """Of 500 events in ten days, those of the last day: 50 in ten pages."""
        for run in range(10):
            at = START - (10 - run) * DAY
            table_stage.journal.write(
                [
                    replace(
                        made(n, secret=f"s{n % 9}"), time=at + timedelta(minutes=n), run_id=f"{run}"
                    )
                    for n in range(50)
                ]
            )
        wire.sent.clear()

        assert len([*table_stage.journal.since(START - DAY)]) == 50
        # One more for each of: tomorrow, and the end of each of two days.
        assert wire.count("GET") == wire.count() <= 50 / 5 + 3

    def test_with_nothing_to_forget_one_query_is_made(
        self, table_stage: TableStage, wire: Wire
    ) -> None:
        """It is asked at every run."""
        table_stage.journal.write([made(n, ago=HOUR * (40 - n)) for n in range(40)])
        wire.sent.clear()

        assert table_stage.journal.forget(START - 3 * DAY) == 0
        assert wire.count() == 1


class TestGaps:
    """What is missing, and what gets in the way."""

    def test_before_the_first_event_there_is_nothing(self, table_stage: TableStage) -> None:
        """Reading makes no table: who may only read can read."""
        journal = table_stage.journal

        assert [*journal.of_secret(FEED), *journal.since(START - DAY)] == []
        assert journal.forget(START) == 0
        check = AzureStorageCheck(table_stage.tables, table_stage.requests)
        assert not any(check.has_table(name) for name in check.tables)

    def test_a_row_that_a_crash_left_is_forgotten(self, table_stage: TableStage) -> None:
        """The timeline was written and the process died: the event has no other row."""
        table_stage.journal.write([made(0, ago=HOUR)])
        table_stage.tables.client("RotationEvents").delete_table()
        table_stage.journal.write([made(1)])

        assert numbers(table_stage.journal.since(START - DAY)) == [1, 0]
        assert numbers(table_stage.journal.of_secret(FEED)) == [1]
        assert table_stage.journal.forget(START) == 1
        assert numbers(table_stage.journal.since(START - DAY)) == [1]

    def test_a_row_of_somebody_else_is_passed_over(self, table_stage: TableStage) -> None:
        """It is not told, and stops neither reading nor forgetting."""
        table_stage.journal.write([made(0, ago=HOUR), made(1)])
        day = f"{START:%Y-%m-%d}"
        for name, partition in (("RotationTimeline", day), ("RotationEvents", f"{VAULT}:feed")):
            table = table_stage.tables.client(name)
            for row in ("0", "9", "9:9:9"):
                table.create_entity({"PartitionKey": partition, "RowKey": row, "text": "hello"})

        assert numbers(table_stage.journal.since(START - DAY)) == [1, 0]
        assert numbers(table_stage.journal.of_secret(FEED)) == [1, 0]
        table_stage.journal.forget(START)
        assert numbers(table_stage.journal.since(START - DAY)) == [1]
        assert numbers(table_stage.journal.of_secret(FEED)) == [1]

    @pytest.mark.parametrize("lost", [1, 2, 3])
    def test_a_lost_answer_is_no_harm(self, table_stage: TableStage, wire: Wire, lost: int) -> None:
        """What was written is written again, and stays as it is."""
        table_stage.journal.write([made(0, ago=HOUR)])
        wire.lost_answers = lost

        table_stage.journal.write([made(1), made(2)])

        assert numbers(table_stage.journal.of_secret(FEED)) == [2, 1, 0]
        wire.lost_answers = lost
        assert table_stage.journal.forget(START) == 1
        assert numbers(table_stage.journal.of_secret(FEED)) == [2, 1]

    def test_events_that_are_not_kept_are_said(self, table_stage: TableStage, wire: Wire) -> None:
        """Not all of them are kept: the log has them, and the run goes on."""
        wire.is_cut = True

        with pytest.raises(UnavailableError, match="write to the table RotationTimeline"):
            table_stage.journal.write([made(0)])


def test_without_storage_there_is_no_journal() -> None:
    """Whoever asks for it is told what is missing; a run goes on without."""
    journal = NoJournal()
    journal.write([made(0)])

    assert journal.forget(START) == 0
    with pytest.raises(SettingsError, match="ROTATION_STORAGE is missing"):
        journal.of_secret(FEED)
    with pytest.raises(SettingsError, match="ROTATION_STORAGE is missing"):
        journal.since(START)
