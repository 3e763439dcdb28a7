"""The composition root: the only file that knows every adapter. It decides nothing."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

from rotation import redaction
from rotation.adapters.azure_devops import AzureDevOpsIssuer
from rotation.adapters.entra import Entra, Registration
from rotation.adapters.key_vault import KeyVaultStore, open_vault
from rotation.adapters.local import LocalLocks, LogLines, NoJournal
from rotation.adapters.patience import PlainSession, open_session
from rotation.adapters.seal import VaultSeal
from rotation.adapters.session_vault import KeyVaultSessions
from rotation.connections import Connections
from rotation.doctor import Doctor
from rotation.rotator import Rotator, Scope
from rotation.sessions import AgentSource, PersonSource, Sessions
from rotation.settling import Ports
from rotation.sign_in import Desk, SignIn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from azure.keyvault.secrets import SecretClient
    from requests import Session

    from rotation.model import TokenValue
    from rotation.ports import Clock
    from rotation.settings import Settings, Vault

ASSERTION_AUDIENCES = {
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina",
}
"""The clouds where a federated credential has an audience of its own (Entra documentation,
*Configure an application to trust a managed identity*)."""
ASSERTION_AUDIENCE = "api://AzureADTokenExchange"


TRIAL_TIMEOUT = 10.0
"""Seconds for an answer while a person waits in front of a browser; nothing is repeated then."""


def now() -> datetime:
    """Tell the present instant, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one real clock, which all others are handed


@dataclass(frozen=True)
class Service:
    """The whole product in one process."""

    rotator: Rotator
    sign_in: SignIn
    doctor: Doctor
    connections: Connections


@contextmanager
def open_service(settings: Settings, clock: Clock = now) -> Iterator[Service]:
    """Put the product together with real services; it connects when it is used.

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

        registration = _registration(settings)
        scope = f"{registration.audience}/.default"
        entra = Entra(registration, lambda: credential.get_token(scope).token, clock)
        opened.callback(entra.close)
        http = opened.enter_context(open_session(time.sleep))

        hasty = opened.enter_context(PlainSession(read_timeout=TRIAL_TIMEOUT))

        def issuer(
            access_token: Callable[[str], TokenValue], session: Session = http
        ) -> AzureDevOpsIssuer:
            urls = {"devops_url": settings.devops_url, "tokens_url": settings.devops_tokens_url}
            return AzureDevOpsIssuer(session, access_token, clock, **urls)

        session_client = client(settings.session_vault)
        session_store = KeyVaultSessions(session_client)
        people = PersonSource(session_store, entra, clock)
        agents = AgentSource(entra, clock, settings.agent_owners)
        sessions = Sessions(
            {
                **dict.fromkeys(settings.owners, people),
                **{agent.owner: agents for agent in settings.agent_owners},
            },
            clock,
        )
        store = KeyVaultStore({vault.name: client(vault) for vault in settings.vaults})
        vaults = [vault.name for vault in settings.vaults]
        scope_of_work = Scope(
            vaults=vaults,
            owners=settings.all_owners,
            defaults=settings.defaults,
            concurrency=settings.concurrency,
        )
        log = LogLines()
        ports = Ports(store, issuer(sessions.access_token), log, NoJournal(), clock, time.sleep)
        desk = Desk(
            service=entra,
            seal=VaultSeal(session_client, clock),
            store=session_store,
            source=people,
            sessions=sessions,
            secrets=store,
            trial=lambda access_token: issuer(lambda _owner: access_token, hasty),
            log=log,
            clock=clock,
            public_url=settings.public_url or "",
        )
        yield Service(
            rotator=Rotator(ports, sessions, LocalLocks(), scope_of_work),
            sign_in=SignIn(desk, owners=settings.owners, vaults=vaults, defaults=settings.defaults),
            doctor=Doctor(
                store, ports.issuer, sessions, clock, vaults, settings.all_owners, settings.defaults
            ),
            connections=Connections(session_store, store, vaults, settings.defaults, time.sleep),
        )


def _registration(settings: Settings) -> Registration:
    host = str(urlsplit(settings.authority).hostname)
    return Registration(
        authority=settings.authority,
        tenant_id=settings.tenant_id,
        client_id=settings.client_id,
        audience=ASSERTION_AUDIENCES.get(host, ASSERTION_AUDIENCE),
        is_microsoft=settings.is_microsoft,
        public_url=settings.public_url,
        blueprint_id=settings.blueprint_id,
    )


def _credential(settings: Settings) -> DefaultAzureCredential | ManagedIdentityCredential:
    """Choose the identity: the platform's managed one, or whoever is signed in on this machine."""
    if "IDENTITY_ENDPOINT" in os.environ:
        return ManagedIdentityCredential(
            client_id=settings.managed_identity, permit_redirects=False
        )
    return DefaultAzureCredential(
        managed_identity_client_id=settings.managed_identity, permit_redirects=False
    )
