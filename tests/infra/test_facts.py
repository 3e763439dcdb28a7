"""What is deployed keeps its promises: no keys, no secrets, no way in but by Entra, no loss."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.infra import given
from tests.infra.bicep.azure import TENANT

if TYPE_CHECKING:
    from tests.infra.bicep.deployment import Deployment, Resource

BOTH = pytest.mark.parametrize("deployment", [given.least(), given.most()], ids=["least", "most"])
CODE = re.compile(r"^(?!\s*(?://|@description|metadata )).*$", re.MULTILINE)


def properties(deployment: Deployment, kind: str) -> dict[str, Any]:
    """Give the properties of the only resource of a type."""
    found: dict[str, Any] = deployment.one(kind).body["properties"]
    return found


def kept(deployment: Deployment, kind: str) -> list[Resource]:
    """Give what is added to the only resource of a type, such as its locks."""
    start = deployment.one(kind).id + "/providers/"
    return [r for r in deployment.deployed if r.id.startswith(start)]


class TestSecrets:
    """There are none."""

    def test_no_template_asks_for_a_key(self) -> None:
        """No function is called that gives one, and no service is left that takes one."""
        for template in given.templates():
            code = "\n".join(CODE.findall("\n".join(template.lines)))
            assert not re.search(r"\blist[A-Z]\w*\(|\.list\w*\(", code), template.path
            assert not re.search(r"(?i)accountkey|sharedaccesssignature|\bsas\b", code)

    def test_no_output_is_a_secret(self) -> None:
        """An output can be read by whoever may read the deployment: names and ids only."""
        for template in given.templates():
            secure = {p.name for p in template.of_kind("param") if p.decorator("secure")}
            for output in template.of_kind("output"):
                assert not re.search(r"(?i)key|secret|connection|password|token$", output.name)
                lines = "\n".join(template.lines[slice(*output.lines)])
                assert not any(name in lines for name in secure)

    def test_the_registration_has_no_secret(self) -> None:
        """Neither a password nor a certificate: only the identity's federated credential."""
        application = given.registered().one("Microsoft.Graph/applications")

        assert not {"passwordCredentials", "keyCredentials"} & set(application.body)
        credential = given.registered().one(
            "Microsoft.Graph/applications/federatedIdentityCredentials"
        )
        assert credential.body == {
            "name": f"{application.name}/rotator",
            "description": "The managed identity of the rotator",
            "issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
            "subject": given.IDENTITY,
            "audiences": ["api://AzureADTokenExchange"],
        }

    @BOTH
    def test_nothing_but_identities_logs_in(self, deployment: Deployment) -> None:
        """Keys are off wherever a service has them."""
        storage = properties(deployment, "Microsoft.Storage/storageAccounts")

        assert storage["allowSharedKeyAccess"] is False
        assert storage["isLocalUserEnabled"] is False
        assert properties(deployment, "Microsoft.Insights/components")["DisableLocalAuth"] is True
        workspace = properties(deployment, "Microsoft.OperationalInsights/workspaces")
        assert workspace["features"]["disableLocalAuth"] is True
        publishing = deployment.one("Microsoft.Web/sites/basicPublishingCredentialsPolicies")
        assert publishing.body["properties"] == {"allow": False}


class TestVault:
    """The session vault."""

    @BOTH
    def test_it_cannot_be_lost(self, deployment: Deployment) -> None:
        """Soft delete for 90 days, purge protection, and a lock."""
        vault = properties(deployment, "Microsoft.KeyVault/vaults")

        assert vault["enableSoftDelete"] is vault["enablePurgeProtection"] is True
        assert vault["softDeleteRetentionInDays"] == 90
        (lock,) = (
            r for r in kept(deployment, "Microsoft.KeyVault/vaults") if r.type.endswith("/locks")
        )
        assert lock.body["properties"]["level"] == "CanNotDelete"

    @BOTH
    def test_it_is_opened_by_roles_alone(self, deployment: Deployment) -> None:
        """No access policies, no deployment and no virtual machine may read it."""
        vault = properties(deployment, "Microsoft.KeyVault/vaults")

        assert vault["enableRbacAuthorization"] is True
        assert "accessPolicies" not in vault
        assert not any(vault[name] for name in vault if name.startswith("enabledFor"))

    @BOTH
    def test_it_records_who_reads(self, deployment: Deployment) -> None:
        """In a table of its own, in the workspace that the alerts look at."""
        (found,) = (
            r
            for r in kept(deployment, "Microsoft.KeyVault/vaults")
            if r.type.endswith("/diagnosticSettings")
        )

        workspace = deployment.one("Microsoft.OperationalInsights/workspaces").id
        assert found.body["properties"] == {
            "workspaceId": workspace,
            "logAnalyticsDestinationType": "Dedicated",
            "logs": [{"category": "AuditEvent", "enabled": True}],
        }


