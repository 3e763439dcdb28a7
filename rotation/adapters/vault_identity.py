"""Who reaches the vaults from here, as the identity's token says it.

Source: Microsoft identity platform documentation, *Access token claims reference*. The token is not
verified: the service that it is for does that. What is said here is for people; it decides nothing.
"""

from __future__ import annotations

import base64
import getpass
import json
import socket
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ClientAuthenticationError

from rotation.adapters.border import translated, words
from rotation.errors import AccessDeniedError, RotationError, UnavailableError, plain

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

SCOPE = "https://vault.azure.net/.default"
CLAIMS = ("upn", "unique_name", "preferred_username", "appid", "azp", "oid")
LENGTH = 113
"""Of a user principal name; no name is longer."""


class VaultIdentity:
    """The identity by which the vaults are reached: a managed one, or a person's."""

    def __init__(self, credential: TokenCredential) -> None:
        """Take what gives its tokens."""
        self._credential = credential

    def name(self) -> str:
        """Get a token for Key Vault, and tell whose it is: a user's name, or an application's id.

        Raises:
            AccessDeniedError: there is no such identity here.
            UnavailableError: nothing can be said.
        """
        token = translated(lambda: self._credential.get_token(SCOPE).token, _translate)
        claims = _claims(token)
        named = (name for name in map(claims.get, CLAIMS) if isinstance(name, str))
        return plain(next(named, "an identity without a name"))[:LENGTH]

    def asker(self) -> str:
        """Tell who gives an order: whoever that is, or else the user of this machine."""
        try:
            return self.name()
        except RotationError:
            return _user()


def _claims(token: str) -> dict[str, object]:
    payload = (*token.split("."), "")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _translate(exc: Exception) -> RotationError:
    known: dict[str, Any] = {"service": "identity", "operation": "get a token"}
    what = "no token for Key Vault"
    if isinstance(exc, ClientAuthenticationError):
        hint = "run where the managed identity is, and check AZURE_CLIENT_ID; or sign in: az login"
        return AccessDeniedError(what, **known, hint=hint)
    return UnavailableError(f"{what}: {words(exc)}", **known)


def _user() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (ImportError, KeyError, OSError):  # no user's name, or no way to learn it
        return "somebody"
