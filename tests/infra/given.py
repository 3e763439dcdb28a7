"""Sample parameters, and what they deploy."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.infra.bicep.azure import SUBSCRIPTION, Azure
from tests.infra.bicep.parser import parse
from tests.infra.bicep.resolver import resolve

if TYPE_CHECKING:
    from tests.infra.bicep.deployment import Deployment, Resource
    from tests.infra.bicep.nodes import Template

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
MAIN, WATCHED, REGISTRATION = (
    INFRA / f"{name}.bicep" for name in ("main", "watched", "registration")
)

OTHER_SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
OPERATORS = "33333333-3333-4333-8333-333333333333"
IDENTITY = "44444444-4444-4444-8444-444444444444"
PERSON = "55555555-5555-4555-8555-555555555555"
CLIENT = "66666666-6666-4666-8666-666666666666"


def vault_id(name: str, group: str = "rg-teams", subscription: str = SUBSCRIPTION) -> str:
    """Give the resource id of a watched vault."""
    start = f"/subscriptions/{subscription}/resourceGroups/{group}"
    return f"{start}/providers/Microsoft.KeyVault/vaults/{name}"


VAULTS = [
    vault_id("kv-build"),
    vault_id("kv-release", "rg-release"),
    vault_id("kv-far", subscription=OTHER_SUBSCRIPTION),
]
LEAST: dict[str, Any] = {
    "environmentName": "prod",
    "location": "westeurope",
    "watchedVaultIds": VAULTS,
    "owners": ["ada@contoso.example"],
}
"""What has to be given, and nothing else."""
MOST: dict[str, Any] = LEAST | {
    "owners": ["ada@contoso.example", "bob@contoso.example"],
    "agentOwners": [f"agent@contoso.example={PERSON}"],
    "blueprintId": CLIENT,
    "assignedPrincipalIds": [PERSON],
    "operatorsGroupId": OPERATORS,
    "fanOut": "queue",
    "storageSku": "Standard_ZRS",
    "customDomain": "pats.contoso.example",
    "tags": {"cost-centre": "4711"},
    "publicNetworkAccess": "Disabled",
    "privateNetworking": True,
    "privateWatchedVaults": True,
    "functionPublicNetworkAccess": "Disabled",
    "alertEmails": ["operators@contoso.example"],
    "alertWebhooks": {"chat": "https://chat.contoso.example/hook"},
}
"""Every option in use."""
RIGHTS: dict[str, Any] = {
    "watchedVaultIds": VAULTS,
    "identityPrincipalId": IDENTITY,
    "operatorsGroupId": OPERATORS,
    "workspaceId": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/w/x/y",
    "namePrefix": "pat-",
}
"""Of watched.bicep, every option in use."""
REGISTERED: dict[str, Any] = {
    "environmentName": "prod",
    "uniqueName": "pat-rotation-x",
    "identityPrincipalId": IDENTITY,
    "hostNames": ["func.azurewebsites.net", "pats.contoso.example"],
    "assignedPrincipalIds": [PERSON],
}


def main(**parameters: object) -> Deployment:
    """Work out what main.bicep deploys with the least parameters, and these."""
    return resolve(MAIN, LEAST | parameters)


@cache
def least() -> Deployment:
    """Give what main.bicep deploys with the least parameters."""
    return resolve(MAIN, LEAST)


@cache
def most() -> Deployment:
    """Give what main.bicep deploys with every option."""
    return resolve(MAIN, MOST)


@cache
def watched() -> Deployment:
    """Give what watched.bicep deploys with every option."""
    return resolve(WATCHED, RIGHTS)


@cache
def registered() -> Deployment:
    """Give what registration.bicep deploys."""
    return resolve(REGISTRATION, REGISTERED)


def everything() -> list[Resource]:
    """Give all that any of these deploys."""
    return [r for d in (least(), most(), watched(), registered()) for r in d.deployed]


@cache
def templates() -> tuple[Template, ...]:
    """Read every template and parameters file."""
    return tuple(parse(path) for path in sorted(INFRA.rglob("*.bicep*")))


def app_settings(deployment: Deployment) -> dict[str, str]:
    """Give the app settings of the function app."""
    (found,) = (r for r in deployment.deployed if r.name.endswith("/appsettings"))
    settings: dict[str, str] = found.body["properties"]
    return settings


def in_cloud(cloud: str, **parameters: object) -> Deployment:
    """Work out what main.bicep deploys in another cloud, where there is no Graph extension."""
    wanted = {"registersApplication": False, "registrationClientId": CLIENT, **parameters}
    return resolve(MAIN, LEAST | wanted, azure=Azure(cloud))