class TestStorage:
    """The storage account."""

    @BOTH
    def test_nothing_of_it_is_public(self, deployment: Deployment) -> None:
        """No blob can be read without an identity, and nothing travels in the clear."""
        storage = properties(deployment, "Microsoft.Storage/storageAccounts")
        containers = deployment.of_type("Microsoft.Storage/storageAccounts/blobServices/containers")

        assert storage["allowBlobPublicAccess"] is False
        assert storage["supportsHttpsTrafficOnly"] is True
        assert storage["minimumTlsVersion"] == "TLS1_2"
        assert [c.body["properties"]["publicAccess"] for c in containers] == ["None"]

    @BOTH
    def test_nothing_of_it_leaves_the_tenant(self, deployment: Deployment) -> None:
        """No copy goes to another tenant, and tools ask for a role before they ask for a key."""
        storage = properties(deployment, "Microsoft.Storage/storageAccounts")

        assert storage["allowCrossTenantReplication"] is False
        assert storage["defaultToOAuthAuthentication"] is True

    @BOTH
    def test_it_records_who_gives_orders(self, deployment: Deployment) -> None:
        """Writes to the queues are in the log."""
        service = deployment.one("Microsoft.Storage/storageAccounts/queueServices").id
        (found,) = (
            r
            for r in deployment.of_type("Microsoft.Insights/diagnosticSettings")
            if r.id.startswith(service)
        )

        assert found.body["properties"] == {
            "workspaceId": deployment.one("Microsoft.OperationalInsights/workspaces").id,
            "logs": [{"category": "StorageWrite", "enabled": True}],
        }

    @BOTH
    def test_the_journal_cannot_be_lost(self, deployment: Deployment) -> None:
        """A lock."""
        locks = [
            r.body["properties"]["level"]
            for r in kept(deployment, "Microsoft.Storage/storageAccounts")
            if r.type.endswith("/locks")
        ]

        assert locks == ["CanNotDelete"]

    def test_locks_can_be_left_out(self) -> None:
        """For an installation that is only tried."""
        assert not given.main(deletionLocks=False).of_type("Microsoft.Authorization/locks")


