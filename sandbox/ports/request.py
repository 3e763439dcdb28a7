"""The request queue in memory, and which secrets wait in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from rotation.model import SecretName
    from rotation.order import Order

AT_ONCE = timedelta(0)
LONGEST_WAIT = timedelta(hours=3)
"""A note that is longer is not believed."""


@dataclass(frozen=True)
class Message:
    """One order on the queue."""

    text: str
    """JSON, as the function gets it."""
    visible_at: datetime
    ends_at: datetime | None
    """None if it stays there for ever."""


class MemoryRequests:
    """See ``rotation.ports.RequestQueue``."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Start empty; ``clock`` tells who may be seen."""
        self._clock = clock
        self._messages: list[Message] = []
        self._guard = Lock()
        self.poison: list[str] = []
        """What was put aside."""

    def poisoned(self) -> int:
        """See ``RequestQueue``."""
        return len(self.poison)

    def put(
        self, order: Order, *, after: timedelta = AT_ONCE, life: timedelta | None = None
    ) -> None:
        """See ``RequestQueue``."""
        now = self._clock()
        ends_at = None if life is None else now + life
        message = Message(json.dumps(order.as_dict()), now + after, ends_at)
        with self._guard:
            self._messages.append(message)

    def left(self) -> int:
        """Tell how many messages there are, those that cannot be taken yet among them."""
        return len(self._messages)

    def visible(self) -> list[Message]:
        """Give what can be taken now."""
        now = self._clock()
        with self._guard:
            return [message for message in self._messages if _is_visible(message, now)]

    def take(self) -> Message | None:
        """Take the first message that can be taken; None if there is none."""
        now = self._clock()
        with self._guard:
            found = next((m for m in self._messages if _is_visible(m, now)), None)
            if found:
                self._messages.remove(found)
        return found


def _is_visible(message: Message, now: datetime) -> bool:
    return message.visible_at <= now and (message.ends_at is None or now < message.ends_at)


class MemoryBacklog:
    """See ``rotation.ports.Backlog``."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """Start empty; ``clock`` tells who has waited for too long."""
        self._clock = clock
        self._until: dict[SecretName, datetime] = {}
        self._guard = Lock()

    def waiting(self) -> frozenset[SecretName]:
        """See ``Backlog``."""
        return self._noted() - self.overdue()

    def overdue(self) -> frozenset[SecretName]:
        """See ``Backlog``."""
        now = self._clock()
        with self._guard:
            return frozenset(
                name for name, until in self._until.items() if not now < until <= now + LONGEST_WAIT
            )

    def _noted(self) -> frozenset[SecretName]:
        with self._guard:
            return frozenset(self._until)

    def note(self, names: Collection[SecretName], until: datetime) -> None:
        """See ``Backlog``."""
        with self._guard:
            self._until.update((name.folded, until) for name in names)

    def clear(self, name: SecretName) -> None:
        """See ``Backlog``."""
        with self._guard:
            self._until.pop(name.folded, None)
