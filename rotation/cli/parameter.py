"""Kinds of arguments that several commands take."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from rotation.model import OWNER, SecretName

if TYPE_CHECKING:
    from typing import Any

_NAME = re.compile(r"([0-9A-Za-z-]{1,127})/([0-9A-Za-z-]{1,127})")


class _Secret(click.ParamType[SecretName]):
    name = "vault/name"

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's own
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> SecretName:
        """Take the two parts of a name."""
        if isinstance(value, SecretName):
            return value
        if not (found := _NAME.fullmatch(value)):
            self.fail("expected VAULT/NAME, such as kv-build/feed-token", param, ctx)
        return SecretName(found[1], found[2])


SECRET = _Secret()
"""The name of a secret."""


def owner_name(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """Check the name of an owner, and give it in lower case."""
    if value is not None and not OWNER.fullmatch(value):
        raise click.BadParameter("expected a user principal name such as ada@example.com")
    return value and value.lower()
