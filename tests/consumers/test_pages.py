"""Each block of each page about consumers does what the page says."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import timedelta
from shutil import which
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from rotation import tags
from rotation.decision import Decision, Snapshot
from rotation.model import Defaults, ManagedSecret, Mode, SecretName
from rotation.policy import decide
from sandbox.content import Properties
from sandbox.furniture import ORGANIZATION, VAULT, Placement, place
from tests.consumers.pages import FOLDER, LEFT, PAGES, READ, RUN, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.world import World
    from tests.consumers.conftest import Machine

DAY = timedelta(days=1)
FEED, CODE, AGENT = "feed-token", "code-token", "agent-token"
SCOPES = {FEED: "vso.packaging", CODE: "vso.code_write", AGENT: "vso.agentpools_manage"}
USED = {"connection_data", "git_read", "git_push", "feed"}
"""The calls for which Azure DevOps takes a token."""


def furnish(world: World, *secrets: str) -> None:
    """Store a token in each of some secrets."""
    for secret in secrets:
        place(world, Placement(secret, scope=SCOPES[secret], age=DAY))


def used(world: World) -> list[str]:
    """Give the calls that took a token, in their order."""
    return [call.operation for call in world.calls if call.operation in USED]


def need(*programs: str) -> None:
    """Skip where one of these is not on this machine."""
    for program in programs:
        if which(program) is None:
            pytest.skip(f"needs {program}")


def texts(page: str, language: str) -> list[str]:
    """Give the blocks of a page in one language."""
    return [block.text for block in blocks(page) if block.language == language]


# --- All pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_run_or_said_not_to_be(page: str) -> None:
    """No block has another language than those that something here reads."""
    for block in blocks(page):
        assert block.language in RUN | READ | LEFT, block.language
        if block.language in LEFT:
            assert "ot run by the tests" in block.before[-120:]


@pytest.mark.parametrize("page", PAGES)
def test_no_token_gets_onto_a_command_line(page: str) -> None:
    """Where every user of a machine can see it: not after an option of any program."""
    for block in blocks(page):
        assert not re.search(r"--(user|token|password|value|header)\b[ =]", block.text)
        assert "vault-secret" not in block.text


def test_the_index_names_every_page() -> None:
    """And no other."""
    linked = re.findall(r"\| \[([a-z-]+\.md)\]", (FOLDER / "README.md").read_text())

    assert sorted([*linked, "README.md"]) == PAGES


# --- Page by page -------------------------------------------------------------------------------


def test_a_shell_reads_a_token(machine: Machine, world: World) -> None:
    """README.md."""
    furnish(world, FEED)

    for script in texts("README.md", "bash"):
        machine.shell(script)

    assert [call.operation for call in world.calls] == ["identity_token", "get_secret"]


LOOK = "git ls-remote https://dev.azure.com/contoso/web/_git/app"


def test_git(machine: Machine, world: World) -> None:
    """git.md: with the helper in each of its ways, and without it."""
    need("git", "base64")
    furnish(world, CODE)
    configure, work, everything, project, by_name, without = texts("git.md", "bash")

    machine.shell(configure)
    machine.shell(work)
    assert used(world)[-1] == "git_push"
    furnish(world, FEED)  # now there are two, and this one may not read
    machine.shell(by_name)
    machine.shell(f"{project}\n{LOOK}")
    machine.shell(f"rm ~/.gitconfig\n{configure}\n{everything}\n{LOOK}")
    machine.shell(f"rm ~/.gitconfig\n{without}")

    assert (machine.work / "app" / ".git").is_dir()


def test_rest(machine: Machine, world: World) -> None:
    """rest.md: both programs are told who they are."""
    need("curl", "jq")
    furnish(world, FEED)
    (curl,), (python,) = texts("rest.md", "bash"), texts("rest.md", "python")

    said = machine.shell(curl), machine.python(python)

    token = world.token_in(VAULT, FEED)
    assert token
    assert said == (f"{token.owner}\n",) * 2


def test_command_line_tools(machine: Machine, world: World) -> None:
    """command-line-tools.md: the variables are those that the tools know; they are stand-ins."""
    furnish(world, FEED)

    for script in texts("command-line-tools.md", "bash"):
        machine.shell(script)

    assert used(world) == ["connection_data"] * 2


def test_the_configuration_of_terraform_is_in_its_form(tmp_path: Path) -> None:
    """command-line-tools.md: Terraform reads it, and would not write it otherwise."""
    need("terraform")
    (text,) = texts("command-line-tools.md", "hcl")
    (tmp_path / "main.tf").write_text(text)

    subprocess.run(
        ["terraform", "fmt", "-check", "-diff"],  # noqa: S607 - the one on the PATH is meant
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )


def package_block(program: str) -> str:
    """Give the block of packages.md that starts a program."""
    (found,) = [text for text in texts("packages.md", "bash") if f"\n{program} " in text]
    return found


def test_pip(machine: Machine, world: World) -> None:
    """packages.md: the real pip installs from the feed."""
    furnish(world, FEED)

    machine.shell(package_block("python"))

    assert (machine.work / "installed" / "contoso_tools.py").exists()
    assert "feed" in used(world)


def test_npm(machine: Machine, world: World) -> None:
    """packages.md: the real npm installs from the feed, and its file holds no token."""
    need("npm", "base64")
    furnish(world, FEED)

    machine.shell(package_block("npm"))

    assert (machine.work / "node_modules" / "contoso-tools" / "package.json").exists()
    newest = world.vault(VAULT).newest(FEED).value
    assert newest not in (machine.work / ".npmrc").read_text()


def test_nuget(machine: Machine, world: World) -> None:
    """packages.md: the JSON is what the credential provider reads; it is a stand-in."""
    need("jq")
    furnish(world, FEED)

    machine.shell(package_block("dotnet"))

    assert used(world) == ["feed"]


POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <parent>
    <groupId>com.contoso</groupId>
    <artifactId>contoso-tools</artifactId>
    <version>1.0.0</version>
    <relativePath/>
  </parent>
  <artifactId>app</artifactId>
  <packaging>pom</packaging>
</project>
"""


