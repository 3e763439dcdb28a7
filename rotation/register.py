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
        self._hashes = array("q")
        self._kind_of = array("I")
        self._kinds: dict[tuple[str, str, bool], int] = {}
        self._mandates: list[Mandate] = []
        """The first of each kind."""

    def add(self, name: SecretName, mandate: Mandate) -> None:
        """Remember a secret."""
        is_left_alone = mandate.mode is Mode.WATCH or bool(mandate.faults)
        kind = (mandate.owner, mandate.organization, is_left_alone)
        if kind not in self._kinds:
            self._kinds[kind] = len(self._mandates)
            self._mandates.append(mandate)
        self._hashes.append(hash(name.folded))
        self._kind_of.append(self._kinds[kind])

    def get(self, name: SecretName) -> Mandate | None:
        """Give a mandate with the owner and the organization of this secret's, in lower case.

        One that is faulty, or only watches, if this secret's is so, too; None if it was not seen.
        Two names whose hashes of 64 bits are equal are taken for one.
        """
        found = self._index.find(hash(name))
        return self._mandates[self._kind_of[found[-1]]] if found else None

    @cached_property
    def _index(self) -> Index:
        return Index(self._hashes)
