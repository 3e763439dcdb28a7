"""The promises of ``ports.RequestQueue`` and ``ports.Backlog``, quoted; and the look at both."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotation import order as orders
from rotation import settings
from rotation.adapters.storage_check import AzureStorageCheck
from rotation.errors import AccessDeniedError
from rotation.model import SecretName
from rotation.order import Arguments, Extent, Order, Verb
from rotation.settings import FanOutMode
from rotation.wiring import open_service
from sandbox.furniture import VAULT
from sandbox.ports import MemoryRequests
from tests.contract.conftest import START
from tests.stage import FEED

if TYPE_CHECKING:
    from sandbox.clock import ManualClock
    from tests.storage import StorageStage, TableStage, Wire

ROOT = Path(__file__).parents[2]
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
LEAK = Order(
    Verb.RETIRE,
    FEED,
    "version",
    "ada <ada@example.com> ü&",
    START,
    Arguments(extent=Extent.NOW),
)
SETTLE = Order(Verb.SETTLE, FEED, None, "", START)
NAMES = frozenset(SecretName(VAULT, f"s{number}") for number in range(250))


class TestQueue:
    """Takes orders to whoever carries them out."""

    @pytest.mark.parametrize("order", [LEAK, SETTLE])
    def test_an_order_arrives_as_it_was_put(
        self, storage_stage: StorageStage, order: Order
    ) -> None:
        """What the function reads is the order; without a life, it stays there for ever."""
        storage_stage.queue.put(order)

        ((message, life),) = storage_stage.waiting()
        assert message == order.as_dict()
        assert orders.read(json.dumps(message)) == order
        assert life is None

    def test_nobody_gets_to_see_it_before(self, storage_stage: StorageStage) -> None:
        """How long nobody gets to see it; the others do not wait for it."""
        storage_stage.queue.put(SETTLE, after=HOUR)
        storage_stage.queue.put(LEAK, after=timedelta(0))

        assert [message for message, _ in storage_stage.waiting()] == [LEAK.as_dict()]

    def test_what_was_put_aside_is_counted(self, storage_stage: StorageStage) -> None:
        """Messages that nobody could handle; none before the host has put one there."""
        assert storage_stage.queue.poisoned() == 0

        storage_stage.put_aside("no order")
        storage_stage.put_aside("no order either")

        assert storage_stage.queue.poisoned() == 2

    @pytest.mark.parametrize("life", [HOUR, 30 * DAY])
    def test_it_stays_for_its_life(self, storage_stage: StorageStage, life: timedelta) -> None:
        """How long it stays there, from now, if nobody takes it."""
        storage_stage.queue.put(LEAK, life=life)

        assert [life for _, life in storage_stage.waiting()] == [life]

    @pytest.mark.parametrize(
        ("after", "life"),
        [
            (HOUR, HOUR),
            (2 * HOUR, HOUR),
            (timedelta(0), timedelta(0)),
            (HOUR, HOUR + SECOND / 2),
            (30 * DAY, None),
            (SECOND / 2, SECOND),
        ],
    )
    def test_odd_spans_are_no_harm(
        self, storage_stage: StorageStage, after: timedelta, life: timedelta | None
    ) -> None:
        """Whatever is asked for, nobody sees a message too early."""
        storage_stage.queue.put(LEAK, after=after, life=life)

        assert storage_stage.waiting() == []

    def test_a_lost_answer_may_be_a_second_message(
        self, table_stage: TableStage, wire: Wire
    ) -> None:
        """At least once: whoever puts it need not ask."""
        table_stage.queue.put(LEAK)
        wire.lost_answers = 1
        table_stage.queue.put(SETTLE)

        messages = [message for message, _ in table_stage.waiting()]
        assert messages[0] == LEAK.as_dict()
        assert messages[1:] in ([SETTLE.as_dict()], [SETTLE.as_dict()] * 2)

    def test_a_message_costs_one_call(self, table_stage: TableStage, wire: Wire) -> None:
        """The queue is made when it is missed, and never asked for."""
        table_stage.queue.put(LEAK)
        wire.sent.clear()

        table_stage.queue.put(LEAK)
        assert wire.count() == 1

        table_stage.requests.client.delete_queue()
        table_stage.queue.put(LEAK)
        assert len(table_stage.waiting()) == 1

    def test_the_one_in_memory_lets_time_pass(self, clock: ManualClock) -> None:
        """Late messages come, old ones go, and whoever takes one has it alone."""
        queue = MemoryRequests(clock)
        queue.put(SETTLE, after=HOUR, life=2 * HOUR)
        assert queue.take() is None
        clock.advance(HOUR)
        assert len(queue.visible()) == 1
        clock.advance(HOUR)
        assert queue.take() is None

        queue.put(LEAK)
        taken = queue.take()
        assert taken
        assert orders.read(taken.text) == LEAK
        assert queue.take() is None


class TestBacklog:
    """Which secrets wait in the queue to be settled."""

    def test_those_that_are_noted_wait(self, storage_stage: StorageStage) -> None:
        """Give the secrets (folded) that are noted, until they are cleared."""
        backlog = storage_stage.backlog
        assert backlog.waiting() == frozenset()

        backlog.note([SecretName(VAULT.upper(), "FEED"), SecretName("kv", "a")], START + HOUR)
        assert backlog.waiting() == {FEED, SecretName("kv", "a")}

        backlog.clear(SecretName(VAULT, "Feed"))
        backlog.clear(FEED)
        backlog.clear(SecretName(VAULT, "never"))
        assert backlog.waiting() == {SecretName("kv", "a")}

    def test_nobody_waits_for_too_long(self, storage_stage: StorageStage) -> None:
        """Until ``until`` at most; who is noted again waits until then."""
        storage_stage.backlog.note([FEED, SecretName("kv", "a")], START + HOUR)
        storage_stage.backlog.note([FEED], START + HOUR + timedelta(microseconds=1))

        storage_stage.time.advance(HOUR)
        assert storage_stage.backlog.waiting() == {FEED}
        assert storage_stage.backlog.overdue() == {SecretName("kv", "a")}
        storage_stage.time.advance(timedelta(microseconds=1))
        assert storage_stage.backlog.waiting() == frozenset()
        assert storage_stage.backlog.overdue() == {FEED, SecretName("kv", "a")}

    def test_a_note_for_ever_is_not_believed(self, storage_stage: StorageStage) -> None:
        """One for more than three hours ahead: a clock was wrong, or somebody wrote it by hand."""
        storage_stage.backlog.note([FEED], START + 3 * HOUR)
        storage_stage.backlog.note([SecretName("kv", "a")], START + 3 * HOUR + SECOND)

        assert storage_stage.backlog.waiting() == {FEED}
        assert storage_stage.backlog.overdue() == {SecretName("kv", "a")}

    def test_clearing_before_anything_was_noted(self, storage_stage: StorageStage) -> None:
        """One that never waited counts as done."""
        storage_stage.backlog.clear(FEED)

        assert storage_stage.backlog.waiting() == frozenset()

    def test_a_row_of_somebody_else_is_passed_over(self, table_stage: TableStage) -> None:
        """It stops no scan."""
        table_stage.backlog.note([FEED], START + HOUR)
        table = table_stage.tables.client("RotationQueued")
        table.create_entity({"PartitionKey": "queued", "RowKey": "x", "until": "2999"})

        assert table_stage.backlog.waiting() == {FEED}

    def test_many_at_once(self, storage_stage: StorageStage) -> None:
        """As a scan of very many secrets finds them due; some wait already, some twice."""
        storage_stage.backlog.note([*NAMES][:50], START + HOUR)
        storage_stage.backlog.note([*NAMES, *NAMES], START + 2 * HOUR)

        assert storage_stage.backlog.waiting() == NAMES

    def test_what_it_costs(self, table_stage: TableStage, wire: Wire) -> None:
        """Notes in batches, one query to look, one call to clear."""
        table_stage.backlog.note([FEED], START + HOUR)
        wire.sent.clear()

        table_stage.backlog.note(NAMES, START + HOUR)
        assert wire.count() == 3
        table_stage.backlog.waiting()
        assert wire.count("GET") == 1
        table_stage.backlog.clear(FEED)
        assert wire.count("DELETE") == 1
        assert wire.count() == 5


class TestCheck:
    """Whether each thing is there; and how to make it."""

    def test_what_is_missing_is_said_and_made(self, table_stage: TableStage) -> None:
        """Looking makes nothing; making twice makes nothing more."""
        check = AzureStorageCheck(table_stage.tables, table_stage.requests)
        table_stage.backlog.note([FEED], START)

        there = {name: check.has_table(name) for name in check.tables}
        assert there == {
            "RotationEvents": False,
            "RotationTimeline": False,
            "RotationLocks": False,
            "RotationQueued": True,
        }
        assert not check.has_queue()

        made = check.create()
        assert made == ("RotationEvents", "RotationTimeline", "RotationLocks", "rotation-requests")
        assert all(check.has_table(name) for name in check.tables)
        assert check.has_queue()
        assert check.create() == ()


class TestComposition:
    """What the composition root makes of the settings."""

    def test_with_storage_the_service_has_it_all(self, table_stage: TableStage) -> None:
        """A run of one process, and what others see of it."""
        fanning_out = table_stage.chosen.model_copy(update={"fan_out": FanOutMode.QUEUE})
        with open_service(fanning_out, table_stage.clock) as service:
            assert service.fan_out
            report = service.rotator.run(fan_out=service.fan_out)
            assert service.worker
            assert service.storage_check
            service.storage_check.create()
            assert service.orders.is_remote
            service.orders.submit(LEAK)
            assert service.storage_check.has_queue()
            kept = [row["event"] for row in service.journal.since(START)]

        assert not report.has_failures
        assert kept[0] == "ScanCompleted"
        assert kept[-1] == "ScanStarted"
        assert [row["event"] for row in table_stage.journal.since(START)] == kept

    @pytest.mark.usefixtures("sandbox")
    def test_without_storage_there_is_none_of_it(self, clock: ManualClock) -> None:
        """Log lines only, no locks between processes, no orders from elsewhere."""
        with open_service(settings.load(), clock) as service:
            assert (service.worker, service.fan_out, service.storage_check) == (None, None, None)
            assert not service.orders.is_remote
            assert service.journal.forget(START) == 0

    @pytest.mark.parametrize("module", ["function_app", "rotation.wiring", "rotation.cli"])
    def test_without_storage_its_libraries_stay_away(self, module: str) -> None:
        """Cold start is a feature."""
        code = f"import {module}, sys; print([m for m in sys.modules if 'azure.data' in m])"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

        assert done.stdout.strip() == "[]"

    @pytest.mark.usefixtures("sandbox")
    def test_another_identity_for_storage(
        self, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever names one enters by it: this one does not exist."""
        for name in ("tableServiceUri", "queueServiceUri"):
            monkeypatch.setenv(f"ROTATION_STORAGE__{name}", "https://localhost:1/account")
        monkeypatch.setenv("ROTATION_STORAGE__clientId", "aaaaaaaa-0000-4000-8000-00000000000a")

        with open_service(settings.load(), clock) as service:
            assert service.storage_check
            with pytest.raises(AccessDeniedError, match="no token of the identity"):
                service.storage_check.has_queue()
