"""What an Entra tenant hands out, and to whom: tokens, and what a client says to get them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""The application id of Azure DevOps, the same in every tenant."""
KEY_VAULT = "https://vault.azure.net"
STORAGE = "https://storage.azure.com"
TOKEN_EXCHANGE = "api://AzureADTokenExchange"
"""The audience of a token that is used as a client's credential."""
RESOURCES = frozenset({AZURE_DEVOPS, KEY_VAULT, STORAGE, TOKEN_EXCHANGE})
"""Everything for which the managed identity can get a token."""


@dataclass(frozen=True)
class User:
    """Somebody with an account: a person, or an agent user, who is nobody."""

    upn: str
    """User principal name, in lower case."""
    object_id: str
    """Of the account in Entra."""
    identity_id: str
    """Of the same person in Azure DevOps; another one than in Entra."""
    password: str = field(default="", repr=False)
    """Empty for an agent user, who has none."""
    second_factor: str = field(default="", repr=False)
    """The number that the person's other device shows."""
    disabled: bool = False
    agent_identity_id: str = ""
    """The one agent identity that may act as this agent user; empty for a person."""

    @property
    def name(self) -> str:
        """What to call them."""
        return self.upn.partition("@")[0].replace(".", " ").title()


@dataclass(frozen=True)
class ManagedIdentity:
    """The user-assigned managed identity of the function."""

    client_id: str
    principal_id: str


@dataclass(frozen=True)
class FederatedCredential:
    """Whose token an application takes for its own credential, compared letter by letter."""

    issuer: str
    subject: str
    audience: str = TOKEN_EXCHANGE


@dataclass(frozen=True)
class RefreshToken:
    """A delegated session. Redeeming it makes another one and leaves this one as it is."""

    value: str = field(repr=False)
    upn: str
    expires_at: datetime
    client_id: str
    revoked: bool = False


@dataclass(frozen=True)
class AccessToken:
    """A token for one audience: a user's, or an application's own."""

    value: str = field(repr=False)
    audience: str
    subject: str
    """The user principal name, or what a federated credential knows the application by."""
    issuer: str
    is_app_only: bool
    scopes: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    """None for the managed identity's: its libraries keep them by the machine's own clock, which
    the sandbox does not turn, so here they do not expire."""
    lifetime: int = 0
    """In seconds, from when it was handed out; 0 if it does not expire."""
    is_federated: bool = False
    """Whether it was got with somebody else's token, so that it is nobody's credential."""


@dataclass(frozen=True)
class Redemption:
    """The answer to a refresh token."""

    access: AccessToken
    refresh: RefreshToken
    user: User
    lifetime: int
    """Of the access token, in seconds."""
    id_token: str = field(default="", repr=False)
    """Empty unless ``openid`` was asked for."""


@dataclass(frozen=True)
class Grant:
    """The answer to a code, or to an agent identity that acts as its agent user."""

    access: AccessToken
    user: User
    lifetime: int
    """Of the access token, in seconds."""
    id_token: str = field(default="", repr=False)
    """Empty unless ``openid`` was asked for."""
    refresh: RefreshToken | None = None
    """None unless ``offline_access`` was asked for; an agent user gets none."""


@dataclass(frozen=True)
class RefreshRequest:
    """What a client says when it redeems a refresh token."""

    client_id: str
    assertion: str = field(repr=False)
    refresh_token: str = field(repr=False)
    scopes: frozenset[str]
    """As written on the wire: ``resource/scope``, and the OpenID ones."""


@dataclass(frozen=True)
class CodeRequest:
    """What a client says when it redeems an authorization code."""

    client_id: str
    assertion: str = field(repr=False)
    code: str = field(repr=False)
    redirect_uri: str
    verifier: str = field(default="", repr=False)
    """Of PKCE: what the challenge was made of."""
    scopes: frozenset[str] = frozenset()
    """Some of those that were asked for when the code was; none means all of them."""


@dataclass(frozen=True)
class ExchangeRequest:
    """What a blueprint or an agent identity says to get a token that is a credential again."""

    client_id: str
    assertion: str = field(repr=False)
    agent_identity_id: str = ""
    """On the wire ``fmi_path``: whom the blueprint wants to become."""


@dataclass(frozen=True)
class IdentityRequest:
    """What an outsider says to get a token of the managed identity."""

    client_id: str
    assertion: str = field(repr=False)
    resource: str


@dataclass(frozen=True)
class AgentRequest:
    """What an agent identity says to act as its agent user."""

    client_id: str
    assertion: str = field(repr=False)
    credential: str = field(repr=False)
    """On the wire ``user_federated_identity_credential``: the agent identity's own token."""
    username: str = ""
    user_id: str = ""
    """The object id, instead of the name."""
    scopes: frozenset[str] = frozenset()
