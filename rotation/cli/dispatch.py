"""Hands orders to the desk that takes them, and follows each to its end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rotation.errors import RotationError, UnavailableError, plain
from rotation.events import Kind
from rotation.report import Ending
from rotation.tags import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rotation.order import Order
    from rotation.order_desk import OrderDesk
    from rotation.ports import Clock
    from rotation.report import Outcome

    Tell = Callable[[int, int], None]
    """Told how many of how many are done."""

PAUSE = timedelta(seconds=3)
"""Between two looks for the end of an order."""


class Fate(StrEnum):
    """What became of an order, as far as it is known."""

    UNSENT = "unsent"
    """It was not handed over: the command was broken off before."""
    QUEUED = "queued"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    """It could not be handed over, or was not carried out."""
    WAITING = "waiting"
    """It has not ended yet: it must wait, or it was not waited for long enough."""


FATES = {
    Ending.DONE: Fate.DONE,
    Ending.WAITING: Fate.WAITING,
    Ending.FAILED: Fate.FAILED,
    Ending.LOCKED: Fate.FAILED,
}
"""What an order has come to that was carried out here; any other ending refuses it."""


@dataclass(frozen=True)
class Course:
    """One order, and what became of it."""

    order: Order
    fate: Fate = Fate.UNSENT
    reason: str = ""
    message: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give the stable form."""
        name, order = self.order.name, self.order
        return {
            "vault": name.vault,
            "secret": name.name,
            "order": order.title,
            "requested_by": order.requested_by,
            "requested_at": format_instant(order.requested_at),
            "outcome": str(self.fate),
            "reason": self.reason,
            "message": self.message,
        }


class Dispatch:
    """Some orders on their way."""

    def __init__(self, desk: OrderDesk, orders: Sequence[Order]) -> None:
        """Begin with nothing sent."""
        self._desk = desk
        self.courses = [Course(order) for order in orders]

    @property
    def is_fine(self) -> bool:
        """Whether nothing failed, and nothing was refused or waited for in vain."""
        return all(course.fate in {Fate.QUEUED, Fate.DONE} for course in self.courses)

    def submit(self, tell: Tell) -> None:
        """Hand over each order; one that fails does not stop the others."""
        for number, course in enumerate(self.courses):
            tell(number, len(self.courses))
            try:
                outcome = self._desk.submit(course.order)
            except RotationError as exc:
                self.courses[number] = _told(course, Fate.FAILED, exc.reason, str(exc))
            else:
                self.courses[number] = _carried_out(course, outcome)
        tell(len(self.courses), len(self.courses))

    def wait(
        self, patience: timedelta, clock: Clock, sleep: Callable[[float], None], tell: Tell
    ) -> None:
        """Follow what is on the queue to its end.

        Args:
            patience: how long.
            clock: tells the present instant.
            sleep: waits for so many seconds.
            tell: told how many have ended.
        """
        until = clock() + patience
        while True:
            self._look()
            waiting = [c for c in self.courses if c.fate is Fate.QUEUED]
            tell(len(self.courses) - len(waiting), len(self.courses))
            if not waiting or clock() >= until:
                break
            sleep(PAUSE.total_seconds())
        minutes = round(patience.total_seconds() / 60)
        message = f"it has not ended within {minutes} minute{'' if minutes == 1 else 's'}"
        for number, course in enumerate(self.courses):
            if course.fate is Fate.QUEUED:
                self.courses[number] = _told(course, Fate.WAITING, "timed-out", message)

    def _look(self) -> None:
        for number, course in enumerate(self.courses):
            if course.fate is Fate.QUEUED:
                with suppress(UnavailableError):  # the order goes its way meanwhile
                    self.courses[number] = _ended(course, self._desk.ended(course.order))


def _carried_out(course: Course, outcome: Outcome | None) -> Course:
    if outcome is None:
        return replace(course, fate=Fate.QUEUED)
    fate = FATES.get(outcome.ending, Fate.REFUSED)
    return _told(course, fate, outcome.reason, outcome.message)


def _ended(course: Course, row: Mapping[str, str] | None) -> Course:
    if row is None:
        return course
    fate = Fate.DONE if row["event"] == Kind.ORDER_DONE else Fate.REFUSED
    return _told(course, fate, plain(row.get("reason", "")), plain(row.get("message", "")))


def _told(course: Course, fate: Fate, reason: str, message: str) -> Course:
    return replace(course, fate=fate, reason=reason, message=message)
