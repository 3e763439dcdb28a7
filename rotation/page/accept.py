"""Which form of an answer a client prefers. Pure.

Source: RFC 9110, section 12.5.1. Whoever takes anything gets the page: only a client that prefers
JSON to HTML is a program that wants it.
"""

from __future__ import annotations

HTML, JSON = "text/html", "application/json"


def prefers_json(header: str) -> bool:
    """Tell whether an ``Accept`` header ranks JSON above HTML."""
    ranges = dict(filter(None, map(_range, header.lower().split(","))))
    return _quality(ranges, JSON) > _quality(ranges, HTML)


def _range(text: str) -> tuple[str, float] | None:
    kind, *parameters = (part.strip() for part in text.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return kind, float(value)
            except ValueError:
                return None
    return kind, 1.0


def _quality(ranges: dict[str, float], kind: str) -> float:
    """Give how much a type is wanted: the most specific range that holds it counts."""
    group = f"{kind.partition('/')[0]}/*"
    return next((ranges[name] for name in (kind, group, "*/*") if name in ranges), 0.0)
