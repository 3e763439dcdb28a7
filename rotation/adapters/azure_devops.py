"""The PAT lifecycle API of Azure DevOps as a ``TokenIssuer``.

It must never repeat a create, follow a redirect, or let a value out but as ``TokenValue``.
Source: Azure DevOps REST API reference, *Tokens* (7.2).
"""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from requests.auth import AuthBase

from rotation.adapters import refusal
from rotation.adapters.answer import (
    ANONYMOUS,
    FORBIDDEN,
    NON_AUTHORITATIVE,
    OK,
    REDIRECTS,
    SIGN_IN,
    UNAUTHORIZED,
    Call,
    is_json,
    is_unknown,
)
from rotation.adapters.border import translated
from rotation.adapters.patience import paid_by
from rotation.errors import AccessDeniedError, RejectedError, UnavailableError
from rotation.inventory import Inventory, Tokens
from rotation.model import Token, TokenValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from requests import PreparedRequest, Response, Session

    from rotation.model import Created, Draft
    from rotation.ports import Clock

API_VERSION = "7.2-preview.1"
CONNECTION_DATA_VERSION = "7.1-preview.1"
PAGE = "100"
PAGES_LIMIT = 1000
"""A list that goes on for longer is taken for one that turns in a circle."""
NAME_LIMIT = 200
"""Characters of a display name that a message quotes: nobody promises how long one may be."""
HEADERS = {
    "Accept": "application/json",
    # Without it, a bad credential is answered with a redirect to a sign-in page.
    "X-TFS-FedAuthRedirect": "Suppress",
}


