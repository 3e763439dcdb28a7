"""Finds the secret whose token an address of Azure DevOps wants. It reads, and keeps nothing.

It needs no more than everybody who uses a token has: the role *Key Vault Secrets User*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from rotation.errors import AccessDeniedError, RotationError
from rotation.git_credential import choose, is_for, organization_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rotation.git_credential import Remote
    from rotation.model import ManagedSecret, SecretName, TokenValue
    from rotation.ports import SecretStore

T = TypeVar("T")
ROLE = "Key Vault Secrets User"
SHOWN = 10
"""How many names a person is shown to choose among."""


@dataclass(frozen=True)
class Lookup:
    """Looks into some vaults."""

    store: SecretStore
    vaults: Sequence[str]

    def find(self, remote: Remote, name: SecretName | None = None) -> ManagedSecret:
        """Give the newest version of the secret for an address, with its value.

        Args:
            remote: the address.
            name: the secret, if somebody has said which one.

        Raises:
            RotationError: there is none, or there are several, or it is for another organization.
        """
        secret = self._read(name or self._only(remote))
        if not is_for(secret, remote):
            raise RotationError(
                f"{secret.name} is for the organization {organization_of(secret)}, "
                f"not for {remote.organization}: it is not given away"
            )
        return secret

    def _only(self, remote: Remote) -> SecretName:
        found = [secret for vault in self.vaults for secret in self._list(vault)]
        fitting, where = choose(found, remote), ", ".join(self.vaults)
        whom = remote.organization or "an organization that the address does not tell"
        if not fitting:
            raise RotationError(f"no secret in {where} is for {whom}")
        if len(fitting) > 1:
            names = sorted(str(secret.name) for secret in fitting)
            names[SHOWN:] = ["…"] if len(names) > SHOWN else []
            way = "say which by --secret VAULT/NAME, or by the user name in the address"
            if not remote.organization:
                way += ", or let git tell the path: credential.useHttpPath"
            raise RotationError(f"several secrets are for {whom}: {', '.join(names)}", hint=way)
        return fitting[0].name

    def _list(self, vault: str) -> list[ManagedSecret]:
        return _advised(vault, lambda: list(self.store.list_managed(vault)))

    def _read(self, name: SecretName) -> ManagedSecret:
        secret = _advised(name.vault, lambda: self.store.read(name))
        if not secret.enabled:
            message = f"{name} is disabled"
            raise RotationError(message, hint="ask those who look after it")
        return secret


def value_of(secret: ManagedSecret) -> TokenValue:
    """Give the value of a secret that was read."""
    if secret.value is None:
        message = f"{secret.name} was listed, not read"
        raise ValueError(message)
    return secret.value


def _advised(vault: str, call: Callable[[], T]) -> T:
    """Ask a vault; tell a person who is denied what a person can do about it."""
    try:
        return call()
    except AccessDeniedError as exc:
        told = str(exc.args[0])
        hint = f"ask those who look after {vault} for the role {ROLE} on it"
        if exc.status is None:
            told = told.partition(": ")[0] + ": nobody is signed in here"
            hint = "sign in, for instance by az login"
        elif "firewall" in told.lower() or "connection" in told.lower():
            hint = exc.hint.replace("to the rotator", "to this machine")
        error = AccessDeniedError(
            told, service=exc.service, operation=exc.operation, status=exc.status, hint=hint
        )
    raise error
