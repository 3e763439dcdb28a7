"""Refresh tokens, and what they are redeemed for.

Entra documentation, *Refresh tokens in the Microsoft identity platform* and *OAuth 2.0
authorization code flow*: "Refresh the access token".
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.error import SignInRefusedError
from sandbox.grant import Redemption, RefreshToken

if TYPE_CHECKING:
    from sandbox.directory import Directory
    from sandbox.grant import RefreshRequest, User
    from sandbox.ground import Ground
    from sandbox.ledger import Ledger

SESSION_LIFETIME = timedelta(days=90)


class Sessions:
    """The refresh tokens of one tenant. Each lives for ninety days, however often it is used."""

    def __init__(self, ground: Ground, directory: Directory, ledger: Ledger) -> None:
        """Give tokens of ``ledger`` to those whom ``directory`` knows."""
        self._ground = ground
        self._directory = directory
        self._ledger = ledger
        self._tokens: dict[str, RefreshToken] = {}

    def write(self, upn: str, client_id: str) -> RefreshToken:
        """Hand out a refresh token."""
        value = self._ground.issue(f"1.{self._ground.mint.opaque(300)}")
        token = RefreshToken(value, upn, self._ground.now() + SESSION_LIFETIME, client_id)
        self._tokens[value] = token
        return token

    def revoke(self, upn: str) -> None:
        """End every refresh token of a user."""
        for value, token in self._tokens.items():
            if token.upn == upn:
                self._tokens[value] = replace(token, revoked=True)

    def find(self, value: str) -> RefreshToken | None:
        """Give the refresh token that has this value, dead or alive."""
        return self._tokens.get(value)

    def owner(self, value: str) -> str:
        """Give the user principal name that a refresh token belongs to, or ``unknown``."""
        token = self._tokens.get(value)
        return token.upn if token else "unknown"

    def redeem(self, request: RefreshRequest) -> Redemption:
        """Exchange a refresh token for an access token and a newer refresh token.

        Raises:
            SignInRefusedError: see ``Tenant.redeem``.
        """
        application = self._directory.check_client(request.client_id, request.assertion)
        user, client_id = self._check(request), application.client_id
        scopes = self._directory.granted(application, user.upn, request.scopes)
        access = self._ledger.write_for_user(user, client_id, scopes)
        lifetime, id_token = access.lifetime, ""
        if "openid" in request.scopes:
            id_token = self._ledger.write_id_token(user, client_id, lifetime)
        return Redemption(access, self.write(user.upn, client_id), user, lifetime, id_token)

    def _check(self, request: RefreshRequest) -> User:
        token = self._tokens.get(request.refresh_token)
        if token is None:
            message = "the refresh token is malformed or was never issued"
            raise SignInRefusedError("invalid_grant", 9002313, message)
        if token.client_id != request.client_id:
            message = "the refresh token was issued to another application"
            raise SignInRefusedError("invalid_grant", 70000, message)
        user = self._directory.check_enabled(token.upn)
        if token.revoked:
            message = "the grant was revoked, a fresh sign-in is needed"
            raise SignInRefusedError("invalid_grant", 50173, message, suberror="bad_token")
        if token.expires_at <= self._ground.now():
            message = "the refresh token has expired due to inactivity"
            raise SignInRefusedError("invalid_grant", 700082, message, suberror="bad_token")
        self._directory.check_access(user.upn)
        self._directory.check_demands(user.upn)
        return user
