"""What the locks in a table promise beside ``ports.Locks``: leases, clocks, outages, processes."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotation.adapters.locks import LEASE, LOCKS, MARGIN, TableLocks
from rotation.adapters.storage import open_tables
from rotation.errors import LockHeldError
from rotation.model import SecretName
from rotation.storage import read
from sandbox.clock import wall
from sandbox.furniture import VAULT
from tests.stage import FEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotation.ports import Lock, Locks
    from sandbox.azurite import Account
    from tests.storage import StorageStage, TableStage, Wire

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SECRETS = 50
DEADLINE_SECONDS = 60
ROOT = Path(__file__).parents[2]


def is_free(locks: Locks, name: SecretName = FEED) -> bool:
    """Tell whether a lock can be taken."""
    try:
        with locks.hold(name):
            return True
    except LockHeldError:
        return False


def test_another_process_is_refused(storage_stage: StorageStage) -> None:
    """One holder per secret, among all processes."""
    with storage_stage.locks.hold(FEED) as lock:
        assert lock.is_held()
        with (
            pytest.raises(LockHeldError, match="kv-build/feed"),
            storage_stage.other_locks.hold(FEED),
        ):
            pytest.fail("two holders")
        assert is_free(storage_stage.other_locks, SecretName(VAULT, "other"))
        assert lock.is_held()

    assert is_free(storage_stage.other_locks)


class TestLeases:
    """What nobody holds any more comes free by itself."""

    def test_a_lock_that_is_asked_for_is_renewed(self, table_stage: TableStage) -> None:
        """A settling asks before each call, so it keeps its lock for as long as it takes."""
        with table_stage.locks.hold(FEED) as lock:
            for _ in range(20):
                table_stage.time.advance(MINUTE)
                assert lock.is_held()
                assert not is_free(table_stage.other_locks)
        assert is_free(table_stage.other_locks)

    def test_renewing_costs_a_call_a_minute(self, table_stage: TableStage, wire: Wire) -> None:
        """Taking is one call, releasing another; asking is free for half of the lease."""
        with table_stage.locks.hold(SecretName(VAULT, "first")):
            wire.sent.clear()
        with table_stage.locks.hold(FEED) as lock:
            assert all(lock.is_held() for _ in range(20))
            assert wire.count() == 2
            table_stage.time.advance(MINUTE + SECOND)
            assert all(lock.is_held() for _ in range(20))
            assert wire.count() == 3
        assert wire.count() == 4

    def test_a_dead_holders_lock_comes_free(self, table_stage: TableStage) -> None:
        """The lease and the margin later, and no second earlier."""
        with ExitStack() as never_closed:
            lock = never_closed.enter_context(table_stage.locks.hold(FEED))
            table_stage.time.advance(LEASE + MARGIN - SECOND)
            assert not is_free(table_stage.other_locks)
            table_stage.time.advance(SECOND)
            with table_stage.other_locks.hold(FEED) as other:
                assert other.is_held()
                assert not lock.is_held()
                never_closed.close()
                # Whoever has lost it leaves the new holder's alone.
                assert other.is_held()
                table_stage.time.advance(LEASE - MINUTE / 2)
                assert other.is_held()

    def test_a_process_that_slept_has_lost_its_lock(self, table_stage: TableStage) -> None:
        """However nobody has taken it meanwhile: somebody might have."""
        with table_stage.locks.hold(FEED) as lock:
            table_stage.time.advance(LEASE)
            assert not lock.is_held()
            assert not lock.is_held()

    def test_a_renewal_that_finds_another_holder_has_lost(self, table_stage: TableStage) -> None:
        """By its ETag: the row is not as it was."""
        table = table_stage.tables.client(LOCKS)
        with table_stage.locks.hold(FEED) as lock:
            (row,) = table.list_entities()
            table.update_entity({**row, "holder": "somebody else"})
            table_stage.time.advance(MINUTE + SECOND)
            assert not lock.is_held()
            assert not lock.is_held()
        assert [row["holder"] for row in table.list_entities()] == ["somebody else"]

    def test_so_has_one_whose_row_is_gone(self, table_stage: TableStage) -> None:
        """With the whole table, even."""
        with table_stage.locks.hold(FEED) as lock:
            table_stage.tables.client(LOCKS).delete_table()
            table_stage.time.advance(MINUTE + SECOND)
            assert not lock.is_held()
        assert is_free(table_stage.locks)

    @pytest.mark.parametrize(
        "until",
        ["soon", "", "2026-11-22", "9999-12-31T23:59:59-14:00", "2999-01-01T00:00:00+00:00"],
    )
    def test_a_row_that_makes_no_sense_holds_nothing(
        self, table_stage: TableStage, until: str
    ) -> None:
        """Whoever has written it."""
        with table_stage.locks.hold(FEED):
            table = table_stage.tables.client(LOCKS)
            (row,) = table.list_entities()
            table.update_entity({**row, "until": until})
            assert is_free(table_stage.other_locks)

    @pytest.mark.parametrize("ours", [-60, 0, 60])
    @pytest.mark.parametrize("is_renewed", [True, False])
    def test_clocks_a_minute_apart_do_no_harm(
        self, table_stage: TableStage, ours: int, *, is_renewed: bool
    ) -> None:
        """There is no instant at which two hold it, and in the end it comes free."""
        table_stage.clock.error = timedelta(seconds=ours)
        with table_stage.locks.hold(FEED) as lock, ExitStack() as others:
            other: Lock | None = None
            for _ in range(25):
                table_stage.time.advance(15 * SECOND)
                if is_renewed:
                    assert lock.is_held()
                if other is None and is_free(table_stage.other_locks):
                    other = others.enter_context(table_stage.other_locks.hold(FEED))
                assert not (other and other.is_held() and lock.is_held())
            assert (other is None) is is_renewed


class TestOutages:
    """When they cannot be reached, they fail open."""

    def test_they_fail_open(
        self, table_stage: TableStage, wire: Wire, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Everybody gets every lock; that is said once, and again after the next time."""
        caplog.set_level(logging.WARNING, "rotation")
        with table_stage.locks.hold(FEED):
            wire.is_cut = True
            with table_stage.other_locks.hold(FEED) as other:
                assert other.is_held()
            for number in range(100):
                assert is_free(table_stage.other_locks, SecretName(VAULT, f"s{number}"))
        assert [record.name for record in caplog.records] == ["rotation"]
        assert "it refuses connections" in caplog.text

        wire.is_cut = False
        table_stage.time.advance(LEASE + MARGIN)
        assert is_free(table_stage.other_locks)
        wire.is_cut = True
        assert is_free(table_stage.other_locks)
        assert len(caplog.records) == 2

    def test_the_threads_of_one_process_still_exclude_each_other(
        self, table_stage: TableStage, wire: Wire
    ) -> None:
        """Among the threads of one process each lock has one holder."""
        wire.is_cut = True

        with table_stage.locks.hold(FEED):
            assert not is_free(table_stage.locks)
        assert is_free(table_stage.locks)

    def test_thousands_of_secrets_do_not_wait_one_after_another(
        self, table_stage: TableStage, wire: Wire
    ) -> None:
        """After an outage nobody asks again for a while; then somebody does."""
        wire.is_cut = True
        assert is_free(table_stage.locks)
        tries, waited = wire.count(), len(table_stage.slept)
        assert tries == 4

        assert all(is_free(table_stage.locks, SecretName(VAULT, f"s{n}")) for n in range(100))
        assert (wire.count(), len(table_stage.slept)) == (tries, waited)

        table_stage.time.advance(MINUTE)
        assert is_free(table_stage.locks)
        assert wire.count() == 2 * tries

    def test_without_a_renewal_a_lock_is_held_to_its_end(
        self, table_stage: TableStage, wire: Wire
    ) -> None:
        """That is what everybody else knows of it; when the table is back, it is renewed."""
        with table_stage.locks.hold(FEED) as lock:
            wire.is_cut = True
            table_stage.time.advance(LEASE - SECOND)
            assert lock.is_held()
            table_stage.time.advance(SECOND)
            assert not lock.is_held()
        table_stage.time.advance(MARGIN)
        wire.is_cut = False
        with table_stage.locks.hold(FEED) as lock:
            wire.is_cut = True
            table_stage.time.advance(LEASE - MINUTE / 2 - SECOND)
            assert lock.is_held()
            wire.is_cut = False
            table_stage.time.advance(MINUTE / 2)
            assert lock.is_held()
            table_stage.time.advance(MINUTE)
            assert lock.is_held()

    def test_a_renewal_that_takes_too_long_has_lost(
        self, table_stage: TableStage, wire: Wire
    ) -> None:
        """The clock is read again after it."""
        with table_stage.locks.hold(FEED) as lock:
            table_stage.time.advance(MINUTE + SECOND)
            wire.delay = lambda: table_stage.time.advance(LEASE)
            assert not lock.is_held()

    @pytest.mark.parametrize("lost", [1, 2, 3])
    def test_a_lost_answer_loses_no_lock(
        self, table_stage: TableStage, wire: Wire, lost: int
    ) -> None:
        """Whoever has written a row knows it again."""
        assert is_free(table_stage.locks)
        wire.lost_answers = lost
        with table_stage.locks.hold(FEED) as lock:
            wire.lost_answers = 0
            assert not is_free(table_stage.other_locks)
            table_stage.time.advance(MINUTE + SECOND)
            wire.lost_answers = lost
            assert lock.is_held()
            assert not is_free(table_stage.other_locks)
            table_stage.time.advance(MINUTE + SECOND)
            assert lock.is_held()
            wire.lost_answers = lost
        assert is_free(table_stage.other_locks)

    def test_a_release_that_fails_is_harmless(self, table_stage: TableStage, wire: Wire) -> None:
        """The lock comes free by itself."""
        with table_stage.locks.hold(FEED):
            wire.is_cut = True
        wire.is_cut = False
        table_stage.time.advance(MINUTE)
        assert not is_free(table_stage.other_locks)

        table_stage.time.advance(LEASE + MARGIN - MINUTE)
        assert is_free(table_stage.other_locks)


