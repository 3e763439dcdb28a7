"""The face of Entra: the tenant's metadata, its sign-in pages and its token endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.error import SignInRefusedError
from sandbox.https.message import Response
from sandbox.https.sign_in import SignInPages
from sandbox.https.token_endpoint import TokenEndpoint

if TYPE_CHECKING:
    from sandbox.https.gate import Gate
    from sandbox.https.message import Request


class EntraFace:
    """Answers for one tenant."""

    def __init__(self, gate: Gate, url: str) -> None:
        """Stand before the world's tenant at the address ``url``."""
        self._gate = gate
        self._tenant = gate.world.tenant
        self._url = url
        self._tokens = TokenEndpoint(gate)
        self._pages = SignInPages(gate)

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        tenant, *path = request.segments or ("",)
        known = tenant == self._tenant.id
        match (request.method, *path):
            case "GET", "oauth2", "v2.0", "authorize":
                return self._pages.begin(request) if known else self._pages.unknown(tenant)
            case "POST", "login":
                return self._pages.go_on(request) if known else self._pages.unknown(tenant)
            case _ if not known:
                message = f"tenant {tenant!r} was not found"
                return self._tokens.refuse(SignInRefusedError("invalid_tenant", 90002, message))
            case ("GET", *prefix, ".well-known", "openid-configuration") if prefix in (
                [],
                ["v2.0"],
            ):
                return self._gate.call("entra", "openid_configuration", tenant, self._metadata)
            case "POST", "oauth2", "v2.0", "token":
                return self._tokens.answer(request)
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
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            }
        )
