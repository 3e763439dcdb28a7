"""The ways in which services refuse, written down once for all tests.

Nothing here is taken from the product's own tables, so that a row which is forgotten there is
noticed. The words are those that the services document.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from rotation.adapters.refusal import Who
from sandbox.fault import Answer, redirect, sign_in_page

WORDS = {
    "displayNameRequired": Who.OWNER,
    "invalidDisplayName": Who.OWNER,
    "invalidValidTo": Who.OPERATOR,
    "invalidScope": Who.OWNER,
    "userIdRequired": Who.OPERATOR,
    "invalidUserId": Who.ADMINISTRATOR,
    "invalidUserType": Who.OPERATOR,
    "accessDenied": Who.ADMINISTRATOR,
    "failedToIssueAccessToken": Who.NOBODY,
    "invalidClient": Who.OPERATOR,
    "invalidClientType": Who.OPERATOR,
    "invalidClientId": Who.OPERATOR,
    "invalidTargetAccounts": Who.OPERATOR,
    "hostAuthorizationNotFound": Who.OWNER,
    "authorizationNotFound": Who.OPERATOR,
    "failedToUpdateAccessToken": Who.NOBODY,
    "sourceNotSupported": Who.OPERATOR,
    "invalidSourceIP": Who.ADMINISTRATOR,
    "invalidSource": Who.OPERATOR,
    "duplicateHash": Who.NOBODY,
    "sshPolicyDisabled": Who.ADMINISTRATOR,
    "invalidToken": Who.OWNER,
    "tokenNotFound": Who.OPERATOR,
    "invalidAuthorizationId": Who.OPERATOR,
    "failedToReadTenantPolicy": Who.NOBODY,
    "globalPatPolicyViolation": Who.OWNER,
    "fullScopePatPolicyViolation": Who.ADMINISTRATOR,
    "patLifespanPolicyViolation": Who.OPERATOR,
    "invalidTokenType": Who.OPERATOR,
    "invalidAudience": Who.OPERATOR,
    "invalidSubject": Who.OPERATOR,
    "deploymentHostNotSupported": Who.OPERATOR,
    "disablePatCreationPolicyViolation": Who.ADMINISTRATOR,
    "failedToReadOrgPolicy": Who.NOBODY,
    "globalPATCreationBlocked": Who.OWNER,
    "expiredPatCannotBeExtended": Who.NOBODY,
}
"""Each documented ``patTokenError`` but ``none``, and who can do something about it."""
PASSING = {"failedToReadOrgPolicy", "failedToReadTenantPolicy"}
"""Those that say nothing about the token: what was asked for is waited for."""
GONE = {"authorizationNotFound", "hostAuthorizationNotFound", "tokenNotFound"}
"""Those that say that there is no such token."""
UNHEARD_OF = "brandNewPolicyViolation"
"""One of tomorrow."""
ANY_WORD = (*WORDS, UNHEARD_OF)


@dataclass(frozen=True)
class EntraNo:
    """One way in which Entra refuses a session."""

    error: str
    number: int
    """What it writes as ``AADSTS…``."""
    reason: str
    """The word for the session; empty for an outage, about which nobody needs to sign in."""
    suberror: str = ""
    status: int = 400

    @property
    def answer(self) -> Answer:
        """The answer as it is seen at the wire."""
        said = {
            "error": self.error,
            "error_description": f"AADSTS{self.number}: told by a test",
            "error_codes": [self.number],
            "suberror": self.suberror,
        }
        return Answer(self.status, json.dumps(said))


PERSON, ADMINISTRATOR = "sign-in-needed", "administrator-needed"
ENTRA_NOES = (
    EntraNo("invalid_grant", 70008, PERSON, "token_expired"),
    EntraNo("invalid_grant", 700082, PERSON, "bad_token"),
    EntraNo("invalid_grant", 50173, PERSON, "bad_token"),
    EntraNo("invalid_grant", 50076, PERSON, "basic_action"),
    EntraNo("invalid_grant", 50079, PERSON, "basic_action"),
    EntraNo("invalid_grant", 53003, ADMINISTRATOR, "message_only"),
    EntraNo("invalid_grant", 99999, ADMINISTRATOR, "message_only"),
    EntraNo("invalid_grant", 999998, PERSON),
    EntraNo("invalid_grant", 50057, ADMINISTRATOR),
    EntraNo("invalid_grant", 50034, ADMINISTRATOR),
    EntraNo("invalid_grant", 50133, PERSON, "bad_token"),
    EntraNo("invalid_grant", 90002, ADMINISTRATOR),
    EntraNo("login_required", 50058, PERSON),
    EntraNo("access_denied", 65004, PERSON),
    EntraNo("unsupported_grant_type", 70003, ADMINISTRATOR),
    EntraNo("invalid_grant", 65001, PERSON, "consent_required"),
    EntraNo("interaction_required", 50076, PERSON, "basic_action"),
    EntraNo("consent_required", 65001, PERSON, "consent_required"),
    EntraNo("invalid_client", 700213, ADMINISTRATOR, status=401),
    EntraNo("invalid_client", 70008, ADMINISTRATOR, status=401),
    EntraNo("invalid_client", 700025, ADMINISTRATOR, status=401),
    EntraNo("invalid_client", 7000218, ADMINISTRATOR, status=401),
    EntraNo("unauthorized_client", 700016, ADMINISTRATOR),
    EntraNo("invalid_scope", 70011, ADMINISTRATOR),
    EntraNo("invalid_resource", 500011, ADMINISTRATOR),
    EntraNo("temporarily_unavailable", 90033, ""),
    EntraNo("temporarily_unavailable", 90033, "", status=503),
    EntraNo("temporarily_unavailable", 90055, "", status=429),
    EntraNo("server_error", 90033, "", status=500),
    EntraNo("brand_new_error", 999999, ""),
)


@dataclass(frozen=True)
class VaultNo:
    """One way in which Key Vault refuses."""

    status: int
    code: str
    inner: str = ""

    @property
    def word(self) -> str:
        """The word that says the most."""
        return self.inner or self.code

    @property
    def answer(self) -> Answer:
        """The answer as it is seen at the wire."""
        error: dict[str, object] = {"code": self.code, "message": "told by a test"}
        if self.inner:
            error["innererror"] = {"code": self.inner}
        return Answer(self.status, json.dumps({"error": error}))


VAULT_DENIALS = (
    VaultNo(401, "Unauthorized"),
    VaultNo(403, "Forbidden"),
    VaultNo(403, "Forbidden", "ForbiddenByRbac"),
    VaultNo(403, "Forbidden", "ForbiddenByPolicy"),
    VaultNo(403, "Forbidden", "ForbiddenByFirewall"),
    VaultNo(403, "Forbidden", "ForbiddenByConnection"),
)
"""Somebody must grant something."""
VAULT_NOES = (
    VaultNo(400, "BadParameter"),
    VaultNo(404, "SecretNotFound"),
    VaultNo(409, "Conflict"),
    VaultNo(409, "Conflict", "ObjectIsDeletedButRecoverable"),
    VaultNo(409, "Conflict", "ObjectIsBeingDeleted"),
    VaultNo(409, "Conflict", "ObjectIsBeingRecovered"),
)
"""A clear no."""
VAULT_OUTAGES = (
    VaultNo(429, "Throttled"),
    VaultNo(408, "RequestTimeout"),
    VaultNo(500, "InternalError"),
    VaultNo(502, "BadGateway"),
    VaultNo(503, "ServiceUnavailable"),
    VaultNo(504, "GatewayTimeout"),
)
"""Try again."""

SIGN_IN_ANSWERS = {
    "401": Answer(401, '{"message": "TF400813: told by a test"}'),
    "403": Answer(403, '{"message": "told by a test"}'),
    "302": redirect(),
    "203": sign_in_page(),
    "200": Answer(200, "<html><body>sign in</body></html>", "text/html; charset=utf-8"),
}
"""How Azure DevOps answers an owner's session that it does not admit, by status."""
