"""Keeping the owners' sessions alive, and their access tokens at hand.

A refresh token lives for 90 days; each use gives a new one and leaves the old one valid (Microsoft
identity platform, *Refresh tokens*). So a session is redeemed at every run, its newest refresh
token is saved once a day, not at each use, and a save that fails stops nothing. Access tokens are
kept in memory alone, for their life.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from rotation.errors import RotationError, SessionError
from rotation.session import ENDED, SIGN_IN_NEEDED, Session

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from rotation.model import TokenValue
    from rotation.ports import Clock, SessionStore, TokenService
    from rotation.session import AgentUser, Grant, Kept

SAVE_AFTER = timedelta(hours=23)
"""Once a day; an hour less, so that an hourly run does not slip to the next day."""
EARLY = timedelta(minutes=5)
"""An access token is replaced so long before its end."""


@dataclass(frozen=True)
class Obtained:
    """What came of asking for an owner's access token: the session, and, if it works, the rest."""

    session: Session
    grant: Grant | None = None
    ends_at: datetime | None = None
    """When the access token ends."""
    kept: Kept | None = None
    """What was redeemed."""


class Source(Protocol):
    """Where access tokens of one kind of owner come from."""

    def obtain(self, owner: str) -> Obtained:
        """Get an access token, or else the reason why there is none; changes nothing."""

    def keep(self, obtained: Obtained) -> Session:
        """Keep alive what was obtained, if that is due."""


class Sessions:
    """The sessions of all owners, behind one port (``OwnerSessions``), used when they are needed.

    Safe to use from several threads; several processes do not know of each other, and need not.
    """

    def __init__(self, sources: Mapping[str, Source], clock: Clock) -> None:
        """Take each owner's source, by user principal name in lower case; others have no session.

        Args:
            sources: where the access tokens of each owner come from.
            clock: the present instant.
        """
        self._sources = sources
        self._clock = clock
        self._obtained: dict[str, Obtained] = {}
        self._locks = {owner: Lock() for owner in sources}

    def session(self, owner: str) -> Session:
        """See ``OwnerSessions``."""
        return self._obtain(owner).session

    def keep(self, owner: str) -> Session:
        """See ``OwnerSessions``."""
        obtained = self._obtain(owner)
        if obtained.grant is None:
            return obtained.session
        with self._locks[owner]:
            kept = self._sources[owner].keep(obtained)
            session = replace(obtained.session, redeemed_at=kept.redeemed_at)
            if self._obtained.get(owner) is obtained:  # and was not forgotten meanwhile
                self._obtained[owner] = replace(obtained, session=session)
        return kept

    def access_token(self, owner: str) -> TokenValue:
        """See ``OwnerSessions``."""
        obtained = self._obtain(owner)
        if obtained.grant is None:
            raise SessionError(obtained.session.message, reason=obtained.session.reason)
        return obtained.grant.access_token

    def forget(self, owner: str) -> None:
        """Use no access token of ``owner`` again: their session is another one now, or none."""
        with self._locks[owner]:
            self._obtained.pop(owner, None)

    def _obtain(self, owner: str) -> Obtained:
        if owner not in self._sources:
            message = f"{owner} is not among the owners; name one whom ROTATION_OWNERS names"
            return _unusable(Session(owner, is_working=False), "unknown-owner", message)
        with self._locks[owner]:
            obtained = self._obtained.get(owner)
            if not obtained or not obtained.ends_at or self._clock() >= obtained.ends_at - EARLY:
                obtained = self._obtained[owner] = self._sources[owner].obtain(owner)
            return obtained


