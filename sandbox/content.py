"""What a caller may put into a Key Vault secret, and where the vault draws the line.

Limits: Key Vault documentation, *About secrets*; the name pattern is that of the data plane's REST
specification.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.error import VaultRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

TAG_LIMIT = 15
TAG_LENGTH = 512
VALUE_BYTES = 25 * 1024
CONTENT_TYPE_LENGTH = 255
NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


@dataclass(frozen=True)
class Properties:
    """Everything that a caller may say about a version besides its value; None says nothing.

    Instants are cut to whole seconds: more the service does not keep.
    """

    tags: Mapping[str, str] | None = None
    content_type: str | None = None
    enabled: bool | None = None
    expires_at: datetime | None = None
    not_before: datetime | None = None

    def __post_init__(self) -> None:
        """Cut the instants."""
        for name in ("expires_at", "not_before"):
            instant = getattr(self, name)
            if instant is not None:
                object.__setattr__(self, name, instant.replace(microsecond=0))

    def check(self) -> None:
        """See that the vault's limits are kept.

        Raises:
            VaultRefusedError: too many tags, or something that is too long.
        """
        tags = self.tags or {}
        if len(tags) > TAG_LIMIT:
            raise _bad(f"{len(tags)} tags, at most {TAG_LIMIT} are allowed")
        if any(len(text) > TAG_LENGTH for pair in tags.items() for text in pair):
            raise _bad(f"a tag is longer than {TAG_LENGTH} characters")
        if len(self.content_type or "") > CONTENT_TYPE_LENGTH:
            raise _bad(f"the content type is longer than {CONTENT_TYPE_LENGTH} characters")


def check_name(name: str) -> None:
    """See that ``name`` can be a secret's name.

    Raises:
        VaultRefusedError: it cannot.
    """
    if not NAME.fullmatch(name):
        raise _bad(f"secret name {name!r} does not match {NAME.pattern}")


def check_value(value: str) -> None:
    """See that ``value`` is not too long.

    Raises:
        VaultRefusedError: it is.
    """
    if len(value.encode()) > VALUE_BYTES:
        raise _bad(f"the value is longer than {VALUE_BYTES} bytes")


def _bad(message: str) -> VaultRefusedError:
    return VaultRefusedError(400, "BadParameter", message)
