"""Which managed secrets a scan has seen, and what the tags of each ask for, as far as claims go.

Pure.
"""

from __future__ import annotations

from array import array
from functools import cached_property
from typing import TYPE_CHECKING

from rotation.model import Mode
from rotation.packed import Index

if TYPE_CHECKING:
    from rotation.model import Mandate, SecretName


class Register:
    """Remembers for each secret a mandate like its own. First all are added, then asked for."""

    def __init__(self) -> None:
        """Start with none."""
        self._vaults: dict[str, _OfVault] = {}
        self._numbers: dict[tuple[str, str, bool], int] = {}
        self._mandates: list[Mandate] = []
        """The first of each kind."""

    def add(self, name: SecretName, mandate: Mandate) -> None:
        """Remember a secret."""
        is_left_alone = mandate.mode is Mode.WATCH or bool(mandate.faults)
        kind = (mandate.owner, mandate.organization, is_left_alone)
        number = self._numbers.setdefault(kind, len(self._mandates))
        if number == len(self._mandates):
            self._mandates.append(mandate)
        folded = name.folded
        self._vaults.setdefault(folded.vault, _OfVault()).add(folded.name, number)

    def get(self, name: SecretName) -> Mandate | None:
        """Give a mandate with the owner and the organization of this secret's, in lower case.

        It is faulty, or only watches, if this secret's does; None if the secret was not seen.
        """
        vault = self._vaults.get(name.vault)
        number = vault.find(name.name) if vault else None
        return None if number is None else self._mandates[number]


class _OfVault:
    """The secrets of one vault: names whose hashes of 64 bits are equal are taken for one."""

    def __init__(self) -> None:
        self._hashes = array("q")
        self._numbers = array("I")

    def add(self, name: str, number: int) -> None:
        self._hashes.append(hash(name))
        self._numbers.append(number)

    def find(self, name: str) -> int | None:
        found = self._index.find(hash(name))
        return self._numbers[found[-1]] if found else None

    @cached_property
    def _index(self) -> Index:
        hashes, self._hashes = self._hashes, array("q")
        return Index(hashes)
