"""The owners' delegated sessions as ``OwnerSessions``: refresh tokens in a vault of their own.

It must never let a refresh or access token out but as ``TokenValue``.

Source: Microsoft identity platform, *Refresh tokens*: a refresh token lives for 90 days; each use
gives a new one and leaves the old one valid; so it is saved once a day, not at each use, and a save
that fails stops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING

from rotation.adapters.entra import NEEDS_ADMINISTRATOR
from rotation.adapters.key_vault import AGAIN, ONCE, ask
from rotation.errors import RejectedError, RotationError, SessionError
from rotation.model import Session, TokenValue, session_secret
from rotation.tags import format_instant

if TYPE_CHECKING:
    from collections.abc import Collection

    from azure.keyvault.secrets import KeyVaultSecret, SecretClient

    from rotation.adapters.entra import Answer, EntraClient
    from rotation.ports import Clock

CONTENT_TYPE = "application/vnd.pat-rotation.session"
OWNER, SIGNED_IN = "session-owner", "session-signed-in"
REDEEMED, OBJECT_ID = "session-redeemed", "session-object-id"
REFRESH_TOKEN_LIFETIME = timedelta(days=90)
SAVE_AFTER = timedelta(hours=23)
"""Once a day; an hour less, so that an hourly run does not slip to the next day."""
EARLY = timedelta(minutes=5)
"""An access token is replaced so long before its end."""


@dataclass(frozen=True)
class _Grant:
    """What came of a redemption: the session, and, in memory only, its tokens."""

    session: Session
    answer: Answer | None = None
    """Of Entra, if the session works."""
    ends_at: datetime | None = None
    """When the access token ends."""
    kept: KeyVaultSecret | None = None
    """What was redeemed."""


class EntraSessions:
    """The sessions of the configured owners, redeemed when they are needed."""

    def __init__(
        self,
        vault: SecretClient,
        client: EntraClient,
        clock: Clock,
        *,
        owners: Collection[str],
    ) -> None:
        """Take the vault of the sessions, and what redeems them.

        Args:
            vault: holds the refresh tokens; no pipeline reads it.
            client: redeems a refresh token.
            clock: the present instant.
            owners: user principal names in lower case; nobody else's session is used.
        """
        self._vault = vault
        self._client = client
        self._clock = clock
        self._owners = owners
        self._grants: dict[str, _Grant] = {}
        self._locks = {owner: Lock() for owner in owners}

    def session(self, owner: str) -> Session:
        """See ``OwnerSessions``."""
        return self._grant(owner).session

    def keep(self, owner: str) -> Session:
        """See ``OwnerSessions``."""
        grant = self._grant(owner)
        if grant.answer is None or grant.kept is None:
            return grant.session
        with self._locks[owner]:
            kept = self._saved(grant.session, grant.kept, grant.answer)
            self._grants[owner] = replace(
                grant, session=replace(grant.session, redeemed_at=kept.redeemed_at)
            )
        return kept

    def access_token(self, owner: str) -> TokenValue:
        """See ``OwnerSessions``."""
        grant = self._grant(owner)
        if grant.answer is None or grant.answer.access_token is None:
            raise SessionError(grant.session.message)
        return grant.answer.access_token

    def _grant(self, owner: str) -> _Grant:
        if owner not in self._owners:
            message = f"{owner} is not among ROTATION_OWNERS; name an owner who is"
            return _unusable(owner, "unknown-owner", message)
        with self._locks[owner]:
            grant = self._grants.get(owner)
            if grant is None or grant.ends_at is None or self._clock() >= grant.ends_at - EARLY:
                grant = self._redeem(owner)
                self._grants[owner] = grant
            return grant

    def _redeem(self, owner: str) -> _Grant:
        name = session_secret(owner)
        try:
            kept = ask(_place(name), "read", lambda: self._vault.get_secret(name))
        except RejectedError as exc:
            if exc.reason != "not-found":
                raise
            message = f"{owner} has no session; {owner} must sign in"
            return _unusable(owner, "sign-in-needed", message)
        tags = kept.properties.tags or {}
        answer = self._client.redeem(owner, TokenValue(kept.value or ""))
        # A crash here, or a save that fails, leaves the older refresh token in the vault, which
        # Entra leaves valid; the next redemption gives another one to save.
        if answer.error:
            return _refused(owner, answer)
        is_other_owner = tags.get(OWNER, owner).lower() != owner
        is_other_person = answer.object_id and tags.get(OBJECT_ID) not in {None, answer.object_id}
        if is_other_owner or is_other_person:
            message = f"the session of {owner} is somebody else's; {owner} must sign in"
            return _unusable(owner, "sign-in-needed", message)
        session = Session(
            owner,
            is_working=True,
            signed_in_at=_instant(tags.get(SIGNED_IN)),
            redeemed_at=_instant(tags.get(REDEEMED)),
        )
        return _Grant(session, answer, self._clock() + answer.lifetime, kept)

    def _saved(self, session: Session, kept: KeyVaultSecret, answer: Answer) -> Session:
        """Save the newest refresh token if a day has passed; a failure stops nothing."""
        now = self._clock()
        is_due = session.redeemed_at is None or now - session.redeemed_at >= SAVE_AFTER
        if not is_due or answer.refresh_token is None:
            return session
        try:
            is_saved = self._save(kept, answer.refresh_token, now)
        except RotationError as exc:
            message = f"the session of {session.owner} works, but was not saved: {exc}"
            return replace(session, reason="save-failed", message=message)
        return replace(session, is_refreshed=is_saved, redeemed_at=now)

    def _save(self, kept: KeyVaultSecret, refresh_token: TokenValue, now: datetime) -> bool:
        """Save the newest refresh token, unless somebody else has saved one since."""
        name = str(kept.name)
        newest = ask(_place(name), "read", lambda: self._vault.get_secret(name))
        if newest.properties.version != kept.properties.version:
            return False  # somebody signed in, or another process saved: theirs is as new
        saved = ask(
            _place(name),
            "save",
            lambda: self._vault.set_secret(
                name,
                refresh_token.reveal(),
                tags={**(kept.properties.tags or {}), REDEEMED: format_instant(now)},
                content_type=CONTENT_TYPE,
                expires_on=now + REFRESH_TOKEN_LIFETIME,
                **ONCE,
            ),
            is_repeatable=False,
        )
        # A crash here leaves an older version enabled; the next save disables every older one.
        versions = ask(
            _place(name),
            "list the versions of",
            lambda: list(self._vault.list_properties_of_secret_versions(name)),
        )
        for version in versions:
            is_older = _is_before(version.created_on, saved.properties.created_on)
            if version.enabled and (is_older or version.version == kept.properties.version):
                ask(
                    f"{_place(name)}/{version.version}",
                    "disable",
                    lambda old=version: self._vault.update_secret_properties(  # type: ignore[misc]
                        name, old.version, enabled=False, **AGAIN
                    ),
                )
        return True


def _place(name: str) -> str:
    return f"the session vault's {name}"


def _refused(owner: str, answer: Answer) -> _Grant:
    why = ", ".join(filter(None, (answer.error, answer.code)))
    if answer.error in NEEDS_ADMINISTRATOR:
        message = (
            f"Entra refuses the app registration ({why}); an administrator must check "
            "its federated credential and its permissions"
        )
        return _unusable(owner, "administrator-needed", message)
    message = f"Entra refuses the session of {owner} ({why}); {owner} must sign in"
    return _unusable(owner, "sign-in-needed", message)


def _unusable(owner: str, reason: str, message: str) -> _Grant:
    return _Grant(Session(owner, is_working=False, reason=reason, message=message))


def _instant(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def _is_before(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other
