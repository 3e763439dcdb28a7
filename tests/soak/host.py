"""A process that is the Functions host of the product: its timer fires, its queue is listened to.

It is forked from a parent that has imported the product, and imports nothing heavy by itself.
"""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.clock import Clock

LEASE, RETRY = timedelta(seconds=5), timedelta(seconds=1)
"""How long a message stays hidden when its host has died, and when its function has failed; here,
hours take seconds."""
POLL_SECONDS = 0.2


def serve(place: Path, delay: float, _offset: timedelta) -> int:
    """Be the host until SIGTERM comes.

    Args:
        place: where the clock is: see ``LeapingClock``.
        delay: seconds by which the timer is late, each hour.
    """
    import logging
    import os

    import function_app
    from sandbox.queue_host import QueueHost, QueueSettings
    from tests.soak.clock import LeapingClock

    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    logging.basicConfig()
    clock = function_app.clock = LeapingClock(place)
    functions = {str(f.get_function_name()): f for f in function_app.app.get_functions()}
    scan = functions["scan"].get_user_function()
    timer = threading.Thread(target=_fire, args=[scan, clock, delay, is_over])
    timer.start()
    settings = QueueSettings.read(lease=LEASE, visibility_timeout=RETRY)
    QueueHost(functions["settle"], os.environ, settings).listen(is_over)
    timer.join()
    return 0


def _fire(
    scan: Callable[[object], None], clock: Clock, delay: float, is_over: threading.Event
) -> None:
    """Let the timer fire once in each hour, the present one included."""
    import logging

    from azure.functions.timer import TimerRequest

    fired_at = None
    while not is_over.wait(POLL_SECONDS):
        hour = clock().replace(minute=0, second=0, microsecond=0)
        if hour == fired_at:
            continue
        fired_at = hour
        if is_over.wait(delay):
            return
        try:
            scan(TimerRequest(past_due=False))
        except Exception:
            # A run in which something failed ends so: the host notes it, and goes on.
            logging.getLogger("sandbox.functions").exception("a function has failed")
