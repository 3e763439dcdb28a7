"""What the rotator writes down and holds, in memory: events and locks."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from rotation.errors import LockHeldError
from rotation.model import SecretName

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from rotation.events import Event
    from rotation.ports import Lock


class Journal:
    """See ``rotation.ports.EventLog`` and ``rotation.ports.Journal``."""

    def __init__(self) -> None:
        """Start without events."""
        self.events: list[Event] = []
        """Every event that was said."""
        self.lines: list[Mapping[str, Any]] = []
        """Every line of a picture of the fleet."""
        self.kept: dict[tuple[str, int], Event] = {}
        """Those that are kept, by their run and their place in it."""

    def record(self, event: Event) -> None:
        """See ``EventLog``."""
        self.events.append(event)

    def show(self, line: Mapping[str, Any]) -> None:
        """See ``EventLog``."""
        self.lines.append(line)

    def write(self, events: Sequence[Event]) -> None:
        """See ``Journal``."""
        for event in events:
            self.kept.setdefault((event.run_id, event.number), event)

    def of_secret(self, name: SecretName) -> Iterator[Mapping[str, str]]:
        """See ``Journal``."""
        return (
            event.as_dict()
            for event in self._newest_first()
            if SecretName(event.vault or "", event.secret or "").folded == name.folded
        )

    def since(self, instant: datetime) -> Iterator[Mapping[str, str]]:
        """See ``Journal``."""
        return (event.as_dict() for event in self._newest_first() if event.time >= instant)

    def forget(self, before: datetime) -> int:
        """See ``Journal``."""
        old = list(takewhile(lambda key: self.kept[key].time < before, self.kept))
        for key in old:
            del self.kept[key]
        return len(old)

    def _newest_first(self) -> list[Event]:
        return sorted(
            self.kept.values(), key=lambda event: (event.time, event.number), reverse=True
        )


class MemoryLocks:
    """See ``rotation.ports.Locks``."""

    def __init__(self, *, fail_open: bool = False) -> None:
        """Start with no lock held.

        Args:
            fail_open: whether everybody gets every lock, as when the storage is away.
        """
        self._fail_open = fail_open
        self._holders: dict[SecretName, _Held] = {}
        self._guard = threading.Lock()

    @contextmanager
    def hold(self, name: SecretName) -> Iterator[Lock]:
        """See ``Locks``."""
        held = _Held()
        with self._guard:
            if name.folded in self._holders and not self._fail_open:
                message = f"another run holds the lock of {name}"
                raise LockHeldError(message)
            self._holders[name.folded] = held
        try:
            yield held
        finally:
            with self._guard:
                if self._holders.get(name.folded) is held:
                    del self._holders[name.folded]

    def lose(self, name: SecretName) -> None:
        """Take a lock away from its holder, as when it was not renewed in time."""
        with self._guard:
            held = self._holders.pop(name.folded, None)
        if held:
            held.is_lost = True


class _Held:
    """A lock that is ours until it is lost."""

    is_lost = False

    def is_held(self) -> bool:
        """See ``Lock``."""
        return not self.is_lost
