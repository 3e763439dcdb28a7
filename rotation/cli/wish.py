"""What an operator wants, from the command line to an order that any reader of the queue takes.

The rules are those of a message: what is a fault there is wrong usage here, all faults at once.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from rotation.errors import OrderError
from rotation.tags import format_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from rotation.model import SecretName
    from rotation.order import Order, Verb

ANY_VERSION = "unknown"
"""Stands for a version while only the words of the command line are checked."""
_KEYS = {"vault": "VAULT", "secret": "NAME"}
"""The keys of a message that have another name on the command line."""
_UNNAMED = "expected VAULT/NAME, such as kv-build/feed-token"
_PLACE = re.compile(r"(?:arguments\.)?[a-z_]+: ")
_TOGETHER = re.compile(r"(\w+ (?:takes no|needs)) (\w+)")


@dataclass(frozen=True)
class Wish:
    """What is wanted of one or several secrets."""

    verb: Verb
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """As in a message; what is None or False was not given."""

    @property
    def title(self) -> str:
        """What is wanted in the words of the command: ``retire --now``."""
        extent = self.arguments.get("extent")
        return f"{self.verb} --{extent}" if extent else str(self.verb)

    def check(self, names: Sequence[str], now: datetime) -> tuple[SecretName, ...]:
        """Check what was typed before anything is touched, and give the names.

        Args:
            names: of the secrets, as they were typed.
            now: the present instant.

        Raises:
            UsageError: with every fault.
        """
        found: dict[SecretName, SecretName] = {}
        faults: dict[str, None] = {}
        for typed in names or [f"{_KEYS['vault']}/{_KEYS['secret']}"]:
            vault, slash, secret = typed.partition("/")
            if not slash:
                faults[_UNNAMED] = None
                vault, secret = _KEYS.values()  # for the other faults
            try:
                name = self._order(vault, secret, ANY_VERSION, "", now).name
                found.setdefault(name.folded, name)
            except OrderError as exc:
                faults |= dict.fromkeys(_said(exc))
        if faults:
            raise _Faults(tuple(faults))
        return tuple(found.values()) if names else ()

    def order(self, name: SecretName, version: str | None, asker: str, now: datetime) -> Order:
        """Make it an order for one secret.

        Raises:
            OrderError: nobody would take it.
        """
        return self._order(name.vault, name.name, version, asker, now)

    def _order(
        self, vault: str, secret: str, version: str | None, asker: str, now: datetime
    ) -> Order:
        from rotation import order

        message = {
            "action": str(self.verb),
            "vault": vault,
            "secret": secret,
            "secret_version": version,
            "arguments": {
                key: value
                for key, value in self.arguments.items()
                if value is not None and value is not False
            },
            "requested_by": asker,
            "requested_at": format_instant(now),
        }
        return order.read(json.dumps(message))


class _Faults(click.UsageError):
    """Several things are wrong with what was typed."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\nError: ".join(faults), click.get_current_context(silent=True))


def _said(exc: OrderError) -> list[str]:
    """Say the faults of a message in the words of the command line."""
    faults: list[str] = []
    for part in str(exc.args[0]).removeprefix("not an order: ").split("; "):
        if faults and not (_PLACE.match(part) or _TOGETHER.fullmatch(part)):
            faults[-1] += f"; {part}"
        else:
            faults.append(part)
    return [_renamed(fault) for fault in faults]


def _renamed(fault: str) -> str:
    if said := _TOGETHER.fullmatch(fault):
        return f"{said[1]} --{said[2].replace('_', '-')}"
    place, colon, told = fault.partition(": ")
    if not colon:
        return fault
    if place.startswith("arguments."):
        place = place.removeprefix("arguments.").replace("_", "-")
        place = "AUTHORIZATION_ID" if place == "authorization-id" else f"--{place}"
    return f"{_KEYS.get(place, place)}: {told}"
