"""An HTTP request and its response, as the faces see them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.fault import Delay, Extra, Truncate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.fault import Answer, Kind


@dataclass(frozen=True)
class Request:
    """What a client asks for. Header names are in lower case."""

    method: str
    target: str
    """The path with its query, as it stands in the request line."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def segments(self) -> tuple[str, ...]:
        """The parts of the path; those that are empty are left out."""
        path = urlsplit(self.target).path
        return tuple(unquote(part) for part in path.split("/") if part)

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last of each name; empty ones are kept."""
        return _last(urlsplit(self.target).query)

    @property
    def form(self) -> dict[str, str]:
        """The body, read as a form."""
        return _last(self.body.decode())

    @property
    def bearer(self) -> str:
        """The token in the ``Authorization`` header, or nothing."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        return value.strip() if scheme.lower() == "bearer" else ""

    def json(self) -> dict[str, object]:
        """Read the body as a JSON object.

        Raises:
            ValueError: it is none.
        """
        value = json.loads(self.body)
        if not isinstance(value, dict):
            raise TypeError("the body is no JSON object")
        return value


@dataclass(frozen=True)
class Response:
    """What a client gets."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    """The values of ``Set-Cookie``, the only header that may be there several times."""

    @classmethod
    def of_json(
        cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer with ``value`` as JSON."""
        kind = {"Content-Type": "application/json; charset=utf-8"}
        return cls(status, json.dumps(value).encode(), {**kind, **(headers or {})})

    @classmethod
    def of_page(cls, status: int, title: str, headers: Mapping[str, str] | None = None) -> Response:
        """Answer with a small HTML page."""
        kind = {"Content-Type": "text/html; charset=utf-8"}
        page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body></body></html>"
        return cls(status, page.encode(), {**kind, **(headers or {})})

    @classmethod
    def of_answer(cls, answer: Answer) -> Response:
        """Answer with what a fault prescribes."""
        kind = {"Content-Type": answer.content_type}
        return cls(answer.status, answer.body.encode(), {**kind, **answer.headers})

    def altered(self, kind: Kind | None) -> Response:
        """Give the response as a fault lets it arrive."""
        match kind:
            case Extra(headers) | Delay(headers=headers):
                return replace(self, headers={**self.headers, **headers})
            case Truncate(length):
                return replace(self, body=self.body[:length])
            case _:
                return self


def _last(query: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
