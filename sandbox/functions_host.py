"""The Functions host in miniature: it serves the HTTP functions of an app that it has indexed.

What it does with a request and an answer is what the real one does, where that can be noticed:

- A method that no binding names is 404, as is an unknown path (Azure/azure-functions-host, issue
  10098); paths are compared without regard to case, and what stands for a part in braces is handed
  on. The route ``/`` is the root, and is asked before the host shows a page of its own there
  (Azure/azure-functions-host, ``HomepageMiddleware``).
- Where built-in authentication is on, a header that tells who is there comes from the platform
  alone: a client's own is stripped (App Service documentation, *Work with user identities*).
- The address that a function is told has the name by which the host was asked.
- A parameter without a value is left out, and one that is there twice is joined by a comma.
- A cookie is taken apart by the Python worker and written again by ASP.NET Core, which encodes its
  value and adds a ``domain``: an empty one (Azure/azure-functions-python-worker, issue 1794), or
  the name of the app (the same, issue 1902).
"""

from __future__ import annotations

import base64
import json
import logging
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

import azure.functions as func

from sandbox.https.message import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from azure.functions.decorators.function_app import Function

    from sandbox.https.message import Request

    Work = Callable[[func.HttpRequest], func.HttpResponse]

LOGGER = logging.getLogger("sandbox.functions")

PRINCIPAL = "x-ms-client-principal"


class FunctionsHost:
    """Answers requests with the functions that are bound to them."""

    def __init__(
        self,
        functions: Iterable[Function],
        url: str,
        *,
        fills_domains: bool = False,
        visitor: str | None = None,
    ) -> None:
        """Index the functions.

        Args:
            functions: all of an app; those without an HTTP trigger are passed over.
            url: where they are served.
            fills_domains: write the host's name into cookies without a domain, instead of nothing.
            visitor: who has signed in at the platform; None leaves the headers as they come.
        """
        self._url = url
        self._visitor = visitor
        self._domain = urlsplit(url).hostname or "" if fills_domains else ""
        self._routes: list[tuple[str, tuple[str, ...], Work]] = []
        for function in functions:
            for binding in _http_triggers(function):
                path = tuple(part for part in binding["route"].split("/") if part)
                for method in binding["methods"]:
                    self._routes.append((method.value, path, function.get_user_function()))

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        for method, path, work in self._routes:
            parts = _matched(path, request.segments)
            if method != request.method or parts is None:
                continue
            try:
                return _written(work(self._read(request, parts)), self._domain)
            except Exception:
                LOGGER.exception("a function has failed")
                return Response(500)
        return Response(404)

    def _read(self, request: Request, parts: Mapping[str, str]) -> func.HttpRequest:
        query = parse_qs(urlsplit(request.target).query)
        served = urlsplit(self._url)
        asked = served._replace(netloc=request.headers.get("host", served.netloc)).geturl()
        return func.HttpRequest(
            method=request.method,
            url=f"{asked}{request.target}",
            headers=self._headers(request.headers),
            params={name: ",".join(values) for name, values in query.items()},
            route_params=parts,
            body=request.body,
        )

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        if self._visitor is None:
            return dict(headers)
        others = {name: text for name, text in headers.items() if not name.startswith(PRINCIPAL)}
        told = {"auth_typ": "aad", "claims": [{"typ": "name", "val": self._visitor}]}
        principal = base64.b64encode(json.dumps(told).encode()).decode()
        return {**others, PRINCIPAL: principal, f"{PRINCIPAL}-name": self._visitor}


def _matched(path: tuple[str, ...], asked: tuple[str, ...]) -> dict[str, str] | None:
    """Give what stands for the parts in braces; None if it is another path."""
    if len(path) != len(asked):
        return None
    parts = {}
    for part, text in zip(path, asked, strict=True):
        if part.startswith("{"):
            parts[part.strip("{}")] = text
        elif part.lower() != text.lower():
            return None
    return parts


def _http_triggers(function: Function) -> Iterator[dict[str, Any]]:
    told: dict[str, Any] = function.get_dict_repr()
    return (found for found in told["bindings"] if found["type"] == "httpTrigger")


def _written(answer: func.HttpResponse, domain: str) -> Response:
    headers = {name: value for name, value in answer.headers.items() if name != "Set-Cookie"}
    headers.setdefault("Content-Type", f"{answer.mimetype}; charset={answer.charset}")
    cookies = tuple(
        written
        for header in answer.headers.get_all("Set-Cookie")
        for written in _cookies(SimpleCookie(header), domain)
    )
    return Response(answer.status_code, answer.get_body(), headers, cookies)


def _cookies(jar: SimpleCookie, domain: str) -> Iterator[str]:
    for name, morsel in jar.items():
        morsel["domain"] = morsel["domain"] or domain
        valued = ("max-age", "domain", "path", "samesite")
        said = {word: morsel[word].lower() for word in valued if morsel[word] or word == "domain"}
        flags = [flag for flag in ("secure", "httponly") if morsel[flag]]
        first = f"{name}={quote(morsel.value, safe='')}"
        yield "; ".join([first, *(f"{word}={value}" for word, value in said.items()), *flags])
