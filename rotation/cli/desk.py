"""What the commands ask of the desk that takes orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rotation.model import SecretName
    from rotation.order import Order
    from rotation.report import Outcome


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
