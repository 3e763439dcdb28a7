"""Key Vault as a ``SecretStore``. It must never log, keep or return a value but as ``TokenValue``.

Behaviour of the service: Key Vault REST reference, *Secrets*, API version 7.6, and Key Vault
documentation, *About secrets* and *Throttling*. ``set`` drops what it is not given again; there is
no compare-and-set; a disabled newest version is a 403 with no fall-back to the version before.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
)
from azure.keyvault.secrets import SecretClient

from rotation.adapters.border import (
    BACKOFF,
    RETRIES,
    TOO_MANY,
    TRANSIENT,
    translated,
    was_sent,
    words,
)
from rotation.adapters.transport import open_transport
from rotation.adapters.vault_refusal import DENIED, HINTS
from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RejectedError,
    RotationError,
    UnavailableError,
)
from rotation.model import ManagedSecret, SecretName, SecretVersion, TokenValue
from rotation.tags import is_managed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from azure.core.credentials import TokenCredential
    from azure.keyvault.secrets import SecretProperties

    from rotation.adapters.pace import Paces
    from rotation.settings import Vault

API_VERSION = "7.6"
"""Pinned: the SDK's default changes with its version, and look-alikes lag behind."""
CONTENT_TYPE = "application/vnd.azure-devops.pat"
RESERVED = "no token yet"
"""The value of a version that is disabled until a token takes its place."""
SERVICE = "key-vault"
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404
CLIENT_ERRORS = frozenset(range(400, 500))
ONCE: Mapping[str, Any] = {"retry_total": 0}
"""For a write that must not be repeated: the version may be there, and a newer one on it."""
AGAIN: Mapping[str, Any] = {"retry_on_methods": frozenset({"PATCH"})}
"""For a write to a named version, which is the same when it is made twice: the SDK does not know
that, and gives some outages up at once."""

T = TypeVar("T")


def open_vault(
    vault: Vault, credential: TokenCredential, *, is_microsoft: bool, paces: Paces
) -> SecretClient:
    """Make a client of one vault; it connects when it is used.

    Args:
        vault: which, and where.
        credential: gives tokens for Key Vault.
        is_microsoft: whether the vault is in one of Microsoft's domains, so that its challenge must
            name that domain.
        paces: at which pace it calls.
    """
    return SecretClient(
        vault_url=vault.url,
        credential=credential,
        api_version=API_VERSION,
        verify_challenge_resource=is_microsoft,
        retry_total=RETRIES,
        retry_backoff_factor=BACKOFF,
        permit_redirects=False,
        transport=open_transport(paces.sleep, paces.vault(vault.name)),
    )


class KeyVaultStore:
    """The watched vaults."""

    def __init__(self, clients: Mapping[str, SecretClient]) -> None:
        """Take a client for each vault's name; other vaults do not exist for this store."""
        self._clients = {name.casefold(): client for name, client in clients.items()}

    def list_managed(self, vault: str) -> Iterator[ManagedSecret]:
        """See ``SecretStore``."""
        pages = self._clients[vault.casefold()].list_properties_of_secrets().by_page()

        def turn() -> list[ManagedSecret] | None:
            page = next(pages, None)
            return None if page is None else _managed(vault, page)

        while (secrets := ask(vault, "list the secrets of", turn)) is not None:
            yield from secrets

    def read(self, name: SecretName) -> ManagedSecret:
        """See ``SecretStore``."""
        client = self._client(name)

        def get() -> ManagedSecret:
            found = client.get_secret(name.name)
            secret = _secret(name, found.properties)
            return replace(secret, value=TokenValue(found.value or ""))

        try:
            return ask(str(name), "read", get)
        except AccessDeniedError:
            # A disabled newest version is refused in the same way as everybody without rights.
            with suppress(RotationError):
                newest = max(self._versions(name), key=lambda version: version.created_at)
                if not newest.enabled:
                    return newest
            raise

    def list_versions(self, name: SecretName) -> tuple[SecretVersion, ...]:
        """See ``SecretStore``."""
        return tuple(
            SecretVersion(str(found.version), found.created_at, found.enabled, found.tags)
            for found in self._versions(name)
        )

    def reserve(self, name: SecretName, tags: Mapping[str, str]) -> ManagedSecret:
        """See ``SecretStore``."""
        client = self._client(name)

        def write() -> ManagedSecret:
            reserved = client.set_secret(
                name.name,
                RESERVED,
                enabled=False,
                tags=dict(tags),
                content_type=CONTENT_TYPE,
                **ONCE,
            )
            return _secret(name, reserved.properties)

        return ask(str(name), "reserve", write, is_repeatable=False)

    def store(
        self,
        secret: ManagedSecret,
        value: TokenValue,
        *,
        tags: Mapping[str, str],
        expires_at: datetime,
    ) -> ManagedSecret:
        """See ``SecretStore``."""
        client = self._client(secret.name)

        def write() -> ManagedSecret:
            stored = client.set_secret(
                secret.name.name,
                value.reveal(),
                tags=dict(tags),
                content_type=secret.content_type or CONTENT_TYPE,
                expires_on=expires_at,
                **ONCE,
            )
            return _secret(secret.name, stored.properties)

        return ask(str(secret.name), "store", write, is_repeatable=False)

    def write_tags(
        self,
        secret: ManagedSecret,
        tags: Mapping[str, str],
        *,
        expires_at: datetime | None = None,
    ) -> ManagedSecret:
        """See ``SecretStore``."""
        client = self._client(secret.name)

        def write() -> ManagedSecret:
            written = client.update_secret_properties(
                secret.name.name, secret.version, tags=dict(tags), expires_on=expires_at, **AGAIN
            )
            return replace(_secret(secret.name, written), value=secret.value)

        return ask(f"{secret.name}/{secret.version}", "write the tags of", write)

    def disable(self, name: SecretName, version: str) -> None:
        """See ``SecretStore``."""
        client = self._client(name)
        ask(
            f"{name}/{version}",
            "disable",
            lambda: client.update_secret_properties(name.name, version, enabled=False, **AGAIN),
        )

    def _client(self, name: SecretName) -> SecretClient:
        client = self._clients.get(name.vault.casefold())
        if client is None:
            message = f"{name.vault} is none of the watched vaults"
            raise RejectedError(
                message,
                service=SERVICE,
                operation="find",
                reason="unknown-vault",
                hint=f"ROTATION_VAULTS names {', '.join(self._clients)}",
            )
        return client

    def _versions(self, name: SecretName) -> list[ManagedSecret]:
        client = self._client(name)
        return ask(
            str(name),
            "list the versions of",
            lambda: [
                _secret(name, v) for v in client.list_properties_of_secret_versions(name.name)
            ],
        )


