"""The owners' delegated sessions in Microsoft Entra as ``OwnerSessions``.

A session is a refresh token in a vault of its own. It is redeemed as a confidential client whose
credential is the managed identity's assertion, so that it is useless without that identity.
It must never let a refresh or access token out but as ``TokenValue``.

Sources: Microsoft identity platform, *Refresh tokens*: a refresh token lives for 90 days; each use
gives a new one and leaves the old one valid; so it is saved once a day, not at each use, and a save
that fails stops nothing. *Workload identity federation*, *app trust managed identity*.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

import msal
from azure.core.exceptions import AzureError

from rotation.adapters.border import translated, words
from rotation.adapters.key_vault import ONCE, ask
from rotation.adapters.patience import PlainSession
from rotation.errors import (
    AccessDeniedError,
    RejectedError,
    RotationError,
    SessionError,
    UnavailableError,
)
from rotation.model import Session, TokenValue, session_secret
from rotation.tags import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from azure.keyvault.secrets import KeyVaultSecret, SecretClient

    from rotation.ports import Clock

SERVICE = "entra"
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""Azure DevOps' own application id: the audience of all delegated tokens for it."""
SCOPES = (f"{AZURE_DEVOPS}/vso.pats", f"{AZURE_DEVOPS}/vso.pats_manage")
CONTENT_TYPE = "application/vnd.pat-rotation.session"
OWNER, SIGNED_IN = "session-owner", "session-signed-in"
REDEEMED, OBJECT_ID = "session-redeemed", "session-object-id"
REFRESH_TOKEN_LIFETIME = timedelta(days=90)
SAVE_AFTER = timedelta(hours=23)
"""Once a day; an hour less, so that an hourly run does not slip to the next day."""
EARLY = timedelta(minutes=5)
"""An access token is replaced so long before its end."""

NEEDS_PERSON = frozenset({"invalid_grant", "interaction_required", "consent_required"})
NEEDS_ADMINISTRATOR = frozenset({"invalid_client", "unauthorized_client", "invalid_scope"})


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
            return _refused(owner, answer.error)
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
                        name, old.version, enabled=False
                    ),
                )
        return True


@dataclass(frozen=True)
class Answer:
    """What Entra answers to a redemption."""

    error: str = ""
    """Its machine word for a refusal; empty on success."""
    access_token: TokenValue | None = None
    refresh_token: TokenValue | None = None
    lifetime: timedelta = timedelta(0)
    """How long the access token is valid."""
    object_id: str | None = None
    """The person's id in Entra, if the answer tells."""


class EntraClient:
    """The app registration, as a confidential client without a secret."""

    def __init__(
        self,
        *,
        authority: str,
        client_id: str,
        assertion: Callable[[], str],
        is_microsoft: bool,
    ) -> None:
        """Take what identifies the client.

        Args:
            authority: the tenant's address, such as ``https://login.microsoftonline.com/<id>``.
            client_id: the app registration's.
            assertion: gives a fresh client assertion: a token of the managed identity.
            is_microsoft: whether the authority is Microsoft's, and may be discovered there.
        """
        self._authority = authority
        self._client_id = client_id
        self._assertion = assertion
        self._is_microsoft = is_microsoft
        self._http = PlainSession()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def redeem(self, owner: str, refresh_token: TokenValue) -> Answer:
        """Redeem the refresh token of ``owner`` for an access token to Azure DevOps.

        Raises:
            UnavailableError: Entra gives no usable answer.
            AccessDeniedError: the managed identity gives no assertion.
        """
        answer = translated(
            lambda: _read(
                self._application().acquire_token_by_refresh_token(
                    refresh_token.reveal(), list(SCOPES)
                )
            ),
            lambda exc: _translate(exc, owner),
        )
        if answer.error and answer.error not in NEEDS_PERSON | NEEDS_ADMINISTRATOR:
            raise _unavailable(answer.error, owner)
        return answer

    def _application(self) -> msal.ConfidentialClientApplication:
        # One for each redemption: its cache would keep tokens for longer than they are needed.
        return msal.ConfidentialClientApplication(
            self._client_id,
            authority=self._authority,
            client_credential={"client_assertion": self._assertion},
            instance_discovery=None if self._is_microsoft else False,
            http_client=self._http,
        )


def _read(result: Mapping[str, Any]) -> Answer:
    if error := result.get("error"):
        return Answer(error=str(error))
    access, newer = result["access_token"], result.get("refresh_token")
    if not isinstance(access, str) or not access:
        message = "an answer without a token"
        raise ValueError(message)
    return Answer(
        access_token=TokenValue(access),
        refresh_token=TokenValue(newer) if isinstance(newer, str) and newer else None,
        lifetime=timedelta(seconds=int(result.get("expires_in") or 0)),
        object_id=(result.get("id_token_claims") or {}).get("oid"),
    )


def _place(name: str) -> str:
    return f"the session vault's {name}"


def _refused(owner: str, error: str) -> _Grant:
    if error in NEEDS_ADMINISTRATOR:
        message = (
            f"Entra refuses the app registration ({error}); an administrator must check "
            "its federated credential and its permissions"
        )
        return _unusable(owner, "administrator-needed", message)
    message = f"Entra refuses the session of {owner} ({error}); {owner} must sign in"
    return _unusable(owner, "sign-in-needed", message)


def _unusable(owner: str, reason: str, message: str) -> _Grant:
    return _Grant(Session(owner, is_working=False, reason=reason, message=message))


def _translate(exc: Exception, owner: str) -> RotationError:
    if isinstance(exc, AzureError):
        message = "cannot get an assertion of the managed identity for the app registration"
        hint = "check that the function has the identity AZURE_CLIENT_ID"
        return AccessDeniedError(
            f"{message}: {words(exc)}", service="identity", operation="assert", hint=hint
        )
    return _unavailable(f"no usable answer ({words(exc)})", owner)


def _unavailable(what: str, owner: str) -> UnavailableError:
    message = f"cannot redeem the session of {owner}: {what}"
    return UnavailableError(message, service=SERVICE, operation="redeem")


def _instant(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def _is_before(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other
