"""What a process does that was forked to be the Functions host of an app with a queue.

As ``tests.app.child``: each process imports this module, so it imports nothing heavy by itself.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE = timedelta(seconds=3)
"""How long a message stays hidden after its host has died; shorter, a busy machine may be too late
to renew it, and whoever gets the message then puts it back for a minute."""


def scan(offset: timedelta) -> int:
    """Let the timer fire."""
    import logging

    from azure.functions.timer import TimerRequest

    import function_app
    from sandbox.clock import wall

    logging.basicConfig()
    function_app.clock = lambda: wall() + offset
    functions = {str(f.get_function_name()): f for f in function_app.app.get_functions()}
    functions["scan"].get_user_function()(TimerRequest(past_due=False))
    return 0


def work(offset: timedelta) -> int:
    """Do what is on the queue, for ever."""
    return _work(offset, threading.Event())


def drain(offset: timedelta) -> int:
    """Do what is on the queue until there is nothing, not even what is hidden."""
    is_over = threading.Event()
    threading.Thread(target=_end, args=[_count(), is_over], daemon=True).start()
    return _work(offset, is_over)


def _work(offset: timedelta, is_over: threading.Event) -> int:
    from sandbox.launch import work_the_queue

    # All by itself, without asking the sandbox for its time.
    work_the_queue("", offset, is_over, lease=LEASE, visibility_timeout=timedelta(0))
    return 0


def _end(count: Callable[[], int], is_over: threading.Event) -> None:
    try:
        while count():
            is_over.wait(0.05)
    finally:
        is_over.set()


def _count() -> Callable[[], int]:
    import os

    from azure.storage.queue import QueueClient

    string = os.environ["ROTATION_STORAGE"]
    queue = QueueClient.from_connection_string(string, "rotation-requests")
    return lambda: queue.get_queue_properties().approximate_message_count or 0
