"""What a run tells: one event after another, each with the run it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rotation.events import Event, Kind
from rotation.schedule import renewal_at

if TYPE_CHECKING:
    from rotation.decision import Snapshot
    from rotation.model import Token
    from rotation.ports import Clock, EventLog
    from rotation.session import Session


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
