"""A world for each test, its faces on loopback, and clients that trust them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from sandbox.clock import ManualClock
from sandbox.furniture import ORGANIZATION, OWNER, VAULT
from sandbox.grant import AZURE_DEVOPS, TOKEN_EXCHANGE, RefreshRequest
from sandbox.https import Authority, Sandbox
from sandbox.https.dressing import DIFFERENT, PLAIN
from sandbox.world import World, session_name
from tests.stage import (
    IN_OTHER_MANNERS,
    IN_PROCESS,
    OVER_HTTPS,
    fail,
    https_stage,
    loggers,
    redacted,
    slept,
    stage,
)
from tests.storage import (
    http_azurite,
    https_azurite,
    key_account,
    storage_stage,
    table_stage,
    token_account,
    wire,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sandbox.https.dressing import Dressing

__all__ = [
    "fail",
    "http_azurite",
    "https_azurite",
    "https_stage",
    "key_account",
    "loggers",
    "redacted",
    "slept",
    "stage",
    "storage_stage",
    "table_stage",
    "token_account",
    "wire",
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what takes a stage in each way; what is marked so, in front of another world, too."""
    if "stage" in metafunc.fixturenames:
        is_marked = metafunc.definition.get_closest_marker("manners")
        ways = [IN_PROCESS, OVER_HTTPS, *([IN_OTHER_MANNERS] if is_marked else [])]
        metafunc.parametrize("stage", ways, indirect=True)


START = datetime(2026, 11, 22, 7, 0, 0, tzinfo=UTC)
API = "7.2-preview.1"


@pytest.fixture(scope="session")
def authority() -> Iterator[Authority]:
    """Give the one certificate authority of the whole run: making keys is slow."""
    with Authority() as authority:
        yield authority


@pytest.fixture
def clock() -> ManualClock:
    """Give the world's clock, to be turned by hand."""
    return ManualClock(START)


@pytest.fixture
def world(clock: ManualClock) -> World:
    """Give a world with one empty vault, one organization and one connected owner."""
    return make_world(clock)


def make_world(clock: ManualClock) -> World:
    """Make such a world; two of them are alike to the last id."""
    world = World(clock)
    world.add_vault(VAULT)
    world.add_organization(ORGANIZATION, [world.add_user(OWNER)])
    world.connect(OWNER)
    return world


@pytest.fixture(scope="session")
def other_authority() -> Iterator[Authority]:
    """Give another authority, whose child has certified the faces."""
    with Authority(*DIFFERENT.names, is_indirect=True) as authority:
        yield authority


@pytest.fixture
def dressing(request: pytest.FixtureRequest) -> Dressing:
    """Give the manner in which the faces answer: the plain one, unless a test is told otherwise."""
    chosen = getattr(request.node, "callspec", None)
    return DIFFERENT if chosen and chosen.params.get("stage") == IN_OTHER_MANNERS else PLAIN


@pytest.fixture
def sandbox(
    request: pytest.FixtureRequest,
    world: World,
    dressing: Dressing,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Sandbox]:
    """Give the world's faces, with the environment set as the product needs it."""
    whose = "authority" if dressing == PLAIN else "other_authority"
    with Sandbox(world, request.getfixturevalue(whose), dressing) as sandbox:
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        yield sandbox


@pytest.fixture
def vault_client(sandbox: Sandbox) -> Iterator[SecretClient]:
    """Give Microsoft's own client for the vault, with the managed identity as its credential."""
    with (
        ManagedIdentityCredential(client_id=sandbox.world.tenant.identity.client_id) as credential,
        SecretClient(
            sandbox.vault_urls[VAULT],
            credential,
            api_version="7.6",
            verify_challenge_resource=False,
            retry_total=0,
        ) as client,
    ):
        yield client


def access_token(world: World, *scopes: str) -> str:
    """Give an access token of the connected owner, freshly redeemed, past the network."""
    tenant = world.tenant
    assertion = tenant.identity_token(TOKEN_EXCHANGE, tenant.identity.client_id)
    assert assertion
    session = world.session_vault.newest(session_name(OWNER)).value
    request = RefreshRequest(tenant.client_id, assertion.value, session, frozenset(scopes))
    return tenant.redeem(request).access.value


@dataclass(frozen=True)
class AzureDevOps:
    """Plain HTTP to both hosts of Azure DevOps, in one organization."""

    sandbox: Sandbox
    http: requests.Session

    @property
    def bearer(self) -> dict[str, str]:
        """The headers of the connected owner, freshly redeemed."""
        return self.bearer_with(f"{AZURE_DEVOPS}/.default")

    def bearer_with(self, *scopes: str) -> dict[str, str]:
        """Give the headers of the connected owner, with the scopes asked for."""
        return {"Authorization": f"Bearer {access_token(self.sandbox.world, *scopes)}"}

    def tokens(
        self,
        method: str = "GET",
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Call the PAT lifecycle API: as the connected owner, unless ``headers`` say otherwise."""
        return self.http.request(
            method,
            f"{self.sandbox.tokens_url}/{ORGANIZATION}/_apis/tokens/pats",
            params={"api-version": API, **(query or {})},
            json=body,
            headers=self.bearer if headers is None else headers,
            allow_redirects=False,
        )

    def create(self, **changes: object) -> requests.Response:
        """Create a token that lives for a day, but for the ``changes`` to the body."""
        body: dict[str, Any] = {
            "displayName": "new",
            "scope": "vso.code",
            "validTo": "2026-11-23T07:00:00Z",
            "allOrgs": False,
        }
        return self.tokens("POST", body={**body, **changes})

    def connection(
        self, value: str | None = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Ask who the caller is: with a PAT, or with ``headers``."""
        return self.http.get(
            f"{self.sandbox.devops_url}/{ORGANIZATION}/_apis/connectionData",
            params={"api-version": API},
            auth=None if value is None else ("", value),
            headers=headers,
            allow_redirects=False,
        )


@pytest.fixture
def azure_devops(sandbox: Sandbox) -> Iterator[AzureDevOps]:
    """Give plain HTTP to Azure DevOps."""
    with requests.Session() as http:
        yield AzureDevOps(sandbox, http)


@pytest.fixture
def count_calls(world: World) -> Callable[[str], int]:
    """Give a function that counts the calls of one operation."""
    return lambda operation: sum(call.operation == operation for call in world.calls)
