"""A look at the fleet for people who come by: made when somebody asks, and kept for a minute.

A look costs the pages of every vault's list, and a read for each secret about which the list leaves
doubts. Whoever loads a page again, or comes while somebody else waits, is shown the same one. It
never reads a secret only because its hour to be proven has come, and it changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from rotation.rotator import silently
from rotation.schedule import MINUTE

if TYPE_CHECKING:
    from rotation.fleet import Fleet
    from rotation.model import SecretName, SecretVersion
    from rotation.ports import Clock, Journal, SecretStore
    from rotation.rotator import Rotator

KEPT = MINUTE
"""How old what is shown may be."""


class Lookout:
    """Looks for everybody in this process. Safe to use from several threads."""

    def __init__(
        self, rotator: Rotator, store: SecretStore, journal: Journal, clock: Clock
    ) -> None:
        """Take what to look with; nothing is looked at yet."""
        self._rotator = rotator
        self._store = store
        self.journal = journal
        self.clock = clock
        self._last: Fleet | None = None
        self._guard = Lock()

    def fleet(self) -> Fleet:
        """Give how everything stands, or stood less than a minute ago: ``checked_at`` tells."""
        with self._guard:  # whoever comes in the meantime waits for the same look
            now = self.clock()
            if self._last is None or not timedelta(0) <= now - self._last.checked_at < KEPT:
                self._last = self._rotator.survey(silently, scanned_at=now)
            return self._last

    def versions(self, name: SecretName) -> tuple[SecretVersion, ...]:
        """Give all versions of a secret, the newest first, without values.

        Raises:
            RotationError: the vault does not tell.
        """
        found = self._store.list_versions(name)
        return tuple(sorted(found, key=lambda version: version.created_at, reverse=True))
