"""The face of ``connectionData`` of ``dev.azure.com``.

It tells who the caller is, whatever the scope of the credential: Microsoft's own command line and
build agent use it to try a PAT. It is a preview resource and has no published specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.error import CallerRefusedError
from sandbox.https.admission import (
    admit_bearer,
    fault,
    find_organization,
    password,
    payer,
    refusal,
)
from sandbox.https.message import Response
from sandbox.organization import ANONYMOUS

if TYPE_CHECKING:
    from sandbox.https.gate import Gate
    from sandbox.https.message import Request
    from sandbox.organization import Organization


class ConnectionFace:
    """Tells callers who they are."""

    def __init__(self, gate: Gate) -> None:
        """Stand before all organizations of the world."""
        self._gate = gate
        self._world = gate.world

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        organization, *path = request.segments or ("",)
        if (request.method, [part.lower() for part in path]) != (
            "GET",
            ["_apis", "connectiondata"],
        ):
            return Response.of_page(404, "not found")
        return self._gate.call(
            "azure-devops",
            "connection_data",
            organization,
            lambda: self._tell(request),
            payer(self._world, request),
        )

    def _tell(self, request: Request) -> Response:
        try:
            organization = find_organization(self._world, request.segments[0])
            user = self._caller(organization, request)
        except CallerRefusedError as exc:
            return refusal(exc, self._world.tenant.id)
        if "-preview" not in request.query.get("api-version", ""):
            message = "the resource is in preview: the api-version must say so"
            return Response.of_json(fault(message, "VssInvalidPreviewVersionException"), 400)
        who = {"id": user, "isActive": True, "properties": {}}
        return Response.of_json(
            {
                "authenticatedUser": who,
                "authorizedUser": who,
                "instanceId": organization.account_id,
                "deploymentType": "hosted",
            }
        )

    def _caller(self, organization: Organization, request: Request) -> str:
        if request.bearer:
            token = admit_bearer(self._world, organization, request)
            return self._world.tenant.users[token.subject].identity_id
        value = password(request)
        user = self._world.authenticate(organization.name, value or "")
        if user:
            return user
        if organization.has_public_project:
            return ANONYMOUS
        token_found = self._world.registry.find(value or "")
        if token_found and not token_found.revoked and token_found.valid_to <= self._world.clock():
            message = "Access Denied: The Personal Access Token used has expired."
            raise CallerRefusedError(401, message)
        raise CallerRefusedError(401, "TF400813: the caller is not authorized")
