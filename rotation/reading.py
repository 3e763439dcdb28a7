"""The composition root of those who only read tokens: a vault, and an identity that may read it.

It is apart from that of the whole product, since git waits for it at every command.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from azure.identity import DefaultAzureCredential

from rotation import redaction
from rotation.adapters.key_vault import KeyVaultStore, open_vault
from rotation.adapters.pace import Paces
from rotation.lookup import Lookup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotation.settings import ReadingSettings


@contextmanager
def open_lookup(settings: ReadingSettings) -> Iterator[Lookup]:
    """Put it together with real services; it connects when it is used.

    Args:
        settings: where the vaults are. The identity is that of this machine, or of the person who
            is signed in on it, as Microsoft's libraries find it.
    """
    redaction.install()
    with ExitStack() as opened:
        credential = opened.enter_context(
            DefaultAzureCredential(
                managed_identity_client_id=settings.managed_identity, permit_redirects=False
            )
        )
        paces = Paces(time.sleep, time.monotonic)
        clients = {
            vault.name: opened.enter_context(
                open_vault(vault, credential, is_microsoft=settings.is_microsoft, paces=paces)
            )
            for vault in settings.vaults
        }
        yield Lookup(KeyVaultStore(clients), [*clients])
