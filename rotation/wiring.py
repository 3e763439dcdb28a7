"""The composition root: the only file that knows every adapter. It decides nothing."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

from rotation import redaction
from rotation.adapters.azure_devops import AzureDevOpsIssuer
from rotation.adapters.entra import Entra, Registration
from rotation.adapters.key_vault import KeyVaultStore, open_vault
from rotation.adapters.local import LocalLocks, LogLines, NoJournal
from rotation.adapters.pace import Paces
from rotation.adapters.patience import PlainSession, open_session
from rotation.adapters.seal import VaultSeal
from rotation.adapters.session_vault import KeyVaultSessions
from rotation.adapters.vault_identity import VaultIdentity
from rotation.adapters.workload_identity import FILE, open_identity, read_token
from rotation.auditor import Auditor
from rotation.clock import now
from rotation.connections import Connections
from rotation.doctor import Doctor, Installation
from rotation.fan_out import FanOut
from rotation.lookout import Lookout
from rotation.order_desk import LocalDesk, QueueDesk
from rotation.rotator import Rotator, Scope
from rotation.sessions import AgentSource, PersonSource, Sessions
from rotation.settings import FanOutMode
from rotation.settling import Ports
from rotation.sign_in import Desk, SignIn
from rotation.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from azure.identity import ClientAssertionCredential
    from azure.keyvault.secrets import SecretClient
    from requests import Session

    from rotation.adapters.storage_check import AzureStorageCheck
    from rotation.model import TokenValue
    from rotation.order_desk import OrderDesk
    from rotation.ports import Backlog, Clock, Journal, Locks, RequestQueue
    from rotation.settings import Settings, Vault
    from rotation.storage import Storage

    Credential = ClientAssertionCredential | DefaultAzureCredential | ManagedIdentityCredential

ASSERTION_AUDIENCES = {
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina",
}
"""The clouds where a federated credential has an audience of its own (Entra documentation,
*Configure an application to trust a managed identity*)."""
ASSERTION_AUDIENCE = "api://AzureADTokenExchange"


T = TypeVar("T")

TRIAL_TIMEOUT = 10.0
"""Seconds for an answer while a person waits in front of a browser; nothing is repeated then."""


@dataclass(frozen=True)
class Service:
    """The whole product in one process."""

    rotator: Rotator
    sign_in: SignIn
    doctor: Doctor
    connections: Connections
    auditor: Auditor
    lookout: Lookout
    orders: OrderDesk
    journal: Journal
    worker: Worker | None
    """Carries out what the queue brings; None without storage, as are the next two."""
    fan_out: FanOut | None
    """Also None where a scan settles everything itself."""
    storage_check: AzureStorageCheck | None


@contextmanager
def open_service(settings: Settings, clock: Clock = now) -> Iterator[Service]:
    """Put the product together with real services; it connects when it is used.

    Args:
        settings: where the services are.
        clock: the present instant; only tests and simulations turn it.
    """
    redaction.install()
    with ExitStack() as opened:
        credential = _credential(settings, settings.managed_identity)
        opened.callback(credential.close)
        paces = Paces(time.sleep, time.monotonic, settings.instances)
        yield _Workshop(settings, clock, credential, opened, paces).service()


@dataclass(frozen=True)
class _Workshop:
    """Makes the parts; what must be closed is closed with ``opened``."""

    settings: Settings
    clock: Clock
    credential: Credential
    opened: ExitStack
    paces: Paces

    def service(self) -> Service:
        """Put the parts together."""
        settings, clock = self.settings, self.clock
        entra, session_client = self._entra(), self._vault(settings.session_vault)
        session_store = KeyVaultSessions(session_client)
        people = PersonSource(session_store, entra, clock)
        sessions = self._sessions(people, entra)
        store = KeyVaultStore({vault.name: self._vault(vault) for vault in settings.vaults})
        vaults = [vault.name for vault in settings.vaults]
        issuer = self._issuer(self._open(open_session(self.paces)), sessions.access_token)
        hasty = self._open(PlainSession(read_timeout=TRIAL_TIMEOUT))
        kept, log = self._kept(), LogLines()
        pause, queue, turns = time.sleep, kept.queue, self.paces
        ports = Ports(store, issuer, log, kept.journal, clock, pause, queue, turns)
        desk = Desk(
            service=entra,
            seal=VaultSeal(session_client, clock),
            store=session_store,
            source=people,
            sessions=sessions,
            secrets=store,
            trial=lambda access_token: self._issuer(hasty, lambda _owner: access_token),
            log=log,
            clock=clock,
            public_url=settings.public_url or "",
        )
        identity = VaultIdentity(self.credential)
        rotator = Rotator(ports, sessions, kept.locks, _scope(settings))
        fan_out = FanOut(kept.queue, kept.backlog, clock) if kept.queue and kept.backlog else None
        return Service(
            rotator=rotator,
            sign_in=SignIn(desk, owners=settings.owners, vaults=vaults, defaults=settings.defaults),
            doctor=Doctor(
                store=store,
                issuer=issuer,
                sessions=sessions,
                clock=clock,
                vaults=vaults,
                owners=settings.all_owners,
                defaults=settings.defaults,
                installation=Installation(
                    identity=identity,
                    locks=kept.locks,
                    session_vault=settings.session_vault.name,
                    session_store=session_store,
                    people=settings.owners,
                    storage=kept.check,
                    public_url=settings.public_url,
                ),
            ),
            auditor=Auditor(
                store=store,
                issuer=issuer,
                sessions=sessions,
                clock=clock,
                vaults=vaults,
                owners=settings.all_owners,
                defaults=settings.defaults,
                devops_url=settings.devops_url,
            ),
            connections=Connections(session_store, store, vaults, settings.defaults, time.sleep),
            lookout=Lookout(rotator, store, kept.journal, clock),
            orders=(
                QueueDesk(kept.queue, kept.journal, store, identity.asker)
                if kept.queue
                else LocalDesk(rotator, store, clock, time.sleep, identity.asker)
            ),
            journal=kept.journal,
            worker=Worker(rotator, fan_out, time.sleep) if fan_out else None,
            fan_out=fan_out if settings.fan_out is FanOutMode.QUEUE else None,
            storage_check=kept.check,
        )

    def _open(self, part: AbstractContextManager[T]) -> T:
        return self.opened.enter_context(part)

    def _vault(self, vault: Vault) -> SecretClient:
        is_microsoft = self.settings.is_microsoft
        found = open_vault(vault, self.credential, is_microsoft=is_microsoft, paces=self.paces)
        return self._open(found)

    def _entra(self) -> Entra:
        registration = _registration(self.settings)
        scope = f"{registration.audience}/.default"

        def assertion() -> str:
            token_file = _token_file()
            return read_token(token_file) if token_file else self.credential.get_token(scope).token

        entra = Entra(registration, assertion, self.clock)
        self.opened.callback(entra.close)
        return entra

    def _sessions(self, people: PersonSource, entra: Entra) -> Sessions:
        agents = AgentSource(entra, self.clock, self.settings.agent_owners)
        return Sessions(
            {
                **dict.fromkeys(self.settings.owners, people),
                **{agent.owner: agents for agent in self.settings.agent_owners},
            },
            self.clock,
        )

    def _issuer(
        self, session: Session, access_token: Callable[[str], TokenValue]
    ) -> AzureDevOpsIssuer:
        return AzureDevOpsIssuer(
            session,
            access_token,
            self.clock,
            devops_url=self.settings.devops_url,
            tokens_url=self.settings.devops_tokens_url,
        )

    def _kept(self) -> _Kept:
        """Open what is kept in storage, or what stands in for it."""
        storage = self.settings.storage
        if storage is None:
            return _Kept(NoJournal(), LocalLocks())
        # Cold start is a feature: whoever has no storage does not load its libraries.
        from rotation.adapters.journal import TableJournal
        from rotation.adapters.locks import TableLocks
        from rotation.adapters.queues import StorageRequests, TableBacklog
        from rotation.adapters.storage import open_queue, open_tables
        from rotation.adapters.storage_check import AzureStorageCheck

        identity, clock = self._storage_identity(storage), self.clock
        tables = open_tables(storage, identity, clock, time.sleep)
        queue = open_queue(storage, identity, clock, time.sleep)
        self.opened.callback(tables.close)
        self.opened.callback(queue.close)
        return _Kept(
            journal=TableJournal(tables, clock),
            locks=TableLocks(tables, clock),
            queue=StorageRequests(queue),
            backlog=TableBacklog(tables, clock),
            check=AzureStorageCheck(tables, queue),
        )

    def _storage_identity(self, storage: Storage) -> Credential:
        client_id = storage.client_id or self.settings.managed_identity
        if client_id == self.settings.managed_identity and not storage.is_managed_identity:
            return self.credential
        identity = _credential(self.settings, client_id, is_managed=storage.is_managed_identity)
        self.opened.callback(identity.close)
        return identity


@dataclass(frozen=True)
class _Kept:
    """What outlives a run, other than in the vaults."""

    journal: Journal
    locks: Locks
    queue: RequestQueue | None = None
    backlog: Backlog | None = None
    check: AzureStorageCheck | None = None


def _scope(settings: Settings) -> Scope:
    return Scope(
        vaults=[vault.name for vault in settings.vaults],
        owners=settings.all_owners,
        defaults=settings.defaults,
        concurrency=settings.concurrency,
        journal_period=settings.journal_period,
        alert_before=settings.alert_before,
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


def _token_file() -> str | None:
    """Name the file with the token that stands for the managed identity, where that is the way."""
    return None if "IDENTITY_ENDPOINT" in os.environ else os.environ.get(FILE)


def _credential(
    settings: Settings, client_id: str | None, *, is_managed: bool = False
) -> Credential:
    """Choose the identity: the platform's managed one, or whoever is signed in on this machine.

    Args:
        settings: where it gets its tokens.
        client_id: of the managed identity; None for the system's default.
        is_managed: whether nobody else will do.
    """
    if token_file := _token_file():
        return open_identity(token_file, settings, client_id)
    if is_managed or "IDENTITY_ENDPOINT" in os.environ:
        return ManagedIdentityCredential(client_id=client_id, permit_redirects=False)
    return DefaultAzureCredential(managed_identity_client_id=client_id, permit_redirects=False)
