"""Does what one message of the request queue asks for. It may come late, twice, or broken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rotation.fan_out import PATIENCE
from rotation.order import Verb, read
from rotation.report import Ending
from rotation.schedule import DAY, HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.fan_out import FanOut
    from rotation.order import Order
    from rotation.report import Outcome
    from rotation.rotator import Rotator

AT_LEAST, AT_MOST = timedelta(seconds=1), 4 * HOUR
"""How long an order that must wait stays out of sight."""


@dataclass(frozen=True)
class Worker:
    """Carries out what the queue brings. Safe to use from several threads and processes."""

    rotator: Rotator
    fan_out: FanOut
    pause: Callable[[float], None]
    """Waits so many seconds."""

    def handle(self, text: str) -> Outcome:
        """Do what a message asks for. When this returns, the message may be removed.

        An order that must wait, or could not be carried out now, has been put on the queue again by
        then. A settling that failed has not: what is left, the next scan finds.

        Args:
            text: the message, as ``Order.as_dict`` writes it, as JSON.

        Returns:
            What came of it.

        Raises:
            OrderError: the message is none; it will never be one.
            RotationError: an order that must come again could not be put back: deliver it again.
        """
        order = read(text)
        if order.verb is Verb.SETTLE:
            return self._settle(order)
        outcome = self.rotator.carry_out(order)
        if outcome.ending not in {Ending.DONE, Ending.REFUSED}:
            self._put_back(order, outcome)
        return outcome

    def _settle(self, order: Order) -> Outcome:
        # A message does not tell when the scan before was, and a day has every hour of proof in it.
        outcome = self.rotator.settle(order.name, order.requested_at - DAY)
        waiting_ends_at = self.fan_out.clock() + MINUTE
        while (next_at := outcome.next_at) and next_at < waiting_ends_at:
            # Within seconds it is this secret's turn. To put each back for so long would keep the
            # queue busy with nothing else; the scan has mixed the vaults, so all go on at one pace.
            self.pause(max((next_at - self.fan_out.clock()).total_seconds(), 0.0))
            outcome = self.rotator.settle(order.name, order.requested_at - DAY)
        if outcome.ending in {Ending.LOCKED, Ending.WAITING}:
            # Whoever holds the lock may have died: then it ends in a few minutes.
            rest = order.requested_at + PATIENCE - self.fan_out.clock()
            self._put_back(order, outcome, life=max(rest, AT_LEAST))
        else:
            self.fan_out.clear(order.name)
        return outcome

    def _put_back(self, order: Order, outcome: Outcome, life: timedelta | None = None) -> None:
        """Put an order on the queue again, out of sight until it can go on.

        It does not simply fail, since the platform gives up within minutes what fails a few times,
        and an outage may last for hours. A crash after it leaves the order there twice, which does
        no harm.
        """
        now = self.fan_out.clock()
        pause = outcome.next_at - now if outcome.next_at else MINUTE
        if outcome.ending is Ending.FAILED:
            # As long again as it has waited already: a dozen times, until it is too old.
            pause = max(now - order.requested_at, MINUTE)
        self.fan_out.queue.put(order, after=min(max(pause, AT_LEAST), AT_MOST), life=life)
