"""Both ways into the world lead to the same place: in process, and over HTTPS by the adapters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from azure.identity import ManagedIdentityCredential

from rotation.adapters.azure_devops import AzureDevOpsIssuer
from rotation.adapters.key_vault import KeyVaultStore, open_vault
from rotation.adapters.patience import open_session
from rotation.errors import LockHeldError, RejectedError, ServiceError, SessionError
from rotation.model import Defaults, Draft, SecretName, TokenValue
from rotation.rotator import Scope
from rotation.settings import Vault
from sandbox.fault import (
    Answer,
    Drop,
    Extra,
    Fault,
    Kind,
    Truncate,
    redirect,
    refused_token,
    sign_in_page,
    throttled,
    unavailable,
)
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.grant import AZURE_DEVOPS
from sandbox.ports import InProcess, MemoryLocks, WorldIssuer, WorldStore
from sandbox.world import session_name
from tests.contract.conftest import access_token, make_world
from tests.stage import paces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rotation.model import Token
    from rotation.ports import SecretStore, TokenIssuer
    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.world import World

NAME = SecretName(VAULT, "feed")
SCOPE = Scope(
    vaults=[VAULT],
    owners=[OWNER],
    defaults=Defaults((OWNER,), timedelta(days=30), timedelta(days=90), timedelta(hours=48)),
    concurrency=2,
)


@dataclass(frozen=True)
class Way:
    """One way into one world, in which one secret holds one token."""

    world: World
    store: SecretStore
    issuer: TokenIssuer

    @property
    def token(self) -> Token:
        """The token, as its owner is told about it."""
        first = self.world.registry.tokens[0].authorization_id
        tokens = self.issuer.inventory(OWNER, ORGANIZATION).tokens
        return next(token for token in tokens if token.authorization_id == first)

    def state(self) -> list[object]:
        """What there is afterwards: every version's tags and switch, every token's status."""
        versions = self.world.vault(VAULT).versions(NAME.name)
        now = self.world.clock()
        return [
            *((sorted(version.tags), version.enabled) for version in versions),
            *((token.status_at(now), token.valid_to) for token in self.world.registry.tokens),
        ]


@pytest.fixture
def near(clock: ManualClock) -> Way:
    """Lead in process to a world of its own."""
    world = make_world(clock)
    place(world, Placement(NAME.name, age=timedelta(days=10)))
    return Way(world, WorldStore(world), WorldIssuer(world, lambda _: _bearer(world)))


@pytest.fixture
def far(sandbox: Sandbox, world: World) -> Iterator[Way]:
    """Lead over HTTPS to a world that is alike."""
    place(world, Placement(NAME.name, age=timedelta(days=10)))
    with (
        ManagedIdentityCredential(client_id=world.tenant.identity.client_id) as credential,
        open_session(paces()) as http,
        open_vault(
            Vault(VAULT, sandbox.vault_urls[VAULT]),
            credential,
            is_microsoft=False,
            paces=paces(),
        ) as client,
    ):
        issuer = AzureDevOpsIssuer(
            http,
            lambda _: _bearer(world),
            world.clock,
            devops_url=sandbox.devops_url,
            tokens_url=sandbox.tokens_url,
        )
        yield Way(world, KeyVaultStore({VAULT: client}), issuer)


def _bearer(world: World) -> TokenValue:
    return TokenValue(access_token(world, f"{AZURE_DEVOPS}/.default"))


def _draft(way: Way) -> Draft:
    return Draft("feed [kv-build/feed]", "vso.code", way.world.clock() + timedelta(days=9))


def _prove(way: Way) -> bool:
    value = way.store.read(NAME).value
    assert value
    return way.issuer.prove(OWNER, ORGANIZATION, value)


VAULT_USES: dict[str, Callable[[Way], object]] = {
    "list_secrets": lambda way: [*way.store.list_managed(VAULT)],
    "get_secret": lambda way: way.store.read(NAME),
    "list_versions": lambda way: way.store.list_versions(NAME),
    "set_secret": lambda way: way.store.store(
        way.store.read(NAME), TokenValue("v2"), tags={"a": "1"}, expires_at=way.world.clock()
    ),
    "update_secret": lambda way: way.store.write_tags(way.store.read(NAME), {"a": "1"}),
}
TOKEN_USES: dict[str, Callable[[Way], object]] = {
    "list_pats": lambda way: way.issuer.inventory(OWNER, ORGANIZATION),
    "get_pat": lambda way: way.issuer.get(OWNER, ORGANIZATION, way.token.authorization_id),
    "create_pat": lambda way: way.issuer.create(OWNER, ORGANIZATION, _draft(way)).token.scope,
    "update_pat": lambda way: way.issuer.extend(
        OWNER, ORGANIZATION, way.token, way.world.clock() + timedelta(days=60)
    ),
    "revoke_pat": lambda way: way.issuer.revoke(OWNER, ORGANIZATION, way.token.authorization_id),
}
FAULTS: dict[str, Kind] = {
    "a throttled call": throttled(),
    "an outage": unavailable(),
    "an outage after the effect": Answer(500, "{}", after_effect=True),
    "a refused credential": Answer(401, "{}"),
    "a missing right": Answer(403, '{"error": {"code": "Forbidden", "message": ""}}'),
    "a dropped connection": Drop(),
    "a dropped answer": Drop(after_effect=True),
    "a header too many": Extra({"Retry-After": "0"}),
}
PROOF_FAULTS: dict[str, Kind] = {
    **FAULTS,
    "a truncated answer": Truncate(20),
    "a sign-in page": sign_in_page(),
    "a redirect": redirect(),
    "a page that looks like success": Answer(200, "<html>", "text/html"),
}
TOKEN_FAULTS: dict[str, Kind] = {
    **PROOF_FAULTS,
    "a word that nobody knows": refused_token("somethingNew"),
    "a policy": refused_token("fullScopePatPolicyViolation"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("operation", VAULT_USES)
def test_a_bad_day_of_the_vault_is_the_same_both_ways(
    near: Way, far: Way, operation: str, fault: str
) -> None:
    """The same error of the same kind, and the same versions afterwards."""
    for way in (near, far):
        kind = FAULTS[fault]
        way.world.faults.add(Fault(kind, operation=operation, times=None))

    outcomes = [_outcome(VAULT_USES[operation], way) for way in (near, far)]

    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("fault", TOKEN_FAULTS)
@pytest.mark.parametrize("operation", TOKEN_USES)
def test_a_bad_day_of_azure_devops_is_the_same_both_ways(
    near: Way, far: Way, operation: str, fault: str
) -> None:
    """The same error of the same kind, and the same tokens afterwards."""
    for way in (near, far):
        way.world.faults.add(Fault(TOKEN_FAULTS[fault], operation=operation, times=None))

    outcomes = [_outcome(TOKEN_USES[operation], way) for way in (near, far)]

    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("fault", PROOF_FAULTS)
def test_a_proof_on_a_bad_day_is_the_same_both_ways(near: Way, far: Way, fault: str) -> None:
    """No answer is an error, a refusal is a no."""
    outcomes = []
    for way in (near, far):
        assert _prove(way)
        way.world.faults.add(Fault(PROOF_FAULTS[fault], operation="connection_data", times=None))
        outcomes.append(_outcome(_prove, way))

    assert outcomes[0] == outcomes[1]


def test_a_good_day_is_the_same_both_ways(near: Way, far: Way) -> None:
    """The same answers, and the same calls in the same order."""
    uses = {**VAULT_USES, **TOKEN_USES}

    outcomes = [[_outcome(use, way) for use in uses.values()] for way in (near, far)]
    calls = [
        [
            call.operation
            for call in way.world.calls
            if call.service in {"key-vault", "azure-devops"}
        ]
        for way in (near, far)
    ]

    assert outcomes[0] == outcomes[1]
    assert calls[0] == [operation for operation in calls[1] if operation != "challenge"]


UNKNOWN = "00000000-0000-0000-0000-000000000000"


def _from_outside(way: Way) -> Token:
    way.world.organization(ORGANIZATION).members.clear()
    return way.token


def _without_right(way: Way) -> object:
    way.world.vault(VAULT).permissions.remove("set")
    return VAULT_USES["set_secret"](way)


def _switched_off(way: Way) -> object:
    way.store.disable(NAME, way.world.vault(VAULT).newest(NAME.name).id)
    return way.store.read(NAME).value


NOES: dict[str, Callable[[Way], object]] = {
    "no such secret": lambda way: way.store.read(SecretName(VAULT, "nothing")),
    "no such token": lambda way: way.issuer.get(OWNER, ORGANIZATION, UNKNOWN),
    "nothing to revoke": lambda way: way.issuer.revoke(OWNER, ORGANIZATION, UNKNOWN),
    "no such organization": lambda way: way.issuer.inventory(OWNER, "nowhere"),
    "a wrong value": lambda way: way.issuer.prove(OWNER, ORGANIZATION, TokenValue("wrong")),
    "no member": _from_outside,
    "no right": _without_right,
    "a disabled version": _switched_off,
}


@pytest.mark.parametrize("what", NOES)
def test_a_no_is_the_same_both_ways(near: Way, far: Way, what: str) -> None:
    """What is missing, foreign, forbidden or switched off reads alike."""
    assert _outcome(NOES[what], near) == _outcome(NOES[what], far)


def _outcome(use: Callable[[Way], object], way: Way) -> list[object]:
    """Give what came back, or what was raised, and what there is in the world then."""
    try:
        answer: object = repr(use(way))
    except ServiceError as exc:
        reason = exc.reason if isinstance(exc, RejectedError) else ""
        answer = (type(exc).__name__, reason)
    # Ids and values differ, since the network takes some of them for itself.
    if isinstance(answer, str):
        answer = _without_ids(answer)
    return [answer, way.state()]


def _without_ids(text: str) -> str:
    return re.sub(
        r"\b([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|[0-9a-f]{12})\b", "id", text
    )


# --- What only the in-process way has -------------------------------------------------------


def test_a_session_is_saved_once_a_day(clock: ManualClock, world: World) -> None:
    """The newest refresh token takes the place of the one before, which is disabled."""
    process = InProcess(world, SCOPE)
    process.sessions.keep(OWNER)
    clock.advance(timedelta(hours=24))

    session = process.sessions.keep(OWNER)

    assert session.is_refreshed
    versions = world.session_vault.versions(session_name(OWNER))
    assert [version.enabled for version in versions] == [False, True]
    assert not process.sessions.keep(OWNER).is_refreshed


def test_a_session_that_ended_needs_its_person(world: World) -> None:
    """It says so, and gives no access token."""
    world.tenant.revoke_sessions(OWNER)
    process = InProcess(world, SCOPE)

    session = process.sessions.keep(OWNER)

    assert (session.is_working, session.reason) == (False, "sign-in-needed")
    with pytest.raises(SessionError):
        process.sessions.access_token(OWNER)


def test_a_rotator_runs_in_process(clock: ManualClock, world: World) -> None:
    """A due secret is renewed and, after the grace, its predecessor retired; nothing leaks."""
    place(world, Placement("feed", age=timedelta(days=25)))
    process = InProcess(world, SCOPE)

    process.rotator.run()
    held = len(world.living_tokens())
    clock.advance(timedelta(hours=49))
    process.rotator.run()

    assert (held, len(world.living_tokens())) == (2, 1)
    assert world.token_in(VAULT, "feed") in world.living_tokens()
    assert world.leaks_in(repr(process.journal.events)) == 0


def test_a_lock_has_one_holder_and_can_be_lost() -> None:
    """A second holder is turned away, unless locks fail open; who has lost it is told."""
    locks, open_locks = MemoryLocks(), MemoryLocks(fail_open=True)

    with locks.hold(NAME) as held, open_locks.hold(NAME), open_locks.hold(NAME):
        with pytest.raises(LockHeldError), locks.hold(SecretName("KV-build", "FEED")):
            pass
        assert held.is_held()
        locks.lose(NAME)
        assert not held.is_held()
        with locks.hold(NAME) as other:
            assert other.is_held()
