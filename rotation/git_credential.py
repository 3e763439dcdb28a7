"""What git asks a credential helper, what it is told, and which secret it is about. Pure.

Sources: git documentation, *git-credential: input/output format* and *gitcredentials: custom
helpers*; Azure DevOps documentation, *Allowed domain URLs*.

A token must never go to a stranger. So nothing is answered but for https, and for a host of Azure
DevOps; and where the address tells the organization, only with a secret of that organization.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.errors import RotationError
from rotation.model import TokenValue
from rotation.tags import ORGANIZATION, ORGANIZATION_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rotation.model import ManagedSecret, SecretName

HTTPS = "https"
DEFAULT_PORT = ":443"
MAIN_HOST = "dev.azure.com"
OLD_DOMAIN = ".visualstudio.com"
"""Under which each organization had, and still has, a host of its own."""
USER = "pat"
"""Azure DevOps looks at the password only, but wants a user name that is not empty."""
LINE_ENDS = ("\n", "\r", "\0")
"""What git cannot be told: a line is an attribute."""


@dataclass(frozen=True)
class Question:
    """What git says of the address that it wants a password for."""

    protocol: str = ""
    host: str = ""
    """With the port, if the address has one."""
    path: str = ""
    """Without a slash at its beginning; empty unless git was told to say it."""
    username: str = ""
    password: TokenValue | None = None
    """The one that was taken, or refused; with ``store`` and ``erase`` only."""


def read(text: str) -> Question:
    """Read a question: attributes up to a blank line or the end, whatever ends the lines.

    Attributes that are not known are passed over, as git asks of helpers.

    Raises:
        RotationError: it is none; nothing of it is quoted, since there may be a password in it.
    """
    told: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        attribute = line.removesuffix("\r")
        if not attribute:
            break
        name, equals, value = attribute.partition("=")
        if not equals or "\0" in attribute or "\r" in attribute:
            message = f"line {number} of git's question is no attribute"
            raise RotationError(message, hint="git itself starts this command, and asks it")
        told[name] = value
    return Question(
        protocol=told.get("protocol", ""),
        host=told.get("host", ""),
        path=told.get("path", ""),
        username=told.get("username", ""),
        password=TokenValue(told["password"]) if told.get("password") else None,
    )


@dataclass(frozen=True)
class Site:
    """Where the organizations are: another place than Microsoft's own, or that once more."""

    host: str
    """With the port, unless it is that of https."""
    path: str = ""
    """What comes before the organization."""


@dataclass(frozen=True)
class Remote:
    """What an address of Azure DevOps tells."""

    organization: str = ""
    """Empty if it does not tell."""
    username: str = ""


def remote(question: Question, site: Site) -> Remote | None:
    """Tell what the address is; None if a token has no business there."""
    host = question.host.lower().removesuffix(DEFAULT_PORT)
    if question.protocol != HTTPS:
        return None
    if host.endswith(OLD_DOMAIN):
        return _checked(host.removesuffix(OLD_DOMAIN), question)
    segments = [segment for segment in question.path.split("/") if segment]
    before = [segment for segment in site.path.split("/") if segment]
    if host == site.host.lower().removesuffix(DEFAULT_PORT):
        if segments and segments[: len(before)] != before:
            return None
        segments = segments[len(before) :]
    elif host != MAIN_HOST:
        return None
    return _checked(segments[0], question) if segments else Remote(username=question.username)


def _checked(organization: str, question: Question) -> Remote | None:
    is_one = ORGANIZATION_NAME.fullmatch(organization)
    return Remote(organization, question.username) if is_one else None


def choose(secrets: Sequence[ManagedSecret], remote: Remote) -> tuple[ManagedSecret, ...]:
    """Give the secrets that may be for an address: the one, or those among which nobody chooses.

    They are those of its organization. If the address does not tell one, they are those of the
    organization that the user name names, as in ``https://contoso@dev.azure.com``, or else all. If
    there are several, and one of them is named as the user is, it is that one.
    """
    living = [secret for secret in secrets if secret.enabled]
    if remote.organization:
        fitting = _of(living, remote.organization)
    else:
        fitting = _of(living, remote.username) or living
    named = [secret for secret in fitting if _is_same(secret.name.name, remote.username)]
    return tuple(named if len(named) == 1 else fitting)


def _of(secrets: Sequence[ManagedSecret], organization: str) -> list[ManagedSecret]:
    return [secret for secret in secrets if _is_same(organization_of(secret), organization)]


def organization_of(secret: ManagedSecret) -> str:
    """Give the organization that a secret's tag names; empty without one."""
    return secret.tags.get(ORGANIZATION, "").strip()


def is_for(secret: ManagedSecret, remote: Remote) -> bool:
    """Tell whether a secret may be for an address: no organization speaks against it."""
    organization = organization_of(secret)
    return (
        not organization or not remote.organization or _is_same(organization, remote.organization)
    )


def _is_same(one: str, other: str) -> bool:
    return bool(one) and one.casefold() == other.casefold()


def answer(
    name: SecretName, value: TokenValue, question: Question, expires_at: datetime | None
) -> TokenValue:
    """Write the answer.

    Args:
        name: of the secret, for the error.
        value: the token's.
        question: what git has said.
        expires_at: when the token ends, if that is known: git passes over passwords that have
            expired, and tells helpers that keep passwords how long.

    Returns:
        The lines for git, with the value in them.

    Raises:
        RotationError: the value cannot be a token.
    """
    text = value.reveal()
    if not text or any(end in text for end in LINE_ENDS):
        message = f"the value of {name} is empty or has several lines: it is no token"
        raise RotationError(message)
    lines = [] if question.username else [f"username={USER}"]
    lines.append(f"password={text}")
    if expires_at:
        lines.append(f"password_expiry_utc={int(expires_at.timestamp())}")
    return TokenValue("\n".join([*lines, ""]))
