"""The ports on a stage: straight on a world, or as the real adapters that reach it over HTTPS."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from traceback import TracebackException
from typing import TYPE_CHECKING

import pytest
from azure.identity import ManagedIdentityCredential

from rotation import redaction, settings
from rotation.adapters.azure_devops import AzureDevOpsIssuer
from rotation.adapters.entra import Entra, Registration
from rotation.adapters.key_vault import KeyVaultStore, open_vault
from rotation.adapters.pace import Paces
from rotation.adapters.patience import open_session
from rotation.adapters.session_vault import KeyVaultSessions
from rotation.errors import ServiceError
from rotation.model import Defaults, SecretName
from rotation.rotator import Scope
from rotation.sessions import AgentSource, PersonSource, Sessions
from sandbox.furniture import OWNER, VAULT
from sandbox.grant import TOKEN_EXCHANGE
from sandbox.https.dressing import PLAIN
from sandbox.ports import InProcess, WorldSessionStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from azure.keyvault.secrets import SecretClient
    from requests import Session

    from rotation.ports import OwnerSessions, SecretStore, SessionStore, TokenIssuer
    from rotation.settings import Settings, Vault
    from sandbox.clock import ManualClock
    from sandbox.fault import Fault
    from sandbox.https import Sandbox
    from sandbox.https.dressing import Dressing
    from sandbox.world import World

IN_PROCESS, OVER_HTTPS, IN_OTHER_MANNERS = "in process", "over https", "in other manners"
FEED = SecretName(VAULT, "feed")
SCOPE = Scope(
    vaults=[VAULT],
    owners=[OWNER],
    defaults=Defaults((OWNER,), timedelta(days=30), timedelta(days=90), timedelta(hours=48)),
    concurrency=1,
)


class OwnClock:
    """The rotator's own clock: the world's, until it goes wrong."""

    def __init__(self, clock: ManualClock) -> None:
        """Agree with ``clock``."""
        self._clock = clock
        self.error = timedelta(0)

    def __call__(self) -> datetime:
        """Tell the present instant."""
        return self._clock() + self.error


@dataclass(frozen=True)
class Stage:
    """Ports, and the world behind them."""

    world: World
    clock: OwnClock
    store: SecretStore
    issuer: TokenIssuer
    sessions: OwnerSessions
    session_store: SessionStore
    dressing: Dressing = field(default=PLAIN, kw_only=True)
    """The manner in which the world answers."""

    def pages(self, items: int, size: int) -> int:
        """Tell in how many pages so many items come, which are of that size at most."""
        return -(-items // min(size, self.dressing.page_size or size))

    def break_at(self, *faults: Fault) -> None:
        """Let things go wrong from now on; calls count from here."""
        self.world.faults.add(*faults)
        self.world.calls.clear()

    def count(self, operation: str) -> int:
        """Count the calls of one operation."""
        return sum(call.operation == operation for call in self.world.calls)


@dataclass(frozen=True)
class HttpsStage(Stage):
    """The real adapters in front of a sandbox, and what lies between them."""

    http: Session
    """Of the issuer: a place for hooks, where a proxy would be."""
    slept: list[float]
    """What the adapters and the libraries under them would have waited, in seconds."""


def paces(slept: list[float] | None = None) -> Paces:
    """Give paces for which no time passes but what they wait; ``slept`` is told of that."""
    waits: list[float] = [] if slept is None else slept
    return Paces(waits.append, lambda: sum(waits))


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the list of all waiting, which takes no time."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


@pytest.fixture
def https_stage(sandbox: Sandbox, clock: ManualClock, slept: list[float]) -> Iterator[HttpsStage]:
    """Give the real adapters, put together as the composition root does."""
    chosen, own, pace = settings.load(), OwnClock(clock), paces(slept)
    with ExitStack() as opened:
        credential = opened.enter_context(
            ManagedIdentityCredential(client_id=chosen.managed_identity)
        )

        def client(vault: Vault) -> SecretClient:
            found = open_vault(vault, credential, is_microsoft=False, paces=pace)
            return opened.enter_context(found)

        def assertion() -> str:
            return str(credential.get_token(f"{TOKEN_EXCHANGE}/.default").token)

        entra = Entra(_registration(chosen), assertion, own)
        opened.callback(entra.close)
        session_store = KeyVaultSessions(client(chosen.session_vault))
        people = PersonSource(session_store, entra, own)
        agents = AgentSource(entra, own, chosen.agent_owners)
        sessions = Sessions(
            {
                **dict.fromkeys(chosen.owners, people),
                **{agent.owner: agents for agent in chosen.agent_owners},
            },
            own,
        )
        http = opened.enter_context(open_session(pace))
        yield HttpsStage(
            world=sandbox.world,
            clock=own,
            store=KeyVaultStore({vault.name: client(vault) for vault in chosen.vaults}),
            issuer=AzureDevOpsIssuer(
                http,
                sessions.access_token,
                own,
                devops_url=chosen.devops_url,
                tokens_url=chosen.devops_tokens_url,
            ),
            sessions=sessions,
            session_store=session_store,
            http=http,
            slept=slept,
            dressing=sandbox.dressing,
        )


@pytest.fixture
def stage(request: pytest.FixtureRequest, world: World, clock: ManualClock) -> Stage:
    """Give the ports, in each of the ways that the test is told in."""
    if request.param != IN_PROCESS:
        found: Stage = request.getfixturevalue("https_stage")
        return found
    own = OwnClock(clock)
    ports = InProcess(world, replace(SCOPE, owners=[*world.tenant.users]), clock=own)
    return Stage(world, own, ports.store, ports.issuer, ports.sessions, WorldSessionStore(world))


@pytest.fixture
def loggers() -> Iterator[list[logging.Logger]]:
    """Give the loggers that the product may change, and leave them as they were."""
    factory = logging.getLogRecordFactory()
    loggers = [logging.getLogger(name) for name in ("", "rotation", *redaction.LIBRARIES)]
    before = [(one, one.level, one.propagate, list(one.handlers)) for one in loggers]
    yield loggers
    logging.setLogRecordFactory(factory)
    for one, level, propagate, handlers in before:
        one.setLevel(level)
        one.propagate, one.handlers = propagate, handlers


@pytest.fixture
def redacted(loggers: object) -> None:  # noqa: ARG001 - puts them back at the end
    """Withhold what the libraries log, as every process of the product does."""
    redaction.install()


@pytest.fixture
def fail(
    redacted: object,  # noqa: ARG001 - what is logged meanwhile is searched, too
    search_too: Callable[[str, str], None],
) -> Callable[[Callable[[], object]], ServiceError]:
    """Give a function that does what must fail, and gives the error.

    Whatever fails, no value that the world ever issued is in the error.
    """

    def fail(do: Callable[[], object]) -> ServiceError:
        with pytest.raises(ServiceError) as failed:
            do()
        search_too("error", everything_told_by(failed.value))
        return failed.value

    return fail


def everything_told_by(error: BaseException) -> str:
    """Give all that an error may tell whoever prints it: its chain with local variables."""
    told = TracebackException.from_exception(error, capture_locals=True)
    return "".join(told.format()) + repr(error) + str(error) + repr(vars(error))


def _registration(chosen: Settings) -> Registration:
    return Registration(
        authority=chosen.authority,
        tenant_id=chosen.tenant_id,
        client_id=chosen.client_id,
        audience=TOKEN_EXCHANGE,
        is_microsoft=False,
        public_url=chosen.public_url,
        blueprint_id=chosen.blueprint_id,
    )
