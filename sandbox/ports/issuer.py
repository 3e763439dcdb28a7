"""The world's organizations as a ``TokenIssuer``."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from rotation.errors import AccessDeniedError, RejectedError, UnavailableError
from rotation.model import Created, Inventory, Token, TokenValue
from sandbox.error import CallerRefusedError
from sandbox.fault import Call
from sandbox.organization import ANONYMOUS
from sandbox.ports.translation import GONE, asking
from sandbox.registry import Caller
from sandbox.token import Filter, Sort, TokenDraft, TokenQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from rotation.model import Draft
    from rotation.ports import Clock
    from sandbox import token as state
    from sandbox.world import World

CLOCK_TOLERANCE = timedelta(minutes=5)
FORBIDDEN = 403
UNKNOWN = GONE | {"status-404"}


class WorldIssuer:
    """See ``rotation.ports.TokenIssuer``."""

    def __init__(
        self, world: World, access_token: Callable[[str], TokenValue], clock: Clock | None = None
    ) -> None:
        """Stand before the organizations of ``world``.

        Args:
            world: where the tokens are.
            access_token: gives an owner's access token; raises ``SessionError``.
            clock: the rotator's own, if it is not the world's.
        """
        self._world = world
        self._access_token = access_token
        self._clock = clock or world.clock
        self._callers: dict[tuple[str, str], Caller] = {}
        self._shown: dict[str, tuple[state.Token, Token]] = {}
        """What the last lists showed: most of it is what the next ones will."""

    def inventory(self, owner: str, organization: str) -> Inventory:
        """See ``TokenIssuer``."""
        tokens: list[Token] = []
        account_id = self._identity(owner, organization).organization.account_id
        start: int | None = 0
        while start is not None:
            query = TokenQuery(Filter.ACTIVE, Sort.DISPLAY_DATE, is_ascending=False, start=start)
            with self._calling(owner, _call("list_pats", organization)) as caller:
                page = self._world.registry.list(caller, query)
            self._check_clock(organization)
            tokens += map(self._listed, page.items)
            start = page.next_start
        is_confirmed = any(token.target_accounts == (account_id,) for token in tokens)
        return Inventory(account_id if is_confirmed else None, tuple(tokens))

    def _listed(self, token: state.Token) -> Token:
        shown, known = self._shown.get(token.authorization_id, (None, None))
        if shown is not token or known is None:
            known = _token(token)
            self._shown[token.authorization_id] = token, known
        return known

    def get(self, owner: str, organization: str, authorization_id: str) -> Token | None:
        """See ``TokenIssuer``."""
        try:
            with self._calling(owner, _call("get_pat", organization, authorization_id)) as caller:
                return _token(self._world.registry.get(caller, authorization_id))
        except RejectedError as exc:
            if exc.reason in UNKNOWN:
                return None
            raise

    def create(self, owner: str, organization: str, draft: Draft) -> Created:
        """See ``TokenIssuer``."""
        asked = TokenDraft(draft.display_name, draft.scope, draft.valid_to, all_orgs=False)
        call = _call("create_pat", organization, draft.display_name)
        with self._calling(owner, call, is_repeatable=False) as caller:
            made = self._world.registry.create(caller, asked)
        return Created(_token(made), TokenValue(made.value))

    def extend(self, owner: str, organization: str, token: Token, valid_to: datetime) -> Token:
        """See ``TokenIssuer``."""
        return self._update(owner, organization, replace(token, valid_to=valid_to))

    def rename(self, owner: str, organization: str, token: Token, display_name: str) -> Token:
        """See ``TokenIssuer``."""
        return self._update(owner, organization, replace(token, display_name=display_name))

    def _update(self, owner: str, organization: str, token: Token) -> Token:
        asked = TokenDraft(token.display_name, token.scope, token.valid_to, all_orgs=False)
        call = _call("update_pat", organization, token.authorization_id)
        with self._calling(owner, call) as caller:
            return _token(self._world.registry.update(caller, token.authorization_id, asked))

    def revoke(self, owner: str, organization: str, authorization_id: str) -> None:
        """See ``TokenIssuer``."""
        try:
            with self._calling(
                owner, _call("revoke_pat", organization, authorization_id)
            ) as caller:
                self._world.registry.revoke(caller, authorization_id)
        except RejectedError as exc:
            if exc.reason not in UNKNOWN:
                raise

    def prove(self, owner: str, organization: str, value: TokenValue) -> bool:
        """See ``TokenIssuer``."""
        caller = self._identity(owner, organization)
        try:
            with asking(self._world, _call("connection_data", organization)):
                user = self._world.authenticate(organization, value.reveal())
                if user is None and not caller.organization.has_public_project:
                    raise CallerRefusedError(401, "the token is not valid")
        except AccessDeniedError as exc:
            if exc.status == FORBIDDEN:
                raise  # authenticated, but kept out: it says nothing about the token
            return False
        return (user or ANONYMOUS) == caller.owner

    def _identity(self, owner: str, organization: str) -> Caller:
        """Tell who the owner is there; asked once, since neither ever changes."""
        key = (owner, organization.casefold())
        if key not in self._callers:
            with self._calling(owner, _call("connection_data", organization)) as caller:
                self._callers[key] = caller
        return self._callers[key]

    @contextmanager
    def _calling(self, owner: str, call: Call, *, is_repeatable: bool = True) -> Iterator[Caller]:
        """Make one remote call with the owner's access token."""
        # Asked for before the world is entered: to get it may take calls of its own.
        token = self._access_token(owner).reveal()
        with asking(self._world, call, is_repeatable=is_repeatable):
            yield self._admitted(call.target.partition("/")[0], token)

    def _admitted(self, organization: str, token: str) -> Caller:
        """Let in whose access token it is, while it lives, as a member of the organization."""
        found = self._world.organizations.get(organization.lower())
        if found is None:
            raise CallerRefusedError(404, f"there is no organization {organization}")
        tenant = self._world.tenant
        shown = tenant.inspect(token)
        if shown is None:
            raise CallerRefusedError(203, "the access token has expired")
        caller = Caller(found, tenant.users[shown.subject].identity_id)
        if caller.owner not in found.members:
            raise CallerRefusedError(401, f"{shown.subject} is no member")
        return caller

    def _check_clock(self, organization: str) -> None:
        apart = abs(self._world.clock() - self._clock())
        if apart > CLOCK_TOLERANCE:
            message = f"the clock of {organization} and ours are {apart} apart"
            raise UnavailableError(message, service="azure-devops", operation="list_pats")


def _call(operation: str, *target: str) -> Call:
    return Call("azure-devops", operation, "/".join(target))


def _token(token: state.Token) -> Token:
    return Token(
        authorization_id=token.authorization_id,
        display_name=token.display_name,
        scopes=frozenset(token.scope.split()),
        valid_from=token.valid_from,
        valid_to=token.valid_to,
        target_accounts=token.accounts,
    )
