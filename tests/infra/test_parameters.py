"""The page of parameters is what the templates say; the parameters files are enough to deploy."""

from __future__ import annotations

import pytest

from tests.infra.bicep.azure import Azure
from tests.infra.bicep.resolver import parameters_of, resolve
from tests.infra.given import IDENTITY, INFRA, ROOT, VAULTS
from tests.infra.parameters import TEMPLATES, rows

PAGE = (ROOT / "docs" / "deployment-parameters.md").read_text()
LEAST = {
    "AZURE_ENV_NAME": "prod",
    "AZURE_LOCATION": "westeurope",
    "DEPLOY_WATCHED_VAULT_IDS": ",".join(VAULTS),
    "ROTATION_OWNERS": "ada@contoso.example,bob@contoso.example",
}
OUTPUTS = {
    "AZURE_IDENTITY_PRINCIPAL_ID": IDENTITY,
    "AZURE_FUNCTION_HOST_NAME": "func.contoso.example",
    "AZURE_REGISTRATION_NAME": "pat-rotation-x",
}


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_page_has_each_parameter(template: str) -> None:
    """In the template's order and words; `python -m tests.infra.parameters` prints the rows."""
    section = PAGE.split(f"## {template}\n")[1].split("\n## ")[0]
    found = [line for line in section.splitlines() if line.startswith("| `")]

    assert found == rows(template)


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_parameters_file_is_enough(template: str) -> None:
    """With what azd keeps and the outputs of the main template, it deploys."""
    path = (INFRA / template).with_suffix(".bicepparam")
    parameters = parameters_of(path, Azure(variables={**LEAST, **OUTPUTS}))

    assert resolve(INFRA / template, parameters).deployed


def test_lists_and_switches_are_read() -> None:
    """From text, which is what an environment variable is."""
    variables = LEAST | {
        "DEPLOY_REGISTERS_APPLICATION": "false",
        "DEPLOY_ALERT_EMAILS": "a@contoso.example,b@contoso.example",
    }
    found = parameters_of(INFRA / "main.bicepparam", Azure(variables=variables))

    assert found["watchedVaultIds"] == VAULTS
    assert found["owners"] == ["ada@contoso.example", "bob@contoso.example"]
    assert found["alertEmails"] == ["a@contoso.example", "b@contoso.example"]
    assert found["registersApplication"] is False
    assert found["assignedPrincipalIds"] == []


def test_what_the_other_templates_ask_for_is_an_output() -> None:
    """Each variable of theirs is one that azd keeps: an output of the main template, or given."""
    outputs = resolve(
        INFRA / "main.bicep",
        parameters_of(INFRA / "main.bicepparam", Azure(variables=LEAST)),
    ).outputs

    assert set(OUTPUTS) | {"AZURE_WORKSPACE_ID"} <= set(outputs)
