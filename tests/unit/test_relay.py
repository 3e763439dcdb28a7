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


class Broken(Above):
    """A handler that fails at each line, as the host's does when its channel is gone."""

    def emit(self, record: logging.LogRecord) -> None:
        """Note it, and fail."""
        super().emit(record)
        raise ConnectionError


def test_a_handler_that_fails_costs_neither_the_work_nor_a_line(above: Above) -> None:
    """The work is done all the same, and what it gives is not lost with one line."""
    broken = Broken()
    logging.getLogger().addHandler(broken)

    def work() -> int:
        LOGGER.warning("first")
        LOGGER.warning("last")
        return 7

    try:
        assert relayed(LOGGER, work) == 7
    finally:
        logging.getLogger().removeHandler(broken)
    assert [line for _, line in broken.seen] == ["first", "last"]
    assert [line for _, line in above.seen] == ["first", "last"]


def test_handlers_that_log_themselves_wait_for_nobody(above: Above) -> None:
    """A handler may log while another thread, that of another invocation, is at it, too."""
    is_entered = Event()

    class Talkative(Above):
        def emit(self, record: logging.LogRecord) -> None:
            super().emit(record)
            if record.getMessage() == "work":
                is_entered.set()
                other.join(0.2)  # who waits for this handler, and must not hold what the next needs
                LOGGER.warning("of a handler")

    def log() -> None:
        is_entered.wait(60)
        LOGGER.warning("of another")

    handler = Talkative()
    other = Thread(target=log, name="another", daemon=True)
    logging.getLogger().addHandler(handler)
    try:
        other.start()
        relayed(LOGGER, lambda: LOGGER.warning("work"))
        other.join(60)
    finally:
        logging.getLogger().removeHandler(handler)
    assert not other.is_alive()
    assert {line for _, line in above.seen} == {"work", "of a handler", "of another"}
