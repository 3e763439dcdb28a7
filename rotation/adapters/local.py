"""What needs no storage: events as log lines, and locks within this process."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager, suppress
from threading import Lock as ThreadLock
from typing import TYPE_CHECKING

from rotation.errors import LockHeldError
from rotation.events import ALERTS, Event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotation.model import SecretName
    from rotation.ports import Lock

LOGGER = logging.getLogger("rotation.events")


class LogLines:
    """Writes each event as one JSON object on one line of the log ``rotation.events``."""

    def record(self, event: Event) -> None:
        """See ``EventLog``."""
        level = logging.WARNING if event.event in ALERTS else logging.INFO
        with suppress(Exception):  # a line that cannot be written must not stop a rotation
            LOGGER.log(level, "%s", json.dumps(event.as_dict(), ensure_ascii=True))


class _Held:
    """A lock that is ours until it is released."""

    def is_held(self) -> bool:
        """See ``Lock``."""
        return True


class LocalLocks:
    """Locks among the threads of this process; two processes do not see each other's."""

    def __init__(self) -> None:
        """Start with no lock held."""
        self._held: set[SecretName] = set()
        self._guard = ThreadLock()

    @contextmanager
    def hold(self, name: SecretName) -> Iterator[Lock]:
        """See ``Locks``."""
        with self._guard:
            if name.folded in self._held:
                message = f"another run holds the lock of {name}"
                raise LockHeldError(message)
            self._held.add(name.folded)
        try:
            yield _Held()
        finally:
            with self._guard:
                self._held.discard(name.folded)
