"""Holds requests and answers against the published description of the PAT lifecycle API.

``schema.json`` is derived from it by ``derive.py``. One violation or many: a check names them all.
"""

from __future__ import annotations

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

PATH = re.compile(r"/[^/]+/_apis/tokens/pats", re.IGNORECASE)
FORMATS = FormatChecker()

_DESCRIBED: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text())
VERSIONS = tuple(_DESCRIBED)
"""The versions of the API that are described, such as ``7.2``."""


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
        if not PATH.fullmatch(parts.path):
            raise ContractError(f"path {parts.path} is not that of the API")
        query = {
            name: values[-1]
            for name, values in parse_qs(parts.query, keep_blank_values=True).items()
        }
        operation = self.operation(method, query)
        described = self._operations[operation]
        self._check(described["query"], _typed(query, described["query"]), f"query of {operation}")
        if not query["api-version"].startswith(f"{self.version}-preview"):
            raise ContractError(f"api-version {query['api-version']} is not {self.version}-preview")
        self._check_part(described["body"], body, f"body of {operation}")
        return operation

    def check_answer(self, operation: str, body: object) -> None:
        """See that a successful answer is the one that is described for ``operation``.

        Args:
            operation: as ``check_request`` gives it.
            body: the body, read as JSON, or None without one.

        Raises:
            ContractError: it is not.
        """
        self._check_part(self._operations[operation]["answer"], body, f"answer to {operation}")

    @property
    def _operations(self) -> dict[str, Any]:
        operations: dict[str, Any] = _DESCRIBED[self.version]["operations"]
        return operations

    def _check_part(self, schema: dict[str, Any] | None, value: object, place: str) -> None:
        if schema is None:
            if value is not None:
                raise ContractError(f"{place}: none is described")
        else:
            self._check(schema, value, place)

    def _check(self, schema: dict[str, Any], value: object, place: str) -> None:
        whole = {**schema, "$defs": _DESCRIBED[self.version]["$defs"]}
        validator = Draft202012Validator(whole, format_checker=FORMATS)
        # Not the error's own text: it quotes the value, and that may be a secret.
        faults = [f"{error.json_path}: {error.validator}" for error in validator.iter_errors(value)]
        if faults:
            raise ContractError(f"{place}: {'; '.join(faults)}")


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
    asked = parse_qs(urlsplit(url).query).get("api-version", [""])[0].partition("-")[0]
    if asked not in VERSIONS:
        raise ContractError(f"api-version {asked!r} is not described, only {', '.join(VERSIONS)}")
    api = PatApi(asked)
    operation = api.check_request(method, url, json.loads(request.body) if request.body else None)
    api.check_answer(operation, response.json() if response.content else None)
    return operation


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
