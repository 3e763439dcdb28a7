"""Holds requests and answers against the published description of the PAT lifecycle API.

``schema.json`` is derived from it by ``derive.py``. One violation or many: a check names them all.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from jsonschema import Draft202012Validator, FormatChecker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response

FORMATS = FormatChecker()
TARGET = Path(__file__).with_name("schema.json")
DESCRIBED: dict[str, Any] = json.loads(TARGET.read_text())
VERSIONS = tuple(DESCRIBED)
"""The versions of the API that are described, such as ``7.2``."""
EMPTY = 204
"""What the published example of a revocation is answered with; its description says 200."""


@FORMATS.checks("date-time", raises=ValueError)
def _is_instant(value: object) -> bool:
    """Take dates with a time zone and any number of digits."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


class ContractError(AssertionError):
    """Something is not as the published description says."""


@dataclass(frozen=True)
class PatApi:
    """One version of the API."""

    version: str

    @property
    def preview(self) -> str:
        """What a request for this version says as its ``api-version``."""
        return str(DESCRIBED[self.version]["api-version"])

    @property
    def words(self) -> frozenset[str]:
        """Every ``patTokenError`` that it knows, with ``none``."""
        result = DESCRIBED[self.version]["$defs"]["PatTokenResult"]
        return frozenset(result["properties"]["patTokenError"]["enum"])

    @property
    def scopes(self) -> frozenset[str]:
        """The permissions of Entra that its operations ask for; 7.1 names none."""
        return frozenset(scope for one in self._operations.values() for scope in one["scopes"])

    def operation(self, method: str, query: Mapping[str, str]) -> str:
        """Tell which operation a request means.

        Raises:
            ContractError: none.
        """
        if method == "GET":
            return "Pats_Get" if "authorizationId" in query else "Pats_List"
        for name, described in self._operations.items():
            if described["method"] == method:
                return name
        raise ContractError(f"no operation has the method {method}")

    def check_request(self, method: str, url: str, body: object = None) -> str:
        """See that a request is one of those described, and tell which operation it means.

        Args:
            method: the HTTP method.
            url: the whole address; its host may be any.
            body: the body, read as JSON, or None without one.

        Raises:
            ContractError: it is not.
        """
        parts = urlsplit(url)
        query = {
            name: values[-1]
            for name, values in parse_qs(parts.query, keep_blank_values=True).items()
        }
        operation = self.operation(method, query)
        described = self._operations[operation]
        if not _path(described["path"]).fullmatch(parts.path):
            raise ContractError(f"path {parts.path} is not that of the API")
        self._check(("operations", operation, "query"), _typed(query, described["query"]))
        if query["api-version"] != self.preview:
            raise ContractError(f"api-version {query['api-version']} is not {self.preview}")
        self._check(("operations", operation, "body"), body)
        return operation

    def check_answer(self, operation: str, body: object, status: int = 200) -> None:
        """See that a successful answer is the one that is described for ``operation``.

        Args:
            operation: as ``check_request`` gives it.
            body: the body, read as JSON, or None without one.
            status: the HTTP status.

        Raises:
            ContractError: it is not.
        """
        answer = self._operations[operation]["answer"]
        known = [*self._operations[operation]["statuses"], *([EMPTY] if answer is None else [])]
        if status not in known:
            raise ContractError(f"answer to {operation}: status {status} is not described")
        self._check(("operations", operation, "answer"), body)

    @property
    def _operations(self) -> dict[str, Any]:
        operations: dict[str, Any] = DESCRIBED[self.version]["operations"]
        return operations

    def _check(self, place: tuple[str, ...], value: object) -> None:
        validator = _validator(self.version, *place)
        if validator is None:
            if value is not None:
                raise ContractError(f"{' of '.join(reversed(place[1:]))}: none is described")
            return
        # Not the error's own text: it quotes the value, and that may be a secret.
        faults = [f"{error.json_path}: {error.validator}" for error in validator.iter_errors(value)]
        if faults:
            raise ContractError(f"{' of '.join(reversed(place[1:]))}: {'; '.join(faults)}")


def check_exchange(response: Response) -> str:
    """See that a request that was answered with success, and its answer, are as described.

    Which version is meant is read from the request's ``api-version``.

    Returns:
        The operation.

    Raises:
        ContractError: one of them is not.
    """
    request = response.request
    url, method = str(request.url), str(request.method)
    api = asked_for(url)
    operation = api.check_request(method, url, json.loads(request.body) if request.body else None)
    api.check_answer(operation, response.json() if response.content else None, response.status_code)
    return operation


def asked_for(url: str) -> PatApi:
    """Give the version that an address asks for.

    Raises:
        ContractError: it is none of those described.
    """
    asked = parse_qs(urlsplit(url).query).get("api-version", [""])[0].partition("-")[0]
    if asked not in VERSIONS:
        raise ContractError(f"api-version {asked!r} is not described, only {', '.join(VERSIONS)}")
    return PatApi(asked)


@functools.cache
def _path(template: str) -> re.Pattern[str]:
    """Read a path with its gaps; the service has no regard to case."""
    return re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), re.IGNORECASE)


@functools.cache
def _validator(version: str, *place: str) -> Draft202012Validator | None:
    """Make what judges one part, or None if the description has none."""
    schema: Any = DESCRIBED[version]
    for name in place:
        schema = schema[name]
    if schema is None:
        return None
    whole = {**schema, "$defs": DESCRIBED[version]["$defs"]}
    return Draft202012Validator(whole, format_checker=FORMATS)


def _typed(query: Mapping[str, str], schema: Mapping[str, Any]) -> dict[str, object]:
    """Give the values of a query the types that they stand for, where they can be read so."""
    typed: dict[str, object] = dict(query)
    for name, text in query.items():
        kind = schema["properties"].get(name, {}).get("type")
        if kind == "integer" and re.fullmatch(r"-?\d+", text):
            typed[name] = int(text)
        elif kind == "boolean" and text.lower() in {"true", "false"}:
            typed[name] = text.lower() == "true"
    return typed
