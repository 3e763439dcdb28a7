"""Who is at work here, as the token of the identity says it: for the journal, never for a decision.

Source: Microsoft identity platform documentation, *Access token claims reference*. The token is not
verified: the service that it is for does that. What is said here is what an order says of itself.
"""

from __future__ import annotations

import base64
import getpass
import json
import socket
from typing import TYPE_CHECKING

from azure.core.exceptions import ClientAuthenticationError

from rotation.errors import plain

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

SCOPE = "https://vault.azure.net/.default"
"""A token that whoever gives orders about a vault can have anyway."""
CLAIMS = ("upn", "unique_name", "preferred_username", "appid", "azp", "oid")
LENGTH = 113
"""Of a user principal name; no name is longer."""


def asker(credential: TokenCredential) -> str:
    """Give the name of the person, or the id of the application, that the credential stands for.

    Where nothing can be told, the user of this machine.
    """
    try:
        token = credential.get_token(SCOPE).token
    except ClientAuthenticationError:
        return _user()
    payload = (*token.split("."), "")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        claims = None
    told = claims if isinstance(claims, dict) else {}
    names = (told[claim] for claim in CLAIMS if isinstance(told.get(claim), str))
    return plain(next(names, "") or _user())[:LENGTH]


def _user() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a process without a user's name
        return "somebody"
