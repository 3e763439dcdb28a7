"""Storage for tests: in process, or as the real adapters that reach Azurite by key and by token.

Who needs an account takes the fixture ``key_account`` or ``token_account``; its ``by_key`` or
``by_token`` are the environment variables by which the product enters it. Each test gets an account
of its own. Azurite starts once for each process of the test run that needs it, and ends with it.
"""

from __future__ import annotations

import base64
import json
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.identity import ManagedIdentityCredential

from rotation import settings
from rotation.adapters.journal import TableJournal
from rotation.adapters.locks import TableLocks
from rotation.adapters.queues import StorageRequests, TableBacklog
from rotation.adapters.storage import Queue, Tables, open_queue, open_tables
from sandbox.azurite import Azurite, is_installable
from sandbox.ports import Journal as MemoryJournal
from sandbox.ports import MemoryBacklog, MemoryLocks, MemoryRequests
from tests.leaks import EAR
from tests.stage import OwnClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotation.ports import Backlog, Journal, Locks, RequestQueue
    from rotation.settings import Settings
    from sandbox.azurite import Account
    from sandbox.clock import ManualClock
    from sandbox.https import Authority

DEADLINE_SECONDS = 30
FOR_EVER = timedelta(days=365_000)
"""Longer than that, a message on the queue lives for ever."""


def until(is_so: Callable[[], object]) -> None:
    """Look again and again until something is so: Azurite lives by the machine's clock."""
    pause = threading.Event()
    for _ in range(DEADLINE_SECONDS * 50):
        if is_so():
            return
        pause.wait(0.02)
    raise AssertionError("it has not come to that")


@pytest.fixture(scope="session")
def http_azurite() -> Iterator[Azurite]:
    """Give Azurite as it is entered by keys."""
    _need_npm()
    with Azurite() as azurite:
        yield azurite


@pytest.fixture(scope="session")
def https_azurite(authority: Authority) -> Iterator[Azurite]:
    """Give Azurite as it is entered by tokens, too."""
    _need_npm()
    with Azurite(authority) as azurite:
        yield azurite


def _need_npm() -> None:
    if not is_installable():
        pytest.skip("needs npm")


@pytest.fixture
def key_account(http_azurite: Azurite, pytestconfig: pytest.Config) -> Account:
    """Give an empty account that is entered by its key."""
    return _secretly(http_azurite.account(), pytestconfig)


@pytest.fixture
def token_account(https_azurite: Azurite, pytestconfig: pytest.Config) -> Account:
    """Give an empty account that is entered by the token of the managed identity."""
    return _secretly(https_azurite.account(), pytestconfig)


def _secretly(account: Account, config: pytest.Config) -> Account:
    config.stash[EAR].values.add(account.key)
    return account


@dataclass
class Wire:
    """What lies between the adapters and the account: counts what is sent, and breaks."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    """Method and address of each request."""
    is_cut: bool = False
    """Whether nothing gets through."""
    lost_answers: int = 0
    """How many answers get lost from now on, one after another."""
    delay: Callable[[], None] | None = None
    """What happens while a request is on its way."""

    def count(self, method: str = "") -> int:
        """Count the requests of one method, or all."""
        return sum(sent.startswith(method) for sent, _ in self.sent)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Give the wire."""
    wire, send = Wire(), requests.Session.send

    def sent(session: requests.Session, request: Any, **more: Any) -> requests.Response:  # noqa: ANN401 - handed on
        wire.sent.append((request.method, request.url))
        if wire.is_cut:
            raise requests.ConnectionError(ConnectionRefusedError())
        response = send(session, request, **more)
        if wire.delay:
            wire.delay()
        if wire.lost_answers:
            wire.lost_answers -= 1
            response.close()
            raise requests.ConnectionError(ConnectionResetError())
        return response

    monkeypatch.setattr(requests.Session, "send", sent)
    return wire