class TestFunction:
    """The function app."""

    @BOTH
    def test_it_runs_on_flex_consumption(self, deployment: Deployment) -> None:
        """Linux, Python, and a package that the identity alone can read."""
        app = properties(deployment, "Microsoft.Web/sites")
        config = app["functionAppConfig"]

        plan = deployment.one("Microsoft.Web/serverfarms").body
        assert (plan["sku"]["name"], plan["properties"]["reserved"]) == ("FC1", True)
        assert config["runtime"] == {"name": "python", "version": "3.13"}
        package = config["deployment"]["storage"]
        identity = deployment.one("Microsoft.ManagedIdentity/userAssignedIdentities").id
        assert package["authentication"] == {
            "type": "UserAssignedIdentity",
            "userAssignedIdentityResourceId": identity,
        }
        assert package["value"].endswith(".blob.core.windows.net/app-package")
        assert app["httpsOnly"] is True
        assert app["siteConfig"]["minTlsVersion"] == "1.2"

    @BOTH
    def test_it_has_the_one_identity(self, deployment: Deployment) -> None:
        """And no other resource has it."""
        identity = deployment.one("Microsoft.ManagedIdentity/userAssignedIdentities")
        with_identity = [r for r in deployment.deployed if "identity" in r.body]

        assert [r.type for r in with_identity] == ["Microsoft.Web/sites"]
        assert with_identity[0].body["identity"] == {
            "type": "UserAssigned",
            "userAssignedIdentities": {identity.id: {}},
        }

    @pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
    def test_python_is_a_choice(self, version: str) -> None:
        """Of those that the product supports."""
        app = properties(given.main(pythonVersion=version), "Microsoft.Web/sites")

        assert app["functionAppConfig"]["runtime"]["version"] == version

    @BOTH
    def test_nobody_sees_a_page_without_a_sign_in(self, deployment: Deployment) -> None:
        """Only the probe and the callback answer strangers; the identity is the credential."""
        (found,) = (r for r in deployment.deployed if r.name.endswith("/authsettingsV2"))
        auth = found.body["properties"]
        settings = given.app_settings(deployment)
        registration = auth["identityProviders"]["azureActiveDirectory"]["registration"]

        assert auth["platform"]["enabled"] is True
        assert auth["globalValidation"] == {
            "requireAuthentication": True,
            "unauthenticatedClientAction": "RedirectToLoginPage",
            "redirectToProvider": "azureactivedirectory",
            "excludedPaths": ["/health", "/sign-in/callback"],
        }
        assert registration["clientId"] == settings["ROTATION_CLIENT_ID"]
        # By this name alone the platform knows that it is no secret.
        name = "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"
        assert registration["clientSecretSettingName"] == name
        identity = deployment.one("Microsoft.ManagedIdentity/userAssignedIdentities")
        assert (
            settings[registration["clientSecretSettingName"]]
            == (identity.member("properties")["clientId"])
        )

    @BOTH
    def test_only_this_tenant_and_this_app_count(self, deployment: Deployment) -> None:
        """Whoever signs in is of this tenant, their token is for this app, and nobody keeps it."""
        (found,) = (r for r in deployment.deployed if r.name.endswith("/authsettingsV2"))
        auth = found.body["properties"]
        entra = auth["identityProviders"]["azureActiveDirectory"]
        settings = given.app_settings(deployment)

        issuer = f"https://login.microsoftonline.com/{TENANT}/v2.0"
        assert entra["registration"]["openIdIssuer"] == issuer
        assert entra["validation"] == {"allowedAudiences": [settings["ROTATION_CLIENT_ID"]]}
        assert settings["WEBSITE_AUTH_AAD_ALLOWED_TENANTS"] == TENANT
        assert auth["httpSettings"] == {"requireHttps": True}
        assert auth["login"]["tokenStore"] == {"enabled": False}

    @BOTH
    def test_the_host_works_as_the_identity(self, deployment: Deployment) -> None:
        """Its storage, each service at its own address, and its telemetry; no key anywhere."""
        settings = given.app_settings(deployment)
        account = deployment.one("Microsoft.Storage/storageAccounts").name
        identity = deployment.one("Microsoft.ManagedIdentity/userAssignedIdentities")
        client = identity.member("properties")["clientId"]

        assert {n: v for n, v in settings.items() if n.startswith("AzureWebJobsStorage")} == {
            **{
                f"AzureWebJobsStorage__{service}ServiceUri": (
                    f"https://{account}.{service}.core.windows.net/"
                )
                for service in ("blob", "queue", "table")
            },
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": client,
        }
        telemetry = settings["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"]
        assert telemetry == f"ClientId={client};Authorization=AAD"

    def test_without_a_registration_nobody_gets_in(self) -> None:
        """Between the two deployments that it takes where an administrator registers."""
        deployment = given.main(registersApplication=False)
        (found,) = (r for r in deployment.deployed if r.name.endswith("/authsettingsV2"))
        auth = found.body["properties"]

        assert not [r for r in deployment.resources if r.type.startswith("Microsoft.Graph/")]
        assert auth["globalValidation"]["unauthenticatedClientAction"] == "Return403"
        assert auth["identityProviders"] == {}


