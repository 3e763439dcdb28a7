"""In which manner the faces answer, where the services promise none, or more than one would do.

None of it is a fault: each is allowed by what the services document, or by HTTP and JSON.
Whoever relies on the one manner has learned it from this sandbox, and not from a service.
"""

from __future__ import annotations

from dataclasses import dataclass

JSON = "application/json; charset=utf-8"
CHALLENGE = 'Bearer authorization="{authorization}", resource="{resource}"'


@dataclass(frozen=True)
class Wire:
    """How answers are written, whatever is in them (RFC 9110 and 9112)."""

    is_lower: bool = False
    """Whether the names of headers are in lower case."""
    is_chunked: bool = False
    """Whether a body comes in pieces, and nobody says before how long it is."""
    is_zipped: bool = False
    """Whether a body is compressed, where the client takes that."""
    keeps_alive: bool = True
    """Whether a connection is there for more than one answer."""
    dates_waits: bool = False
    """Whether a ``Retry-After`` is an instant, and not a number of seconds."""


PLAIN_WIRE = Wire()


@dataclass(frozen=True)
class Dressing:
    """One manner of a whole world; the defaults are the manner that the demo has."""

    domain: str = ""
    """Where hosts have names, at the port of HTTPS, behind a proxy; without, all are ``localhost``,
    each at a port of its own."""
    path: str = ""
    """Under which Azure DevOps is there, such as ``/tfs``."""
    page_size: int | None = None
    """The most items of a page, where that is fewer than the service's own limit."""
    begins_empty: bool = False
    """Whether a list begins with a page on which there is nothing but the way to the next."""
    fraction: int | None = None
    """How many digits a date has after its seconds; None for as many as it takes, up to seven."""
    zone: str = "Z"
    """How a date says that it is in UTC."""
    upper_ids: bool = False
    """Whether ids that are GUIDs are in upper case."""
    says_more: bool = False
    """Whether there are fields that nobody knows."""
    flips_nulls: bool = False
    """Whether what would be null is left out, and what would be left out is null."""
    is_reversed: bool = False
    """Whether fields come in another order, over several lines."""
    content_type: str = JSON
    """What is said of JSON."""
    revoked: int = 204
    """The status of a token's end: 204 by the published example, 200 by the specification."""
    challenge: str = CHALLENGE
    """How Key Vault says where to get a token."""
    is_terse: bool = False
    """Whether an answer with a token leaves out what was asked for, and has numbers as text."""
    wire: Wire = PLAIN_WIRE

    @property
    def names(self) -> tuple[str, ...]:
        """Give the names of the hosts, for the certificate."""
        return (f"*.{self.domain}", f"*.vault.{self.domain}") if self.domain else ()


PLAIN = Dressing()
DIFFERENT = Dressing(
    domain="look-alike.example",
    path="/tfs",
    page_size=5,
    begins_empty=True,
    fraction=3,
    zone="+00:00",
    upper_ids=True,
    says_more=True,
    flips_nulls=True,
    is_reversed=True,
    content_type="Application/JSON;api-version=7.2;Charset=UTF-8",
    revoked=200,
    challenge='bearer resource="{resource}",authorization_uri={authorization}',
    is_terse=True,
    wire=Wire(is_lower=True, is_chunked=True, is_zipped=True, keeps_alive=False, dates_waits=True),
)
"""A world in which nothing is as in the plain one, and everything as it may be."""