def ask(place: str, operation: str, call: Callable[[], T], *, is_repeatable: bool = True) -> T:
    """Make one call of a vault, and translate its error.

    Args:
        place: the vault, secret or version, for messages.
        operation: what is asked for, for messages: a verb that the place follows.
        call: makes the call, and reads its answer.
        is_repeatable: whether a lost answer is only a nuisance.

    Raises:
        RotationError: the branch of ``ServiceError`` that fits.
    """
    return translated(
        call, lambda exc: _translate(exc, place, operation, is_repeatable=is_repeatable)
    )


def _translate(exc: Exception, place: str, operation: str, *, is_repeatable: bool) -> RotationError:
    status = exc.status_code if isinstance(exc, HttpResponseError) else None
    known: dict[str, Any] = {"service": SERVICE, "operation": operation, "status": status}
    what = f"cannot {operation} {place}"
    if isinstance(exc, ClientAuthenticationError) and status is None:
        hint = "run where the managed identity is, and check AZURE_CLIENT_ID"
        return AccessDeniedError(f"{what}: no token of the managed identity", **known, hint=hint)
    told = f"{what}: {status} {_code(exc)}"
    word = "not-found" if status == NOT_FOUND else _code(exc).split(" ")[-1].lower()
    if status in {UNAUTHORIZED, FORBIDDEN}:
        return AccessDeniedError(told, **known, hint=HINTS.get(word, DENIED))
    if status in CLIENT_ERRORS - TRANSIENT:
        hint = HINTS.get(word, "")
        return RejectedError(told, service=SERVICE, operation=operation, reason=word, hint=hint)
    may_be_done = status != TOO_MANY and was_sent(exc)
    if may_be_done and not is_repeatable:
        message = f"{what}: no usable answer ({status or words(exc)}), it may be done"
        return OutcomeUnknownError(message, **known)
    return UnavailableError(f"{what}: {status or words(exc)}", **known)


def _code(exc: Exception) -> str:
    """Give the machine word of a refusal, and the word within that says why, if there is one."""
    error = exc.error if isinstance(exc, HttpResponseError) else None
    if not error:
        return type(exc).__name__
    within = error.innererror.get("code") if isinstance(error.innererror, dict) else None
    return f"{error.code} {within}" if within else str(error.code)


def _managed(vault: str, page: Iterable[SecretProperties]) -> list[ManagedSecret]:
    return [
        _secret(SecretName(vault, str(properties.name)), properties)
        for properties in page
        if is_managed(properties.tags or {})
    ]


def _secret(name: SecretName, properties: SecretProperties) -> ManagedSecret:
    if properties.created_on is None:
        message = "a version without its date of creation"
        raise ValueError(message)
    return ManagedSecret(
        name=name,
        created_at=properties.created_on,
        expires_at=properties.expires_on,
        tags=properties.tags or {},
        enabled=properties.enabled is not False,
        content_type=properties.content_type,
        version=properties.version,
    )