class TestLog:
    """What is left to read."""

    @BOTH
    def test_telemetry_is_in_the_workspace(self, deployment: Deployment) -> None:
        """There the alerts and the workbook look for it."""
        workspace = deployment.one("Microsoft.OperationalInsights/workspaces").id
        found = properties(deployment, "Microsoft.Insights/components")

        assert found["WorkspaceResourceId"] == workspace
        assert properties(deployment, "Microsoft.Insights/workbooks")["sourceId"] == workspace
        assert properties(deployment, "Microsoft.Insights/workbooks")["category"] == "workbook"

    def test_the_watched_vaults_record_who_reads(self) -> None:
        """Each of them, into a table of its own."""
        logs = given.watched().of_type("Microsoft.Insights/diagnosticSettings")

        assert len(logs) == len(given.VAULTS)
        for log in logs:
            assert log.body["properties"] == {
                "workspaceId": given.RIGHTS["workspaceId"],
                "logAnalyticsDestinationType": "Dedicated",
                "logs": [{"category": "AuditEvent", "enabled": True}],
            }


class TestNetwork:
    """Public or private."""

    def test_all_of_it_is_private_if_so_chosen(self) -> None:
        """Vault and storage refuse strangers, and the app reaches both by private endpoints."""
        deployment = given.most()
        network = deployment.one("Microsoft.Network/virtualNetworks")

        for kind in ("Microsoft.KeyVault/vaults", "Microsoft.Storage/storageAccounts"):
            found = properties(deployment, kind)
            assert found["publicNetworkAccess"] == "Disabled"
            assert found["networkAcls"]["defaultAction"] == "Deny"
        app = properties(deployment, "Microsoft.Web/sites")
        assert app["virtualNetworkSubnetId"] == f"{network.id}/subnets/function"
        reached = {
            (c["properties"]["privateLinkServiceId"], *c["properties"]["groupIds"])
            for endpoint in deployment.of_type("Microsoft.Network/privateEndpoints")
            for c in endpoint.body["properties"]["privateLinkServiceConnections"]
        }
        storage = deployment.one("Microsoft.Storage/storageAccounts").id
        vault = deployment.one("Microsoft.KeyVault/vaults").id
        assert reached == {
            *((storage, service) for service in ("blob", "queue", "table")),
            *((one, "vault") for one in (vault, *given.VAULTS)),
        }

    def test_the_app_runs_in_a_subnet_of_its_kind(self) -> None:
        """Flex Consumption takes one that is delegated so, and smaller than /27 is too small."""
        network = given.most().one("Microsoft.Network/virtualNetworks").body["properties"]
        (subnet,) = (s["properties"] for s in network["subnets"] if s["name"] == "function")

        (delegation,) = subnet["delegations"]
        assert delegation["properties"]["serviceName"] == "Microsoft.App/environments"
        assert int(subnet["addressPrefix"].partition("/")[2]) <= 27

    def test_the_network_asks_the_zones(self) -> None:
        """Every zone is linked with the network, and every endpoint writes into one of them."""
        deployment = given.most()
        network = deployment.one("Microsoft.Network/virtualNetworks").id
        zones = {z.id for z in deployment.of_type("Microsoft.Network/privateDnsZones")}
        links = deployment.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")
        written = {
            c["properties"]["privateDnsZoneId"]
            for group in deployment.of_type(
                "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"
            )
            for c in group.body["properties"]["privateDnsZoneConfigs"]
        }

        assert {r.id.partition("/virtualNetworkLinks/")[0] for r in links} == zones
        assert {r.body["properties"]["virtualNetwork"]["id"] for r in links} == {network}
        assert written == zones

    def test_each_endpoint_has_its_zone_once(self) -> None:
        """One zone serves all vaults."""
        zones = [z.name for z in given.most().of_type("Microsoft.Network/privateDnsZones")]

        assert sorted(zones) == [
            *(f"privatelink.{s}.core.windows.net" for s in ("blob", "queue", "table")),
            "privatelink.vaultcore.azure.net",
        ]

    def test_without_it_there_is_no_network(self) -> None:
        """Nothing that costs, and nothing to look after."""
        types = {r.type for r in given.least().deployed}

        assert not [kind for kind in types if kind.startswith("Microsoft.Network/")]
        assert properties(given.least(), "Microsoft.Web/sites")["virtualNetworkSubnetId"] is None


