"""The nouns of the protocol: secrets, tokens, owners, and what is decided about them.

Pure data. Nothing here reads a clock, an environment or a network, and nothing here ever shows a
token value.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Never
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

DIGEST_LENGTH = 12
"""Hex digits of a value's SHA-256 that are recorded beside an authorization id."""

NAMES_LIMIT = 2_048
"""So many names are remembered in the forms in which they are looked up: those of most tenants, and
few enough that a scan of a hundred thousand secrets does not grow by them."""

MARK = re.compile(r"\[(?P<vault>[0-9A-Za-z-]{1,127})/(?P<name>[0-9A-Za-z-]{1,127})\]\Z")
"""A binding mark, at the end of a token's display name: no longer than what it can name (Key Vault
documentation, *About keys, secrets and certificates*), since an event quotes it."""


class TokenValue:
    """A secret string that cannot be printed, logged, formatted, copied or pickled.

    It lives in a closure, so that neither ``repr``, ``vars`` nor a traceback that shows local
    variables gets at it. ``reveal`` is the one way out.
    """

    __slots__ = ("reveal",)

    reveal: Callable[[], str]
    """Gives the string itself: called in the fewest possible places."""

    def __init__(self, value: str) -> None:
        """Take ``value`` out of sight."""
        self.reveal = lambda: value

    @property
    def digest(self) -> str:
        """The first twelve hex digits of the value's SHA-256: it names a value without telling."""
        return hashlib.sha256(self._bytes()).hexdigest()[:DIGEST_LENGTH]

    def _bytes(self) -> bytes:
        # An error of encoding would carry the whole value with it.
        return self.reveal().encode(errors="surrogatepass")

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, TokenValue):
            return NotImplemented
        return hmac.compare_digest(self._bytes(), other._bytes())

    def __hash__(self) -> int:
        """Hash by the digest."""
        return hash(self.digest)

    def __repr__(self) -> str:
        """Say that there is a value, and nothing of it."""
        return "TokenValue(hidden)"

    def __reduce__(self) -> Never:
        """Refuse to be pickled or copied.

        Raises:
            TypeError: always.
        """
        message = "a token value cannot be pickled or copied"
        raise TypeError(message)


class Hidden(dict[str, str]):
    """Fields that are not shown by ``repr``: some of them are secret for a moment."""

    def __repr__(self) -> str:
        """Show nothing of them."""
        return "Hidden(…)"


OWNER = re.compile(r"(?=.{1,113}\Z)[A-Za-z0-9'._!#^~+-]+@[A-Za-z0-9.-]+")
"""A user principal name (Entra documentation, *UserPrincipalName policies*), 113 characters at
most: it is shown in full, so nothing longer gets through."""


class Mode(StrEnum):
    """How a secret is kept fresh: the value of the tag ``pat-rotation``."""

    REGENERATE = "regenerate"
    EXTEND = "extend"
    WATCH = "watch"


@dataclass(frozen=True, order=True)
class SecretName:
    """Where a secret is kept. Key Vault compares names without regard to case: see ``folded``."""

    vault: str
    """The vault's name: the first label of its address."""
    name: str
    """The secret's name in the vault."""

    def __str__(self) -> str:
        """Write it as people do: ``kv-build/feed-token``."""
        return f"{self.vault}/{self.name}"

    @property
    def folded(self) -> SecretName:
        """The same name in lower case: the form to compare and to look up by."""
        return _folded(self.vault, self.name)

    @property
    def mark(self) -> str:
        """The binding mark that ends the display names of this secret's tokens."""
        return f"[{self}]"

    def fraction(self, purpose: str) -> float:
        """Give a stable number from 0 up to 1 that differs from secret to secret.

        Args:
            purpose: a word that makes the numbers for different purposes independent.
        """
        return _fraction(self.vault, self.name, purpose)


# The same names come with every list, and the rules ask for these again and again.


@lru_cache(maxsize=NAMES_LIMIT)
def _folded(vault: str, name: str) -> SecretName:
    return SecretName(vault.casefold(), name.casefold())


@lru_cache(maxsize=2 * NAMES_LIMIT)
def _fraction(vault: str, name: str, purpose: str) -> float:
    return crc32(f"{purpose}:{_folded(vault, name)}".encode()) / 2**32


