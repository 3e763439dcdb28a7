"""Where an operator's command hands in its order: at the queue, or in this process without one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol

from rotation.errors import RejectedError
from rotation.events import Kind
from rotation.report import Ending
from rotation.tags import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotation.model import SecretName
    from rotation.order import Order
    from rotation.ports import Clock, Journal, RequestQueue, SecretStore
    from rotation.report import Outcome
    from rotation.rotator import Rotator

WAITING_LIMIT = timedelta(minutes=2)
"""How long an order that must wait is waited for, where no queue does that."""
SKEW = timedelta(hours=1)
"""How far the clock of whoever asks may be ahead of the rotator's, with much to spare."""
ENDS = frozenset({Kind.ORDER_DONE, Kind.ORDER_REFUSED})


def newest(store: SecretStore, name: SecretName) -> str | None:
    """Give the id of the newest version, without reading a value; None if there is no secret."""
    try:
        versions = store.list_versions(name)
    except RejectedError as exc:
        if exc.reason != "not-found":
            raise
        return None
    # They are dated to the second: a version that was only reserved may be as old as its successor.
    newest = max(versions, key=lambda found: (found.created_at, found.enabled), default=None)
    return newest.version if newest else None


class OrderDesk(Protocol):
    """Takes the orders of an operator."""

    @property
    def is_remote(self) -> bool:
        """Whether orders go on the queue; without one they are carried out in this process."""

    def newest(self, name: SecretName) -> str | None:
        """Give the id of the newest version without its value; None if there is no such secret."""

    def submit(self, order: Order) -> Outcome | None:
        """Take an order; give what came of it, or None if it is on the queue."""

    def ended(self, order: Order) -> Mapping[str, str] | None:
        """Give the event that tells how this very order ended; None if there is none yet."""

    def asker(self) -> str:
        """Tell who asks: ``requested_by`` of an order."""


@dataclass(frozen=True)
class QueueDesk:
    """Puts orders on the queue: so Azure RBAC on the queue decides who may give one."""

    queue: RequestQueue
    journal: Journal
    store: SecretStore
    who: Callable[[], str]
    is_remote: ClassVar[bool] = True

    def newest(self, name: SecretName) -> str | None:
        """Give the id of the newest version; None if there is no such secret."""
        return newest(self.store, name)

    def submit(self, order: Order) -> None:
        """Take an order; what comes of it, ``ended`` tells."""
        self.queue.put(order)

    def ended(self, order: Order) -> Mapping[str, str] | None:
        """Give the event that tells how this very order ended; None if there is none yet."""
        asked_at = format_instant(order.requested_at)
        first = format_instant(order.requested_at - SKEW)
        same = {
            "order": order.title,
            "requested_by": order.requested_by,
            "requested_at": asked_at,
        }
        for event in self.journal.of_secret(order.name):
            if event["time"] < first:
                break
            if event["event"] in ENDS and same.items() <= event.items():
                return event
        return None

    def asker(self) -> str:
        """Tell who asks: ``requested_by`` of an order."""
        return self.who()


@dataclass(frozen=True)
class LocalDesk:
    """Carries orders out in this process."""

    rotator: Rotator
    store: SecretStore
    clock: Clock
    pause: Callable[[float], None]
    who: Callable[[], str]
    is_remote: ClassVar[bool] = False

    def newest(self, name: SecretName) -> str | None:
        """Give the id of the newest version; None if there is no such secret."""
        return newest(self.store, name)

    def submit(self, order: Order) -> Outcome:
        """Carry an order out, and give what came of it.

        One that must wait for longer than a few minutes stays ``waiting``: it says until when, and
        is to be given again then.
        """
        ends_at = self.clock() + WAITING_LIMIT
        while True:
            outcome = self.rotator.carry_out(order)
            ready_at = outcome.next_at or self.clock()
            if outcome.ending is not Ending.WAITING or ready_at > ends_at:
                return outcome
            self.pause(max((ready_at - self.clock()).total_seconds(), 0.0))

    def ended(self, order: Order) -> Mapping[str, str] | None:  # noqa: ARG002 - as the other desk
        """Give nothing: what came of it was told when it was taken."""
        return None

    def asker(self) -> str:
        """Tell who asks: ``requested_by`` of an order."""
        return self.who()
