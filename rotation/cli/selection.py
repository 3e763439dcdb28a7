"""Which secrets an order in bulk is for, and what it would change. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.fleet import State, state
from rotation.model import Mode
from rotation.scope import difference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rotation.decision import Finding
    from rotation.fleet import Fleet
    from rotation.model import SecretName
    from rotation.scope import Difference


@dataclass(frozen=True)
class Filters:
    """Which secrets are meant beside those that are named: whatever passes all of them."""

    is_expired: bool = False
    owner: str | None = None
    """Lower case."""
    vault: str | None = None

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.is_expired or self.owner or self.vault)

    def admit(self, finding: Finding, fleet: Fleet) -> bool:
        """Tell whether a secret passes."""
        secret, mandate = finding.snapshot.secret, finding.snapshot.mandate
        is_expired = state(finding, fleet.checked_at) is State.EXPIRED
        return (
            (is_expired or not self.is_expired)
            and self.owner in (None, mandate.owner)
            and (self.vault is None or self.vault.casefold() == secret.name.folded.vault)
        )


@dataclass(frozen=True)
class Choice:
    """One secret that may be ordered for, and what can be seen of it from here."""

    name: SecretName
    finding: Finding | None = None
    """None if it was not looked at, or is not managed."""
    why_not: str = ""
    """Why nothing is ordered for it, if nothing is."""

    @property
    def scopes(self) -> frozenset[str] | None:
        """The scopes of its token; None if they cannot be seen from here."""
        recorded = self.finding and self.finding.snapshot.recorded
        return recorded.scopes if recorded else None

    def difference(self, scopes: frozenset[str]) -> Difference | None:
        """Tell what other scopes would change; None if that cannot be seen from here."""
        return None if self.scopes is None else difference(scopes, self.scopes)


def choose(fleet: Fleet, names: Sequence[SecretName], filters: Filters) -> tuple[Choice, ...]:
    """Give the secrets that are named, and those that pass all filters; each once.

    A secret that is named is ordered for whatever its state; of those that only pass the filters,
    the ones that no order can help are shown with the reason.
    """
    found = {finding.snapshot.secret.name.folded: finding for finding in fleet.findings}
    chosen = {name.folded: Choice(name, found.get(name.folded)) for name in names}
    for choice in _filtered(fleet, filters) if filters else ():
        chosen.setdefault(choice.name.folded, choice)
    return tuple(chosen.values())


def _filtered(fleet: Fleet, filters: Filters) -> Iterator[Choice]:
    for finding in fleet.findings:
        if filters.admit(finding, fleet):
            yield Choice(finding.snapshot.secret.name, finding, _why_not(finding))


def _why_not(finding: Finding) -> str:
    secret, mandate = finding.snapshot.secret, finding.snapshot.mandate
    if mandate.faults:
        return "left out: its tags are wrong"
    if mandate.mode is Mode.WATCH:
        return "left out: it is only watched"
    return "" if secret.enabled else "left out: it is disabled"