def test_maven(machine: Machine, world: World) -> None:
    """packages.md: the real Maven gets the parent of a project from the feed."""
    need("mvn", "keytool")
    furnish(world, FEED)
    (settings,) = texts("packages.md", "xml")
    (machine.work / "settings.xml").write_text(machine.fill(settings))
    (machine.work / "pom.xml").write_text(POM)
    trust, bundle = machine.folder / "trust.p12", str(machine.sandbox.authority.bundle)
    words = ["-storetype", "PKCS12", "-keystore", str(trust), "-storepass", "made-up"]
    machine.run(["keytool", "-importcert", "-noprompt", "-alias", "a", "-file", bundle, *words])
    options = {
        "javax.net.ssl.trustStore": str(trust),
        "javax.net.ssl.trustStorePassword": "made-up",
        "maven.repo.local": str(machine.folder / "repository"),
    }
    java = " ".join(f"-D{name}={value}" for name, value in options.items())

    said = machine.shell(package_block("mvn"), {"MAVEN_OPTS": java})

    assert "central" not in said, "something was looked for elsewhere"
    assert "feed" in used(world)


def test_build_agents(machine: Machine, world: World) -> None:
    """build-agents.md: the variable is the one that stands for the token; the agent stands in."""
    furnish(world, AGENT)
    (script,) = texts("build-agents.md", "bash")

    machine.shell(script)

    assert used(world) == ["connection_data"]


def test_machines(machine: Machine, world: World) -> None:
    """machines.md."""
    need("curl", "jq")
    furnish(world, FEED)
    (script,) = texts("machines.md", "bash")

    machine.shell(script)

    assert used(world) == ["connection_data"]


def test_app_service(machine: Machine, world: World) -> None:
    """app-service.md: the platform resolves the reference, and the app finds a variable."""
    furnish(world, FEED)
    (refer,), (app,) = texts("app-service.md", "bash"), texts("app-service.md", "python")

    machine.shell(refer)
    settings = json.loads((machine.work / "app-settings.json").read_text())
    machine.python(app, settings)

    assert settings.keys() == {"FEED_PAT"}
    assert used(world) == ["connection_data"]


