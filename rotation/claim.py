"""Which living tokens are bound to a secret that does not claim them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    unseen: Collection[str],
) -> Iterator[Unclaimed]:
    """Find the bound tokens whose secret is not managed, or names another owner.

    Args:
        inventories: living tokens by owner and organization.
        mandates: the managed secrets, by name in lower case.
        unseen: vaults, in lower case, that could not be listed: nothing is known of their secrets.
    """
    for (owner, organization), inventory in inventories.items():
        for token in inventory.tokens:
            name = token.marked
            if name is None or name.vault in unseen:
                continue
            mandate = mandates.get(name)
            if mandate is None:
                yield Unclaimed(owner, organization, token, name, "unmanaged")
            elif not mandate.faults and mandate.owner not in {owner, ""}:
                yield Unclaimed(owner, organization, token, name, "another-owner")
