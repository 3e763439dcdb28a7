"""Writing a secret that may have been deleted: its name cannot be used until it is recovered.

Source: Key Vault documentation, *Soft-delete overview*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rotation.adapters.border import PATIENCE
from rotation.adapters.key_vault import ask
from rotation.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.keyvault.secrets import SecretClient

T = TypeVar("T")
RECOVERABLE = frozenset({"conflict", "objectisdeletedbutrecoverable"})
"""Words of Key Vault for a write to a secret that is deleted."""


def write_recovered(client: SecretClient, name: str, place: str, write: Callable[[], T]) -> T:
    """Write a version of a secret; if it is deleted, recover it first.

    Args:
        client: of its vault.
        name: of the secret.
        place: the secret, for messages.
        write: writes it once; what it raises is translated already.

    Raises:
        ServiceError: of ``write``, or of the recovery.
    """
    try:
        return write()
    except RejectedError as exc:
        if exc.reason not in RECOVERABLE:
            raise
    # A crash here leaves it recovered as it was deleted: its versions are as they were then.
    ask(place, "recover", lambda: client.begin_recover_deleted_secret(name).wait(PATIENCE))
    return write()