class PersonSource:
    """Access tokens of people, from the refresh tokens that a vault keeps."""

    def __init__(self, store: SessionStore, service: TokenService, clock: Clock) -> None:
        """Take the vault of the sessions, and what redeems them."""
        self._store = store
        self._service = service
        self._clock = clock

    def obtain(self, owner: str) -> Obtained:
        """See ``Source``."""
        kept = self._store.read(owner)
        if kept is None:
            message = f"{owner} has no session; {owner} must sign in"
            return _unusable(Session(owner, is_working=False), SIGN_IN_NEEDED, message)
        obtained = self._redeemed(owner, kept)
        if obtained.grant is None and (later := self._signed_in_later(kept)):
            return self._redeemed(owner, later)
        return obtained

    def keep(self, obtained: Obtained) -> Session:
        """Save the newest refresh token if a day has passed; a failure stops nothing."""
        session, grant, kept, now = obtained.session, obtained.grant, obtained.kept, self._clock()
        is_due = session.redeemed_at is None or now - session.redeemed_at >= SAVE_AFTER
        if not is_due or kept is None or grant is None or grant.refresh_token is None:
            return session
        newer = replace(kept, refresh_token=grant.refresh_token, redeemed_at=now)
        try:
            newest = self._store.read(kept.owner)
        except RotationError as exc:
            # Nobody is reminded of what may be done: there may be a later sign-in by now.
            return replace(_unsaved(session, exc), signed_in_at=None)
        try:
            is_saved = self._save(newest, kept, newer)
        except RotationError as exc:
            return session if exc.reason == ENDED else _unsaved(session, exc)
        return replace(session, is_refreshed=True, redeemed_at=now) if is_saved else session

    def welcome(self, kept: Kept) -> None:
        """Save the session of a person who has just signed in, and end the one before.

        Raises:
            RotationError: it is not saved.
        """
        saved = self._store.save(kept, revives=True)
        # A crash here, or a vault that does not go on, leaves the session before enabled; the next
        # save disables every older one.
        with suppress(RotationError):
            self._disable_older(saved, self._store.versions(kept.owner))

    def _redeemed(self, owner: str, kept: Kept) -> Obtained:
        session = Session(
            owner,
            is_working=False,
            signed_in_at=kept.signed_in_at,
            redeemed_at=kept.redeemed_at,
        )
        if kept.refresh_token is None:
            message = f"the session of {owner} is switched off in its vault; {owner} must sign in"
            return _unusable(session, SIGN_IN_NEEDED, message)
        try:
            grant = self._service.redeem(owner, kept.refresh_token)
        except SessionError as exc:
            return _unusable(session, exc.reason, str(exc))
        # A crash here, or a save that fails, leaves the older refresh token in the vault, which
        # Entra leaves valid; the next redemption gives another one to save.
        is_other_owner = (kept.kept_owner or owner) != owner
        is_other_person = grant.object_id and kept.object_id not in {None, grant.object_id}
        if is_other_owner or is_other_person:
            message = f"the session of {owner} is somebody else's; {owner} must sign in"
            return _unusable(session, SIGN_IN_NEEDED, message)
        working = replace(session, is_working=True)
        return Obtained(working, grant, self._clock() + grant.lifetime, kept)

    def _signed_in_later(self, kept: Kept) -> Kept | None:
        """Give the session of a later sign-in, which another process has saved an older one over.

        Key Vault has no compare-and-set: a save may come to lie over a sign-in of that moment.
        """
        latest = _latest(self._store.versions(kept.owner))
        if latest is None or not latest.is_signed_in_after(kept):
            return None
        return self._store.read(kept.owner, latest.version)

    def _save(self, newest: Kept | None, kept: Kept, newer: Kept) -> bool:
        """Save a newer refresh token of a session, unless it was ended, or there is a later one."""
        if newest is None:
            return False  # it was ended
        is_current = newest.version == kept.version and newest.enabled
        if newest.order >= kept.order and not is_current:
            return False  # it was switched off, or somebody signed in, or another process has saved
        saved = self._store.save(newer)
        # A crash here leaves the version before enabled; the next save disables every older one.
        versions = self._store.versions(kept.owner)
        others = [version for version in versions if version.version != saved.version]
        latest = _latest(others)
        if latest is None:
            # It was ended or switched off in this very moment, and that holds. A crash before this
            # leaves it switched on again: nothing but a compare-and-set could exclude that.
            if any(version.version == kept.version for version in others):
                self._disable([saved])
            return False
        if latest.is_signed_in_after(saved):
            theirs = self._store.read(kept.owner, latest.version)
            # A crash here leaves ours in front of theirs: it works, or else theirs is looked for;
            # and the next save comes here again.
            saved = self._store.save(theirs) if theirs and theirs.refresh_token else saved
        self._disable_older(saved, [*versions, kept])
        return True

    def _disable_older(self, saved: Kept, versions: Iterable[Kept]) -> None:
        self._disable(v for v in versions if v.enabled and v.order < saved.order)

    def _disable(self, versions: Iterable[Kept]) -> None:
        for owner, version in sorted({(v.owner, v.version) for v in versions if v.version}):
            # A crash here leaves some enabled, for the next save.
            self._store.disable(owner, version)


def _latest(versions: Iterable[Kept]) -> Kept | None:
    """Give the session that was signed in last, and of that sign-in the one saved last."""
    return max((v for v in versions if v.enabled), key=lambda v: v.order, default=None)


def _unsaved(session: Session, exc: RotationError) -> Session:
    message = f"the session of {session.owner} works, but was not saved: {exc}"
    return replace(session, reason="save-failed", message=message)


def _unusable(session: Session, reason: str, message: str) -> Obtained:
    return Obtained(replace(session, reason=reason, message=message))


class AgentSource:
    """Access tokens of agent users: nothing is stored, and nothing has to be kept alive."""

    def __init__(self, service: TokenService, clock: Clock, agents: Collection[AgentUser]) -> None:
        """Take who they are, and what gives their tokens."""
        self._service = service
        self._clock = clock
        self._agents = {agent.owner: agent for agent in agents}

    def obtain(self, owner: str) -> Obtained:
        """See ``Source``."""
        session = Session(owner, is_working=False, is_agent=True)
        try:
            grant = self._service.act_as(self._agents[owner])
        except SessionError as exc:
            return _unusable(session, exc.reason, str(exc))
        return Obtained(replace(session, is_working=True), grant, self._clock() + grant.lifetime)

    def keep(self, obtained: Obtained) -> Session:
        """See ``Source``."""
        return obtained.session