def test_azure_devops_server(machine: Machine, world: World) -> None:
    """azure-devops-server.md: a secret is watched, gets its next value and expiry, and ends."""
    store, both, expiry, end = texts("azure-devops-server.md", "bash")
    vault, server = world.vault(VAULT), "server-token"

    def seen() -> tuple[Mode, str]:
        """Tell how the secret is looked after, and until when."""
        newest = vault.newest(server)
        mandate = tags.parse(newest.tags, Defaults((), 30 * DAY, 90 * DAY, 2 * DAY))
        assert not mandate.faults
        return mandate.mode, f"{newest.expires_at:%Y-%m-%d}"

    (machine.work / "token.txt").write_text("a-token-of-a-server")
    machine.shell(store)
    assert vault.newest(server).value == "a-token-of-a-server"
    assert seen() == (Mode.WATCH, "2027-02-01")
    assert not [*machine.work.glob("token.txt")]

    vault.set(server, "the-next-token", Properties())
    machine.shell(both)
    assert seen() == (Mode.WATCH, "2027-02-01")
    machine.shell(expiry)
    assert seen() == (Mode.WATCH, "2027-05-01")

    machine.shell(end)
    newest = vault.newest(server)
    assert (newest.enabled, newest.value) == (False, "the-next-token")
    assert seen() == (Mode.WATCH, "2027-05-01")


def test_what_a_watched_secret_says_is_what_the_page_says(machine: Machine, world: World) -> None:
    """azure-devops-server.md: the command in the message sets the expiry that is missing."""
    vault = world.vault(VAULT)
    vault.set("key", "a-key", Properties(tags={"pat-rotation": "watch"}))
    secret = ManagedSecret(SecretName(VAULT, "key"), world.clock(), None, {"pat-rotation": "watch"})
    mandate = tags.parse(secret.tags, Defaults((), 30 * DAY, 90 * DAY, 2 * DAY))
    decision = decide(Snapshot(secret, mandate), world.clock())
    assert isinstance(decision, Decision)
    _, command = decision.message.split("set it with ")

    machine.shell(command.replace("YYYY-MM-DD", "2027-02-01"))

    assert f"{vault.newest('key').expires_at:%Y-%m-%d}" == "2027-02-01"


# --- Pipelines and workflows ----------------------------------------------------------------------


def carry_out_pipeline(pipeline: Any, machine: Machine, world: World) -> None:  # noqa: ANN401 - what YAML gives
    """Carry out the steps of a pipeline, as its tasks are documented."""
    for job in pipeline["jobs"]:
        variables: dict[str, str] = {}
        for step in job["steps"]:
            inputs = step.get("inputs", {})
            match step.get("task"):
                case "AzureKeyVault@2":
                    assert (inputs["azureSubscription"], inputs["KeyVaultName"]) == (
                        "tokens",
                        VAULT,
                    )
                    for name in inputs["SecretsFilter"].split(","):
                        assert name != "*"
                        variables[f"$({name})"] = world.vault(VAULT).get(name).value
                case "AzureCLI@2":
                    assert inputs["scriptLocation"] == "inlineScript"
                    machine.shell(inputs["inlineScript"])
                case None:
                    env = {name: variables[value] for name, value in step.get("env", {}).items()}
                    machine.shell(step["script"], env)
                case other:
                    pytest.fail(f"nobody knows the task {other}")


@pytest.mark.parametrize(("number", "uses"), [(0, 1), (1, 2)])
def test_azure_pipelines(machine: Machine, world: World, number: int, uses: int) -> None:
    """azure-pipelines.md: the task's variable reaches the script; a long job reads it itself."""
    need("curl", "jq")
    furnish(world, FEED)
    pipeline = yaml.safe_load(texts("azure-pipelines.md", "yaml")[number])

    carry_out_pipeline(pipeline, machine, world)

    assert used(world) == ["connection_data"] * uses


def test_github_actions(machine: Machine, world: World) -> None:
    """github-actions.md: signed in by federation, masked before anything else is said."""
    need("curl", "jq")
    furnish(world, FEED)
    workflow = yaml.safe_load(texts("github-actions.md", "yaml")[0])
    login, call = workflow["jobs"]["call"]["steps"]

    said = machine.shell(call["run"]).splitlines()

    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert re.fullmatch(r"azure/login@[0-9a-f]{40}", login["uses"])
    assert said[0] == f"::add-mask::{world.vault(VAULT).newest(FEED).value}"
    assert used(world) == ["connection_data"]
    assert ORGANIZATION in call["run"]