class TestProcesses:
    """Real ones, by the machine's own clock."""

    @pytest.fixture
    def start(
        self, key_account: Account, tmp_path: Path
    ) -> Iterator[Callable[[int], subprocess.Popen[str]]]:
        """Give a function that starts one, to fight for so many secrets."""
        with ExitStack() as ends:

            def start(count: int) -> subprocess.Popen[str]:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.contract.lock_child", str(tmp_path), str(count)],
                    cwd=ROOT,
                    env={**os.environ, **key_account.by_key},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                ends.enter_context(process)
                ends.callback(process.kill)
                return process

            yield start

    def test_two_fight_over_fifty_secrets(
        self, start: Callable[[int], subprocess.Popen[str]], tmp_path: Path
    ) -> None:
        """No secret has two holders at once, and every one has been worked on, once."""
        fighters = [start(SECRETS) for _ in range(2)]

        worked_on = [int(fighter.communicate(timeout=DEADLINE_SECONDS)[0]) for fighter in fighters]

        assert sum(worked_on) == SECRETS
        assert -1 not in worked_on
        assert len(list(tmp_path.glob("*.done"))) == SECRETS

    def test_the_lock_of_a_killed_one_comes_free(
        self, start: Callable[[int], subprocess.Popen[str]], key_account: Account
    ) -> None:
        """By itself, when its lease and the margin are over."""
        storage = read(key_account.connection_string, {}, is_microsoft=None)
        assert storage
        tables = open_tables(storage, None, wall, time.sleep)  # type: ignore[arg-type] # a key goes in
        name = SecretName(VAULT, "s0")
        with closing(tables):
            holder = start(0)
            assert holder.stdout
            assert holder.stdout.readline() == "holding\n"
            assert not is_free(TableLocks(tables, wall), name)
            holder.kill()
            holder.wait(DEADLINE_SECONDS)

            assert not is_free(TableLocks(tables, wall), name)
            assert is_free(TableLocks(tables, lambda: wall() + LEASE + MARGIN), name)
