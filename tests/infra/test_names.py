"""Names are within Azure's limits, whatever the environment is called.

Source: Azure documentation, *Naming rules and restrictions for Azure resources*.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.infra.bicep.azure import Scope
from tests.infra.bicep.resolver import resolve
from tests.infra.bicep.tokens import BicepError
from tests.infra.given import LEAST, MAIN, MOST, OTHER_SUBSCRIPTION, main

_GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
RULES = {
    "Microsoft.Authorization/locks": r"[^<>%&:?/]{1,90}",
    "Microsoft.Authorization/roleAssignments": _GUID,
    "Microsoft.Authorization/roleDefinitions": _GUID,
    "Microsoft.Graph/applications": r"[A-Za-z0-9-]{1,120}",
    "Microsoft.Insights/actionGroups": r"[^:<>+/&%\\?|]{1,260}",
    "Microsoft.Insights/components": r"[\w.()-]{1,260}",
    "Microsoft.Insights/diagnosticSettings": r"[\w-]{1,64}",
    "Microsoft.KeyVault/vaults": r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][\w-]{2,127}",
    "Microsoft.Network/networkSecurityGroups": r"[A-Za-z0-9][\w.-]{0,78}\w",
    "Microsoft.Network/privateDnsZones": r"[a-z0-9-]+(\.[a-z0-9-]+)+",
    "Microsoft.Network/privateEndpoints": r"[A-Za-z0-9][\w.-]{0,62}\w",
    "Microsoft.Network/virtualNetworks": r"[A-Za-z0-9][\w.-]{0,62}\w",
    "Microsoft.OperationalInsights/workspaces": r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    "Microsoft.Resources/resourceGroups": r"[A-Za-z0-9._()-]{0,89}[A-Za-z0-9_()-]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/blobServices/containers": r"[a-z0-9](-?[a-z0-9]){2,62}",
    "Microsoft.Storage/storageAccounts/queueServices/queues": r"[a-z0-9](-?[a-z0-9]){2,62}",
    "Microsoft.Storage/storageAccounts/tableServices/tables": r"[A-Za-z][A-Za-z0-9]{2,62}",
    "Microsoft.Web/serverfarms": r"[A-Za-z0-9-]{1,60}",
    # The host takes the first 32 characters as its id: two apps that begin alike would be one.
    "Microsoft.Web/sites": r"[A-Za-z0-9][A-Za-z0-9-]{0,30}[A-Za-z0-9]",
}
GLOBAL = ("Microsoft.KeyVault/vaults", "Microsoft.Storage/storageAccounts", "Microsoft.Web/sites")
"""What is named once in the world."""


@given(name=st.text(min_size=1, max_size=64))
@example("x" * 64)
@example("-")
@example("Prod_Ü 1/../%")
@example("prod.")
@settings(max_examples=20)
def test_every_name_is_allowed(name: str) -> None:
    """Long, short, and odd ones."""
    for resource in main(environmentName=name).deployed:
        if rule := RULES.get(resource.type):
            assert re.fullmatch(rule, resource.name.split("/")[-1]), resource.id


def test_every_type_with_names_of_its_own_has_a_rule() -> None:
    """A new type of resource is looked up there first."""
    named = {r.type for r in resolve(MAIN, MOST).deployed}
    by_the_platform = {
        *("Microsoft.Insights/scheduledQueryRules", "Microsoft.Insights/workbooks"),
        *(kind for kind in named if kind.startswith("Microsoft.Graph/")),
        *(kind for kind in named if kind.count("/") > 1),
    }

    assert named - set(RULES) - by_the_platform == set()


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_other_names_are_refused(name: str) -> None:
    """Before anything is deployed."""
    with pytest.raises(BicepError):
        main(environmentName=name)


def test_two_installations_have_nothing_in_common() -> None:
    """Other environments, regions and subscriptions have other names; so do look-alikes."""
    deployments = [
        main(),
        main(environmentName="test"),
        main(environmentName="a.b"),
        main(environmentName="a-b"),
        main(location="northeurope"),
        resolve(MAIN, LEAST, scope=Scope(OTHER_SUBSCRIPTION)),
    ]
    names = [d.one(kind).name for d in deployments for kind in GLOBAL]
    groups = [d.outputs["AZURE_RESOURCE_GROUP"] for d in deployments]

    assert len(set(names)) == len(names)
    assert len(set(groups)) == len(groups)
