"""The template writes what the program reads, and nothing else; the host's own names are right."""

from __future__ import annotations

import ast
import json
import os
from typing import TYPE_CHECKING

import pytest

from rotation import settings, storage
from rotation.settings import PREFIX, Settings
from tests.infra import given
from tests.infra.given import ROOT, app_settings, in_cloud, least, main, most

if TYPE_CHECKING:
    from tests.infra.bicep.deployment import Deployment

KEPT = {
    "ROTATION_DEVOPS_URL": "Azure DevOps is in one place for all clouds",
    "ROTATION_DEVOPS_TOKENS_URL": "the same",
    "ROTATION_STORAGE": "a connection string holds a key; the account is named by its parts",
}
"""Settings that keep their defaults, and why."""
KNOWN = {
    "AZURE_CLIENT_ID" if field.validation_alias else PREFIX + name.upper()
    for name, field in Settings.model_fields.items()
} | set(storage.PARTS)
HOST = {
    *("AzureWebJobsStorage__blobServiceUri", "AzureWebJobsStorage__queueServiceUri"),
    *("AzureWebJobsStorage__tableServiceUri", "AzureWebJobsStorage__credential"),
    *("AzureWebJobsStorage__clientId", "APPLICATIONINSIGHTS_CONNECTION_STRING"),
    *("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "WEBSITE_AUTH_AAD_ALLOWED_TENANTS"),
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
}
"""What the platform reads (Azure Functions documentation, *App settings reference*)."""


GIVEN = {"managed_identity", "owners", "public_url", "storage"}
"""What has a default, and is always written otherwise."""


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Settings:
    """Load the settings as the deployed app would."""
    for name in [name for name in os.environ if name.startswith((PREFIX, "AZURE_"))]:
        monkeypatch.delenv(name)
    for name, value in app_settings(request.param).items():
        monkeypatch.setenv(name, value)
    assert settings.unknown_names() == ()
    return settings.load()


def test_every_setting_is_written() -> None:
    """Or keeps its default for a reason."""
    written = {name for name in app_settings(most()) if name not in HOST}

    assert written == KNOWN - set(KEPT)


def test_every_other_setting_is_the_hosts() -> None:
    """Nothing is written that nobody reads, and nothing that belongs to the plan itself."""
    assert set(app_settings(least())) == (KNOWN - set(KEPT)) | HOST


@pytest.mark.parametrize("loaded", [least()], indirect=True, ids=["least"])
def test_the_least_parameters_are_enough(loaded: Settings) -> None:
    """The program takes what the template writes, and finds its defaults there."""
    deployment = least()
    identity = deployment.one("Microsoft.ManagedIdentity/userAssignedIdentities")
    account = deployment.one("Microsoft.Storage/storageAccounts").name

    assert [vault.name for vault in loaded.vaults] == ["kv-build", "kv-release", "kv-far"]
    assert loaded.session_vault.name == deployment.one("Microsoft.KeyVault/vaults").name
    assert loaded.managed_identity == identity.member("properties")["clientId"]
    assert loaded.client_id == deployment.outputs["ROTATION_CLIENT_ID"]
    assert loaded.public_url == deployment.outputs["ROTATION_PUBLIC_URL"]
    assert loaded.storage
    assert loaded.storage.is_managed_identity
    assert loaded.storage.client_id == loaded.managed_identity
    assert loaded.storage.table_url == f"https://{account}.table.core.windows.net"
    for name, field in Settings.model_fields.items():
        if not field.is_required() and name not in GIVEN:
            assert getattr(loaded, name) == field.get_default(), name


@pytest.mark.parametrize("loaded", [most()], indirect=True, ids=["most"])
def test_every_parameter_arrives(loaded: Settings) -> None:
    """Owners of both kinds, a name of one's own, and the queue."""
    assert loaded.owners == ("ada@contoso.example", "bob@contoso.example")
    assert [agent.owner for agent in loaded.agent_owners] == ["agent@contoso.example"]
    assert loaded.blueprint_id == given.CLIENT
    assert loaded.public_url == "https://pats.contoso.example"
    assert loaded.fan_out is settings.FanOutMode.QUEUE


@pytest.mark.parametrize("deployment", [least(), most()], ids=["least", "most"])
def test_the_commands_take_what_azd_keeps(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outputs are settings, too, so that an operator has nothing to write down."""
    for name in [name for name in os.environ if name.startswith((PREFIX, "AZURE_"))]:
        monkeypatch.delenv(name)
    for name, value in deployment.outputs.items():
        monkeypatch.setenv(name, value)
    written = app_settings(deployment)

    found = settings.load()

    assert settings.unknown_names() == ()
    assert found.managed_identity is None  # the commands run as the operator
    assert found.storage
    assert not found.storage.is_managed_identity
    said = {n: v for n, v in deployment.outputs.items() if n.startswith(PREFIX)}
    assert {name: written[name] for name in said} == said


CHINA = {"authority": "https://login.partner.microsoftonline.cn"}


@pytest.mark.parametrize(
    "loaded",
    [in_cloud("AzureUSGovernment"), in_cloud("AzureChinaCloud", **CHINA)],
    indirect=True,
    ids=["us-government", "china"],
)
def test_other_clouds_are_a_matter_of_parameters(loaded: Settings) -> None:
    """The program takes these settings, too, and knows where it is."""
    assert loaded.is_microsoft
    assert loaded.authority != "https://login.microsoftonline.com"


@pytest.mark.parametrize(
    ("parameter", "value", "setting"),
    [
        ("schedule", "0 0 3 * * *", "ROTATION_SCHEDULE"),
        ("lifetimeDays", 7, "ROTATION_LIFETIME_DAYS"),
        ("maxLifetimeDays", 60, "ROTATION_MAX_LIFETIME_DAYS"),
        ("graceHours", 24, "ROTATION_GRACE_HOURS"),
        ("alertDays", 5, "ROTATION_ALERT_DAYS"),
        ("concurrency", 4, "ROTATION_CONCURRENCY"),
        ("fanOut", "queue", "ROTATION_FAN_OUT"),
        ("journalDays", 30, "ROTATION_JOURNAL_DAYS"),
    ],
)
def test_a_parameter_becomes_its_setting(parameter: str, value: object, setting: str) -> None:
    """As text, which is what an environment variable is."""
    assert app_settings(main(**{parameter: value}))[setting] == str(value)


@pytest.mark.parametrize(("who", "instances"), [("inline", "1"), ("queue", "7")])
def test_each_instance_is_told_how_many_there_may_be(who: str, instances: str) -> None:
    """With the queue as many as the plan may start, so that each takes its share; else one."""
    written = app_settings(main(fanOut=who, maximumInstanceCount=7))

    assert written["ROTATION_INSTANCES"] == instances


def names_of_the_app() -> dict[str, set[str]]:
    """Give what function_app.py says to its decorators, by the name of the argument."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse((ROOT / "function_app.py").read_text())):
        if isinstance(node, ast.keyword) and node.arg and isinstance(node.value, ast.Constant):
            found.setdefault(node.arg, set()).add(str(node.value.value))
    return found


@pytest.mark.parametrize("deployment", [least(), most()], ids=["least", "most"])
def test_what_the_triggers_name_is_there(deployment: Deployment) -> None:
    """The schedule's variable, the queue's connection, and the queue."""
    said, written = names_of_the_app(), app_settings(deployment)
    queues = {
        q.name.split("/")[-1]
        for q in deployment.of_type("Microsoft.Storage/storageAccounts/queueServices/queues")
    }

    assert {name.strip("%") for name in said["schedule"]} <= set(written)
    assert {f"{name}__queueServiceUri" for name in said["connection"]} <= set(written)
    assert said["queue_name"] == queues


def test_what_is_open_to_strangers_is_a_route() -> None:
    """The paths without a sign-in are the app's own; host.json puts no prefix before them."""
    host = json.loads((ROOT / "host.json").read_text())
    (auth,) = (r for r in least().deployed if r.name.endswith("/authsettingsV2"))
    excluded = auth.body["properties"]["globalValidation"]["excludedPaths"]

    assert host["extensions"]["http"]["routePrefix"] == ""
    assert {path.strip("/") for path in excluded} <= names_of_the_app()["route"]


def test_the_tables_are_those_of_the_journal() -> None:
    """The operators' rights are on these."""
    from rotation.adapters.journal import EVENTS, TIMELINE
    from rotation.adapters.storage import REQUESTS

    kind = "Microsoft.Storage/storageAccounts/{}"
    tables = least().of_type(kind.format("tableServices/tables"))
    queues = least().of_type(kind.format("queueServices/queues"))

    assert {t.name.split("/")[-1] for t in tables} == {EVENTS, TIMELINE}
    assert {q.name.split("/")[-1] for q in queues} == {REQUESTS}
