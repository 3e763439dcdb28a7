"""One watched vault: whether the identity may list, read and write it, and what is in it."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from rotation.diagnosis import Diagnosis, Severity, failed
from rotation.errors import AccessDeniedError, LockHeldError, RotationError
from rotation.model import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotation.dependents import Listing
    from rotation.doctor.installation import Installation
    from rotation.model import ManagedSecret, Mandate
    from rotation.ports import SecretStore

TRIED = 3
"""Secrets that are tried, one after another, until nobody else is working on one."""
SHOWN = 3
ROLE = "Key Vault Secrets Officer"
"""The narrowest built-in role that has all that is needed (Key Vault documentation, *Azure
role-based access control*); a custom role can be narrower."""


def grant(vault: str, identity: str | None, error: RotationError) -> str:
    """Give the command that grants what a vault has refused; empty if a role would not help."""
    if not isinstance(error, AccessDeniedError) or "its role" not in error.hint:
        return ""
    assignee = quote(identity or "IDENTITY")
    return (
        f'`az role assignment create --role "{ROLE}" --assignee {assignee} --scope '
        f'"$(az keyvault show --name {vault} --query id --output tsv)"`'
    )


@dataclass(frozen=True)
class Trial:
    """Tries one vault."""

    vault: str
    store: SecretStore
    installation: Installation | None
    """Without it nothing is written."""
    identity: str | None
    """Who needs the rights, if that is known."""

    @property
    def _subject(self) -> str:
        return f"vault {self.vault}"

    def examine(self, listed: Listing) -> Iterator[Diagnosis]:
        """Say what the list of all vaults shows of this one, and try to read and to write."""
        errors = dict(listed.failures)
        if error := errors.get(self.vault):
            yield self._failed(error)
            return
        both = zip(listed.secrets, listed.mandates, strict=True)
        mine = [pair for pair in both if pair[0].name.vault == self.vault]
        message = f"it can be listed; managed secrets: {len(mine)}"
        yield Diagnosis(self._subject, "listed", Severity.FINE, message)
        yield from self._tags(mine)
        yield from self._rights(mine)

    def _tags(self, mine: list[tuple[ManagedSecret, Mandate]]) -> Iterator[Diagnosis]:
        faulty = [(secret, mandate) for secret, mandate in mine if mandate.faults]
        if not faulty:
            return
        shown = "; ".join(f"{secret.name.name}: {m.faults[0]}" for secret, m in faulty[:SHOWN])
        more = f"; and {len(faulty) - SHOWN} more" if len(faulty) > SHOWN else ""
        message = f"secrets with faulty tags: {len(faulty)}: {shown}{more}"
        fix = "mend the tags: `rotation plan` tells every fault"
        yield Diagnosis(self._subject, "mis-tagged", Severity.WARNING, message, fix)

    def _rights(self, mine: list[tuple[ManagedSecret, Mandate]]) -> Iterator[Diagnosis]:
        enabled = [(secret, mandate) for secret, mandate in mine if secret.enabled]
        # Nobody else ever writes the tags of a secret that is only watched.
        enabled.sort(key=lambda pair: (pair[1].mode is not Mode.WATCH, pair[0].name))
        for secret, _ in enabled[:TRIED]:
            try:
                yield from self._try(secret)
            except LockHeldError:
                continue
            except RotationError as exc:
                yield self._failed(exc)
            return
        message = "neither reading nor writing was tried: no managed secret of it is free"
        fix = "try again when it has an enabled managed secret, and no run is at work"
        yield Diagnosis(self._subject, "not-tried", Severity.NOTE, message, fix)

    def _try(self, secret: ManagedSecret) -> Iterator[Diagnosis]:
        if self.installation is None:
            self.store.read(secret.name)
            yield self._fine("read", f"{secret.name} can be read")
            return
        with self.installation.locks.hold(secret.name):
            found = self.store.read(secret.name)
            yield self._fine("read", f"{secret.name} can be read")
            # Only the effect shows whether writing is allowed. This write changes nothing: the very
            # version that was read gets the tags that it has, and keeps its value, its expiry and
            # its state; it makes no version, so no consumer sees it and no alert is raised by it.
            # The lock keeps every other run and order away. Without a storage there are no locks
            # across processes: a tag that another process writes between these two calls is lost
            # then. The rotator's own heal at its next run; only an operator who gives an order with
            # one command, in that very moment of another one, would have to give it again.
            self.store.write_tags(found, found.tags)
            yield self._fine("written", f"the tags of {secret.name} can be written")

    def _fine(self, finding: str, message: str) -> Diagnosis:
        return Diagnosis(self._subject, finding, Severity.FINE, message)

    def _failed(self, error: RotationError) -> Diagnosis:
        return failed(self._subject, error, grant(self.vault, self.identity, error))
