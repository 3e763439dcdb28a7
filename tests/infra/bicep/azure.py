"""What Azure would say to a template: where it is deployed, and what the platform itself sets.

All of it is made up, but always the same for the same names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.infra.bicep.functions import FUNCTIONS

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"

CLOUDS: dict[str, dict[str, Any]] = {
    "AzureCloud": {
        "name": "AzureCloud",
        "authentication": {"loginEndpoint": "https://login.microsoftonline.com/"},
        "suffixes": {"storage": "core.windows.net", "keyvaultDns": ".vault.azure.net"},
        "portal": "https://portal.azure.com",
        "sites": "azurewebsites.net",
    },
    "AzureUSGovernment": {
        "name": "AzureUSGovernment",
        "authentication": {"loginEndpoint": "https://login.microsoftonline.us/"},
        "suffixes": {
            "storage": "core.usgovcloudapi.net",
            "keyvaultDns": ".vault.usgovcloudapi.net",
        },
        "portal": "https://portal.azure.us",
        "sites": "azurewebsites.us",
    },
    "AzureChinaCloud": {
        "name": "AzureChinaCloud",
        "authentication": {"loginEndpoint": "https://login.chinacloudapi.cn/"},
        "suffixes": {"storage": "core.chinacloudapi.cn", "keyvaultDns": ".vault.azure.cn"},
        "portal": "https://portal.azure.cn",
        "sites": "chinacloudsites.cn",
    },
}
"""What ``environment()`` says (Bicep documentation, *deployment functions*), and where apps are."""

PERMISSIONS = {
    "499b84ac-1321-427f-aa17-267ca6975798": ("user_impersonation", "vso.pats", "vso.pats_manage"),
    "00000003-0000-0000-c000-000000000000": (
        *("User.Read", "email", "offline_access", "openid", "profile"),
    ),
}
"""Delegated permissions of two of Microsoft's applications, by their ids."""


@dataclass(frozen=True)
class Scope:
    """Where something is deployed."""

    subscription_id: str = SUBSCRIPTION
    resource_group: str = ""
    """Empty for the subscription itself."""

    @property
    def id(self) -> str:
        """Its resource id."""
        group = f"/resourceGroups/{self.resource_group}" if self.resource_group else ""
        return f"/subscriptions/{self.subscription_id}{group}"


@dataclass(frozen=True)
class Azure:
    """A cloud and a tenant in it."""

    cloud: str = "AzureCloud"
    variables: dict[str, str] = field(default_factory=dict)
    """Environment variables, for parameters files."""

    @property
    def environment(self) -> dict[str, Any]:
        """What ``environment()`` says."""
        return CLOUDS[self.cloud]

    def says(self, kind: str, name: str, resource_id: str) -> dict[str, Any]:
        """Give what the platform sets of a resource, by the type of that resource."""
        made_up = {
            "Microsoft.ManagedIdentity/userAssignedIdentities": {
                "properties": {
                    "clientId": FUNCTIONS["guid"](resource_id, "client"),
                    "principalId": FUNCTIONS["guid"](resource_id, "principal"),
                }
            },
            "Microsoft.Storage/storageAccounts": {
                "properties": {
                    "primaryEndpoints": {
                        service: f"https://{name}.{service}.{self._suffix('storage')}/"
                        for service in ("blob", "queue", "table")
                    }
                }
            },
            "Microsoft.Insights/components": {
                "properties": {"ConnectionString": f"InstrumentationKey=(of {name})"}
            },
            "Microsoft.Web/sites": {
                "properties": {"defaultHostName": f"{name}.{self.environment['sites']}"}
            },
            "Microsoft.Graph/applications": {"appId": FUNCTIONS["guid"](name, "application")},
            "Microsoft.Graph/servicePrincipals": {
                "id": FUNCTIONS["guid"](name, "service principal"),
                "oauth2PermissionScopes": [
                    {"id": FUNCTIONS["guid"](name, value), "value": value}
                    for value in PERMISSIONS.get(name, ())
                ],
            },
        }
        return made_up.get(kind, {})

    def _suffix(self, service: str) -> str:
        return str(self.environment["suffixes"][service])
