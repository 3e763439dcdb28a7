"""The recipes: each is read as its platform reads it, and what it starts runs on the sandbox."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from rotation import settings
from sandbox.azurite import Account
from tests.ways.conftest import assert_renewed, filled
from tests.ways.image import CONTAINER, LOCKS, ROOT, Image, interpreter
from tests.ways.jobs import GITHUB, PIPELINES, Jobs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.https import Sandbox
    from sandbox.world import World

WAYS = ROOT / "ways"
RECIPES = sorted(WAYS.glob("*.y*ml"))
ISSUER = "https://cluster.example/oidc"
HOURLY = "7 * * * *"
ON = True
"""What YAML 1.1 makes of the key ``on``; GitHub reads the word."""


def load(name: str) -> list[Any]:
    """Give the documents of a recipe."""
    return list(yaml.safe_load_all((WAYS / name).read_text()))


def kinds() -> dict[str, Any]:
    """Give the objects of the recipe for Kubernetes by their kind."""
    return {found["kind"]: found for found in load("kubernetes.yaml")}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_nothing_in_a_recipe_is_secret(recipe: Path) -> None:
    """No key, no connection string, no password, no reference to a secret."""
    said = re.sub(r"#.*", "", recipe.read_text())

    assert not re.search(r"(?i)secrets?\.|secretref|accountkey|password|connectionstring", said)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.name)
def test_a_recipe_names_no_cloud_of_its_own(recipe: Path) -> None:
    """Sovereign clouds are a matter of the settings: a host is a value to be put in."""
    hosts = set(re.findall(r"https://(\S+)", recipe.read_text()))

    assert all(host.startswith("<account>.") for host in hosts)


class TestKubernetes:
    """A CronJob with a service account's token."""

    spec = kinds()["CronJob"]["spec"]
    job = spec["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]

    def test_one_run_an_hour_ends_within_it(self) -> None:
        """It does not meet the next one, and is not started again: the next one goes on."""
        assert (self.spec["schedule"], self.spec["concurrencyPolicy"]) == (HOURLY, "Forbid")
        assert 0 < self.job["activeDeadlineSeconds"] < 3600
        assert (self.job["backoffLimit"], self.pod["restartPolicy"]) == (0, "Never")

    def test_it_has_no_more_rights_than_it_needs(self) -> None:
        """What the level *restricted* of the pod security standards asks for, and more."""
        own, all_ = self.container["securityContext"], self.pod["securityContext"]

        assert own["readOnlyRootFilesystem"]
        assert not own["allowPrivilegeEscalation"]
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert all_["runAsNonRoot"]
        assert all_["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not self.pod["automountServiceAccountToken"]
        assert not kinds()["ServiceAccount"]["automountServiceAccountToken"]
        assert {"requests", "limits"} <= self.container["resources"].keys()

    def test_its_user_is_that_of_the_image(self) -> None:
        """And the group may read the token."""
        users = re.findall(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        context = self.pod["securityContext"]

        assert [(str(context["runAsUser"]), str(context["runAsGroup"]))] == users
        assert context["fsGroup"] == context["runAsGroup"]

    def test_its_token_is_where_the_product_looks(self) -> None:
        """For the audience that Entra asks of it."""
        (mount,) = self.container["volumeMounts"]
        (source,) = (
            one["serviceAccountToken"]
            for volume in self.pod["volumes"]
            if volume["name"] == mount["name"]
            for one in volume["projected"]["sources"]
        )

        path = kinds()["ConfigMap"]["data"]["AZURE_FEDERATED_TOKEN_FILE"]
        assert f"{mount['mountPath']}/{source['path']}" == path
        assert source["audience"] == "api://AzureADTokenExchange"

    def test_everything_is_in_its_namespace(self) -> None:
        """And refers to what is there."""
        found = kinds()
        name = found["Namespace"]["metadata"]["name"]

        others = [one for kind, one in found.items() if kind != "Namespace"]
        assert {one["metadata"]["namespace"] for one in others} == {name}
        (source,) = self.container["envFrom"]
        assert source["configMapRef"]["name"] == found["ConfigMap"]["metadata"]["name"]
        assert self.pod["serviceAccountName"] == found["ServiceAccount"]["metadata"]["name"]

    def test_its_run_renews_what_is_due(
        self,
        image: Image,
        sandbox: Sandbox,
        world: World,
        chosen: dict[str, str],
        open_folder: Path,
    ) -> None:
        """The image, as it is started, with the token of its service account and nothing else."""
        account = kinds()["ServiceAccount"]["metadata"]
        subject = f"system:serviceaccount:{account['namespace']}:{account['name']}"
        sandbox.world.tenant.federate(ISSUER, subject)
        token = open_folder / "azure-identity-token"
        token.write_text(world.tenant.outside_token(ISSUER, subject).value)
        token.chmod(0o444)
        chosen["AZURE_FEDERATED_TOKEN_FILE"] = str(token)

        environment = filled(kinds()["ConfigMap"]["data"], chosen)
        ended = image.run(environment, self.container["args"])

        assert ended.returncode == 0, ended.stderr
        assert_renewed(world)
        assert "identity_token" not in {call.operation for call in world.calls}


class TestContainerApps:
    """A scheduled job with the managed identity itself."""

    job = load("container-apps-job.yaml")[0]
    (container,) = job["properties"]["template"]["containers"]

    def test_one_run_an_hour_ends_within_it(self) -> None:
        """One at a time, and not started again: the next one goes on."""
        configuration = self.job["properties"]["configuration"]
        schedule = configuration["scheduleTriggerConfig"]

        assert configuration["triggerType"] == "Schedule"
        assert schedule["cronExpression"] == HOURLY
        assert (schedule["parallelism"], schedule["replicaCompletionCount"]) == (1, 1)
        assert 0 < configuration["replicaTimeout"] < 3600
        assert configuration["replicaRetryLimit"] == 0

    def test_the_image_is_fetched_with_the_identity(self) -> None:
        """The one that the job has, and no password."""
        (registry,) = self.job["properties"]["configuration"]["registries"]

        assert self.job["identity"]["type"] == "UserAssigned"
        assert registry.keys() == {"server", "identity"}
        assert registry["identity"] in self.job["identity"]["userAssignedIdentities"]

    def test_its_run_renews_what_is_due(
        self, image: Image, sandbox: Sandbox, world: World, chosen: dict[str, str]
    ) -> None:
        """With the endpoint at which the platform gives the identity's tokens."""
        environment = filled({one["name"]: "" for one in self.container["env"]}, chosen)
        for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER"):
            environment[name] = sandbox.environment[name]

        ended = image.run(environment, self.container["args"])

        assert ended.returncode == 0, ended.stderr
        assert_renewed(world)


@pytest.fixture
def jobs(world: World) -> Iterator[Jobs]:
    """Give where jobs get their tokens, in a world that trusts both kinds."""
    world.tenant.federate(*GITHUB)
    world.tenant.federate(*PIPELINES)
    with Jobs(world.tenant) as jobs:
        yield jobs


def bash(
    script: str, environment: dict[str, str], image: Image, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Carry out a step, where the packages of the image are what is installed."""
    python, _ = interpreter()
    programs = folder / "bin"
    programs.mkdir()
    # As a job sets up the Python of the recipe: it is what the word stands for.
    (programs / "python").write_text(f'#!/bin/sh\nexec {python} -S "$@"\n')
    (programs / "python").chmod(0o755)
    path = {"PATH": f"{programs}:{CONTAINER['PATH']}", "HOME": str(folder)}
    return subprocess.run(
        ["/bin/bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=ROOT,
        env={**path, **image.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


class TestGitHub:
    """A scheduled workflow with the token of its job."""

    workflow = load("github-actions.yml")[0]
    job = workflow["jobs"]["run"]

    def test_one_run_an_hour_ends_within_it(self) -> None:
        """Two never at once, and none that is under way is broken off."""
        assert self.workflow[ON]["schedule"] == [{"cron": HOURLY}]
        assert self.workflow["concurrency"]["cancel-in-progress"] is False
        assert 0 < self.job["timeout-minutes"] < 60

    def test_it_has_no_more_rights_than_it_needs(self) -> None:
        """To read this repository, and to get its token."""
        assert self.workflow["permissions"] == {"contents": "read", "id-token": "write"}

    def test_the_actions_are_pinned_by_their_commit(self) -> None:
        """With the version beside it, for people and for what keeps them up to date."""
        lines = [s for s in (WAYS / "github-actions.yml").read_text().splitlines() if "uses:" in s]

        assert lines
        assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in lines)

    def test_its_settings_are_variables(self) -> None:
        """Each of its own name, but for those that GitHub cannot tell apart from others."""
        for name, value in self.job["env"].items():
            assert re.fullmatch(r"\$\{\{ vars\.[A-Z_]+ }}", value), name

    def test_what_it_installs_is_locked(self) -> None:
        """As for the image."""
        (command,) = (s["run"] for s in self.job["steps"] if s.get("name") == "Install")

        assert_locked(command)

    def test_its_run_renews_what_is_due(
        self,
        image: Image,
        world: World,
        chosen: dict[str, str],
        jobs: Jobs,
        tmp_path: Path,
    ) -> None:
        """The step as it stands there, with what GitHub gives to the job."""
        (script,) = (s["run"] for s in self.job["steps"] if s.get("name") == "Run")
        environment = filled(self.job["env"], chosen)

        ended = bash(script, {**environment, **jobs.of_github}, image, tmp_path)

        assert ended.returncode == 0, ended.stderr
        assert_renewed(world)

    def test_variables_that_nobody_has_set_are_left_out(
        self, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str]
    ) -> None:
        """They are empty then: no storage, and no page to sign in at."""
        environment = filled(self.job["env"], chosen)
        for name in environment:
            is_optional = "STORAGE" in name or name == "ROTATION_PUBLIC_URL"
            monkeypatch.setenv(name, "" if is_optional else environment[name])

        found = settings.load()

        assert (found.storage, found.public_url) == (None, None)


class TestPipelines:
    """A scheduled pipeline with the token of its service connection."""

    pipeline = load("azure-pipelines.yml")[0]
    (job,) = pipeline["jobs"]

    def test_one_run_an_hour_ends_within_it(self) -> None:
        """Also when nothing was changed, and not while one is under way."""
        (schedule,) = self.pipeline["schedules"]

        assert (schedule["cron"], schedule["always"], schedule["batch"]) == (HOURLY, True, True)
        assert (self.pipeline["trigger"], self.pipeline["pr"]) == ("none", "none")
        assert 0 < self.job["timeoutInMinutes"] < 60

    def test_what_it_installs_is_locked(self) -> None:
        """As for the image."""
        (command,) = (s["script"] for s in self.job["steps"] if "script" in s)

        assert_locked(command)

    def test_its_run_renews_what_is_due(
        self,
        image: Image,
        world: World,
        chosen: dict[str, str],
        jobs: Jobs,
        tmp_path: Path,
    ) -> None:
        """The task's script as it stands there, with what Azure Pipelines gives to the job."""
        (task,) = (s for s in self.job["steps"] if s.get("task") == "AzureCLI@2")
        assert task["env"] == {"SYSTEM_ACCESSTOKEN": "$(System.AccessToken)"}
        given = {"SYSTEM_ACCESSTOKEN": jobs.key, **jobs.of_pipelines}
        # Variables of a group become variables of the environment in capital letters.
        group = {name.upper(): value for name, value in chosen.items() if name != "AZURE_CLIENT_ID"}

        ended = bash(task["inputs"]["inlineScript"], {**group, **given}, image, tmp_path)

        assert ended.returncode == 0, ended.stderr
        assert_renewed(world)


def assert_locked(command: str) -> None:
    """See that a command installs what the locks of the image say, with every hash compared."""
    words = command.split()

    assert words[:4] == ["python", "-m", "pip", "install"]
    assert {"--require-hashes", "--only-binary", *LOCKS} <= {*words}


def test_an_account_of_storage_is_known_by_the_names_of_the_recipes() -> None:
    """The variables are those of an identity-based connection of Azure Functions."""
    account = Account("a", "k", "https://a.table.example", "https://a.queue.example")
    names = {*account.by_token}

    assert names <= kinds()["ConfigMap"]["data"].keys()
    assert names <= TestGitHub.job["env"].keys()
