"""One answer to a browser, and what all of them have in common: looks and headers."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rotation.tags import format_instant
from rotation.timeline.when import date, minute

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


@dataclass(frozen=True)
class Look:
    """What pages of one kind look like, and what a browser may do with them."""

    styles: tuple[str, ...]
    """Files in this package, in their order."""
    form_action: str = "'none'"
    """Where a form may lead."""


PLAIN = Look(("style.css",))
"""Of a page with one thing on it."""


def render(
    status: int, template: str, cookies: tuple[str, ...] = (), look: Look = PLAIN, **data: object
) -> Page:
    """Make a page of a template.

    Args:
        status: of HTTP.
        template: its file in this package.
        cookies: the values of ``Set-Cookie``.
        look: what it looks like.
        data: what the template shows. It is escaped: no text is markup.
    """
    style = Markup(_style(look))  # noqa: S704 - files of ours
    body = _templates().get_template(template).render(style=style, **data)
    kind = {"Content-Type": "text/html; charset=utf-8"}
    return Page(status, body, {**common_headers(look), **kind}, cookies)


@cache
def common_headers(look: Look = PLAIN) -> dict[str, str]:
    """Give the headers of every answer.

    Sources: OWASP *HTTP Headers Cheat Sheet* and *Content Security Policy Cheat Sheet*; MDN, *CSP:
    style-src* for the hash, which lets exactly the one style in, and nothing else of any kind.
    """
    digest = base64.b64encode(hashlib.sha256(_style(look).encode()).digest()).decode()
    policy = {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": look.form_action,
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
    made.filters["instant"] = format_instant
    made.filters["date"] = date
    made.filters["minute"] = minute
    return made


@cache
def _style(look: Look) -> str:
    loader = _templates().loader
    assert loader  # noqa: S101 - tells the type checker what stands right above
    return "".join(loader.get_source(_templates(), name)[0] for name in look.styles)


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
