"""The shell of the audit: asks for all that the report looks at, and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from rotation.audit import Estate, findings
from rotation.dependents import listing
from rotation.diagnosis import Diagnosis, Severity, failed, sorted_by_severity, unusable
from rotation.errors import RotationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rotation.dependents import Listing
    from rotation.inventory import Inventory
    from rotation.model import Defaults
    from rotation.ports import Clock, OwnerSessions, SecretStore, TokenIssuer


@dataclass(frozen=True)
class Auditor:
    """Looks at all tokens of the owners, in the organizations in which they are needed."""

    store: SecretStore
    issuer: TokenIssuer
    sessions: OwnerSessions
    clock: Clock
    vaults: Sequence[str]
    owners: Sequence[str]
    defaults: Defaults
    devops_url: str
    """Where people find their tokens, such as ``https://dev.azure.com``."""

    def audit(
        self,
        owners: Sequence[str] = (),
        organizations: Sequence[str] = (),
        tell: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> tuple[Diagnosis, ...]:
        """Look at everything; whatever cannot be looked at is a finding, too.

        Args:
            owners: whose tokens; everybody's if there is none among them.
            organizations: where, beside those that the managed secrets of each owner name.
            tell: is told how many owners of how many are done.

        Returns:
            The findings, the worst first.
        """
        asked = list(dict.fromkeys(owner.lower() for owner in owners)) or self.owners
        listed = listing(self.store, self.vaults, self.defaults)
        found = [failed(f"vault {vault}", error) for vault, error in listed.failures]
        inventories: dict[tuple[str, ...], Inventory] = {}
        for count, owner in enumerate(asked, start=1):
            for answer in self._ask(owner, organizations, listed):
                if isinstance(answer, Diagnosis):
                    found.append(answer)
                else:
                    inventories |= answer
            tell(count, len(asked))
        failures = {vault.casefold() for vault, _ in listed.failures}
        estate = Estate(
            inventories=inventories,
            mandates=listed.by_name,
            seen={vault.casefold() for vault in self.vaults} - failures,
            max_lifetime=self.defaults.max_lifetime,
            devops_url=self.devops_url,
            now=self.clock(),
        )
        return sorted_by_severity([*found, *findings(estate)])

    def _ask(
        self, owner: str, organizations: Sequence[str], listed: Listing
    ) -> Iterator[Diagnosis | dict[tuple[str, ...], Inventory]]:
        """Give the tokens of one owner in each organization, or why they are not known."""
        try:
            session = self.sessions.session(owner)
        except RotationError as exc:
            yield failed(owner, exc)
            return
        if not session.is_working:
            yield unusable(session)
            return
        needed = listed.dependents(owner).organizations
        places = sorted({*needed, *(name.lower() for name in organizations)})
        if not places:
            message = "no managed secret names this owner, so it is not known where to look"
            fix = f"`rotation audit --owner {quote(owner)} --organization ORGANIZATION`"
            yield Diagnosis(owner, "nowhere", Severity.NOTE, message, fix)
        for place in places:
            try:
                yield {(owner, place): self.issuer.inventory(owner, place)}
            except RotationError as exc:
                yield failed(f"{owner} in {place}", exc)
