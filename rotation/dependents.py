"""What depends on an owner: the managed secrets that name them, and where their tokens are.

The vaults are listed once, whatever the number of owners is.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation import tags
from rotation.errors import RotationError
from rotation.model import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotation.model import Defaults, ManagedSecret, Mandate, SecretName
    from rotation.ports import SecretStore


@dataclass(frozen=True)
class Dependents:
    """The secrets that depend on one owner."""

    secrets: tuple[ManagedSecret, ...]
    mandates: tuple[Mandate, ...]
    """What the tags of each ask for."""
    failures: tuple[tuple[str, RotationError], ...] = ()
    """The vaults that could not be looked through, and why: there may be more secrets."""

    @property
    def organizations(self) -> Mapping[str, int]:
        """Tell in which organizations the owner is needed, in lower case, by how many secrets."""
        counted = Counter(mandate.organization.lower() for mandate in self.mandates)
        return dict(sorted(counted.items()))


@dataclass(frozen=True)
class Listing:
    """The managed secrets of all vaults."""

    secrets: tuple[ManagedSecret, ...]
    mandates: tuple[Mandate, ...]
    """What the tags of each ask for."""
    failures: tuple[tuple[str, RotationError], ...] = ()
    """The vaults that could not be looked through, and why."""

    @property
    def by_name(self) -> Mapping[SecretName, Mandate]:
        """The mandates by the names of their secrets, in lower case."""
        both = zip(self.secrets, self.mandates, strict=True)
        return {secret.name.folded: mandate for secret, mandate in both}

    def dependents(self, owner: str) -> Dependents:
        """Give what depends on ``owner`` (lower case)."""
        both = zip(self.secrets, self.mandates, strict=True)
        theirs = [(secret, mandate) for secret, mandate in both if depends(mandate, owner)]
        return Dependents(
            tuple(secret for secret, _ in theirs),
            tuple(mandate for _, mandate in theirs),
            self.failures,
        )


def listing(store: SecretStore, vaults: Sequence[str], defaults: Defaults) -> Listing:
    """Look through all vaults for managed secrets; one that fails does not stop the others."""
    found: list[ManagedSecret] = []
    failures = []
    for vault in vaults:
        try:
            found += list(store.list_managed(vault))
        except RotationError as exc:
            failures.append((vault, exc))
    mandates = tuple(tags.parse(secret.tags, defaults) for secret in found)
    return Listing(tuple(found), mandates, tuple(failures))


def dependents(
    owner: str, store: SecretStore, vaults: Sequence[str], defaults: Defaults
) -> Dependents:
    """Look through all vaults for what depends on ``owner`` (lower case)."""
    return listing(store, vaults, defaults).dependents(owner)


def depends(mandate: Mandate, owner: str) -> bool:
    """Tell whether a secret with this mandate depends on ``owner``."""
    return mandate.owner == owner and mandate.mode is not Mode.WATCH and not mandate.faults
