"""The session vault as a ``SessionStore``.

It must never let a refresh token out but as ``TokenValue``. Behaviour of the service: as in
``key_vault``; a deleted secret keeps its name until it is recovered or purged (Key Vault
documentation, *Soft-delete overview*).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rotation.adapters.border import PATIENCE
from rotation.adapters.key_vault import AGAIN, ONCE, ask
from rotation.adapters.recovery import write_recovered
from rotation.errors import AccessDeniedError, RejectedError, RotationError
from rotation.model import TokenValue
from rotation.session import ENDED, LONG_AGO, REFRESH_TOKEN_LIFETIME, Kept, session_secret
from rotation.tags import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from azure.keyvault.secrets import KeyVaultSecret, SecretClient, SecretProperties

CONTENT_TYPE = "application/vnd.pat-rotation.session"
OWNER, SIGNED_IN, SIGN_IN = "session-owner", "session-signed-in", "session-sign-in"
REDEEMED, OBJECT_ID = "session-redeemed", "session-object-id"
OURS = frozenset({OWNER, SIGNED_IN, SIGN_IN, REDEEMED, OBJECT_ID})
DELETED = frozenset({"objectisbeingdeleted", "objectisdeletedbutrecoverable"})


class KeyVaultSessions:
    """The sessions of people, each the newest version of a secret of its own."""

    def __init__(self, client: SecretClient) -> None:
        """Take a client of the vault."""
        self._client = client

    def read(self, owner: str, version: str | None = None) -> Kept | None:
        """See ``SessionStore``."""
        name = session_secret(owner)

        def get() -> Kept:
            found = self._client.get_secret(name, version)
            return _kept(owner, found.properties, TokenValue(found.value or ""))

        try:
            return ask(_place(owner), "read", get)
        except RejectedError as exc:
            if exc.reason != "not-found":
                raise
            return None
        except AccessDeniedError:
            # A disabled version is refused in the same way as everybody without rights.
            with suppress(RotationError):
                if disabled := _disabled(self.versions(owner), version):
                    return disabled
            raise

    def versions(self, owner: str) -> tuple[Kept, ...]:
        """See ``SessionStore``."""
        name = session_secret(owner)

        def turn() -> tuple[Kept, ...]:
            found = self._client.list_properties_of_secret_versions(name)
            return tuple(_kept(owner, version) for version in found)

        try:
            return ask(_place(owner), "list the versions of", turn)
        except RejectedError as exc:
            if exc.reason != "not-found":
                raise
            return ()

    def save(self, kept: Kept, *, revives: bool = False) -> Kept:
        """See ``SessionStore``."""
        name, place = session_secret(kept.owner), _place(kept.owner)
        if revives:  # its versions were disabled before it was deleted: what is recovered is none
            return write_recovered(self._client, name, place, lambda: self._set(kept))
        try:
            return self._set(kept)
        except RejectedError as exc:
            if exc.reason in DELETED:
                exc.reason = ENDED
            raise

    def disable(self, owner: str, version: str) -> None:
        """See ``SessionStore``."""
        ask(
            f"{_place(owner)}/{version}",
            "disable",
            lambda: self._client.update_secret_properties(
                session_secret(owner), version, enabled=False, **AGAIN
            ),
        )

    def delete(self, owner: str) -> bool:
        """See ``SessionStore``."""
        # Disabled before it is deleted: whoever recovers it must not have a session again. A crash
        # between leaves one that is switched off.
        for kept in self.versions(owner):
            if kept.enabled and kept.version:
                self.disable(owner, kept.version)
        place, name = _place(owner), session_secret(owner)
        try:
            deletion = ask(place, "delete", lambda: self._client.begin_delete_secret(name))
        except RejectedError as exc:
            if exc.reason != "not-found":
                raise
            return False
        # It is gone at once, but the next sign-in is refused until the vault is done with it.
        with suppress(RotationError):
            ask(place, "wait for the end of", lambda: deletion.wait(PATIENCE))
        return True

    def _set(self, kept: Kept) -> Kept:
        token, redeemed_at = kept.refresh_token, kept.redeemed_at
        if token is None or redeemed_at is None:
            message = "a session without a refresh token cannot be saved"
            raise ValueError(message)

        def write() -> KeyVaultSecret:
            return self._client.set_secret(
                session_secret(kept.owner),
                token.reveal(),
                tags=_tags(kept),
                content_type=CONTENT_TYPE,
                expires_on=redeemed_at + REFRESH_TOKEN_LIFETIME,
                **ONCE,
            )

        saved = ask(_place(kept.owner), "save", write, is_repeatable=False)
        return _kept(kept.owner, saved.properties)


def _disabled(versions: Iterable[Kept], version: str | None) -> Kept | None:
    """Give the disabled version that a read was refused for; None if there must be another reason.

    Args:
        versions: all there are.
        version: the one that was asked for; None for the newest.
    """
    asked = [kept for kept in versions if version in {None, kept.version}]
    # Of two that were made in the same second either may be the newest.
    found = max(asked, key=lambda kept: (kept.created_at, not kept.enabled), default=None)
    return None if found is None or found.enabled else found


def _place(owner: str) -> str:
    return f"the session vault's {session_secret(owner)}"


def _tags(kept: Kept) -> dict[str, str]:
    tags = {
        OWNER: kept.owner,
        SIGNED_IN: _written(kept.signed_in_at),
        REDEEMED: _written(kept.redeemed_at),
        OBJECT_ID: kept.object_id,
        SIGN_IN: kept.sign_in,
    }
    return {**kept.other_tags, **{tag: text for tag, text in tags.items() if text}}


def _kept(owner: str, found: SecretProperties, refresh_token: TokenValue | None = None) -> Kept:
    tags = found.tags or {}
    return Kept(
        owner,
        refresh_token,
        version=found.version,
        created_at=found.created_on or LONG_AGO,
        enabled=found.enabled is not False,
        kept_owner=tags.get(OWNER, owner).lower(),
        object_id=tags.get(OBJECT_ID),
        signed_in_at=_read(tags.get(SIGNED_IN)),
        redeemed_at=_read(tags.get(REDEEMED)),
        sign_in=tags.get(SIGN_IN),
        other_tags={tag: text for tag, text in tags.items() if tag not in OURS},
    )


def _written(instant: datetime | None) -> str | None:
    return format_instant(instant) if instant else None


def _read(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None
