"""What several threads log is written by one."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread, get_ident
from typing import TYPE_CHECKING

import pytest

from rotation.relay import THREADS, relayed

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger("relayed")
BELOW = logging.getLogger("relayed.below")


class Above(logging.Handler):
    """Notes each line and the thread that brings it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen: list[tuple[int, str]] = []
        self.has_line = Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Note it."""
        self.seen.append((get_ident(), record.getMessage()))
        self.has_line.set()


@pytest.fixture
def above() -> Iterator[Above]:
    """Give the handler at the root, as the Functions host has one."""
    handler = Above()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def test_the_waiting_thread_writes_every_line_in_order(above: Above) -> None:
    """Those of the work itself, and those of the threads that it starts, of loggers below, too."""

    def work() -> int:
        LOGGER.warning("first")
        with ThreadPoolExecutor(2, thread_name_prefix=THREADS) as pool:
            pool.submit(BELOW.warning, "then %s", "this").result()
        LOGGER.warning("last")
        return 7

    assert relayed(LOGGER, work) == 7
    assert above.seen == [(get_ident(), line) for line in ("first", "then this", "last")]


def test_a_line_is_written_while_the_work_goes_on(above: Above) -> None:
    """An event is in the log at once: a process may be killed in the middle of its run."""

    def work() -> bool:
        LOGGER.warning("soon")
        return above.has_line.wait(60)

    assert relayed(LOGGER, work)


def test_what_the_work_raises_is_raised_and_its_lines_are_written(above: Above) -> None:
    """Nothing is lost by a failure."""

    def work() -> None:
        LOGGER.error("before")
        raise LookupError

    with pytest.raises(LookupError):
        relayed(LOGGER, work)
    assert above.seen == [(get_ident(), "before")]


def test_threads_of_others_log_as_ever(above: Above) -> None:
    """Another invocation in the same process has a thread, and lines, of its own."""

    def work() -> None:
        other = Thread(target=LOGGER.warning, args=("mine",), name="another")
        other.start()
        other.join()

    relayed(LOGGER, work)

    ((thread, line),) = above.seen
    assert line == "mine"
    assert thread != get_ident()


def test_levels_hold(above: Above) -> None:
    """A handler that wants warnings only gets no more than that."""
    LOGGER.setLevel(logging.DEBUG)

    relayed(LOGGER, lambda: LOGGER.info("quiet"))

    assert not above.seen


def test_handlers_of_the_logger_itself_get_their_lines(above: Above) -> None:
    """Each as before: those that stop there, and those that go up."""
    own, deaf = Above(), Above()
    deaf.setLevel(logging.CRITICAL)
    before = (LOGGER.handlers, LOGGER.propagate)
    LOGGER.handlers, LOGGER.propagate = [own, deaf], False
    try:
        relayed(LOGGER, lambda: BELOW.warning("here"))
        assert (LOGGER.handlers, LOGGER.propagate) == ([own, deaf], False)
    finally:
        LOGGER.handlers, LOGGER.propagate = before

    assert own.seen == [(get_ident(), "here")]
    assert not deaf.seen + above.seen


def test_logging_is_afterwards_as_it_was(above: Above) -> None:
    """No handler stays behind, and a line goes up once."""
    relayed(LOGGER, lambda: None)
    LOGGER.warning("after")

    assert not LOGGER.handlers
    assert [line for _, line in above.seen] == ["after"]