@dataclass(frozen=True)
class ManagedSecret:
    """The newest version of a tagged secret, as a list or a read of the vault shows it."""

    name: SecretName
    created_at: datetime
    """When this version was stored."""
    expires_at: datetime | None
    """The expiry that the vault shows to consumers."""
    tags: Mapping[str, str]
    enabled: bool = True
    content_type: str | None = None
    version: str | None = None
    """The version's id; a list of secrets does not tell it."""
    value: TokenValue | None = None
    """Known only once the secret itself was read."""

    def __post_init__(self) -> None:
        """Freeze the tags."""
        object.__setattr__(self, "tags", MappingProxyType(dict(self.tags)))


@dataclass(frozen=True)
class Defaults:
    """What the tags of a secret fall back to, and the ceiling for them."""

    owners: tuple[str, ...]
    """User principal names in lower case; a single one is the default owner."""
    lifetime: timedelta
    max_lifetime: timedelta
    grace_period: timedelta

    def __hash__(self) -> int:
        """Give the hash, which every reading of tags asks for."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.owners, self.lifetime, self.max_lifetime, self.grace_period))


@dataclass(frozen=True)
class Recorded:
    """What the tag ``pat-authorization-id`` says: which token a version holds."""

    authorization_id: str
    digest: str
    """Of the value it was recorded for."""


@dataclass(frozen=True)
class Attempt:
    """What the tag ``pat-attempt`` says of renewals that did not succeed."""

    failures: int
    """Failed since the last success; an attempt that is under way for the first time is none."""
    at: datetime
    """When the last one began or failed."""


@dataclass(frozen=True)
class Mandate:
    """What the tags of one secret ask for, with the defaults filled in."""

    mode: Mode
    organization: str
    """Empty in mode ``watch`` only."""
    owner: str
    """User principal name in lower case; empty in mode ``watch`` only."""
    lifetime: timedelta
    rotate_before: timedelta
    grace_period: timedelta
    recorded: Recorded | None = None
    retire_now: str | None = None
    """The digest for which an order ended the grace period."""
    attempt: Attempt | None = None
    """The last renewal that has not succeeded, if there is one."""
    faults: tuple[str, ...] = ()
    """What is wrong with the tags, all at once; if anything is, the rest counts for nothing."""

    @property
    def place(self) -> str:
        """Whose tokens, and where: for sentences."""
        return f"{self.owner} in {self.organization}"


def marked(display_name: str, secret: SecretName) -> str:
    """Give a display name that ends in the mark of ``secret``, spelled as the secret is."""
    return f"{MARK.sub('', display_name).strip()} {secret.mark}".strip()


@lru_cache(maxsize=NAMES_LIMIT)
def _mark_in(display_name: str) -> SecretName | None:
    mark = MARK.search(display_name)
    return SecretName(mark["vault"], mark["name"]).folded if mark else None


@dataclass(frozen=True)
class Token:
    """A personal access token as Azure DevOps reports it to its owner. Never its value."""

    authorization_id: str
    """Lower case."""
    display_name: str
    scopes: frozenset[str]
    valid_from: datetime
    valid_to: datetime
    target_accounts: tuple[str, ...] | None
    """Ids of the organizations it works in, lower case; None for a global token."""

    @property
    def scope(self) -> str:
        """The scopes as the API takes them: one string, separated by blanks, in a stable order."""
        return " ".join(sorted(self.scopes))

    @property
    def marked(self) -> SecretName | None:
        """The secret that the binding mark names, in lower case; None without a mark."""
        return _mark_in(self.display_name)

    def is_bound_to(self, secret: SecretName) -> bool:
        """Tell whether the display name ends in the binding mark of ``secret``."""
        return self.marked == secret.folded

    def is_confined_to(self, account_id: str | None) -> bool:
        """Tell whether it works in exactly one organization: this one, as far as its id is known.

        Args:
            account_id: the organization's id, lower case, or None when the service did not tell.
        """
        accounts = self.target_accounts
        return accounts is not None and len(accounts) == 1 and account_id in (None, accounts[0])


@dataclass(frozen=True)
class Draft:
    """What a token is asked to be when it is created."""

    display_name: str
    scope: str
    valid_to: datetime


@dataclass(frozen=True)
class Created:
    """A new token and its value: the only answer of Azure DevOps that has one."""

    token: Token
    value: TokenValue


@dataclass(frozen=True)
class SecretVersion:
    """One version of a secret without its value, as the list of its versions shows it."""

    version: str
    created_at: datetime
    enabled: bool
    tags: Mapping[str, str] = field(default_factory=dict)
