"""Whom Azure DevOps lets in, and what it says to the others.

What it says is documented nowhere; these answers are those that users report (issues of
azure-devops-docs, azure-devops-auth-samples, azure-pipelines-tasks): a redirect for an identity
that is not supported, a sign-in page with status 203 for an expired Entra token, a 401 with
``X-TFS-ServiceError`` for an expired PAT.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import quote

from sandbox.error import CallerRefusedError
from sandbox.grant import AZURE_DEVOPS
from sandbox.https.message import Response

if TYPE_CHECKING:
    from sandbox.grant import AccessToken
    from sandbox.https.message import Request
    from sandbox.organization import Organization
    from sandbox.world import World

LOGIN = "https://login.microsoftonline.com"
TOKEN_SCOPES = frozenset({"vso.pats", "vso.pats_manage"})
"""Both are needed for anything. The specification asks for one or the other; that either alone is
refused was measured by others, and asking for both is right either way."""


def find_organization(world: World, name: str) -> Organization:
    """Give the organization that is asked for.

    Raises:
        CallerRefusedError: there is none of that name.
    """
    try:
        return world.organization(name)
    except KeyError:
        raise CallerRefusedError(404, f"organization {name} was not found") from None


def admit_bearer(world: World, organization: Organization, request: Request) -> AccessToken:
    """Let in the delegated Entra token of a member.

    Raises:
        CallerRefusedError: it has expired or is none; it is not delegated; its person is no member.
    """
    token = world.tenant.inspect(request.bearer)
    if token is None or token.audience != AZURE_DEVOPS:
        status = 203 if request.method in {"GET", "POST"} else 401
        raise CallerRefusedError(status, "TF400813: the token is not valid or has expired")
    if token.is_app_only:
        raise CallerRefusedError(302, "this identity is not supported")
    if world.tenant.users[token.subject].identity_id not in organization.members:
        message = f"TF400813: the user {token.subject} is not authorized to access this resource"
        raise CallerRefusedError(401, message)
    return token


def admit_to_tokens(world: World, organization: Organization, request: Request) -> str:
    """Let in who may use the PAT lifecycle API: only a delegated token with the right scopes.

    Returns:
        The caller's Azure DevOps user id.

    Raises:
        CallerRefusedError: a PAT, an app-only token, an expired one, or scopes that do not do.
    """
    if not request.bearer:
        suppressed = request.headers.get("x-tfs-fedauthredirect", "").lower() == "suppress"
        anonymous = "authorization" not in request.headers
        status = 401 if anonymous and suppressed else 302
        raise CallerRefusedError(status, "TF400813: only Entra tokens are accepted here")
    token = admit_bearer(world, organization, request)
    if not token.scopes >= TOKEN_SCOPES:
        raise CallerRefusedError(401, "TF400813: the token lacks a scope")
    return world.tenant.users[token.subject].identity_id


def payer(world: World, request: Request) -> str:
    """Give the id of the user whose limit a request uses; empty if it is nobody's."""
    if not request.bearer:
        found = world.registry.find(password(request) or "")
        return found.owner if found else ""
    token = world.tenant.inspect(request.bearer)
    if token is None or token.is_app_only:
        return ""
    return world.tenant.users[token.subject].identity_id


def password(request: Request) -> str | None:
    """Give the password of Basic credentials: where a PAT stands. None without such a header."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(credentials).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def refusal(error: CallerRefusedError, tenant_id: str) -> Response:
    """Write the answer to a caller that is not let in."""
    headers = {"X-VSS-ResourceTenant": tenant_id}
    match error.status:
        case 203:
            return Response.of_page(203, "sign in", headers)
        case 302:
            location = {"Location": "/_signin?realm=localhost"}
            return Response.of_page(302, "object moved", {**headers, **location})
        case 404:
            return Response.of_page(404, "not found", headers)
        case _:
            headers["WWW-Authenticate"] = f"Bearer authorization_uri={LOGIN}/{tenant_id}"
            headers["X-TFS-ServiceError"] = quote(str(error))
            return Response.of_json(fault(str(error)), error.status, headers)


def fault(message: str, kind: str = "UnauthorizedRequestException") -> dict[str, object]:
    """Write an error as Azure DevOps does in JSON."""
    return {
        "$id": "1",
        "innerException": None,
        "message": message,
        "typeKey": kind,
        "errorCode": 0,
        "eventId": 3000,
    }
