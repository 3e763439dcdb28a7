"""A journal and a desk for orders in memory, beside a product that is otherwise real."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from rotation import wiring
from rotation.errors import UnavailableError
from rotation.events import Event, Kind
from rotation.report import Ending, Outcome
from rotation.tags import format_instant
from sandbox.error import VaultRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rotation.errors import RotationError
    from rotation.model import SecretName
    from rotation.order import Order
    from rotation.order_desk import QueueDesk
    from rotation.ports import Clock
    from rotation.settings import Settings
    from sandbox.world import World

    Row = Mapping[str, str]

ASKER = "bob@contoso.example"
PAGE = 50


def away() -> UnavailableError:
    """Give the error of a storage account that does not answer."""
    message = "cannot read the table RotationEvents: no answer"
    return UnavailableError(message, service="storage", operation="read")


@dataclass
class KeptJournal:
    """See ``rotation.ports.Journal``."""

    rows: list[Row] = field(default_factory=list)
    pages: int = 0
    """How many pages were read."""
    is_away: bool = False

    def write(self, events: Sequence[Event]) -> None:
        """See ``Journal``."""
        self.rows += [event.as_dict() for event in events if event.as_dict() not in self.rows]

    def of_secret(self, name: SecretName) -> Iterator[Row]:
        """See ``Journal``."""
        wanted = (name.folded.vault, name.folded.name)
        rows = (r for r in self.rows if r.get("secret"))
        return self._paged([r for r in rows if (r["vault"].lower(), r["secret"].lower()) == wanted])

    def since(self, instant: datetime) -> Iterator[Row]:
        """See ``Journal``."""
        return self._paged([r for r in self.rows if datetime.fromisoformat(r["time"]) >= instant])

    def forget(self, before: datetime) -> int:
        """See ``Journal``."""
        kept = [r for r in self.rows if r["time"] >= format_instant(before)]
        count, self.rows = len(self.rows) - len(kept), kept
        return count

    def _paged(self, rows: list[Row]) -> Iterator[Row]:
        if self.is_away:
            raise away()
        # of the same instant, what was written last is the newest
        ordered = sorted(rows, key=lambda row: row["time"])[::-1]
        for begin in range(0, len(ordered), PAGE):
            self.pages += 1
            yield from ordered[begin : begin + PAGE]


@dataclass
class Desk:
    """Takes orders, as ``rotation.cli.desk.OrderDesk``; the other end is worked by hand."""

    world: World
    journal: KeptJournal
    is_remote: bool = True
    taken: list[Order] = field(default_factory=list)
    failing: dict[str, RotationError] = field(default_factory=dict)
    """By the name of a secret: why no order for it can be handed over."""
    refusals: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By the name of a secret: the reason and the message with which an order is refused."""
    endings: dict[str, Ending] = field(default_factory=dict)
    """By the name of a secret: how an order ends that is carried out here; without, it is done."""
    before_submit: Callable[[Order], None] = lambda _order: None
    looks: int = 0

    def newest(self, name: SecretName) -> str | None:
        """Give the id of the newest version."""
        try:
            return self.world.vault(name.vault).newest(name.name).id
        except VaultRefusedError:
            return None

    def submit(self, order: Order) -> Outcome | None:
        """Take an order."""
        self.before_submit(order)
        if error := self.failing.get(order.name.name):
            raise error
        self.taken.append(order)
        if self.is_remote:
            return None
        ending = self.endings.get(order.name.name, Ending.DONE)
        return Outcome(order.name, ending, "ordered", f"{order.title} is {ending}")

    def ended(self, order: Order) -> Row | None:
        """Look into the journal for the end of this very order."""
        self.looks += 1
        if self.journal.is_away:
            raise away()
        same = {
            "order": order.title,
            "requested_by": order.requested_by,
            "requested_at": format_instant(order.requested_at),
        }
        ends = {Kind.ORDER_DONE, Kind.ORDER_REFUSED}
        rows = self.journal.of_secret(order.name)
        found = (row for row in rows if row["event"] in ends and same.items() <= row.items())
        return next(found, None)

    def asker(self) -> str:
        """Tell who asks."""
        return ASKER

    def work(self, count: int | None = None) -> None:
        """Be the function app: carry out the oldest orders, as many as are told, or all."""
        done, self.taken = self.taken[:count], self.taken[len(self.taken[:count]) :]
        for order in done:
            refusal = self.refusals.get(order.name.name)
            kind = Kind.ORDER_REFUSED if refusal else Kind.ORDER_DONE
            reason, message = refusal or ("ordered", "a new token is stored")
            event = Event(
                kind,
                self.world.clock(),
                "a-run",
                vault=order.name.vault,
                secret=order.name.name,
                reason=reason,
                message=message,
                order=order.title,
                requested_by=order.requested_by,
                requested_at=order.requested_at,
            )
            self.journal.write([event])


@dataclass
class Office:
    """What a command finds when it opens the product."""

    desk: Desk
    journal: KeptJournal
    is_open: bool = False
    """Whether it was opened."""

    @contextmanager
    def open(self, settings: Settings, clock: Clock) -> Iterator[wiring.Service]:
        """Put the real product together, but for the journal and the desk."""
        self.is_open = True
        desk = cast("QueueDesk", self.desk)
        with wiring.open_service(settings, clock) as service:
            yield replace(service, journal=self.journal, orders=desk)


def event(
    kind: Kind, at: datetime, name: str | None = "kv-build/feed", **more: str | datetime
) -> Event:
    """Give an event about a secret, or about none."""
    vault, _, secret = (name or "").partition("/")
    return Event(kind, at, "a-run", vault=vault or None, secret=secret or None, **more)  # type: ignore[arg-type]


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
