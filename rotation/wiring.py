"""The composition root: the only file that knows every adapter. It decides nothing."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

from rotation import redaction
from rotation.adapters.azure_devops import AzureDevOpsIssuer
from rotation.adapters.entra import EntraClient
from rotation.adapters.key_vault import KeyVaultStore, open_vault
from rotation.adapters.local import LocalLocks, LogLines
from rotation.adapters.patience import open_session
from rotation.adapters.sessions import EntraSessions
from rotation.rotator import Rotator, Scope
from rotation.settling import Ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.keyvault.secrets import SecretClient

    from rotation.ports import Clock
    from rotation.settings import Settings, Vault

ASSERTION_AUDIENCES = {
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina",
}
"""The clouds where a federated credential has an audience of its own (Entra documentation,
*Configure an application to trust a managed identity*)."""
ASSERTION_AUDIENCE = "api://AzureADTokenExchange"


def now() -> datetime:
    """Tell the present instant, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one real clock, which all others are handed


@contextmanager
def open_rotator(settings: Settings, clock: Clock = now) -> Iterator[Rotator]:
    """Put the rotator together with real services; it connects when it is used.

    Args:
        settings: where the services are.
        clock: the present instant; only tests and simulations turn it.
    """
    redaction.install()
    with ExitStack() as opened:
        credential = _credential(settings)
        opened.callback(credential.close)

        def client(vault: Vault) -> SecretClient:
            return opened.enter_context(
                open_vault(vault, credential, is_microsoft=settings.is_microsoft, sleep=time.sleep)
            )

        audience = ASSERTION_AUDIENCES.get(
            str(urlsplit(settings.authority).hostname), ASSERTION_AUDIENCE
        )
        entra = EntraClient(
            authority=f"{settings.authority}/{settings.tenant_id}",
            client_id=settings.client_id,
            assertion=lambda: credential.get_token(f"{audience}/.default").token,
            is_microsoft=settings.is_microsoft,
        )
        opened.callback(entra.close)
        sessions = EntraSessions(
            client(settings.session_vault), entra, clock, owners=settings.owners
        )
        issuer = AzureDevOpsIssuer(
            opened.enter_context(open_session(time.sleep)),
            sessions.access_token,
            clock,
            devops_url=settings.devops_url,
            tokens_url=settings.devops_tokens_url,
        )
        store = KeyVaultStore({vault.name: client(vault) for vault in settings.vaults})
        scope = Scope(
            vaults=[vault.name for vault in settings.vaults],
            owners=settings.owners,
            defaults=settings.defaults,
            concurrency=settings.concurrency,
        )
        ports = Ports(store, issuer, LogLines(), clock, time.sleep)
        yield Rotator(ports, sessions, LocalLocks(), scope)


def _credential(settings: Settings) -> DefaultAzureCredential | ManagedIdentityCredential:
    """Choose the identity: the platform's managed one, or whoever is signed in on this machine."""
    if "IDENTITY_ENDPOINT" in os.environ:
        return ManagedIdentityCredential(
            client_id=settings.managed_identity, permit_redirects=False
        )
    return DefaultAzureCredential(
        managed_identity_client_id=settings.managed_identity, permit_redirects=False
    )
