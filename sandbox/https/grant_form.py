"""The forms that clients send to the token endpoint, and what is answered.

Entra documentation, *OAuth 2.0 authorization code flow* and *OAuth 2.0 client credentials flow*;
Entra Agent ID documentation, *Agent's user account impersonation protocol*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.error import SignInRefusedError
from sandbox.grant import (
    AZURE_DEVOPS,
    TOKEN_EXCHANGE,
    AgentRequest,
    CodeRequest,
    ExchangeRequest,
    Grant,
    IdentityRequest,
    Redemption,
    RefreshRequest,
)
from sandbox.web_token import encode_object

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.grant import AccessToken

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
UNENDING = 3600
"""What is said of a token that does not expire here: libraries keep it by the machine's clock."""


def read_refresh(form: Mapping[str, str]) -> RefreshRequest:
    """Read what a client says when it redeems a refresh token."""
    return RefreshRequest(
        client_id=form.get("client_id", ""),
        assertion=_assertion(form),
        refresh_token=form.get("refresh_token", ""),
        scopes=_scopes(form),
    )


def read_code(form: Mapping[str, str]) -> CodeRequest:
    """Read what a client says when it redeems an authorization code."""
    return CodeRequest(
        client_id=form.get("client_id", ""),
        assertion=_assertion(form),
        code=form.get("code", ""),
        redirect_uri=form.get("redirect_uri", ""),
        verifier=form.get("code_verifier", ""),
        scopes=_scopes(form),
    )


def read_exchange(form: Mapping[str, str]) -> ExchangeRequest:
    """Read what a blueprint or an agent identity says to get its next credential.

    Raises:
        SignInRefusedError: it asks for another resource, which no agent gets a token of its own
            for.
    """
    if form.get("scope", "").split() != [f"{TOKEN_EXCHANGE}/.default"]:
        message = "agentic applications are not permitted to request app-only tokens"
        raise SignInRefusedError("unauthorized_client", 82001, message)
    return ExchangeRequest(form.get("client_id", ""), _assertion(form), form.get("fmi_path", ""))


def read_identity(form: Mapping[str, str]) -> IdentityRequest:
    """Read what an outsider says to get a token of the managed identity."""
    resource = form.get("scope", "").removesuffix("/.default")
    return IdentityRequest(form.get("client_id", ""), _assertion(form), resource)


def read_agent(form: Mapping[str, str]) -> AgentRequest:
    """Read what an agent identity says to act as its agent user.

    Raises:
        SignInRefusedError: it wants to use the token in another way than on behalf of the user.
            msal says nothing about that, which is taken as the same.
    """
    if form.get("requested_token_use", "on_behalf_of") != "on_behalf_of":
        message = "the value of requested_token_use is not supported"
        raise SignInRefusedError("invalid_request", 90023, message)
    return AgentRequest(
        client_id=form.get("client_id", ""),
        assertion=_assertion(form),
        credential=form.get("user_federated_identity_credential", ""),
        username=form.get("username", ""),
        user_id=form.get("user_id", ""),
        scopes=_scopes(form),
    )


def write_grant(grant: Redemption | Grant, tenant_id: str, *, is_info_asked: bool) -> object:
    """Write the answer that holds a user's tokens.

    Args:
        grant: the tokens.
        tenant_id: for ``client_info``.
        is_info_asked: whether the client wants ``client_info``: who the user is, unsigned.
    """
    scopes = sorted(f"{AZURE_DEVOPS}/{scope}" for scope in grant.access.scopes)
    answer: dict[str, object] = {
        "token_type": "Bearer",
        "scope": " ".join(scopes),
        "expires_in": grant.lifetime,
        "ext_expires_in": grant.lifetime,
        "access_token": grant.access.value,
    }
    if grant.refresh:
        answer["refresh_token"] = grant.refresh.value
    if grant.id_token:
        answer["id_token"] = grant.id_token
    if is_info_asked:
        answer["client_info"] = encode_object({"uid": grant.user.object_id, "utid": tenant_id})
    return answer


def write_exchange(token: AccessToken) -> object:
    """Write the answer that holds an application's own token."""
    lifetime = token.lifetime or UNENDING
    return {
        "token_type": "Bearer",
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": token.value,
    }


def _assertion(form: Mapping[str, str]) -> str:
    is_assertion = form.get("client_assertion_type") == ASSERTION_TYPE
    return form.get("client_assertion", "") if is_assertion else ""


def _scopes(form: Mapping[str, str]) -> frozenset[str]:
    return frozenset(form.get("scope", "").split())
