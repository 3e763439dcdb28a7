"""What the refusals of the PAT lifecycle API mean, and who can do something about them.

The words are the values of ``PatTokenError`` (Azure DevOps REST API reference, *Tokens*, 7.2); what
those of the policies mean is on the page *Manage personal access tokens with policies for
administrators*. The others are documented by their names alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NONE = "none"
"""Means success."""
NOT_FOUND = frozenset({"authorizationNotFound", "hostAuthorizationNotFound", "tokenNotFound"})
"""The service does not know the token: it is not the caller's, or gone."""


class Who(StrEnum):
    """Who can do something about a refusal."""

    OWNER = "the owner"
    ADMINISTRATOR = "an Azure DevOps administrator"
    OPERATOR = "an operator"
    """Of the rotator: whoever keeps its settings and the tags in the vaults."""
    NOBODY = "nobody"


@dataclass(frozen=True)
class Refusal:
    """What one word means."""

    who: Who
    hint: str
    """What they must do, or else what comes next: the tail of a message."""
    is_passing: bool = False
    """Whether it says nothing about what was asked for, so that a later run asks for it again.

    What is not passing makes an extension a renewal at once. To wait where that would have helped
    costs the token, so it takes a word that would refuse the renewal just as well.
    """


def _must(who: Who, act: str) -> Refusal:
    return Refusal(who, f"{who} must {act}")


_NAME = _must(
    Who.OWNER, "give it a name in Azure DevOps that is allowed and ends in the secret's mark"
)
_REGISTRATION = _must(
    Who.OPERATOR,
    "check ROTATION_CLIENT_ID, and the consent of that app registration to vso.pats and "
    "vso.pats_manage",
)
_PLACE = _must(
    Who.OPERATOR, "check the tag pat-organization and the setting ROTATION_DEVOPS_TOKENS_URL"
)
_STRANGER = _must(
    Who.OPERATOR, "check that the tag pat-owner names the person to whom the token belongs"
)
_GLOBAL = _must(Who.OWNER, "make one token for each organization")
_HICCUP = Refusal(Who.NOBODY, "a later run tries again")
_POLICY_UNREAD = Refusal(Who.NOBODY, "a later run tries again", is_passing=True)
_OVER = Refusal(Who.NOBODY, "only a new token can follow it")

REFUSALS = {
    "accessDenied": _must(
        Who.ADMINISTRATOR, "give the owner at least Basic access in the organization"
    ),
    "authorizationNotFound": _STRANGER,
    "deploymentHostNotSupported": _PLACE,
    "disablePatCreationPolicyViolation": _must(
        Who.ADMINISTRATOR,
        "put the owner on the allow-list of the policy that restricts the creation of tokens",
    ),
    "displayNameRequired": _NAME,
    "duplicateHash": _HICCUP,
    "expiredPatCannotBeExtended": _OVER,
    "failedToIssueAccessToken": _HICCUP,
    "failedToReadOrgPolicy": _POLICY_UNREAD,
    "failedToReadTenantPolicy": _POLICY_UNREAD,
    # Not passing: it may be for good, since the token may have been revoked.
    "failedToUpdateAccessToken": _OVER,
    "fullScopePatPolicyViolation": Refusal(
        Who.ADMINISTRATOR,
        "order a token with narrower scopes, or an Azure DevOps administrator of the tenant must "
        "put the owner on the allow-list of the full-scope policy",
    ),
    "globalPATCreationBlocked": _GLOBAL,
    "globalPatPolicyViolation": _GLOBAL,
    "hostAuthorizationNotFound": _must(
        Who.OWNER, "sign in to the organization once with a browser"
    ),
    "invalidAudience": _REGISTRATION,
    "invalidAuthorizationId": _must(Who.OPERATOR, "check the tag pat-authorization-id"),
    "invalidClient": _REGISTRATION,
    "invalidClientId": _REGISTRATION,
    "invalidClientType": _REGISTRATION,
    "invalidDisplayName": _NAME,
    "invalidScope": _must(
        Who.OWNER, "change its scopes in Azure DevOps to such as are still offered"
    ),
    "invalidSource": _PLACE,
    "invalidSourceIP": _must(
        Who.ADMINISTRATOR, "let in the address that the rotator calls from: see conditional access"
    ),
    "invalidSubject": _REGISTRATION,
    "invalidTargetAccounts": _PLACE,
    "invalidToken": _must(Who.OWNER, "sign in again"),
    "invalidTokenType": _REGISTRATION,
    "invalidUserId": _must(Who.ADMINISTRATOR, "make the owner a member of the organization"),
    "invalidUserType": _must(Who.OPERATOR, "name a person as the owner"),
    "invalidValidTo": _must(Who.OPERATOR, "lower the tag pat-lifetime-days"),
    "patLifespanPolicyViolation": _must(
        Who.OPERATOR, "set the tag pat-lifetime-days to what the tenant's lifespan policy allows"
    ),
    "sourceNotSupported": _PLACE,
    "sshPolicyDisabled": _must(
        Who.ADMINISTRATOR, "look at the policy for SSH authentication of the organization"
    ),
    "tokenNotFound": _STRANGER,
    "userIdRequired": _REGISTRATION,
}
"""Every documented word but ``none``."""

UNKNOWN = _must(
    Who.ADMINISTRATOR, "look at the policies for personal access tokens of the organization"
)
"""A word that was added later: most of these came with a policy."""


def of(word: str) -> Refusal:
    """Tell what the refusal ``word`` means; one that is not documented is no error."""
    return REFUSALS.get(word, UNKNOWN)
