"""Which living tokens are bound to a secret that does not claim them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.model import Mode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from rotation.model import Inventory, Mandate, SecretName, Token


@dataclass(frozen=True)
class Unclaimed:
    """A token that is marked for a secret, and not that secret's."""

    owner: str
    organization: str
    token: Token
    name: SecretName
    """The secret that the mark names, in lower case."""
    reason: str


def unclaimed(
    inventories: Mapping[tuple[str, ...], Inventory],
    mandates: Mapping[SecretName, Mandate],
    seen: Collection[str],
) -> Iterator[Unclaimed]:
    """Find the bound tokens whose secret is not managed, or names another owner or organization.

    Args:
        inventories: living tokens by owner and organization.
        mandates: the managed secrets, by name in lower case.
        seen: vaults, in lower case, that were listed: nothing is known of the secrets of others.
    """
    for (owner, organization), inventory in inventories.items():
        for token in inventory.tokens:
            name = token.marked
            if name is None or name.vault not in seen:
                continue
            if reason := _objection(mandates.get(name), owner, organization):
                yield Unclaimed(owner, organization, token, name, reason)


def _objection(mandate: Mandate | None, owner: str, organization: str) -> str | None:
    if mandate is None:
        return "unmanaged"
    if mandate.faults or mandate.mode is Mode.WATCH:
        return None
    if mandate.owner != owner:
        return "another-owner"
    is_elsewhere = mandate.organization.casefold() != organization.casefold()
    return "another-organization" if is_elsewhere else None
