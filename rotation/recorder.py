"""What a run tells: one event after another, each with the run it belongs to.

The log gets each at once. The journal gets them in batches, in which there is what several
settlings have to tell. When it cannot be reached, the run goes on, and the gap is said.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

from rotation.errors import RotationError
from rotation.events import Event, Kind
from rotation.schedule import MINUTE, renewal_at, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from rotation.decision import Snapshot
    from rotation.model import Token
    from rotation.order import Order
    from rotation.ports import Clock, EventLog, Journal
    from rotation.session import Session


GAP = "journal-gap"
BATCH = 100
"""So many events do not wait any longer for more: a transaction of the journal's takes no more."""
PATIENCE = MINUTE
"""Nor does one for longer: what a dead process has not written, only the log has."""


@dataclass
class Gap:
    """The events that the journal of one process lacks, until it is told of them."""

    missing: int = 0
    since: datetime | None = None
    guard: Lock = field(default_factory=Lock)

    def add(self, missing: int, since: datetime) -> None:
        """Count events that could not be written; ``since`` is the time of the first."""
        with self.guard:
            self.missing += missing
            self.since = min(since, self.since or since)

    def take(self) -> tuple[int, datetime] | None:
        """Give how many are missing, and since when; begin to count anew."""
        with self.guard:
            taken = (self.missing, self.since) if self.since else None
            self.missing, self.since = 0, None
        return taken


@dataclass(frozen=True)
class Recorder:
    """Writes down the events of one run, or of a part of it."""

    log: EventLog
    journal: Journal
    clock: Clock
    run_id: str
    gap: Gap = field(default_factory=Gap)
    """Shared by all recorders of a process."""
    numbers: Iterator[int] = field(default_factory=count)
    """Shared by all parts of a run."""
    kept: list[Event] = field(default_factory=list)
    """What the journal does not have yet."""
    guard: Lock = field(default_factory=Lock)
    """Of what is kept."""

    @contextmanager
    def part(self) -> Iterator[Recorder]:
        """Give a recorder for a part of the run, such as a settling, whose events belong together.

        When the block ends, they are kept with those of the other parts, and the journal gets them
        if there are many, or some have waited for long.
        """
        part = replace(self, kept=[], guard=Lock())
        try:
            yield part
        finally:
            with self.guard:
                self.kept.extend(part.kept)
                is_due = len(self.kept) >= BATCH or (
                    bool(self.kept) and self.clock() - self.kept[0].time >= PATIENCE
                )
            if is_due:
                self.flush()

    def flush(self) -> None:
        """Let the journal have what it does not have yet; a failure is an event, and no more."""
        with self.guard:
            events = self.kept.copy()
            self.kept.clear()
        if not events:
            return
        lost = self.gap.take()
        try:
            self.journal.write([*events, *([self._missed(*lost)] if lost else [])])
        except RotationError as exc:
            self.gap.add(len(events), events[0].time)
            if lost:
                self.gap.add(*lost)
            told = f"in the log only: {_counted(len(events))}; {exc}"
            self.log.record(self._event(Kind.ROTATION_FAILED, reason=GAP, message=told))

    def _missed(self, missing: int, since: datetime) -> Event:
        told = f"missing here, and in the log: {_counted(missing)} since {shown(since)}"
        return self._event(Kind.ROTATION_FAILED, reason=GAP, message=told)

    def say(self, kind: Kind, **keys: Any) -> None:  # noqa: ANN401 - the keys of an event
        """Record an event; ``keys`` are those of ``Event`` that apply."""
        event = self._event(kind, **keys)
        self.log.record(event)
        with self.guard:
            self.kept.append(event)

    def _event(self, kind: Kind, **keys: Any) -> Event:  # noqa: ANN401 - as above
        return Event(kind, self.clock(), self.run_id, number=next(self.numbers), **keys)

    def about(self, kind: Kind, s: Snapshot, **keys: Any) -> None:  # noqa: ANN401 - as above
        """Record an event about a secret."""
        self.say(
            kind,
            vault=s.secret.name.vault,
            secret=s.secret.name.name,
            organization=s.mandate.organization or None,
            owner=s.mandate.owner or None,
            **keys,
        )

    def of_token(self, kind: Kind, s: Snapshot, token: Token, **keys: Any) -> None:  # noqa: ANN401
        """Record an event about a token of a secret."""
        self.about(
            kind,
            s,
            authorization_id=token.authorization_id,
            expires_at=token.valid_to,
            next_at=renewal_at(token, s.mandate, s.secret.name),
            **keys,
        )

    def of_order(self, kind: Kind, order: Order, **keys: Any) -> None:  # noqa: ANN401 - as above
        """Record an event about an order."""
        self.say(
            kind,
            vault=order.name.vault,
            secret=order.name.name,
            order=order.title,
            requested_by=order.requested_by,
            requested_at=order.requested_at,
            **keys,
        )

    def session(self, session: Session) -> None:
        """Record how an owner's session stands, if there is anything to say."""
        who = {"owner": session.owner}
        if session.is_refreshed:
            self.say(Kind.SESSION_REFRESHED, **who)
        if session.reason:
            is_lost = session.is_known and not session.is_working
            kind = Kind.SESSION_SIGN_IN_NEEDED if is_lost else Kind.ROTATION_FAILED
            self.say(kind, **who, reason=session.reason, message=session.message)
        # Once a day, with the save; and whenever that is not possible.
        reminder = session.reminder(self.clock())
        if reminder and (session.is_refreshed or session.reason):
            reason, message = reminder
            said = {"reason": reason, "message": message, "expires_at": session.sign_in_by}
            self.say(Kind.SESSION_SIGN_IN_NEEDED, **who, **said)


def _counted(events: int) -> str:
    return "1 event" if events == 1 else f"{events} events"