@dataclass(frozen=True)
class StorageStage:
    """The ports, and what is behind them."""

    clock: OwnClock
    time: ManualClock
    journal: Journal
    locks: Locks
    other_locks: Locks
    """Those of another process."""
    queue: RequestQueue
    backlog: Backlog
    waiting: Callable[[], list[tuple[dict[str, Any], timedelta | None]]]
    """Gives what can be taken from the queue, and how long each message lives in all."""
    put_aside: Callable[[str], None]
    """Does what the Functions host does with a message that nobody could handle."""


@dataclass(frozen=True)
class TableStage(StorageStage):
    """The real adapters in front of Azurite."""

    tables: Tables
    requests: Queue
    chosen: Settings
    slept: list[float]


def on_azurite(request: pytest.FixtureRequest, by: str) -> Iterator[TableStage]:
    """Put the adapters together as the composition root does, ``by key`` or ``by token``."""
    request.getfixturevalue("sandbox")  # gives the identity, and the environment beside storage
    account: Account = request.getfixturevalue(f"{by.removeprefix('by ')}_account")
    clock: ManualClock = request.getfixturevalue("clock")
    slept: list[float] = request.getfixturevalue("slept")
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    for name, value in (account.by_key if by == "by key" else account.by_token).items():
        monkeypatch.setenv(name, value)
    chosen, own = settings.load(), OwnClock(clock)
    assert chosen.storage
    with ExitStack() as opened:
        identity = opened.enter_context(
            ManagedIdentityCredential(client_id=chosen.managed_identity)
        )
        tables = open_tables(chosen.storage, identity, own, slept.append)
        queue = open_queue(chosen.storage, identity, own, slept.append)
        opened.callback(tables.close)
        opened.callback(queue.close)
        yield TableStage(
            clock=own,
            time=clock,
            journal=TableJournal(tables, own, page=5),
            locks=TableLocks(tables, own),
            other_locks=TableLocks(tables, clock),
            queue=StorageRequests(queue),
            backlog=TableBacklog(tables, own),
            waiting=lambda: waiting_on(queue),
            put_aside=lambda text: _put_aside(queue, text),
            tables=tables,
            requests=queue,
            chosen=chosen,
            slept=slept,
        )


def _put_aside(queue: Queue, text: str) -> None:
    with suppress(ResourceExistsError):
        queue.poison.create_queue()
    queue.poison.send_message(text)


def waiting_on(queue: Queue) -> list[tuple[dict[str, Any], timedelta | None]]:
    """Give what can be taken from a real queue."""
    found: list[tuple[dict[str, Any], timedelta | None]] = []
    try:
        messages = queue.client.peek_messages(32)
    except ResourceNotFoundError:  # nothing was ever put there
        return found
    for message in messages:
        assert message.expires_on
        assert message.inserted_on
        life = message.expires_on - message.inserted_on
        order = json.loads(base64.b64decode(message.content, validate=True))
        found.append((order, None if life > FOR_EVER else life))
    return found


@pytest.fixture(params=["by key", "by token"])
def table_stage(request: pytest.FixtureRequest) -> Iterator[TableStage]:
    """Give the real adapters, in each of the two ways."""
    yield from on_azurite(request, request.param)


@pytest.fixture(params=["in process", "by key", "by token"])
def storage_stage(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[StorageStage]:
    """Give the ports, in each of the three ways."""
    if request.param == "in process":
        yield in_process(clock)
    else:
        yield from on_azurite(request, request.param)


def in_process(clock: ManualClock) -> StorageStage:
    """Give the sandbox's own ports."""
    own, locks = OwnClock(clock), MemoryLocks()
    queue = MemoryRequests(own)
    put_at = clock()

    def waiting() -> list[tuple[dict[str, Any], timedelta | None]]:
        return [
            (json.loads(message.text), message.ends_at - put_at if message.ends_at else None)
            for message in queue.visible()
        ]

    return StorageStage(
        clock=own,
        time=clock,
        journal=MemoryJournal(),
        locks=locks,
        other_locks=locks,
        queue=queue,
        backlog=MemoryBacklog(own),
        waiting=waiting,
        put_aside=queue.poison.append,
    )
