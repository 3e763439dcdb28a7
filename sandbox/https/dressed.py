"""A face in another manner: what it is asked and what it answers are rewritten on their way."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from sandbox.grant import KEY_VAULT
from sandbox.https.message import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.https.dressing import Dressing
    from sandbox.https.message import Request

    Respond = Callable[[Request], Response]

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
DATES = frozenset({"validFrom", "validTo"})
TOLD = ("scope", "ext_expires_in")
"""What an answer with a token need not say again (RFC 6749, 5.1)."""
NUMBERS = frozenset({"expires_in", "expires_on"})
OPTIONAL = {"attributes": ("exp", "nbf"), "version": ("contentType",)}
"""What Key Vault leaves out where there is none: of a version's attributes, and beside them."""
AGAIN = "the-same-again"
"""Where a list of tokens goes on that has not begun yet."""
NO_CONTENT = 204


@dataclass(frozen=True)
class Dressed:
    """A face in another manner."""

    face: Respond
    dressing: Dressing
    path: str = ""
    """Under which it is there."""

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        dressing, asked = self.dressing, request
        if self.path:
            if not request.target.startswith(f"{self.path}/"):
                return Response.of_page(404, "not found")
            asked = replace(request, target=request.target.removeprefix(self.path))
        if dressing.page_size:
            asked = _smaller(asked, dressing.page_size)
        response = (_beginning(asked) if dressing.begins_empty else None) or self.face(
            _without_mark(asked)
        )
        if asked.method == "DELETE" and response.status == NO_CONTENT:
            response = replace(response, status=dressing.revoked)
        return self._rewritten(response)

    def _rewritten(self, response: Response) -> Response:
        headers = {name: self._header(name, text) for name, text in response.headers.items()}
        if "json" not in headers.get("Content-Type", "").lower():
            return replace(response, headers=headers)
        try:
            answer = self._value("", json.loads(response.body))
        except ValueError:  # broken off on its way
            return replace(response, headers=headers)
        indent = 1 if self.dressing.is_reversed else None
        return replace(response, headers=headers, body=json.dumps(answer, indent=indent).encode())

    def _header(self, name: str, text: str) -> str:
        if name == "Content-Type" and text == Response.of_json(None).headers[name]:
            return self.dressing.content_type
        if name == "WWW-Authenticate" and f'resource="{KEY_VAULT}"' in text:
            return self.dressing.challenge.format(**dict(re.findall(r'(\w+)="([^"]*)"', text)))
        return text

    def _value(self, name: str, value: object) -> object:
        match value:
            case dict():
                return value if name == "tags" else self._object(name, value)
            case list():
                return [self._value(name, one) for one in value]
            case str() if name in DATES:
                return self._date(value)
            case str() if self.dressing.upper_ids and GUID.fullmatch(value):
                return value.upper()
            case int() | str() if name in NUMBERS and self.dressing.is_terse:
                return int(value) if isinstance(value, str) else str(value)
            case _:
                return value

    def _object(self, name: str, found: Mapping[str, object]) -> dict[str, object]:
        dressing = self.dressing
        written = {key: self._value(key, value) for key, value in found.items()}
        if dressing.is_terse and "access_token" in written:
            written = {key: value for key, value in written.items() if key not in TOLD}
        if dressing.flips_nulls:
            kind = "version" if "attributes" in written else name
            written = {
                k: value for k, value in written.items() if value is not None and value != ""
            }
            written |= dict.fromkeys(key for key in OPTIONAL.get(kind, ()) if key not in written)
        if dressing.says_more:
            written |= {"x-more": {"tomorrow": [1, None, "?"]}}
        return dict(reversed(written.items())) if dressing.is_reversed else written

    def _date(self, text: str) -> str:
        if self.dressing.fraction is None:
            return text[:-1] + self.dressing.zone
        at, digits = datetime.fromisoformat(text), text[20:-1].ljust(7, "0")
        fraction = digits[: self.dressing.fraction]
        return f"{at:%Y-%m-%dT%H:%M:%S}{'.' if fraction else ''}{fraction}{self.dressing.zone}"


def _size_of(request: Request) -> str:
    """Name the parameter that tells the size of a page; empty if no list is asked for."""
    path = [part.lower() for part in request.segments]
    if request.method != "GET":
        return ""
    if path[1:] == ["_apis", "tokens", "pats"] and not request.query.get("authorizationId"):
        return "$top"
    is_list = path in (["secrets"], ["deletedsecrets"]) or path[2:] == ["versions"]
    return "maxresults" if is_list else ""


def _smaller(request: Request, most: int) -> Request:
    """Ask for smaller pages."""
    name = _size_of(request)
    asked = request.query.get(name, "")
    if not name or (asked.isdecimal() and int(asked) < most):
        return request
    return _asking(request, {**request.query, name: str(most)})


def _beginning(request: Request) -> Response | None:
    """Give the page with nothing on it, if a list begins here."""
    name, query = _size_of(request), request.query
    if not request.bearer or not name:
        return None
    if name == "$top" and "continuationToken" not in query:
        return Response.of_json({"continuationToken": AGAIN, "patTokens": []})
    if name == "maxresults" and "$skiptoken" not in query:
        link = f"https://{request.headers.get('host', '')}{request.target}&$skiptoken=0"
        return Response.of_json({"value": [], "nextLink": link})
    return None


def _without_mark(request: Request) -> Request:
    query = request.query
    if query.get("continuationToken") != AGAIN:
        return request
    del query["continuationToken"]
    return _asking(request, query)


def _asking(request: Request, query: Mapping[str, str]) -> Request:
    target = urlsplit(request.target)._replace(query=urlencode(query)).geturl()
    return replace(request, target=target)
