"""Microsoft Entra: what redeems an owner's session.

A refresh token is redeemed as a confidential client without a secret: its credential is the managed
identity's assertion (Entra documentation, *Configure an application to trust a managed identity*).
It must never let a refresh or access token out but as ``TokenValue``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msal
from azure.core.exceptions import AzureError

from rotation.adapters.border import translated, words
from rotation.adapters.patience import PlainSession
from rotation.errors import (
    AccessDeniedError,
    RotationError,
    UnavailableError,
)
from rotation.model import TokenValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


SERVICE = "entra"
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
"""Azure DevOps' own application id: the audience of all delegated tokens for it."""
SCOPES = (f"{AZURE_DEVOPS}/vso.pats", f"{AZURE_DEVOPS}/vso.pats_manage")

NEEDS_PERSON = frozenset({"invalid_grant", "interaction_required", "consent_required"})
NEEDS_ADMINISTRATOR = frozenset(
    {"invalid_client", "unauthorized_client", "invalid_scope", "invalid_resource"}
)


@dataclass(frozen=True)
class Answer:
    """What Entra answers to a redemption."""

    error: str = ""
    """Its machine word for a refusal; empty on success."""
    code: str = ""
    """The number of the refusal, such as ``AADSTS700082``: for people, never to be decided on."""
    access_token: TokenValue | None = None
    refresh_token: TokenValue | None = None
    lifetime: timedelta = timedelta(0)
    """How long the access token is valid."""
    object_id: str | None = None
    """The person's id in Entra, if the answer tells."""


class EntraClient:
    """The app registration, as a confidential client without a secret."""

    def __init__(
        self,
        *,
        authority: str,
        client_id: str,
        assertion: Callable[[], str],
        is_microsoft: bool,
    ) -> None:
        """Take what identifies the client.

        Args:
            authority: the tenant's address, such as ``https://login.microsoftonline.com/<id>``.
            client_id: the app registration's.
            assertion: gives a fresh client assertion: a token of the managed identity.
            is_microsoft: whether the authority is Microsoft's, and may be discovered there.
        """
        self._authority = authority
        self._client_id = client_id
        self._assertion = assertion
        self._is_microsoft = is_microsoft
        self._http = PlainSession()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def redeem(self, owner: str, refresh_token: TokenValue) -> Answer:
        """Redeem the refresh token of ``owner`` for an access token to Azure DevOps.

        Raises:
            UnavailableError: Entra gives no usable answer.
            AccessDeniedError: the managed identity gives no assertion.
        """
        answer = translated(
            lambda: _read(
                self._application().acquire_token_by_refresh_token(
                    refresh_token.reveal(), list(SCOPES)
                )
            ),
            lambda exc: _translate(exc, owner),
        )
        if answer.error and answer.error not in NEEDS_PERSON | NEEDS_ADMINISTRATOR:
            raise _unavailable(answer.error, owner)
        return answer

    def _application(self) -> msal.ConfidentialClientApplication:
        # One for each redemption: its cache would keep tokens for longer than they are needed.
        return msal.ConfidentialClientApplication(
            self._client_id,
            authority=self._authority,
            client_credential={"client_assertion": self._assertion},
            instance_discovery=None if self._is_microsoft else False,
            http_client=self._http,
        )


def _read(result: Mapping[str, Any]) -> Answer:
    if error := result.get("error"):
        return Answer(error=str(error), code=_code(result.get("error_codes")))
    access, newer = result["access_token"], result.get("refresh_token")
    if not isinstance(access, str) or not access:
        message = "an answer without a token"
        raise ValueError(message)
    return Answer(
        access_token=TokenValue(access),
        refresh_token=TokenValue(newer) if isinstance(newer, str) and newer else None,
        lifetime=timedelta(seconds=int(result.get("expires_in") or 0)),
        object_id=(result.get("id_token_claims") or {}).get("oid"),
    )


def _code(numbers: object) -> str:
    number = numbers[0] if isinstance(numbers, list) and numbers else None
    return f"AADSTS{number}" if type(number) is int else ""


def _translate(exc: Exception, owner: str) -> RotationError:
    if isinstance(exc, AzureError):
        message = "cannot get an assertion of the managed identity for the app registration"
        hint = "run where the managed identity is, and check AZURE_CLIENT_ID"
        return AccessDeniedError(
            f"{message}: {words(exc)}", service="identity", operation="assert", hint=hint
        )
    return _unavailable(f"no usable answer ({words(exc)})", owner)


def _unavailable(what: str, owner: str) -> UnavailableError:
    message = f"cannot redeem the session of {owner}: {what}"
    hint = "if this lasts, check ROTATION_AUTHORITY and ROTATION_TENANT_ID"
    return UnavailableError(message, service=SERVICE, operation="redeem", hint=hint)
