"""The tokens of all organizations, and what their owners may do with them: the PAT lifecycle API.

Its rules are those of the published specification (``tokens/7.2``) and of the Azure DevOps
documentation, *Use personal access tokens*. Where neither says what happens, the stricter manner is
imitated and the docstring says *unverified*.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import TYPE_CHECKING

from sandbox.error import TokenRefusedError
from sandbox.ground import guarded
from sandbox.page import Page, cut
from sandbox.token import Filter, Sort, Token, TokenDraft, TokenQuery, round_to_tick

if TYPE_CHECKING:
    from collections.abc import Collection

    from sandbox.ground import Ground
    from sandbox.organization import Organization

LONGEST_LIFE = timedelta(days=365)
PAGE_SIZE = 100
SCOPE = re.compile(r"app_token|vso\.[a-z_]+( vso\.[a-z_]+)*")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Azure DevOps blog, "Retirement of global personal access tokens".
GLOBAL_CREATION_ENDS_AT = datetime(2026, 3, 15, tzinfo=UTC)
GLOBAL_USE_ENDS_AT = datetime(2026, 12, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Caller:
    """Who asks, and in which organization: an owner sees only the tokens that are theirs."""

    organization: Organization
    owner: str
    """The Azure DevOps user id."""


class Deed(StrEnum):
    """What the API did to a token."""

    CREATE = "create"
    UPDATE = "update"
    REVOKE = "revoke"


@dataclass(frozen=True)
class AuditEntry:
    """One line of the audit log: what was done through the API, by the token's owner."""

    at: datetime
    deed: Deed
    before: Token | None
    """The token as it was; None if it was made."""
    after: Token


