"""The adapters keep to the pace of their vault or owner at every request, whichever it is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from azure.identity import ManagedIdentityCredential

from rotation import settings
from rotation.adapters.azure_devops import AzureDevOpsIssuer
from rotation.adapters.key_vault import KeyVaultStore, open_vault
from rotation.adapters.pace import AFTER_REFUSALS, Paces
from rotation.adapters.patience import open_session
from rotation.errors import UnavailableError
from rotation.model import Draft, SecretName, TokenValue
from sandbox.fault import Extra, Fault
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.grant import AZURE_DEVOPS
from tests.contract.conftest import access_token, make_world
from tests.stage import paces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.world import World

BOB = "bob@contoso.example"
NAME = SecretName(VAULT, "feed")
TAGS = {"pat-rotation": "regenerate"}
DAY = timedelta(days=1)
ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Process:
    """The adapters of one process of the rotator."""

    store: KeyVaultStore
    issuer: AzureDevOpsIssuer


@pytest.fixture
def world(clock: ManualClock) -> World:
    """Give a world with two owners, and a secret."""
    world = make_world(clock)
    world.organization(ORGANIZATION).members.add(world.add_user(BOB).identity_id)
    place(world, Placement(NAME.name))
    return world


@pytest.fixture
def start(sandbox: Sandbox, world: World) -> Iterator[Callable[[Paces], Process]]:
    """Give a function that starts a process with some paces."""
    chosen = settings.load()
    value = TokenValue(access_token(world, f"{AZURE_DEVOPS}/.default"))
    with ExitStack() as opened:
        identity = opened.enter_context(
            ManagedIdentityCredential(client_id=chosen.managed_identity)
        )

        def start(paces: Paces) -> Process:
            clients = {
                vault.name: opened.enter_context(
                    open_vault(vault, identity, is_microsoft=False, paces=paces)
                )
                for vault in chosen.vaults
            }
            issuer = AzureDevOpsIssuer(
                opened.enter_context(open_session(paces)),
                lambda _: value,
                world.clock,
                devops_url=sandbox.devops_url,
                tokens_url=sandbox.tokens_url,
            )
            return Process(KeyVaultStore(clients), issuer)

        yield start


def _store(process: Process, world: World) -> object:
    secret = process.store.read(NAME)
    later = world.clock() + DAY
    return process.store.store(secret, TokenValue("v" * 84), tags=TAGS, expires_at=later)


VAULT_USES: dict[str, Callable[[Process, World], object]] = {
    "list": lambda process, _: [*process.store.list_managed(VAULT)],
    "read": lambda process, _: process.store.read(NAME),
    "versions": lambda process, _: process.store.list_versions(NAME),
    "tags": lambda process, _: process.store.write_tags(process.store.read(NAME), TAGS),
    "disable": lambda p, _: p.store.disable(NAME, str(p.store.read(NAME).version)),
    "store": _store,
    "reserve": lambda process, _: process.store.reserve(SecretName(VAULT, "new"), TAGS),
}
OWNER_USES: dict[str, Callable[[Process, World, str], object]] = {
    "inventory": lambda p, _, owner: p.issuer.inventory(owner, ORGANIZATION),
    "get": lambda p, _, owner: p.issuer.get(owner, ORGANIZATION, ID),
    "create": lambda p, world, owner: p.issuer.create(
        owner, ORGANIZATION, Draft("new", "vso.code", world.clock() + DAY)
    ),
    "revoke": lambda p, _, owner: p.issuer.revoke(owner, ORGANIZATION, ID),
    "prove": lambda p, _, owner: p.issuer.prove(owner, ORGANIZATION, TokenValue("any")),
}


@pytest.mark.parametrize("use", VAULT_USES)
def test_every_request_to_a_vault_is_counted(
    start: Callable[[Paces], Process], world: World, use: str
) -> None:
    """Whatever is asked, and each page of it: so many in a span, and then there is a wait."""
    slept: list[float] = []
    process = start(Paces(slept.append, lambda: sum(slept), instances=1000))
    for number in range(30):
        place(world, Placement(f"feed-{number}"))
    world.calls.clear()

    for _ in range(4):
        VAULT_USES[use](process, world)

    creates = sum(call.operation == "set_secret" for call in world.calls)
    others = sum(call.service == "key-vault" for call in world.calls) - creates
    assert sum(slept) >= max(10 * ((others - 1) // 3), 41.6 * (creates - 1))
    assert slept


@pytest.mark.parametrize("use", OWNER_USES)
def test_a_wait_asked_for_with_a_success_is_obeyed_by_all_threads_of_that_owner(
    start: Callable[[Paces], Process], world: World, use: str
) -> None:
    """``Retry-After`` with a 200 delays the next call of each thread; those for others go on."""
    slept: list[float] = []
    process = start(Paces(slept.append, lambda: 0.0))
    for owner in (OWNER, BOB):
        OWNER_USES["prove"](process, world, owner)
    world.faults.add(Fault(Extra({"Retry-After": "7"}), "azure-devops"))
    process.issuer.get(OWNER, ORGANIZATION, ID)
    assert slept == []

    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(OWNER_USES[use], process, world, o) for o in (OWNER, BOB, OWNER)]
    for one in asked:
        one.result()

    assert slept == [7, 7]


def test_what_several_processes_do_together_is_obeyed(
    start: Callable[[Paces], Process], world: World, clock: ManualClock
) -> None:
    """They know nothing of each other: a vault refuses some of their calls, and nothing is lost."""
    begun_at = clock()

    def pass_by(seconds: float) -> None:
        clock.advance(timedelta(seconds=seconds))

    def elapsed() -> float:
        return (clock() - begun_at).total_seconds()

    processes = [start(Paces(pass_by, elapsed)) for _ in range(3)]
    secret = processes[0].store.read(NAME)
    world.limits.creates = 4
    values = [TokenValue(f"{number:084}") for number in range(24)]
    for number, value in enumerate(values):
        processes[number % 3].store.store(secret, value, tags=TAGS, expires_at=clock() + DAY)

    stored = [version.value for version in world.vault(VAULT).versions(NAME.name)]
    assert stored[-24:] == [value.reveal() for value in values]
    assert world.limits.refused[VAULT] > 0
    assert clock() - begun_at >= timedelta(seconds=50)


def test_a_vault_that_stays_full_is_given_up(
    start: Callable[[Paces], Process], world: World
) -> None:
    """A store is repeated as often as Key Vault asks, each time later; it was never carried out."""
    slept: list[float] = []
    process = start(paces(slept))
    secret = process.store.read(NAME)
    world.limits.creates = 0

    with pytest.raises(UnavailableError) as failed:
        process.store.store(secret, TokenValue("v" * 84), tags=TAGS, expires_at=world.clock() + DAY)

    assert (failed.value.status, slept) == (429, [*AFTER_REFUSALS])
    assert world.limits.refused == {VAULT: 6}
    assert len(world.vault(VAULT).versions(NAME.name)) == 1
