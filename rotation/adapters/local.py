"""What needs no storage: events as log lines, and locks within this process."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager, suppress
from threading import Lock as ThreadLock
from typing import TYPE_CHECKING, Any

from rotation.errors import LockHeldError, SettingsError
from rotation.events import ALERTS, Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from rotation.model import SecretName
    from rotation.ports import Lock

LOGGER = logging.getLogger("rotation.events")
FLEET = logging.getLogger("rotation.fleet")


class LogLines:
    """Writes JSON, one object a line: of events to ``rotation.events``, of pictures beside it."""

    def record(self, event: Event) -> None:
        """See ``EventLog``."""
        level = logging.WARNING if event.event in ALERTS else logging.INFO
        _write(LOGGER, level, event.as_dict())

    def show(self, line: Mapping[str, Any]) -> None:
        """See ``EventLog``."""
        _write(FLEET, logging.INFO, line)


def _write(logger: logging.Logger, level: int, line: Mapping[str, Any]) -> None:
    with suppress(Exception):  # a line that cannot be written must not stop a rotation
        logger.log(level, "%s", json.dumps(line, ensure_ascii=True))


class NoJournal:
    """Keeps no events: the log has them."""

    def write(self, events: Sequence[Event]) -> None:
        """See ``Journal``: nothing is kept."""

    def of_secret(self, name: SecretName) -> Iterator[Mapping[str, str]]:  # noqa: ARG002 - a port
        """See ``Journal``.

        Raises:
            SettingsError: there is none.
        """
        raise _no_storage()

    def since(self, instant: datetime) -> Iterator[Mapping[str, str]]:  # noqa: ARG002 - a port
        """See ``Journal``.

        Raises:
            SettingsError: there is none.
        """
        raise _no_storage()

    def forget(self, before: datetime) -> int:  # noqa: ARG002 - a port
        """See ``Journal``: there is nothing to forget."""
        return 0


def _no_storage() -> SettingsError:
    hint = "it says where the journal, the locks and the queue are; docs/reference.md tells more"
    return SettingsError(("ROTATION_STORAGE is missing",), hint=hint)


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
