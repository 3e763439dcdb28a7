"""Authorization codes, and what they are redeemed for.

Entra documentation, *OAuth 2.0 authorization code flow*: "Redeem a code for an access token".
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.error import SignInRefusedError
from sandbox.grant import Grant
from sandbox.web_token import digest

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.browser_step import AuthorizationRequest
    from sandbox.directory import Directory
    from sandbox.grant import CodeRequest
    from sandbox.ground import Ground
    from sandbox.ledger import Ledger
    from sandbox.session import Sessions

LIFETIME = timedelta(minutes=10)
SHORTEST_VERIFIER = 43
"""RFC 7636, *Client creates a code verifier*."""


@dataclass(frozen=True)
class _Code:
    """An authorization code that was handed out."""

    upn: str
    request: AuthorizationRequest = field(repr=False)
    expires_at: datetime
    is_redeemed: bool = False


class AuthorizationCodes:
    """The codes of one tenant. Each lives for ten minutes and works once."""

    def __init__(
        self, ground: Ground, directory: Directory, ledger: Ledger, sessions: Sessions
    ) -> None:
        """Give tokens of ``ledger`` and ``sessions`` to those whom ``directory`` knows."""
        self._ground = ground
        self._directory = directory
        self._ledger = ledger
        self._sessions = sessions
        self._codes: dict[str, _Code] = {}

    def write(self, upn: str, request: AuthorizationRequest) -> str:
        """Hand out a code to who signed in as ``request`` had asked."""
        value = self._ground.issue(f"1.{self._ground.mint.opaque(200)}")
        self._codes[value] = _Code(upn, request, self._ground.now() + LIFETIME)
        return value

    def redeem(self, request: CodeRequest) -> Grant:
        """Exchange a code for tokens, once.

        Raises:
            SignInRefusedError: see ``Tenant.redeem_code``.
        """
        if len(request.verifier) >= SHORTEST_VERIFIER:
            self._ground.issue(request.verifier)
        application = self._directory.check_client(request.client_id, request.assertion)
        code = self._check(request)
        asked = code.request.scopes
        if not request.scopes <= asked:
            message = "the scopes are not among those that the code was asked for with"
            raise SignInRefusedError("invalid_grant", 70000, message)
        user = self._directory.check_access(code.upn)
        scopes = self._directory.granted(application, user.upn, request.scopes or asked)
        self._codes[request.code] = replace(code, is_redeemed=True)
        access = self._ledger.write_for_user(user, request.client_id, scopes)
        id_token, refresh, nonce = "", None, code.request.nonce
        if "openid" in asked:
            id_token = self._ledger.write_id_token(user, request.client_id, access.lifetime, nonce)
        if "offline_access" in asked:
            refresh = self._sessions.write(user.upn, request.client_id)
        return Grant(access, user, access.lifetime, id_token, refresh)

    def owner(self, code: str) -> str:
        """Give the user principal name that a code belongs to, or ``unknown``."""
        known = self._codes.get(code)
        return known.upn if known else "unknown"

    def _check(self, request: CodeRequest) -> _Code:
        code = self._codes.get(request.code)
        if code is None or code.request.client_id != request.client_id:
            message = "the authorization code was never issued, or to another application"
            raise SignInRefusedError("invalid_grant", 70000, message)
        if code.is_redeemed:
            message = "the authorization code was already redeemed"
            raise SignInRefusedError("invalid_grant", 54005, message)
        if code.expires_at <= self._ground.now():
            message = "the authorization code has expired"
            raise SignInRefusedError("invalid_grant", 70008, message)
        if code.request.redirect_uri != request.redirect_uri:
            message = "the redirect URI is not the one with which the code was asked for"
            raise SignInRefusedError("invalid_client", 500112, message)
        challenge = code.request.code_challenge
        if challenge and not request.verifier:
            message = "the code_verifier is missing"
            raise SignInRefusedError("invalid_grant", 50148, message)
        if request.verifier and digest(request.verifier) != challenge:
            message = "the code_verifier does not match the code_challenge of the request"
            raise SignInRefusedError("invalid_grant", 501481, message)
        return code
