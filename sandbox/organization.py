"""An Azure DevOps organization: who belongs to it, and what its administrators forbid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.error import TokenRefusedError

if TYPE_CHECKING:
    from datetime import timedelta

    from sandbox.token import TokenDraft

FULL_SCOPE = "app_token"
ANONYMOUS = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""The user id in an answer to a bad token, where a public project lets everybody read (Azure
DevOps command line, ``credentials.py``)."""


@dataclass(frozen=True)
class Policy:
    """The policies of administrators that concern tokens.

    Azure DevOps documentation, *Manage personal access tokens using policies*.
    """

    max_lifespan: timedelta | None = None
    """Shortens what is asked for, without a word: no error is given."""
    restrict_full_scope: bool = False
    restrict_global: bool = False
    restrict_creation: bool = False
    creators: frozenset[str] = frozenset()
    """User ids that may create tokens although creation is restricted."""


@dataclass
class Organization:
    """One organization."""

    name: str
    account_id: str
    """The id that tokens name as their target account, in lower case."""
    members: set[str] = field(default_factory=set)
    """The Azure DevOps user ids of those who belong to it."""
    policy: Policy = field(default_factory=Policy)
    has_public_project: bool = False
    """Then a bad token is no error: it is answered as the anonymous user's."""

    def check_creation(self, owner: str, draft: TokenDraft) -> None:
        """See that the policies let ``owner`` create a token like ``draft``.

        Raises:
            TokenRefusedError: a policy forbids it; the reason is the one that is named after it.
        """
        if self.policy.restrict_creation and owner not in self.policy.creators:
            message = "creation of personal access tokens is restricted in this organization"
            raise TokenRefusedError("disablePatCreationPolicyViolation", message)
        self.check_grant(draft)

    def check_grant(self, draft: TokenDraft) -> None:
        """See that the policies admit a token with the scope and the reach of ``draft``.

        Raises:
            TokenRefusedError: a policy forbids it.
        """
        if self.policy.restrict_global and draft.all_orgs:
            message = "global personal access tokens are restricted"
            raise TokenRefusedError("globalPatPolicyViolation", message)
        if self.policy.restrict_full_scope and FULL_SCOPE in (draft.scope or "").split():
            message = "full-scoped personal access tokens are restricted"
            raise TokenRefusedError("fullScopePatPolicyViolation", message)
