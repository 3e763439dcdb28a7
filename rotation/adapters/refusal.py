"""What the refusals of the PAT lifecycle API mean, and who can do something about them.

The words are the values of ``PatTokenError`` (Azure DevOps REST API reference, *Tokens*, 7.2); what
they mean is on the page *Manage personal access tokens with policies for administrators*.
"""

from __future__ import annotations

NONE = "none"
"""Means success."""
NOT_FOUND = frozenset({"authorizationNotFound", "hostAuthorizationNotFound", "tokenNotFound"})
"""The service does not know the token: it is not the caller's, or gone."""

PASSING = frozenset({"failedToReadOrgPolicy", "failedToReadTenantPolicy"})
"""The service could not find out whether it may: nothing was done, and a later run tries again."""

HINTS = {
    "accessDenied": "check that the owner has at least Basic access in the organization",
    "disablePatCreationPolicyViolation": (
        "a collection administrator must put the owner on the allow-list of the policy that "
        "restricts the creation of personal access tokens"
    ),
    "expiredPatCannotBeExtended": "it is renewed instead",
    "failedToReadOrgPolicy": "a later run tries again",
    "failedToReadTenantPolicy": "a later run tries again",
    "fullScopePatPolicyViolation": (
        "order a token with narrower scopes, or an Azure DevOps administrator of the tenant must "
        "put the owner on the allow-list of the full-scope policy"
    ),
    "globalPATCreationBlocked": "make one token for each organization",
    "globalPatPolicyViolation": "make one token for each organization",
    "invalidScope": "its scope is not offered any more; order a token with a scope that is",
    "patLifespanPolicyViolation": (
        "set the tag pat-lifetime-days to what the tenant's lifespan policy allows"
    ),
}


def hint(word: str) -> str:
    """Tell what a person should do about the refusal ``word``."""
    return HINTS.get(word, "see the policies for personal access tokens of the organization")