class TokenRegistry:
    """Every token that was ever made."""

    def __init__(self, ground: Ground) -> None:
        """Start without tokens."""
        self.ground = ground
        self.audit: list[AuditEntry] = []
        """What was done through the API, in order; what ``plant`` and ``amend`` do is not."""
        self._tokens: dict[str, Token] = {}
        self._open: defaultdict[str, dict[str, Token]] = defaultdict(dict)
        """Those that have not been found revoked or expired, by their owners: a list need not look
        at the others."""
        self._ids: dict[str, str] = {}
        """The authorization id that belongs to a value."""

    @property
    @guarded
    def tokens(self) -> tuple[Token, ...]:
        """All tokens, dead or alive, the oldest first."""
        return tuple(self._tokens.values())

    @guarded
    def plant(self, token: Token) -> Token:
        """Put a token into the world as it is, past every rule."""
        self.ground.issue(token.value)
        self._ids[token.value] = token.authorization_id
        self._tokens[token.authorization_id] = token
        if token.is_living_at(self.ground.now()):
            self._open[token.owner][token.authorization_id] = token
        else:
            self._open[token.owner].pop(token.authorization_id, None)
        return token

    @guarded
    def amend(self, authorization_id: str, /, **changes: object) -> Token:
        """Change a token from outside, past every rule: what administrators and time do.

        Args:
            authorization_id: the token.
            **changes: fields of ``Token`` and their new values.
        """
        token = self._tokens[authorization_id]
        return self.plant(replace(token, **changes))  # type: ignore[arg-type]

    @guarded
    def living(self) -> tuple[Token, ...]:
        """Give the tokens that are neither revoked nor expired."""
        return tuple(chain.from_iterable(map(self._living_of, [*self._open])))

    def _living_of(self, owner: str) -> Collection[Token]:
        now, tokens = self.ground.now(), self._open[owner]
        for token in [token for token in tokens.values() if token.valid_to <= now]:
            del tokens[token.authorization_id]
        return tokens.values()

    @guarded
    def find(self, value: str) -> Token | None:
        """Give the token that has this value, dead or alive."""
        return self._found(value)

    def _found(self, value: str) -> Token | None:
        authorization_id = self._ids.get(value)
        return None if authorization_id is None else self._tokens[authorization_id]

    @guarded
    def authenticate(self, organization: Organization, value: str) -> str | None:
        """Give the id of the user as whom ``value`` authenticates there, or None."""
        token = self._found(value)
        now = self.ground.now()
        if token is None or token.asleep or not token.is_living_at(now):
            return None
        if token.accounts is None:
            reaches = now < GLOBAL_USE_ENDS_AT
        else:
            reaches = organization.account_id in token.accounts
        return token.owner if reaches and token.owner in organization.members else None

    @guarded
    def list(self, caller: Caller, query: TokenQuery) -> Page[Token]:
        """Give a page of the caller's tokens: the organization's own and the global ones."""
        now = self.ground.now()
        if query.filter is Filter.ACTIVE:
            shown = [token for token in self._living_of(caller.owner) if _is_visible(token, caller)]
        else:
            shown = [
                token
                for token in self._tokens.values()
                if _is_visible(token, caller) and query.filter in (Filter.ALL, token.status_at(now))
            ]
        keys = {
            Sort.DISPLAY_NAME: lambda token: token.display_name.lower(),
            Sort.DISPLAY_DATE: lambda token: token.valid_to,
            Sort.STATUS: lambda token: token.status_at(now),
        }
        shown.sort(key=keys[query.sort], reverse=not query.is_ascending)
        return cut(shown, query.start, min(query.size, PAGE_SIZE))

    @guarded
    def get(self, caller: Caller, authorization_id: str) -> Token:
        """Give one of the caller's tokens, dead or alive: nothing in the answer tells which.

        Raises:
            TokenRefusedError: it is no id, or the caller has no such token in this organization.
        """
        if not GUID.fullmatch(authorization_id.lower()):
            raise TokenRefusedError("invalidAuthorizationId", "the authorization id is not a guid")
        token = self._tokens.get(authorization_id.lower())
        if token is None or not _is_visible(token, caller):
            message = f"authorization {authorization_id} was not found"
            raise TokenRefusedError("authorizationNotFound", message)
        return token

    @guarded
    def create(self, caller: Caller, draft: TokenDraft) -> Token:
        """Make a token; not idempotent, and the one answer that tells its value.

        The lifespan policy shortens the life to ``now`` + maximum without a word. The service gives
        scopes back in an order of its own. A missing ``valid_to`` is refused (unverified).

        Raises:
            TokenRefusedError: the draft is not valid, or a policy forbids it.
        """
        now = self.ground.now()
        if not draft.display_name:
            raise TokenRefusedError("displayNameRequired", "a display name is required")
        scope = _scope(draft.scope)
        valid_to = _valid_to(draft.valid_to, now)
        caller.organization.check_creation(caller.owner, draft)
        if draft.all_orgs and now >= GLOBAL_CREATION_ENDS_AT:
            message = "global personal access tokens can no longer be created"
            raise TokenRefusedError("globalPATCreationBlocked", message)
        longest = caller.organization.policy.max_lifespan
        return self._done(
            Deed.CREATE,
            None,
            Token(
                authorization_id=self.ground.mint.guid(),
                owner=caller.owner,
                display_name=draft.display_name,
                scope=scope,
                valid_from=round_to_tick(now),
                valid_to=round_to_tick(min(valid_to, now + longest) if longest else valid_to),
                accounts=None if draft.all_orgs else (caller.organization.account_id,),
                value=self.ground.mint.token_value(),
            ),
        )

    @guarded
    def update(self, caller: Caller, authorization_id: str, draft: TokenDraft) -> Token:
        """Change a living token; its value stays, and what ``draft`` leaves out stays.

        The lifespan policy shortens the life to *creation* + maximum without a word. Which reason a
        revoked token is refused with is unverified.

        Raises:
            TokenRefusedError: there is no such token, it is dead, or a policy forbids the change.
        """
        token = self.get(caller, authorization_id)
        now = self.ground.now()
        if token.revoked:
            raise TokenRefusedError("failedToUpdateAccessToken", "the token has been revoked")
        if not token.is_living_at(now):
            message = "an expired token cannot be extended"
            raise TokenRefusedError("expiredPatCannotBeExtended", message)
        scope = token.scope if draft.scope is None else _scope(draft.scope)
        reach = (token.accounts is None) if draft.all_orgs is None else draft.all_orgs
        caller.organization.check_grant(TokenDraft(scope=scope, all_orgs=reach))
        valid_to = token.valid_to
        if draft.valid_to is not None:
            longest = caller.organization.policy.max_lifespan
            valid_to = _valid_to(draft.valid_to, now)
            valid_to = min(valid_to, token.valid_from + longest) if longest else valid_to
        changed = replace(
            token,
            display_name=draft.display_name or token.display_name,
            scope=scope,
            valid_to=round_to_tick(valid_to),
            accounts=None if reach else (caller.organization.account_id,),
        )
        return self._done(Deed.UPDATE, token, changed)

    @guarded
    def revoke(self, caller: Caller, authorization_id: str) -> None:
        """End a token; one that was revoked before is a success too.

        Raises:
            TokenRefusedError: the caller has no such token in this organization.
        """
        token = self.get(caller, authorization_id)
        self._done(Deed.REVOKE, token, replace(token, revoked=True))

    def _done(self, deed: Deed, before: Token | None, after: Token) -> Token:
        self.audit.append(AuditEntry(self.ground.now(), deed, before, after))
        return self.plant(after)


def _is_visible(token: Token, caller: Caller) -> bool:
    here = token.accounts is None or caller.organization.account_id in token.accounts
    return here and token.owner == caller.owner


def _scope(scope: str | None) -> str:
    if not SCOPE.fullmatch(scope or ""):
        raise TokenRefusedError("invalidScope", f"{scope!r} is no scope")
    return " ".join(sorted((scope or "").split()))


def _valid_to(valid_to: datetime | None, now: datetime) -> datetime:
    if valid_to is None or not now < valid_to <= now + LONGEST_LIFE:
        message = "the expiry must lie in the future, within a year"
        raise TokenRefusedError("invalidValidTo", message)
    return valid_to
