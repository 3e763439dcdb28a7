"""An Entra tenant: people, one app registration, one managed identity, and their tokens.

Lifetimes and the manner of refresh tokens: Entra documentation, *Refresh tokens in the Microsoft
identity platform* and *Configurable token lifetimes*. The app registration has no secret: its
credential is the managed identity's own token (*Configure an application to trust a managed
identity*). Flows that policies block anyway (device code, user name and password) are not offered.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.error import SignInRefusedError
from sandbox.grant import (
    AZURE_DEVOPS,
    AccessToken,
    FederatedCredential,
    ManagedIdentity,
    Redemption,
    RefreshRequest,
    RefreshToken,
    User,
)
from sandbox.ground import guarded
from sandbox.web_token import encode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.ground import Ground

SESSION_LIFETIME = timedelta(days=90)
ACCESS_LIFETIME_MINUTES = (60, 90)
DEMANDS = {"interaction_required": 50076, "consent_required": 65001}
OPENID_SCOPES = frozenset({"openid", "profile", "offline_access", "email"})


class Tenant:
    """One tenant."""

    def __init__(self, ground: Ground) -> None:
        """Found a tenant with an app registration that trusts a managed identity."""
        mint = ground.mint
        self.ground = ground
        self.id = mint.guid()
        self.client_id = mint.guid()
        """Of the app registration through which people sign in."""
        self.identity = ManagedIdentity(mint.guid(), mint.guid())
        self.issuer = f"https://login.microsoftonline.com/{self.id}/v2.0"
        self.federated_credential = FederatedCredential(self.issuer, self.identity.principal_id)
        self.consented = {"vso.pats", "vso.pats_manage"}
        """The scopes of Azure DevOps to which the app registration's users have consented."""
        self.users: dict[str, User] = {}
        self._demands: dict[str, str] = {}
        self._refresh_tokens: dict[str, RefreshToken] = {}
        self._access_tokens: dict[str, AccessToken] = {}
        self._key = mint.opaque(32)

    @guarded
    def add_user(self, upn: str) -> User:
        """Give a person an account."""
        mint = self.ground.mint
        user = User(upn.lower(), mint.guid(), mint.guid())
        self.users[user.upn] = user
        return user

    @guarded
    def sign_in(self, upn: str) -> RefreshToken:
        """Let a person sign in in a browser, which also ends what was demanded of them."""
        self._demands.pop(upn.lower(), None)
        return self._new_refresh_token(upn.lower())

    @guarded
    def revoke_sessions(self, upn: str) -> None:
        """End every session of a person, as an administrator."""
        for value, token in self._refresh_tokens.items():
            if token.upn == upn.lower():
                self._refresh_tokens[value] = replace(token, revoked=True)

    @guarded
    def demand(self, upn: str, error: str) -> None:
        """Refuse a person's sessions from now on, until they sign in again.

        Args:
            upn: the person.
            error: ``interaction_required`` or ``consent_required``.
        """
        if error not in DEMANDS:
            raise ValueError(f"{error!r} cannot be demanded, expected {' or '.join(DEMANDS)}")
        self._demands[upn.lower()] = error

    @guarded
    def identity_token(self, resource: str, client_id: str) -> AccessToken | None:
        """Give the managed identity's own token for ``resource``; None for another identity."""
        if client_id != self.identity.client_id:
            return None
        claims = {
            "aud": resource,
            "sub": self.identity.principal_id,
            "oid": self.identity.principal_id,
            "appid": client_id,
            "idtyp": "app",
        }
        return self._keep(
            AccessToken(
                value=self._sign(claims),
                audience=resource,
                subject=self.identity.principal_id,
                issuer=self.issuer,
                is_app_only=True,
            )
        )

    @guarded
    def redeem(self, request: RefreshRequest) -> Redemption:
        """Exchange a refresh token for an access token and a newer refresh token.

        The older one stays valid to its own end.

        Raises:
            SignInRefusedError: the client's credential, the session or the scopes are not good.
        """
        self._check_client(request)
        user = self._check_session(request.refresh_token)
        scopes = self._granted(request.scopes)
        minutes = self.ground.mint.between(*ACCESS_LIFETIME_MINUTES)
        return Redemption(
            access=self._new_access_token(user, scopes, timedelta(minutes=minutes)),
            refresh=self._new_refresh_token(user.upn),
            user=user,
            lifetime=minutes * 60,
        )

    @guarded
    def inspect(self, value: str) -> AccessToken | None:
        """Give the access token that has this value, if it was handed out and has not expired."""
        token = self._access_tokens.get(value)
        if token is None or (token.expires_at and token.expires_at <= self.ground.now()):
            return None
        return token

    def session_owner(self, refresh_token: str) -> str:
        """Give the user principal name that a refresh token belongs to, or ``unknown``."""
        token = self._refresh_tokens.get(refresh_token)
        return token.upn if token else "unknown"

    def _check_client(self, request: RefreshRequest) -> None:
        if request.client_id != self.client_id:
            message = f"application {request.client_id} was not found in the directory"
            raise SignInRefusedError("unauthorized_client", 700016, message)
        if not request.assertion:
            message = "the request must contain client_assertion or client_secret"
            raise SignInRefusedError("invalid_client", 7000218, message)
        token = self.inspect(request.assertion)
        if token is None:
            message = "the client assertion has expired or was never issued"
            raise SignInRefusedError("invalid_client", 700024, message)
        shown = FederatedCredential(token.issuer, token.subject, token.audience)
        if shown != self.federated_credential:
            message = "no matching federated identity record found for the presented assertion"
            raise SignInRefusedError("invalid_client", 700213, message)

    def _check_session(self, value: str) -> User:
        token = self._refresh_tokens.get(value)
        if token is None:
            message = "the refresh token is malformed or was never issued"
            raise SignInRefusedError("invalid_grant", 9002313, message)
        if token.revoked:
            message = "the grant was revoked, a fresh sign-in is needed"
            raise SignInRefusedError("invalid_grant", 50173, message, suberror="bad_token")
        if token.expires_at <= self.ground.now():
            message = "the refresh token has expired due to inactivity"
            raise SignInRefusedError("invalid_grant", 700082, message, suberror="bad_token")
        error = self._demands.get(token.upn)
        if error:
            message = "the user must take part in a sign-in"
            raise SignInRefusedError(error, DEMANDS[error], message, suberror="basic_action")
        return self.users[token.upn]

    def _granted(self, scopes: frozenset[str]) -> frozenset[str]:
        names = set()
        for scope in scopes - OPENID_SCOPES:
            resource, _, name = scope.rpartition("/")
            if resource != AZURE_DEVOPS:
                message = f"the resource {resource!r} was not found in the tenant"
                raise SignInRefusedError("invalid_resource", 500011, message)
            names |= self.consented if name == ".default" else {name}
        if not names <= self.consented:
            error = "consent_required"
            message = "nobody has consented to the application's use of the resource"
            raise SignInRefusedError(error, DEMANDS[error], message, suberror=error)
        return frozenset(names)

    def _new_refresh_token(self, upn: str) -> RefreshToken:
        value = self.ground.issue(f"1.{self.ground.mint.opaque(300)}")
        token = RefreshToken(value, upn, self.ground.now() + SESSION_LIFETIME)
        self._refresh_tokens[value] = token
        return token

    def _new_access_token(
        self, user: User, scopes: frozenset[str], lifetime: timedelta
    ) -> AccessToken:
        expires_at: datetime = self.ground.now() + lifetime
        claims = {
            "aud": AZURE_DEVOPS,
            "sub": self.ground.mint.opaque(16),
            "oid": user.object_id,
            "upn": user.upn,
            "appid": self.client_id,
            "idtyp": "user",
            "scp": " ".join(sorted(scopes)),
            "exp": int(expires_at.timestamp()),
        }
        return self._keep(
            AccessToken(
                value=self._sign(claims),
                audience=AZURE_DEVOPS,
                subject=user.upn,
                issuer=self.issuer,
                is_app_only=False,
                scopes=scopes,
                expires_at=expires_at,
            )
        )

    def _sign(self, claims: Mapping[str, object]) -> str:
        more = {"iss": self.issuer, "tid": self.id, "uti": self.ground.mint.opaque(22)}
        return encode({**claims, **more}, self._key)

    def _keep(self, token: AccessToken) -> AccessToken:
        self.ground.issue(token.value)
        self._access_tokens[token.value] = token
        return token
