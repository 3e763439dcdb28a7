"""Has what several threads log written by the one thread that waits for them.

The Functions host drops what is logged in another thread than that of the invocation, as it cannot
tell which invocation it belongs to (Azure/azure-functions-python-worker, issues 1358 and, for
Python 3.13, 1860). The events of a run would be lost that way, and with them every alert.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, current_thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

THREADS = "rotation"
"""How the names of the threads begin whose lines are relayed: all that a run starts."""

_GUARD = Lock()


def relayed(logger: logging.Logger, work: Callable[[], T]) -> T:
    """Do ``work`` in another thread, and write here what it and the threads that it starts log.

    Args:
        logger: whose lines, and those of the loggers below it, are relayed; in the order in which
            they were logged, and at once.
        work: what is done. One call at a time: another one waits.

    Returns:
        What ``work`` gives; what it raises is raised.
    """
    lines: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
    with _GUARD, ThreadPoolExecutor(1, thread_name_prefix=THREADS) as pool:
        relay = _Relay(logger, lines)
        logger.handlers, logger.propagate = [relay], False
        try:
            done = pool.submit(work)
            done.add_done_callback(lambda _: lines.put(None))
            while (record := lines.get()) is not None:
                with suppress(Exception):  # a line that cannot be written must not stop the others
                    relay.pass_on(record)
            return done.result()
        finally:
            # In this order: what others log just now may be written twice, but is not lost.
            logger.propagate, logger.handlers = relay.propagates, relay.handlers


class _Relay(logging.Handler):
    """Takes the lines of the threads that it stands for to the one that writes them."""

    def __init__(
        self, logger: logging.Logger, lines: SimpleQueue[logging.LogRecord | None]
    ) -> None:
        super().__init__()
        self._above, self._lines = logger.parent, lines
        self.handlers, self.propagates = logger.handlers, logger.propagate

    def handle(self, record: logging.LogRecord) -> bool:
        # Without the lock of a handler: each below has its own, and may log while it holds that.
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        if current_thread().name.startswith(THREADS):
            self._lines.put(record)
        else:
            self.pass_on(record)

    def pass_on(self, record: logging.LogRecord) -> None:
        """Hand a line to the handlers that it would have got to by itself."""
        for handler in self.handlers:
            if record.levelno >= handler.level:
                handler.handle(record)
        if self.propagates and self._above:
            self._above.callHandlers(record)
