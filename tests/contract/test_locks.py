"""The promises of ``ports.Locks`` and ``ports.EventLog``, quoted."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from rotation.adapters.local import LocalLocks, LogLines
from rotation.errors import LockHeldError
from rotation.events import ALERTS, Event, Kind
from rotation.model import SecretName
from sandbox.furniture import VAULT
from sandbox.ports import Journal, MemoryLocks
from tests.stage import FEED
from tests.storage import on_azurite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotation.ports import EventLog, Locks

AT = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
THREADS = 8


@pytest.fixture(params=["in memory", "in the process", "by key", "by token"])
def locks(request: pytest.FixtureRequest) -> Iterator[Locks]:
    """Give locks: in memory, within the process, and in a table."""
    if request.param == "in memory":
        yield MemoryLocks()
    elif request.param == "in the process":
        yield LocalLocks()
    else:
        yield from (stage.locks for stage in on_azurite(request, request.param))


def test_a_lock_has_one_holder(locks: Locks) -> None:
    """Another run holds it: the message names the secret."""
    with locks.hold(FEED) as lock:
        assert lock.is_held()
        with pytest.raises(LockHeldError, match="kv-build/feed"), locks.hold(FEED):
            pytest.fail("two holders")
        assert lock.is_held()


def test_a_lock_is_the_secrets_whatever_the_case(locks: Locks) -> None:
    """One holder per secret, and names are compared as Key Vault does."""
    other = SecretName(VAULT.upper(), "Feed")

    with locks.hold(FEED), pytest.raises(LockHeldError), locks.hold(other):
        pytest.fail("two holders")


def test_other_secrets_are_free(locks: Locks) -> None:
    """One holder per secret: two secrets can be held at once."""
    with locks.hold(FEED), locks.hold(SecretName(VAULT, "other")) as lock:
        assert lock.is_held()


def test_a_lock_ends_with_its_block(locks: Locks) -> None:
    """Whoever comes next can hold it, however the block ended."""
    with pytest.raises(ValueError, match="inside"), locks.hold(FEED):
        raise ValueError("inside")

    with locks.hold(FEED) as lock:
        assert lock.is_held()


def test_whoever_is_refused_leaves_the_lock_alone(locks: Locks) -> None:
    """A refusal does not free what another run holds."""
    with locks.hold(FEED):
        for _ in range(2):
            with pytest.raises(LockHeldError), locks.hold(FEED):
                pytest.fail("two holders")


def test_of_many_threads_one_gets_the_lock(locks: Locks) -> None:
    """One holder per secret, however many ask at the same moment."""
    start, end = Barrier(THREADS, timeout=30), Barrier(THREADS, timeout=30)

    def try_it(_: int) -> bool:
        start.wait()
        try:
            with locks.hold(FEED):
                end.wait()
                return True
        except LockHeldError:
            end.wait()
            return False

    with ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(try_it, range(THREADS))) == 1


@pytest.mark.parametrize("log", [Journal(), LogLines()])
@pytest.mark.parametrize("kind", Kind)
def test_every_event_is_written_down(log: EventLog, kind: Kind) -> None:
    """Write the event down, and never raise."""
    log.record(Event(kind, AT, "run", vault=VAULT, secret="feed", message="ünï\ud800\n"))


@pytest.mark.parametrize("kind", Kind)
def test_an_event_is_one_json_object_on_one_line(
    caplog: pytest.LogCaptureFixture, kind: Kind
) -> None:
    """The keys that apply, in the log ``rotation.events``; what a person should see is a warning.

    The level is that of Application Insights, too.
    """
    caplog.set_level(logging.INFO, "rotation.events")

    LogLines().record(Event(kind, AT, "run", vault=VAULT, message="two\nlines", expires_at=AT))

    (record,) = caplog.records
    line = record.getMessage()
    assert "\n" not in line
    assert json.loads(line) == {
        "event": str(kind),
        "time": "2026-11-22T07:00:00Z",
        "run_id": "run",
        "vault": VAULT,
        "expires_at": "2026-11-22T07:00:00Z",
        "message": "two\nlines",
    }
    assert (record.levelno == logging.WARNING) is (kind in ALERTS)


class Broken(logging.Handler):
    """A log that cannot be written: a full disk, a closed pipe."""

    def emit(self, record: logging.LogRecord) -> None:
        """Fail."""
        raise BrokenPipeError(record.name)


def test_a_line_that_is_lost_stops_nothing(loggers: list[logging.Logger]) -> None:
    """Never raises: a lost line must not stop a rotation."""
    for logger in loggers:
        logger.addHandler(Broken())
        logger.setLevel(logging.DEBUG)

    LogLines().record(Event(Kind.SCAN_STARTED, AT, "run"))
