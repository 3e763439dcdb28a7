"""The functions of the language that need no Azure. Source: Bicep documentation, *functions*."""

from __future__ import annotations

import json
import uuid
from base64 import b32encode
from functools import reduce
from hashlib import sha256
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from tests.infra.bicep.tokens import BicepError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _call(function: Callable[..., Any], value: object, index: int) -> Any:  # noqa: ANN401 - any value
    """Call a lambda with as many arguments as it takes."""
    return function(value, index) if getattr(function, "takes", 1) > 1 else function(value)


def _map(values: list[Any], function: Callable[..., Any]) -> list[Any]:
    return [_call(function, value, index) for index, value in enumerate(values)]


def _filter(values: list[Any], function: Callable[..., Any]) -> list[Any]:
    return [value for index, value in enumerate(values) if _call(function, value, index)]


def _contains(where: Any, what: Any) -> bool:  # noqa: ANN401 - any value
    if isinstance(where, dict):
        return what.lower() in {key.lower() for key in where}
    return what in where


def _union(*values: Any) -> Any:  # noqa: ANN401 - lists or objects
    if isinstance(values[0], dict):
        return reduce(_merged, values)
    distinct: list[Any] = []
    for item in (item for value in values for item in value):
        if item not in distinct:
            distinct.append(item)
    return distinct


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Merge two objects: inner objects, too; of the rest, the later one counts."""
    merged = dict(one)
    for key, value in other.items():
        known = merged.get(key)
        is_object = isinstance(value, dict) and isinstance(known, dict)
        merged[key] = _merged(known, value) if is_object and known is not None else value
    return merged


def _substring(text: str, start: int, length: int | None = None) -> str:
    end = len(text) if length is None else start + length
    if end > len(text):
        raise BicepError(f"substring: {text!r} has no character {end - 1}")
    return text[start:end]


def _string(value: object) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _digest(*values: object) -> bytes:
    if wrong := [value for value in values if not isinstance(value, str)]:
        raise BicepError(f"expected strings to make a name of, not {wrong}")
    return sha256("-".join(map(str, values)).encode()).digest()


def _unique_string(*values: object) -> str:
    """Make 13 small letters and digits, as the platform does; they are others than its own."""
    return b32encode(_digest(*values)).decode().lower()[:13]


def _guid(*values: object) -> str:
    return str(uuid.UUID(bytes=_digest(*values)[:16]))


def _cidr_subnet(network: str, length: int, index: int) -> str:
    return str(list(ip_network(network).subnets(new_prefix=length))[index])


def _format(pattern: str, *values: object) -> str:
    return pattern.format(*map(_string, values))


def _take(values: Any, count: int) -> Any:  # noqa: ANN401 - a list or a string
    return values[: max(0, count)]


def _bool(value: object) -> bool:
    if str(value).lower() in {"true", "false"}:
        return str(value).lower() == "true"
    raise BicepError(f"expected true or false, not {value!r}")


def _items(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value[key]} for key in sorted(value, key=str.lower)]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "array": lambda value: value if isinstance(value, list) else [value],
    "bool": _bool,
    "cidrSubnet": _cidr_subnet,
    "concat": lambda *values: reduce(lambda one, other: one + other, values),
    "contains": _contains,
    "empty": lambda value: not value,
    "endsWith": lambda text, end: text.lower().endswith(end.lower()),
    "filter": _filter,
    "first": lambda values: values[0] if values else None,
    "flatten": lambda values: [item for value in values for item in value],
    "format": _format,
    "guid": _guid,
    "indexOf": lambda text, part: text.lower().find(part.lower()),
    "int": int,
    "items": _items,
    "join": lambda values, between: between.join(values),
    "json": json.loads,
    "last": lambda values: values[-1] if values else None,
    "length": len,
    "map": _map,
    "max": lambda *values: max(values[0] if isinstance(values[0], list) else values),
    "min": lambda *values: min(values[0] if isinstance(values[0], list) else values),
    "objectKeys": sorted,
    "range": lambda start, count: list(range(start, start + count)),
    "replace": lambda text, old, new: text.replace(old, new),
    "skip": lambda values, count: values[max(0, count) :],
    "split": lambda text, by: text.split(by),
    "startsWith": lambda text, start: text.lower().startswith(start.lower()),
    "string": _string,
    "substring": _substring,
    "take": _take,
    "toLower": lambda text: text.lower(),
    "toUpper": lambda text: text.upper(),
    "toObject": lambda values, key, value=lambda item: item: {key(v): value(v) for v in values},
    "trim": lambda text: text.strip(),
    "union": _union,
    "uniqueString": _unique_string,
    "uri": urljoin,
}
