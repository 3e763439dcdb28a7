"""The request queue, in memory: what it takes, it gives at least once, and in any order."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from rotation.model import SecretName
    from rotation.order import Order
    from rotation.ports import Clock


@dataclass(frozen=True)
class Message:
    """One message, and from when until when it can be taken."""

    text: str
    visible_at: datetime
    ends_at: datetime | None


@dataclass
class MemoryQueue:
    """See ``rotation.ports.RequestQueue``."""

    clock: Clock
    messages: list[Message] = field(default_factory=list)

    def put(
        self, order: Order, *, after: timedelta = timedelta(0), life: timedelta | None = None
    ) -> None:
        """See ``RequestQueue``."""
        now = self.clock()
        ends_at = None if life is None else now + life
        self.messages.append(Message(json.dumps(order.as_dict()), now + after, ends_at))

    def take(self) -> str | None:
        """Take the first message that can be taken off the queue; None if there is none."""
        now = self.clock()
        self.messages = [m for m in self.messages if m.ends_at is None or m.ends_at > now]
        for message in self.messages:
            if message.visible_at <= now:
                self.messages.remove(message)
                return message.text
        return None


class MemoryBacklog:
    """See ``rotation.ports.Backlog``."""

    def __init__(self, clock: Clock) -> None:
        """Start with nothing noted."""
        self._clock = clock
        self._until: dict[SecretName, datetime] = {}

    def waiting(self) -> frozenset[SecretName]:
        """See ``Backlog``."""
        now = self._clock()
        return frozenset(name for name, until in self._until.items() if until > now)

    def note(self, names: Collection[SecretName], until: datetime) -> None:
        """See ``Backlog``."""
        self._until |= {name.folded: until for name in names}

    def clear(self, name: SecretName) -> None:
        """See ``Backlog``."""
        self._until.pop(name.folded, None)