class AzureDevOpsIssuer:
    """The lifecycle of the owners' tokens."""

    def __init__(
        self,
        session: Session,
        access_token: Callable[[str], TokenValue],
        clock: Clock,
        *,
        devops_url: str,
        tokens_url: str,
    ) -> None:
        """Take what the calls are made with.

        Args:
            session: follows no redirect, and repeats idempotent calls only, as
                ``patience.open_session`` makes it.
            access_token: gives an owner's access token; raises ``SessionError``.
            clock: the present instant, to compare with the service's.
            devops_url: where organizations are, such as ``https://dev.azure.com``.
            tokens_url: where tokens are, such as ``https://vssps.dev.azure.com``.
        """
        self._http = session
        self._access_token = access_token
        self._clock = clock
        self._devops_url = devops_url
        self._tokens_url = tokens_url
        self._identities: dict[tuple[str, str], tuple[str, str | None]] = {}

    def inventory(self, owner: str, organization: str) -> Inventory:
        """See ``TokenIssuer``."""
        _, account_id = self._identity(owner, organization)
        call = Call("list the tokens of", f"{owner} in {organization}")
        query = {
            "displayFilterOption": "active",
            "sortByOption": "displayDate",
            "isSortAscending": "false",
            "$top": PAGE,
        }
        found = Tokens()
        for _ in range(PAGES_LIMIT):
            response = self._ask(call, owner, organization, "GET", query)
            call.check_clock(response, self._clock())
            tokens, continuation = call.page(response)
            found.extend(tokens)
            if not continuation:
                return Inventory(_confirmed(account_id, found), found)
            query["continuationToken"] = continuation
        raise call.error(UnavailableError, f"the list does not end after {PAGES_LIMIT} pages")

    def get(self, owner: str, organization: str, authorization_id: str) -> Token | None:
        """See ``TokenIssuer``."""
        if not authorization_id:
            message = "a get without an id would silently become a list"
            raise ValueError(message)
        call = Call("get", f"token {authorization_id} of {owner} in {organization}")
        query = {"authorizationId": authorization_id}
        response = self._ask(call, owner, organization, "GET", query)
        if is_unknown(response):
            return None
        try:
            return call.token(response)
        except RejectedError as exc:
            if exc.reason in refusal.NOT_FOUND:
                return None
            raise

    def create(self, owner: str, organization: str, draft: Draft) -> Created:
        """See ``TokenIssuer``."""
        place = f"token {_shortened(draft.display_name)!r} of {owner} in {organization}"
        call = Call("create", place, is_repeatable=False)
        body = {
            "displayName": draft.display_name,
            "scope": draft.scope,
            "validTo": _timestamp(draft.valid_to),
            "allOrgs": False,
        }
        return call.created(self._ask(call, owner, organization, "POST", body=body))

    def extend(self, owner: str, organization: str, token: Token, valid_to: datetime) -> Token:
        """See ``TokenIssuer``."""
        return self._update("extend", owner, organization, replace(token, valid_to=valid_to))

    def rename(self, owner: str, organization: str, token: Token, display_name: str) -> Token:
        """See ``TokenIssuer``."""
        named = replace(token, display_name=display_name)
        return self._update("rename", owner, organization, named)

    def _update(self, verb: str, owner: str, organization: str, token: Token) -> Token:
        call = Call(verb, f"token {token.authorization_id} of {owner} in {organization}")
        # All that may be updated is given, so that an update can mean nothing but what is meant.
        body = {
            "authorizationId": token.authorization_id,
            "displayName": token.display_name,
            "scope": token.scope,
            "validTo": _timestamp(token.valid_to),
            "allOrgs": False,
        }
        return call.token(self._ask(call, owner, organization, "PUT", body=body))

    def revoke(self, owner: str, organization: str, authorization_id: str) -> None:
        """See ``TokenIssuer``."""
        call = Call("revoke", f"token {authorization_id} of {owner} in {organization}")
        query = {"authorizationId": authorization_id}
        response = self._ask(call, owner, organization, "DELETE", query)
        if is_unknown(response):
            return
        call.check_revocation(response)

    def prove(self, owner: str, organization: str, value: TokenValue) -> bool:
        """See ``TokenIssuer``."""
        expected, _ = self._identity(owner, organization)
        call = Call("prove", f"the token of {owner} in {organization}")
        response = self._connect(call, owner, organization, _basic(value))
        if response.status_code == FORBIDDEN:
            call.check(response)  # authenticated, but kept out: it says nothing about the token
        if response.status_code in {UNAUTHORIZED, NON_AUTHORITATIVE, *REDIRECTS}:
            return False
        if response.status_code == OK and not is_json(response):
            return False
        user_id, _ = call.identity(response)
        return user_id == expected

    def _identity(self, owner: str, organization: str) -> tuple[str, str | None]:
        """Tell who the owner is there, and the organization's id; asked once in a process."""
        key = (owner, organization.casefold())
        if key not in self._identities:
            call = Call("tell who is", f"{owner} in {organization}")
            bearer = _bearer(self._access_token(owner))
            found = call.identity(self._connect(call, owner, organization, bearer))
            if found[0] == ANONYMOUS:
                what = "the owner's session is taken for nobody"
                raise call.error(AccessDeniedError, what, hint=SIGN_IN)
            self._identities[key] = found
        return self._identities[key]

    def _connect(
        self, call: Call, owner: str, organization: str, credential: _Credential
    ) -> Response:
        url = f"{self._devops_url}/{organization}/_apis/connectionData"
        query = {"api-version": CONNECTION_DATA_VERSION}
        with paid_by(owner):
            return self._send(call, "GET", url, credential, query=query)

    def _ask(  # noqa: PLR0913 - the parts of one request
        self,
        call: Call,
        owner: str,
        organization: str,
        method: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
    ) -> Response:
        url = f"{self._tokens_url}/{organization}/_apis/tokens/pats"
        credential = _bearer(self._access_token(owner))
        query = {**(query or {}), "api-version": API_VERSION}
        with paid_by(owner):
            return self._send(call, method, url, credential, query=query, body=body)

    def _send(  # noqa: PLR0913 - the parts of one request
        self,
        call: Call,
        method: str,
        url: str,
        credential: _Credential,
        *,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
    ) -> Response:
        return translated(
            lambda: self._http.request(
                method,
                url,
                params=query,
                json=body,
                auth=credential,
                headers=HEADERS,
            ),
            call.lost,
        )


def _shortened(display_name: str) -> str:
    """Leave of a long display name its end, where the binding mark is."""
    is_long = len(display_name) > NAME_LIMIT
    return f"...{display_name[-NAME_LIMIT:]}" if is_long else display_name


def _confirmed(account_id: str | None, tokens: Sequence[Token]) -> str | None:
    """Believe what ``connectionData`` calls the organization's id if a token is confined to it.

    No documentation says that the two are the same, so a difference alone proves nothing.
    """
    return account_id if any(t.target_accounts == (account_id,) for t in tokens) else None


class _Credential(AuthBase):
    """Sets the header itself, so that no ``.netrc`` of the machine gets a say."""

    def __init__(self, header: TokenValue) -> None:
        self._header = header

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = self._header.reveal()
        return request


def _basic(value: TokenValue) -> _Credential:
    # Whatever somebody stored; and an error of encoding would carry the whole value with it.
    credential = f":{value.reveal()}".encode(errors="surrogatepass")
    encoded = base64.b64encode(credential).decode()
    return _Credential(TokenValue(f"Basic {encoded}"))


def _bearer(value: TokenValue) -> _Credential:
    return _Credential(TokenValue(f"Bearer {value.reveal()}"))


def _timestamp(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
