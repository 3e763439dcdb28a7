"""The face of Entra: the tenant's metadata and its token endpoint.

Only refresh tokens are redeemed here, by a confidential client that proves itself with an
assertion (Entra documentation, *OAuth 2.0 authorization code flow*: "Refresh the access token" and
"Error response for refresh token request").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.error import SignInRefusedError
from sandbox.grant import AZURE_DEVOPS, Redemption, RefreshRequest
from sandbox.https.message import Response
from sandbox.web_token import encode, encode_object

if TYPE_CHECKING:
    from sandbox.https.gate import Gate
    from sandbox.https.message import Request

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class EntraFace:
    """Answers for one tenant."""

    def __init__(self, gate: Gate, url: str) -> None:
        """Stand before the world's tenant at the address ``url``."""
        self._gate = gate
        self._tenant = gate.world.tenant
        self._url = url

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        tenant, *path = request.segments or ("",)
        if tenant != self._tenant.id:
            error = SignInRefusedError("invalid_tenant", 90002, f"tenant {tenant!r} was not found")
            return self._refusal(error)
        match (request.method, *path):
            case ("GET", *prefix, ".well-known", "openid-configuration") if prefix in (
                [],
                ["v2.0"],
            ):
                return self._gate.call("entra", "openid_configuration", tenant, self._metadata)
            case "POST", "oauth2", "v2.0", "token":
                owner = self._tenant.session_owner(request.form.get("refresh_token", ""))
                return self._gate.call("entra", "redeem", owner, lambda: self._redeem(request))
            case _:
                return Response.of_page(404, "not found")

    def _metadata(self) -> Response:
        base = f"{self._url}/{self._tenant.id}"
        return Response.of_json(
            {
                "issuer": self._tenant.issuer,
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["pairwise"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }
        )

    def _redeem(self, request: Request) -> Response:
        try:
            redemption = self._tenant.redeem(_refresh_request(request.form))
        except SignInRefusedError as exc:
            return self._refusal(exc)
        return self._granted(redemption, request.form)

    def _granted(self, redemption: Redemption, form: dict[str, str]) -> Response:
        scopes = sorted(f"{AZURE_DEVOPS}/{scope}" for scope in redemption.access.scopes)
        answer: dict[str, object] = {
            "token_type": "Bearer",
            "scope": " ".join(scopes),
            "expires_in": redemption.lifetime,
            "ext_expires_in": redemption.lifetime,
            "access_token": redemption.access.value,
            "refresh_token": redemption.refresh.value,
        }
        if "openid" in form.get("scope", "").split():
            answer["id_token"] = self._id_token(redemption)
        if form.get("client_info") == "1":
            ids = {"uid": redemption.user.object_id, "utid": self._tenant.id}
            answer["client_info"] = encode_object(ids)
        return Response.of_json(answer, headers={"Cache-Control": "no-store"})

    def _id_token(self, redemption: Redemption) -> str:
        claims = {
            "aud": self._tenant.client_id,
            "iss": self._tenant.issuer,
            "tid": self._tenant.id,
            "sub": redemption.user.object_id,
            "oid": redemption.user.object_id,
            "preferred_username": redemption.user.upn,
            "exp": int(self._gate.world.clock().timestamp()) + redemption.lifetime,
        }
        return encode(claims, self._tenant.id)

    def _refusal(self, error: SignInRefusedError) -> Response:
        answer: dict[str, object] = {
            "error": error.error,
            "error_description": f"AADSTS{error.number}: {error}",
            "error_codes": [error.number],
            "timestamp": f"{self._gate.world.clock():%Y-%m-%d %H:%M:%SZ}",
        }
        if error.suberror:
            answer["suberror"] = error.suberror
        return Response.of_json(answer, 401 if error.error == "invalid_client" else 400)


def _refresh_request(form: dict[str, str]) -> RefreshRequest:
    """Read what a client asks for.

    Raises:
        SignInRefusedError: it asks for another grant than the one that is imitated.
    """
    if form.get("grant_type") != "refresh_token":
        message = f"the grant type {form.get('grant_type')!r} is not supported"
        raise SignInRefusedError("unsupported_grant_type", 70003, message)
    is_assertion = form.get("client_assertion_type") == ASSERTION_TYPE
    return RefreshRequest(
        client_id=form.get("client_id", ""),
        assertion=form.get("client_assertion", "") if is_assertion else "",
        refresh_token=form.get("refresh_token", ""),
        scopes=frozenset(form.get("scope", "").split()),
    )