class TestRegistration:
    """The app registration, by main.bicep or by an administrator."""

    def test_both_ways_make_the_same(self) -> None:
        """But for the names of things, and the host names that there are."""
        made = {r.type for r in given.most().deployed if r.type.startswith("Microsoft.Graph/")}
        by_hand = {r.type for r in given.registered().deployed}

        assert made == by_hand

    def test_it_asks_for_what_is_needed(self) -> None:
        """Two permissions of Azure DevOps, four of Graph; their ids are looked up there."""
        deployment = given.registered()
        application = deployment.one("Microsoft.Graph/applications")
        existing = [r for r in deployment.resources if r.is_existing]
        known = {
            scope["id"]: scope["value"]
            for principal in existing
            for scope in principal.member("oauth2PermissionScopes")
        }
        asked = [
            known[access["id"]]
            for resource in application.body["requiredResourceAccess"]
            for access in resource["resourceAccess"]
        ]

        assert sorted(asked) == [
            *("email", "offline_access", "openid", "profile", "vso.pats", "vso.pats_manage"),
        ]
        grants = deployment.of_type("Microsoft.Graph/oauth2PermissionGrants")
        assert sorted(" ".join(g.body["scope"] for g in grants).split()) == sorted(asked)
        assert {g.body["consentType"] for g in grants} == {"AllPrincipals"}
        owner_of = {
            scope["value"]: principal.member("id")
            for principal in existing
            for scope in principal.member("oauth2PermissionScopes")
        }
        for grant in grants:
            for scope in grant.body["scope"].split():
                assert grant.body["resourceId"] == owner_of[scope]

    def test_the_browser_comes_back_to_our_pages_alone(self) -> None:
        """By each name: the rotator's own callback, and that of built-in authentication."""
        application = given.registered().one("Microsoft.Graph/applications")

        assert application.body["web"]["redirectUris"] == [
            f"https://{host}{path}"
            for host in given.REGISTERED["hostNames"]
            for path in ("/sign-in/callback", "/.auth/login/aad/callback")
        ]
        assert application.body["signInAudience"] == "AzureADMyOrg"
        assert application.body["web"]["implicitGrantSettings"] == {
            "enableIdTokenIssuance": True,  # built-in authentication asks for one
            "enableAccessTokenIssuance": False,
        }

    def test_a_registration_by_hand_is_the_same(self) -> None:
        """The page says all of it, as built-in authentication is on however it was made."""
        page = (given.ROOT / "docs" / "connect-an-owner.md").read_text()
        section = page.partition("## Once for the installation")[2].partition("\n## ")[0]
        application = given.registered().one("Microsoft.Graph/applications")

        for address in application.body["web"]["redirectUris"]:
            assert re.sub(r"^https://[^/]+", "https://<function app>", address) in section
        for words in ("*ID tokens*", "*Assignment required?*", "AzureADTokenExchangeUSGov"):
            assert words in section

    def test_only_those_who_are_assigned_sign_in(self) -> None:
        """The people and groups that the parameters name."""
        deployment = given.registered()
        (principal,) = deployment.of_type("Microsoft.Graph/servicePrincipals")
        assigned = deployment.of_type("Microsoft.Graph/appRoleAssignedTo")

        assert principal.body["appRoleAssignmentRequired"] is True
        assert [a.body["principalId"] for a in assigned] == [given.PERSON]

    def test_consent_is_a_choice(self) -> None:
        """For those who are no administrators."""
        deployment = given.main(consents=False)

        assert not deployment.of_type("Microsoft.Graph/oauth2PermissionGrants")


class TestClouds:
    """Microsoft's other clouds."""

    @pytest.mark.parametrize("cloud", ["AzureUSGovernment", "AzureChinaCloud"])
    def test_no_host_of_the_public_cloud_is_named(self, cloud: str) -> None:
        """All hosts are those of the cloud in which it is deployed."""
        deployment = given.in_cloud(cloud, privateNetworking=True)
        told = json.dumps(
            [r.body for r in deployment.deployed] + [r.name for r in deployment.deployed]
        )

        assert not re.findall(r"[\w.-]*(?:windows\.net|azure\.net|azurewebsites\.net)", told)
        assert "login.microsoftonline.com" not in told
