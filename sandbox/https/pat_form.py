"""The JSON and the parameters of the PAT lifecycle API (published specification ``tokens/7.2``)."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from sandbox.token import Filter, Sort, Token, TokenDraft, TokenQuery, format_instant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.error import TokenRefusedError
    from sandbox.https.message import Request
    from sandbox.page import Page

T = TypeVar("T")

DEFAULT_SIZE = 20
"""Without ``$top``. What the service does then is unverified: a client had better say."""


class UnreadableError(Exception):
    """The request makes no sense to the service, which answers 400."""

    def __init__(self, kind: str, message: str) -> None:
        """Keep the ``typeKey`` of the answer as ``kind``."""
        super().__init__(message)
        self.kind = kind


def result(token: Token, *, show_value: bool = False) -> dict[str, object]:
    """Write a PatTokenResult that holds a token, with its value only if it was just made."""
    return {"patToken": _token(token, show_value=show_value), "patTokenError": "none"}


def refused(error: TokenRefusedError, version: str) -> dict[str, object]:
    """Write a PatTokenResult that says no.

    Args:
        error: the refusal.
        version: the ``api-version`` of the request; only those from 7.2 on know a message.
    """
    answer: dict[str, object] = {"patToken": None, "patTokenError": error.reason}
    return answer if version < "7.2" else {**answer, "patTokenErrorMessage": str(error)}


def page(page: Page[Token], query: TokenQuery) -> dict[str, object]:
    """Write a PagedPatTokens. On the last page the continuation token is the empty string."""
    following = "" if page.next_start is None else _marker(query, page.next_start)
    tokens = [_token(token, show_value=False) for token in page.items]
    return {"continuationToken": following, "patTokens": tokens}


def read_query(query: Mapping[str, str]) -> TokenQuery:
    """Read which tokens a list shall show.

    Without a filter the active ones are shown (unverified). More than 100 a page are never given.

    Raises:
        UnreadableError: a value is unknown, or a continuation comes with other options than the
            page that it continues: the specification asks for the same ones.
    """
    try:
        asked = TokenQuery(
            filter=Filter(query.get("displayFilterOption", Filter.ACTIVE)),
            sort=Sort(query.get("sortByOption", Sort.DISPLAY_NAME)),
            is_ascending=query.get("isSortAscending", "true").lower() == "true",
            size=int(query.get("$top", DEFAULT_SIZE)),
        )
    except ValueError as exc:
        raise UnreadableError("VssPropertyValidationException", str(exc)) from None
    marker = query.get("continuationToken")
    return asked if not marker else _continued(asked, marker)


def read_draft(request: Request) -> TokenDraft:
    """Read what a create or an update says about a token.

    Raises:
        UnreadableError: the body is no JSON object, or something in it is of the wrong type.
    """
    body = _body(request)
    valid_to = _typed(body, "validTo", str)
    return TokenDraft(
        display_name=_typed(body, "displayName", str),
        scope=_typed(body, "scope", str),
        valid_to=None if valid_to is None else _instant(valid_to),
        all_orgs=_typed(body, "allOrgs", bool),
    )


def peek(request: Request, name: str) -> str:
    """Give a text out of the body, or nothing if the body cannot be read."""
    try:
        return _typed(_body(request), name, str) or ""
    except UnreadableError:
        return ""


def _token(token: Token, *, show_value: bool) -> dict[str, object]:
    return {
        "displayName": token.display_name,
        "validTo": format_instant(token.valid_to),
        "scope": token.scope,
        "targetAccounts": None if token.accounts is None else list(token.accounts),
        "validFrom": format_instant(token.valid_from),
        "authorizationId": token.authorization_id,
        "token": token.value if show_value else None,
    }


def _options(query: TokenQuery) -> list[object]:
    return [query.filter, query.sort, query.is_ascending, query.size]


def _marker(query: TokenQuery, start: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([start, *_options(query)]).encode()).decode()


def _continued(asked: TokenQuery, marker: str) -> TokenQuery:
    try:
        start, *options = json.loads(base64.urlsafe_b64decode(marker))
    except (binascii.Error, ValueError):
        start, options = 0, []
    if options != _options(asked):
        message = "the continuation token does not belong to these options"
        raise UnreadableError("InvalidContinuationTokenException", message)
    return TokenQuery(asked.filter, asked.sort, asked.is_ascending, start, asked.size)


def _body(request: Request) -> dict[str, object]:
    try:
        return request.json()
    except (ValueError, TypeError):
        message = "TF400898: an internal error occurred"
        raise UnreadableError("JsonReaderException", message) from None


def _typed(body: Mapping[str, object], name: str, kind: type[T]) -> T | None:
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise UnreadableError("JsonReaderException", f"TF400898: {name} is no {kind.__name__}")
    return value


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise UnreadableError("JsonReaderException", f"TF400898: {text} is no date") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
