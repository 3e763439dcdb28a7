"""The published examples of the PAT lifecycle API: what is odd about them, in values of our own.

``examples.json`` holds an exchange for each of them that has the same shape. Two exchanges have the
same shape if they differ only in which names, ids, dates and values they hold: the same fields are
empty or null, dates have as many digits, and what is equal in one is equal in the other.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

TARGET = Path(__file__).with_name("examples.json")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d+))?Z")
VALUE = re.compile(r"[a-z2-7]{50,}")
SCOPE = re.compile(r"(vso)\.\w+|app_token")
TICKS_PER_SECOND = 300
NEARLY = 0.05
"""Of a tick: microseconds are not fine enough for all seven digits."""


@dataclass(frozen=True)
class Example:
    """One exchange."""

    method: str
    path: str
    query: dict[str, str]
    body: Json | None
    status: int
    answer: Json

    @property
    def url(self) -> str:
        """The path with its query."""
        return self.path + "?" + "&".join(f"{name}={text}" for name, text in self.query.items())


def load() -> dict[str, Example]:
    """Read our own, by the names of those that are published."""
    return {name: Example(**told) for name, told in json.loads(TARGET.read_text()).items()}


def published(document: Json) -> Example:
    """Read one that is published."""
    address = urlsplit(document["x-ms-vss-request-url"])
    ((status, answer),) = document["responses"].items()
    return Example(
        method=document["x-ms-vss-request-method"],
        path=address.path,
        query={name: values[-1] for name, values in parse_qs(address.query).items()},
        body=document["parameters"].get("body"),
        status=int(status),
        answer=answer["body"],
    )


def shape(example: Example) -> Json:
    """Give the shape of an exchange."""
    seen: dict[str, int] = {}
    place, _, api = example.path.removeprefix("/").partition("/")
    return {
        "method": example.method,
        "organization": bool(place),
        "path": api,
        "query": {
            name: text if name == "api-version" else _shape(text, seen)
            for name, text in sorted(example.query.items())
        },
        "body": _shape(example.body, seen),
        "status": example.status,
        "answer": _shape(example.answer, seen),
    }


def _shape(value: Any, seen: dict[str, int]) -> Any:  # noqa: ANN401 - of JSON, anything
    if isinstance(value, dict):
        return {name: _shape(value[name], seen) for name in sorted(value)}
    if isinstance(value, list):
        return [_shape(item, seen) for item in value]
    return _word(value, seen) if isinstance(value, str) else value


def _word(text: str, seen: dict[str, int]) -> str:
    """Say of what kind a text is, and how often it differed from those of its kind before it."""
    if not text:
        return ""
    if instant := INSTANT.fullmatch(text):
        return f"instant, {len(instant[1] or '')} digits, {_ticks(text)}"
    if scope := SCOPE.fullmatch(text):
        return scope[1] or text
    kind = "guid" if GUID.fullmatch(text) else "text"
    if VALUE.fullmatch(text):
        kind = f"value of {len(text)}"
    first = seen.setdefault(text, len(seen) + 1)
    return f"{kind} {first}"


def _ticks(text: str) -> str:
    """Tell whether an instant is a whole number of 300ths of a second, as stored ones are."""
    ticks = datetime.fromisoformat(text).microsecond * TICKS_PER_SECOND / 1_000_000
    return "in 300ths" if abs(ticks - round(ticks)) < NEARLY else "any"
