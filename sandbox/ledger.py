"""The book of all access tokens that a tenant has handed out.

Entra documentation: *Configurable token lifetimes*, *ID token claims reference*, *Access token
claims reference*.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.grant import AZURE_DEVOPS, TOKEN_EXCHANGE, AccessToken
from sandbox.web_token import digest, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.grant import User
    from sandbox.ground import Ground

ACCESS_LIFETIME_MINUTES = (60, 90)


class Ledger:
    """Writes tokens, and knows them again."""

    def __init__(self, ground: Ground, tenant_id: str, issuer: str) -> None:
        """Write tokens of the tenant ``tenant_id``, as ``issuer``."""
        self.issuer = issuer
        self._ground = ground
        self._tenant_id = tenant_id
        self._key = ground.mint.opaque(32)
        self._access_tokens: dict[str, AccessToken] = {}

    def inspect(self, value: str) -> AccessToken | None:
        """Give the access token that has this value, if it was handed out and has not expired."""
        token = self._access_tokens.get(value)
        if token is None or (token.expires_at and token.expires_at <= self._ground.now()):
            return None
        return token

    def write_for_user(self, user: User, client_id: str, scopes: frozenset[str]) -> AccessToken:
        """Hand out a delegated token for Azure DevOps, with a lifetime of 60 to 90 minutes."""
        mint = self._ground.mint
        lifetime = timedelta(minutes=mint.between(*ACCESS_LIFETIME_MINUTES))
        expires_at = self._ground.now() + lifetime
        claims = {
            "aud": AZURE_DEVOPS,
            "sub": mint.opaque(16),
            "oid": user.object_id,
            "upn": user.upn,
            "appid": client_id,
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
                lifetime=int(lifetime.total_seconds()),
            )
        )

    def write_outside(self, issuer: str, subject: str, lifetime: timedelta) -> AccessToken:
        """Have another issuer hand out a token that is to be exchanged for one of this tenant."""
        expires_at = self._ground.now() + lifetime
        claims = {"aud": TOKEN_EXCHANGE, "iss": issuer, "sub": subject}
        return self._keep(
            AccessToken(
                value=self._sign({**claims, "exp": int(expires_at.timestamp())}),
                audience=TOKEN_EXCHANGE,
                subject=subject,
                issuer=issuer,
                is_app_only=True,
                expires_at=expires_at,
                lifetime=int(lifetime.total_seconds()),
            )
        )

    def write_for_application(
        self,
        audience: str,
        subject: str,
        claims: Mapping[str, object],
        lifetime: timedelta | None,
        *,
        is_federated: bool = False,
    ) -> AccessToken:
        """Hand out an application's own token.

        Args:
            audience: for whom it is.
            subject: what a federated credential knows the application by.
            claims: further ones.
            lifetime: None for one that does not expire.
            is_federated: whether it is given for a token of another issuer.
        """
        expires_at = self._ground.now() + lifetime if lifetime else None
        written: dict[str, object] = {"aud": audience, "sub": subject, **claims, "idtyp": "app"}
        if expires_at:
            written["exp"] = int(expires_at.timestamp())
        return self._keep(
            AccessToken(
                value=self._sign(written),
                audience=audience,
                subject=subject,
                issuer=self.issuer,
                is_app_only=True,
                expires_at=expires_at,
                lifetime=int(lifetime.total_seconds()) if lifetime else 0,
                is_federated=is_federated,
            )
        )

    def write_id_token(self, user: User, client_id: str, lifetime: int, nonce: str = "") -> str:
        """Write an ID token. It is no secret: it opens nothing."""
        now = int(self._ground.now().timestamp())
        claims: dict[str, object] = {
            "ver": "2.0",
            "iss": self.issuer,
            "aud": client_id,
            "tid": self._tenant_id,
            "oid": user.object_id,
            # Pairwise: another one for each application, so nobody may take it for the object id.
            "sub": digest(f"{client_id} {user.object_id}"),
            "preferred_username": user.upn,
            "name": user.name,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
        }
        return encode({**claims, "nonce": nonce} if nonce else claims, self._key)

    def _sign(self, claims: Mapping[str, object]) -> str:
        more = {"iss": self.issuer, "tid": self._tenant_id, "uti": self._ground.mint.opaque(22)}
        return encode({**claims, **more, **claims}, self._key)

    def _keep(self, token: AccessToken) -> AccessToken:
        self._ground.issue(token.value)
        self._access_tokens[token.value] = token
        return token
