"""The world's tenant as ``OwnerSessions``."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rotation.errors import RejectedError, RotationError, SessionError
from rotation.model import Session, TokenValue
from sandbox.content import Properties
from sandbox.fault import Call
from sandbox.grant import AZURE_DEVOPS, TOKEN_EXCHANGE, Redemption, RefreshRequest
from sandbox.ports.translation import asking
from sandbox.tenant import SESSION_LIFETIME
from sandbox.world import SESSION_CONTENT_TYPE, session_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sandbox.vault import SecretVersion
    from sandbox.world import World

SAVE_AFTER = timedelta(hours=23)
EARLY = timedelta(minutes=5)
NEEDS_PERSON = frozenset({"invalid_grant", "interaction_required", "consent_required"})


@dataclass(frozen=True)
class _Grant:
    """An access token in memory, and the session that it came from."""

    session: Session
    access_token: TokenValue
    ends_at: datetime
    kept: SecretVersion = field(repr=False)
    redemption: Redemption = field(repr=False)


class WorldSessions:
    """See ``rotation.ports.OwnerSessions``."""

    def __init__(self, world: World, owners: Collection[str]) -> None:
        """Hold the sessions of ``owners``, by user principal name in lower case."""
        self._world = world
        self._owners = owners
        self._grants: dict[str, _Grant] = {}
        self._lock = threading.RLock()

    def session(self, owner: str) -> Session:
        """See ``OwnerSessions``."""
        if owner not in self._owners:
            message = f"{owner} is not among the owners"
            return Session(owner, is_working=False, reason="unknown-owner", message=message)
        with self._lock:
            grant = self._grants.get(owner)
            if grant and self._world.clock() < grant.ends_at - EARLY:
                return grant.session
            self._grants.pop(owner, None)
            return self._redeem(owner)

    def keep(self, owner: str) -> Session:
        """See ``OwnerSessions``."""
        with self._lock:
            session = self.session(owner)
            if not session.is_working:
                return session
            grant = self._grants[owner]
            session = self._saved(session, grant.kept, grant.redemption)
            known = replace(grant.session, redeemed_at=session.redeemed_at)
            self._grants[owner] = replace(grant, session=known)
            return session

    def access_token(self, owner: str) -> TokenValue:
        """See ``OwnerSessions``."""
        with self._lock:
            session = self.session(owner)
            if not session.is_working:
                raise SessionError(session.message)
            return self._grants[owner].access_token

    def _redeem(self, owner: str) -> Session:
        world, name = self._world, session_name(owner)
        try:
            with asking(world, self._call("get_secret", name)):
                world.session_vault.require("get")
                kept = world.session_vault.get(name)
            with asking(world, Call("entra", "redeem", owner)):
                redemption = world.tenant.redeem(self._request(kept.value))
        except RejectedError as exc:
            is_person = exc.reason in NEEDS_PERSON | {"not-found"}
            reason = "sign-in-needed" if is_person else "administrator-needed"
            message = f"the session of {owner} does not work ({exc.reason}); {owner} must sign in"
            return Session(owner, is_working=False, reason=reason, message=message)
        session = Session(
            owner,
            is_working=True,
            signed_in_at=_instant(kept.tags, "session-signed-in"),
            redeemed_at=_instant(kept.tags, "session-redeemed"),
        )
        ends_at = world.clock() + timedelta(seconds=redemption.lifetime)
        access_token = TokenValue(redemption.access.value)
        self._grants[owner] = _Grant(session, access_token, ends_at, kept, redemption)
        return session

    def _request(self, refresh_token: str) -> RefreshRequest:
        tenant = self._world.tenant
        assertion = tenant.identity_token(TOKEN_EXCHANGE, tenant.identity.client_id)
        return RefreshRequest(
            client_id=tenant.client_id,
            assertion=assertion.value if assertion else "",
            refresh_token=refresh_token,
            scopes=frozenset({f"{AZURE_DEVOPS}/.default"}),
        )

    def _saved(self, session: Session, kept: SecretVersion, redemption: Redemption) -> Session:
        """Save the newest refresh token if a day has passed; a failure stops nothing."""
        now = self._world.clock()
        if session.redeemed_at and now - session.redeemed_at < SAVE_AFTER:
            return session
        try:
            self._save(kept, redemption, now)
        except RotationError as exc:
            message = f"the session of {session.owner} works, but was not saved: {exc}"
            return replace(session, reason="save-failed", message=message)
        return replace(session, is_refreshed=True, redeemed_at=now)

    def _save(self, kept: SecretVersion, redemption: Redemption, now: datetime) -> None:
        vault = self._world.session_vault
        properties = Properties(
            tags={**kept.tags, "session-redeemed": f"{now:%Y-%m-%dT%H:%M:%SZ}"},
            content_type=SESSION_CONTENT_TYPE,
            expires_at=now + SESSION_LIFETIME,
        )
        with asking(self._world, self._call("set_secret", kept.name), is_repeatable=False):
            vault.require("set")
            if vault.newest(kept.name).id == kept.id:  # never over a session signed in later
                vault.set(kept.name, redemption.refresh.value, properties)
        with asking(self._world, self._call("update_secret", f"{kept.name}/{kept.id}")):
            vault.require("update")
            vault.update(kept.name, kept.id, Properties(enabled=False))

    def _call(self, operation: str, thing: str) -> Call:
        return Call("key-vault", operation, f"{self._world.session_vault.name}/{thing}")


def _instant(tags: Mapping[str, str], name: str) -> datetime | None:
    text = tags.get(name)
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
