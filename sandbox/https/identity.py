"""The managed identity endpoint of App Service and Functions, at which libraries ask for tokens.

App Service documentation, *Use managed identities: REST endpoint reference*: the address and a
header's value come in environment variables, API version 2019-08-01.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.clock import wall
from sandbox.grant import RESOURCES
from sandbox.https.message import Response

if TYPE_CHECKING:
    from sandbox.https.gate import Gate
    from sandbox.https.message import Request

API_VERSION = "2019-08-01"
LIFETIME = timedelta(hours=24)


class IdentityFace:
    """Answers for the managed identity."""

    def __init__(self, gate: Gate, header: str) -> None:
        """Answer only to callers that know ``header``."""
        self._gate = gate
        self._header = header

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        resource = request.query.get("resource", "")
        return self._gate.call("identity", "identity_token", resource, lambda: self._give(request))

    def _give(self, request: Request) -> Response:
        query = request.query
        resource = query.get("resource", "").rstrip("/")
        if request.headers.get("x-identity-header") != self._header:
            return _refusal(401, "the identity header is missing or wrong")
        if query.get("api-version") != API_VERSION or resource not in RESOURCES:
            return _refusal(400, "the api version or the resource is not supported")
        client_id = query.get("client_id", "")
        token = self._gate.world.tenant.identity_token(resource, client_id)
        if token is None:
            return _refusal(400, "no user assigned managed identity has this client id")
        # By the machine's clock, since that is the one by which libraries keep the token.
        expires_at = wall() + LIFETIME
        return Response.of_json(
            {
                "access_token": token.value,
                "expires_on": str(int(expires_at.timestamp())),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": client_id,
            }
        )


def _refusal(status: int, message: str) -> Response:
    return Response.of_json({"statusCode": status, "message": message}, status)
