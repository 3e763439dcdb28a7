"""What a second deployment changes, and what the end of an installation takes with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.infra.bicep.resolver import resolve
from tests.infra.given import (
    INFRA,
    LEAST,
    MAIN,
    MOST,
    RIGHTS,
    ROOT,
    VAULTS,
    WATCHED,
    least,
    main,
    most,
    templates,
    watched,
)

if TYPE_CHECKING:
    from tests.infra.bicep.deployment import Deployment
    from tests.infra.bicep.nodes import Declaration

KEEPERS = (
    "Microsoft.Authorization/",
    "Microsoft.KeyVault/",
    "Microsoft.ManagedIdentity/",
    "Microsoft.Storage/",
)
"""What holds the sessions, the journal and the rights."""


def shown(deployment: Deployment) -> dict[str, object]:
    """Give all that is deployed, by id."""
    return {resource.id: (resource.api_version, resource.body) for resource in deployment.deployed}


def changed(one: Deployment, other: Deployment) -> set[str]:
    """Give the types of what is not the same in both."""
    before, after = shown(one), shown(other)
    kinds = {resource.id: resource.type for d in (one, other) for resource in d.deployed}
    return {kinds[i] for i in kinds if before.get(i) != after.get(i)}


def test_each_resource_is_deployed_once() -> None:
    """No two parts of the template have a say in the same resource."""
    for deployment in (least(), most(), watched()):
        ids = [resource.id.lower() for resource in deployment.deployed]
        assert len(set(ids)) == len(ids)


def test_deploying_twice_changes_nothing() -> None:
    """Names and contents come from the parameters alone: no time, no chance."""
    assert shown(resolve(MAIN, LEAST)) == shown(least())
    assert shown(resolve(MAIN, MOST)) == shown(most())
    assert shown(resolve(WATCHED, RIGHTS)) == shown(watched())
    code = "".join("\n".join(path.read_text() for path in INFRA.rglob("*.bicep")))
    assert not re.search(r"\b(utcNow|newGuid|deployer)\(", code)


def test_a_new_version_changes_the_app_alone() -> None:
    """Another Python, more memory: neither vault nor storage, identity or rights are touched."""
    other = main(pythonVersion="3.12", instanceMemoryMB=4096, maximumInstanceCount=100)

    assert changed(least(), other) == {"Microsoft.Web/sites"}


def test_other_settings_change_the_settings_alone() -> None:
    """Whatever is said to the rotator."""
    other = main(
        schedule="0 0 3 * * *", lifetimeDays=7, alertDays=7, owners=["bob@contoso.example"]
    )

    assert changed(least(), other) == {"Microsoft.Web/sites/config"}


def test_no_option_moves_what_keeps_something() -> None:
    """With every option in use, vault, account and identity are the ones that were there."""
    ids = {r.id for r in most().deployed}

    assert {r.id for r in least().deployed if r.type.startswith(KEEPERS)} <= ids


def test_azd_down_deletes_one_group() -> None:
    """Azd deletes each resource group that its deployment has put anything into: ours alone."""
    for deployment in (least(), most()):
        groups = {
            re.split(r"/resourceGroups/", resource.id)[1].split("/")[0]
            for resource in deployment.deployed
            if "/resourceGroups/" in resource.id
        }
        assert groups == {deployment.outputs["AZURE_RESOURCE_GROUP"]}
        assert not [r for r in deployment.deployed if r.id.startswith(tuple(VAULTS))]


def test_nothing_makes_or_changes_a_watched_vault() -> None:
    """Rights are added to them, and a log; each vault itself is somebody else's."""
    added = [
        r for r in watched().deployed if r.id.startswith("/subscriptions/") and "/vaults/" in r.id
    ]
    vaults = [r for r in watched().resources if r.type == "Microsoft.KeyVault/vaults"]

    assert [r.id for r in vaults if r.is_existing] == VAULTS
    assert not [r for r in vaults if not r.is_existing]
    assert {r.type for r in added} == {
        "Microsoft.Authorization/roleAssignments",
        "Microsoft.Insights/diagnosticSettings",
    }


