"""The storage account: its clients, its credential, and what its refusals mean.

Behaviour of the services: Azure Storage REST reference, *Table service* and *Queue service*, and
*Status and error codes*; authorization by Entra is the page *Authorize with Microsoft Entra ID*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock as ThreadLock
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core.credentials import AccessToken, AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.policies import RetryPolicy
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from rotation.adapters.border import BACKOFF, RETRIES, TRANSIENT, translated, words
from rotation.adapters.transport import open_transport
from rotation.errors import AccessDeniedError, RejectedError, RotationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.transport import RequestsTransport

    from rotation.ports import Clock
    from rotation.storage import Storage

REQUESTS = "rotation-requests"
"""The queue."""
POISON = f"{REQUESTS}-poison"
"""Where the Functions host puts what has failed too often (Azure Functions documentation, *Azure
Queue storage trigger*)."""
SCOPE = "https://storage.azure.com/.default"
SERVICE = "storage"
QUIET_PERIOD = timedelta(seconds=30)
"""For so long nobody waits again for a service that could not be reached: thousands of secrets
would wait one after another, each as long as the first."""
AGAIN = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST", "PATCH"})
"""Every call here may be repeated: whoever makes it can tell its own traces from another's."""
UNAUTHORIZED, FORBIDDEN, CONFLICT = 401, 403, 409
CLIENT_ERRORS = frozenset(range(400, 500))

HINTS = {
    "authenticationfailed": "check the key in ROTATION_STORAGE, and this machine's clock",
    "authorizationfailure": "open the firewall of the storage account to the rotator",
    "authorizationpermissionmismatch": "grant the identity the role Storage {} Data Contributor",
    "keybasedauthenticationnotpermitted": "set ROTATION_STORAGE__{}ServiceUri and its like instead "
    "of a connection string: the account takes no keys",
}
"""What helps against a refusal, by its word in lower case; ``{}`` is the service."""
DENIED = "grant the identity the role Storage {} Data Contributor, or open the account's firewall"

_WORD = re.compile(r"[A-Za-z]{3,60}")
T = TypeVar("T")


@dataclass
class Line:
    """The line to one service of the account: translates its errors, and knows when it is dead."""

    kind: str
    """``Table`` or ``Queue``."""
    clock: Clock
    _quiet_until: datetime | None = None
    _guard: ThreadLock = field(default_factory=ThreadLock, repr=False)

    def ask(self, place: str, operation: str, call: Callable[[], T]) -> T:
        """Make one call, and translate its error.

        Args:
            place: the table or queue, for messages.
            operation: what is asked for, for messages: a verb that the place follows.
            call: makes the call, and reads its answer.

        Raises:
            UnavailableError: no usable answer; at once, if there was none a moment ago.
            AccessDeniedError: refused for want of rights.
            RejectedError: a clear no; ``reason`` is the service's word for it in lower case.
        """
        with self._guard:
            is_quiet = self._quiet_until is not None and self.clock() < self._quiet_until
        if is_quiet:
            message = f"cannot {operation} {place}: it could not be reached a moment ago"
            raise UnavailableError(message, service=SERVICE, operation=operation)
        try:
            answer = translated(call, lambda exc: self._translate(exc, place, operation))
        except (UnavailableError, AccessDeniedError) as exc:
            self._note(None if exc.status else self.clock() + QUIET_PERIOD)
            raise
        self._note(None)
        return answer

    def _note(self, quiet_until: datetime | None) -> None:
        with self._guard:
            self._quiet_until = quiet_until

    def _translate(self, exc: Exception, place: str, operation: str) -> RotationError:
        status = exc.status_code if isinstance(exc, HttpResponseError) else None
        known: dict[str, Any] = {"service": SERVICE, "operation": operation, "status": status}
        what = f"cannot {operation} {place}"
        if isinstance(exc, ClientAuthenticationError) and status is None:
            hint = "run where the managed identity is, and check ROTATION_STORAGE__clientId"
            return AccessDeniedError(f"{what}: no token of the identity", **known, hint=hint)
        word = word_of(exc)
        if status in {UNAUTHORIZED, FORBIDDEN}:
            hint = HINTS.get(word.lower(), DENIED).replace("{}", self._named_in(word))
            return AccessDeniedError(f"{what}: {status} {word}", **known, hint=hint)
        # A conflict is over soon, such as that with a table which is being deleted.
        if status in CLIENT_ERRORS - TRANSIENT - {CONFLICT}:
            told = f"{what}: {status} {word}"
            return RejectedError(told, service=SERVICE, operation=operation, reason=word.lower())
        return UnavailableError(f"{what}: {status or words(exc)}", **known)

    def _named_in(self, word: str) -> str:
        is_setting = word.lower().startswith("keybased")
        return self.kind.lower() if is_setting else self.kind


