"""What depends on an owner: the managed secrets that name them, and where their tokens are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation import tags
from rotation.errors import RotationError
from rotation.model import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rotation.model import Defaults, ManagedSecret, Mandate
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


def dependents(
    owner: str, store: SecretStore, vaults: Sequence[str], defaults: Defaults
) -> Dependents:
    """Look through all vaults for what depends on ``owner`` (lower case)."""
    found, failures = [], []
    for vault in vaults:
        try:
            found += list(store.list_managed(vault))
        except RotationError as exc:
            failures.append((vault, exc))
    read = [(secret, tags.parse(secret.tags, defaults)) for secret in found]
    theirs = [(secret, mandate) for secret, mandate in read if depends(mandate, owner)]
    return Dependents(
        tuple(secret for secret, _ in theirs),
        tuple(mandate for _, mandate in theirs),
        tuple(failures),
    )


def depends(mandate: Mandate, owner: str) -> bool:
    """Tell whether a secret with this mandate depends on ``owner``."""
    return mandate.owner == owner and mandate.mode is not Mode.WATCH and not mandate.faults