def test_azd_deploys_the_watched_vaults_apart() -> None:
    """In a deployment of its own, which is not tagged as one of azd's."""
    said = (ROOT / "azure.yaml").read_text()
    shells = said.partition("\n  postprovision:\n")[2].split("\n    windows:\n")

    assert len(shells) == 2
    for shell in shells:
        assert "--parameters infra/watched.bicepparam" in shell
        assert '--subscription "$' in shell
        assert "continueOnError: true" in shell  # their keepers may do it
    assert "watched.bicep" not in "\n".join(d.type for d in _modules())
    assert "azd-env-name" not in WATCHED.read_text()


def test_azd_finds_the_app() -> None:
    """By the tag that has the name of the service."""
    (app,) = least().of_type("Microsoft.Web/sites")
    service = app.body["tags"]["azd-service-name"]

    assert f"\n  {service}:\n" in (ROOT / "azure.yaml").read_text()
    (group,) = least().of_type("Microsoft.Resources/resourceGroups")
    assert group.body["tags"]["azd-env-name"] == LEAST["environmentName"]
    assert least().outputs[f"SERVICE_{service.upper()}_NAME"] == app.name


def test_a_deleted_vault_can_be_brought_back() -> None:
    """Its name is taken for 90 days: a second installation recovers it."""
    vaults = [
        main(sessionVaultCreateMode=mode).one("Microsoft.KeyVault/vaults")
        for mode in ("default", "recover")
    ]

    assert [v.body["properties"]["createMode"] for v in vaults] == ["default", "recover"]
    assert vaults[0].id == vaults[1].id


def test_the_page_names_what_is_there() -> None:
    """What somebody is told to take off, or to set, is called so in the templates."""
    page = (ROOT / "docs" / "upgrade.md").read_text()
    locks = {r.name for r in least().of_type("Microsoft.Authorization/locks")}
    (log,) = {r.name for r in watched().of_type("Microsoft.Insights/diagnosticSettings")}

    assert {name for name in locks if f"`{name}`" in page} == locks
    assert f"diagnostic-settings delete --name {log} " in page
    for name in re.findall(r"\$(AZURE_[A-Z_]+|ROTATION_CLIENT_ID)", page):
        assert name in least().outputs
    for name in re.findall(r"azd env set (\w+)", page):
        assert name in (INFRA / "main.bicepparam").read_text()


def test_the_page_takes_off_every_right_on_a_watched_vault() -> None:
    """The identity's and the operators', and then the roles of our own, which outlive the group."""
    page = (ROOT / "docs" / "upgrade.md").read_text()
    holders = {
        r.body["properties"]["principalId"]
        for r in watched().of_type("Microsoft.Authorization/roleAssignments")
    }
    own = {
        r.body["properties"]["roleName"].partition(" (")[0]
        for d in (most(), watched())
        for r in d.of_type("Microsoft.Authorization/roleDefinitions")
    }

    said = set(re.findall(r'role assignment delete --assignee "\$(\w+)"', page))
    assert said == {"AZURE_IDENTITY_PRINCIPAL_ID", "DEPLOY_OPERATORS_GROUP_ID"}
    assert len(holders) == len(said)
    assert {name for name in own if f"`{name} (…)`" in page} == own


def test_the_manual_names_the_lock_in_the_way() -> None:
    """Where there is a lock against deletion, Azure deletes no right either.

    Source: Azure documentation, *Lock your resources to protect your infrastructure*.
    """
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("### Somebody else reads the session vault")[2].partition("\n## ")[0]
    vault = least().one("Microsoft.KeyVault/vaults").id
    (lock,) = (
        r for r in least().of_type("Microsoft.Authorization/locks") if r.id.startswith(f"{vault}/")
    )

    assert f"`{lock.name}`" in section


def test_the_page_registers_what_is_deployed() -> None:
    """Every resource provider, and that of the subnets that Flex Consumption runs in."""
    page = (ROOT / "docs" / "deploy.md").read_text()
    used = {r.type.partition("/")[0] for d in (most(), watched()) for r in d.deployed}
    everywhere = {"Microsoft.Authorization", "Microsoft.Resources", "Microsoft.Graph"}
    (said,) = re.findall(r"for provider in (.+?); do", page)

    assert set(said.split()) >= (used - everywhere) | {"Microsoft.App"}


def _modules() -> list[Declaration]:
    return [d for template in templates() for d in template.of_kind("module")]
