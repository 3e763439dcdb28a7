"""One examination: everything is tried, one thing after another, and whatever fails stops nothing.

Each vault is listed once, and the tokens of an owner in an organization are listed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.dependents import listing
from rotation.diagnosis import Diagnosis, Severity, connect, failed, unusable
from rotation.doctor import place, vault
from rotation.doctor.installation import around, versions, who
from rotation.errors import RotationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rotation.dependents import Listing
    from rotation.doctor.installation import Installation
    from rotation.inventory import Inventory
    from rotation.model import Defaults
    from rotation.ports import Clock, OwnerSessions, SecretStore, TokenIssuer
    from rotation.session import Session

CLOCK = "clock"


@dataclass(frozen=True)
class Doctor:
    """Examines an installation."""

    store: SecretStore
    issuer: TokenIssuer
    sessions: OwnerSessions
    clock: Clock
    vaults: Sequence[str]
    owners: Sequence[str]
    defaults: Defaults
    installation: Installation | None = None
    """What stands around the rotator; None leaves that, and writing, untried."""

    def examine(self, *, mends: bool = False) -> Iterator[Diagnosis]:
        """Try everything, one thing after another.

        Args:
            mends: whether to mend what can be mended without harm: to make what the storage lacks.
        """
        yield versions()
        identity = None
        if self.installation:
            identity, diagnosis = who(self.installation.identity)
            yield diagnosis
            yield from around(self.installation, self.owners, identity, mends=mends)
        listed = listing(self.store, self.vaults, self.defaults)
        for name in self.vaults:
            trial = vault.Trial(name, self.store, self.installation, identity)
            yield from trial.examine(listed)
        inventories: list[Inventory] = []
        for owner in self.owners:
            yield from self._owner(owner, listed, inventories)
        yield _clock(inventories)

    def _owner(
        self, owner: str, listed: Listing, inventories: list[Inventory]
    ) -> Iterator[Diagnosis]:
        try:
            session = self.sessions.session(owner)
        except RotationError as exc:
            yield failed(owner, exc)
            return
        yield self._session(session)
        if not session.is_working:
            return
        needed = listed.dependents(owner)
        if not needed.organizations and not needed.failures:
            fix = "name them in the tag pat-owner of a secret, or take them from the settings"
            message = "no secret depends on this owner, so no organization was tried"
            yield Diagnosis(owner, "unneeded", Severity.WARNING, message, fix)
        for organization in needed.organizations:
            try:
                inventory = self.issuer.inventory(owner, organization)
            except RotationError as exc:
                yield place.refused(owner, organization, exc)
                continue
            inventories.append(inventory)
            yield from place.examine(owner, organization, inventory, needed)

    def _session(self, session: Session) -> Diagnosis:
        owner = session.owner
        if not session.is_working:
            return unusable(session)
        if reminder := session.reminder(self.clock()):
            return Diagnosis(owner, reminder[0], Severity.WARNING, reminder[1], connect(owner))
        kind = "the three legs of the agent user work" if session.is_agent else "it is redeemed"
        return Diagnosis(owner, "connected", Severity.FINE, f"the session works: {kind}")


def _clock(inventories: list[Inventory]) -> Diagnosis:
    """Compare the clocks: a list of tokens is refused by its port if they are far apart."""
    if inventories:
        message = "our clock and that of Azure DevOps are less than five minutes apart"
        return Diagnosis(CLOCK, "in-step", Severity.FINE, message)
    message = "it could not be compared: no list of tokens was had from Azure DevOps"
    fix = "mend what is wrong with the owners, and try again"
    return Diagnosis(CLOCK, "not-compared", Severity.NOTE, message, fix)
