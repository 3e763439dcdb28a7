"""What a run tells: one event after another, each with the run it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rotation.events import Event, Kind
from rotation.schedule import renewal_at

if TYPE_CHECKING:
    from rotation.decision import Snapshot
    from rotation.model import Session, Token
    from rotation.ports import Clock, EventLog


@dataclass(frozen=True)
class Recorder:
    """Writes down the events of one run."""

    log: EventLog
    clock: Clock
    run_id: str

    def say(self, kind: Kind, **keys: Any) -> None:  # noqa: ANN401 - the keys of an event
        """Record an event; ``keys`` are those of ``Event`` that apply."""
        self.log.record(Event(kind, self.clock(), self.run_id, **keys))

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

    def session(self, session: Session) -> None:
        """Record how an owner's session stands, if there is anything to say."""
        if session.is_working:
            kind = Kind.SESSION_REFRESHED if session.is_refreshed else Kind.ROTATION_FAILED
        else:
            kind = Kind.SESSION_SIGN_IN_NEEDED if session.is_known else Kind.ROTATION_FAILED
        if session.is_refreshed or session.reason:
            reason, message = session.reason or None, session.message or None
            self.say(kind, owner=session.owner, reason=reason, message=message)
