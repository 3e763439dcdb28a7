"""What an Entra tenant knows of people and programs, and what it hands out to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""The application id of Azure DevOps, the same in every tenant."""
KEY_VAULT = "https://vault.azure.net"
TOKEN_EXCHANGE = "api://AzureADTokenExchange"
"""The audience of a token that is used as a client's credential."""
RESOURCES = frozenset({AZURE_DEVOPS, KEY_VAULT, TOKEN_EXCHANGE})
"""Everything for which the managed identity can get a token."""


@dataclass(frozen=True)
class User:
    """A person with an account."""

    upn: str
    """User principal name, in lower case."""
    object_id: str
    """Of the account in Entra."""
    identity_id: str
    """Of the same person in Azure DevOps; another one than in Entra."""


@dataclass(frozen=True)
class ManagedIdentity:
    """The user-assigned managed identity of the function."""

    client_id: str
    principal_id: str


@dataclass(frozen=True)
class FederatedCredential:
    """Whose token the app registration takes for its own credential, compared letter by letter."""

    issuer: str
    subject: str
    audience: str = TOKEN_EXCHANGE


@dataclass(frozen=True)
class RefreshToken:
    """A delegated session. Redeeming it makes another one and leaves this one as it is."""

    value: str = field(repr=False)
    upn: str
    expires_at: datetime
    revoked: bool = False


@dataclass(frozen=True)
class AccessToken:
    """A token for one audience: a person's, or the managed identity's own."""

    value: str = field(repr=False)
    audience: str
    subject: str
    """The person's user principal name, or the identity's principal id."""
    issuer: str
    is_app_only: bool
    scopes: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    """None for the managed identity's: its libraries keep them by the machine's own clock, which
    the sandbox does not turn, so here they do not expire."""


@dataclass(frozen=True)
class Redemption:
    """The answer to a refresh token."""

    access: AccessToken
    refresh: RefreshToken
    user: User
    lifetime: int
    """Of the access token, in seconds."""


@dataclass(frozen=True)
class RefreshRequest:
    """What a client says when it redeems a refresh token."""

    client_id: str
    assertion: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scopes: frozenset[str]
    """As written on the wire: ``resource/scope``, and the OpenID ones."""