def word_of(exc: Exception) -> str:
    """Give the service's word for a refusal: one word, whatever the answer says."""
    code = getattr(exc, "error_code", None)
    text = str(getattr(code, "value", code))
    return text if code and _WORD.fullmatch(text) else type(exc).__name__


class Tables:
    """The table service of the account."""

    def __init__(
        self, storage: Storage, identity: TokenCredential, line: Line, transport: RequestsTransport
    ) -> None:
        """Take what ``open_tables`` makes."""
        self.line = line
        self._storage = storage
        self._credential = _credential(storage, identity)
        self._transport = transport

    def client(self, name: str) -> TableClient:
        """Make a client of one table.

        The library's own way of making many of one has them forget how long they may wait.
        """
        return TableClient(
            self._storage.table_url,
            name,
            credential=self._credential,
            retry_total=RETRIES,
            retry_backoff_factor=BACKOFF,
            permit_redirects=False,
            transport=self._transport,
        )

    def close(self) -> None:
        """End the connections of all tables."""
        self._transport.close()


@dataclass(frozen=True)
class Queue:
    """The queue of the requests."""

    client: QueueClient
    poison: QueueClient
    """The queue of those that nobody could handle; it is missing until there is one."""
    line: Line

    def close(self) -> None:
        """End its connections."""
        self.client.close()  # the transport is shared


def open_tables(
    storage: Storage, identity: TokenCredential, clock: Clock, sleep: Callable[[float], None]
) -> Tables:
    """Make a client of the table service; it connects when it is used.

    Args:
        storage: where, and how it is entered.
        identity: gives tokens, if nothing else is the credential.
        clock: the present instant.
        sleep: waits so many seconds between two tries.
    """
    return Tables(storage, identity, Line("Table", clock), open_transport(sleep))


def open_queue(
    storage: Storage, identity: TokenCredential, clock: Clock, sleep: Callable[[float], None]
) -> Queue:
    """Make a client of the queue; it connects when it is used. Arguments as ``open_tables``."""
    transport = open_transport(sleep)

    def client(name: str) -> QueueClient:
        return QueueClient(
            storage.queue_url,
            name,
            credential=_credential(storage, identity),
            # The Functions trigger expects base64; the library's own default is plain text.
            message_encode_policy=TextBase64EncodePolicy(),
            retry_policy=_Patience(),
            permit_redirects=False,
            transport=transport,
        )

    return Queue(client(REQUESTS), client(POISON), Line("Queue", clock))


def _credential(
    storage: Storage, identity: TokenCredential
) -> AzureNamedKeyCredential | AzureSasCredential | TokenCredential:
    if storage.key:
        return AzureNamedKeyCredential(storage.account, storage.key.reveal())
    if storage.signature:
        return AzureSasCredential(storage.signature.reveal())
    return _ForStorage(identity)


class _ForStorage:
    """Gives tokens for Storage and nothing else, whatever is asked for.

    The libraries ask for a token of whichever resource and tenant a refusal names: the answer of a
    strange host must not choose for what the identity's token is good.
    """

    def __init__(self, identity: TokenCredential) -> None:
        self._identity = identity

    def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:  # noqa: ANN401 - as its kind
        return self._identity.get_token(SCOPE)


class _Patience(RetryPolicy[Any, Any]):
    """The patience of the other clients: the queue library's own takes no heed of Retry-After."""

    def __init__(self) -> None:
        super().__init__(retry_total=RETRIES, retry_backoff_factor=BACKOFF)

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        # What the library's own policy takes out of the options: which hosts there are.
        for name in ("hosts", "location_mode"):
            options.pop(name, None)
        return {**super().configure_retries(options), "methods": AGAIN}
