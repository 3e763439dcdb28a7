"""One answer to a browser, and what all of them have in common: looks and headers."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

YEAR_SECONDS = 365 * 24 * 60 * 60


@dataclass(frozen=True)
class Page:
    """One answer to a browser."""

    status: int
    body: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: tuple[str, ...] = field(default=(), repr=False)
    """The values of ``Set-Cookie``, each of which is a header of its own."""


def render(status: int, template: str, cookies: tuple[str, ...] = (), **data: object) -> Page:
    """Make a page of a template.

    Args:
        status: of HTTP.
        template: its file in this package.
        cookies: the values of ``Set-Cookie``.
        data: what the template shows. It is escaped: no text is markup.
    """
    body = _templates().get_template(template).render(style=Markup(_style()), **data)  # noqa: S704 - a file of ours
    kind = {"Content-Type": "text/html; charset=utf-8"}
    return Page(status, body, {**common_headers(), **kind}, cookies)


@cache
def common_headers() -> dict[str, str]:
    """Give the headers of every answer.

    Sources: OWASP *HTTP Headers Cheat Sheet* and *Content Security Policy Cheat Sheet*; MDN, *CSP:
    style-src* for the hash, which lets exactly the one style in, and nothing else of any kind.
    """
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": f"max-age={YEAR_SECONDS}",
        "X-Content-Type-Options": "nosniff",
    }


@cache
def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("rotation.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["sentence"] = _sentence
    made.filters["day"] = _day
    return made


@cache
def _style() -> str:
    loader = _templates().loader
    assert loader  # noqa: S101 - tells the type checker what stands right above
    return loader.get_source(_templates(), "style.css")[0]


def _sentence(text: str) -> str:
    """Make a sentence of an error's words: they begin in lower case, and have no full stop.

    A name at its beginning stays as it is written.
    """
    word = text.partition(" ")[0]
    capital = text[:1].upper() if word.isalpha() else text[:1]
    return f"{capital}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _day(instant: datetime) -> str:
    """Write a day so that nobody takes it for another one: ``20 February 2027``."""
    return f"{instant.day} {instant:%B %Y}"
