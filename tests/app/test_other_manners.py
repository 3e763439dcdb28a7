"""A whole life in another world: other hosts, another authority, other manners.

The product is told where things are by its documented settings, and by nothing else. What it takes
for granted about how they answer, it has learned from the services' documents, or it fails here.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import requests

from rotation import settings, wiring
from sandbox.clock import ShiftedClock
from sandbox.content import Properties
from sandbox.functions import Functions
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.https.dressing import DIFFERENT
from sandbox.person import Person
from sandbox.world import World
from tests.app import child
from tests.app.conftest import OTHER_VAULT
from tests.app.git import Git, share
from tests.app.process import Process
from tests.app.test_process import DEADLINE_SECONDS, PROGRAM, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.https import Sandbox
    from sandbox.https.dressing import Dressing
    from tests.app.process import Hear

DAY, HOUR, QUARTER = timedelta(days=1), timedelta(hours=1), timedelta(seconds=15)
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
PROOF = {"prove"}
"""What is done to each secret in one hour of the day, which may be this one."""
PLATFORM = {"IDENTITY_ENDPOINT", "IDENTITY_HEADER"}
"""What the platform sets by itself where there is a managed identity."""


@pytest.fixture
def clock() -> Clock:
    """Give the machine's clock, ahead of which the world may be."""
    return ShiftedClock()


@pytest.fixture
def dressing() -> Dressing:
    """Give the other manner."""
    return DIFFERENT


@pytest.fixture
def world(clock: Clock) -> World:
    """Give a world with more secrets than a page has, and an owner who has never signed in."""
    world = World(clock)
    for vault in (VAULT, OTHER_VAULT):
        world.add_vault(vault)
    world.add_organization(ORGANIZATION, [world.add_user(OWNER)])
    for number in range(5):
        place(world, Placement(f"fresh-{number}", age=DAY))
        world.vault(VAULT).set(f"not-ours-{number}", "left alone", Properties())
    place(world, Placement("due", vault=OTHER_VAULT, scope="vso.code_write", age=25 * DAY))
    place(world, Placement("extended", mode="extend", age=25 * DAY))
    return world


@dataclass
class Installation:
    """The product, wherever it runs, by the world's clock."""

    folder: Path
    hear: Hear
    clock: Clock
    environment: dict[str, str]
    """Its settings, and nothing else that helps."""
    numbers: Iterator[int] = field(default_factory=count)

    def __call__(self, *arguments: str) -> dict[str, Any]:
        """Run a command as a process of its own, which must end well, and give its JSON."""
        work = partial(child.command, [*arguments, "--output", "json"])
        process = Process(self, work)
        process.start()
        ran = process.finish()
        assert ran.code == 0, ran.output
        found: dict[str, Any] = json.loads(ran.output)
        return found


@pytest.fixture
def rotation(
    sandbox: Sandbox, tmp_path: Path, search_too: Callable[[str, str], None]
) -> Installation:
    """Give the product with its settings."""
    environment = {
        name: text for name, text in sandbox.environment.items() if not name.startswith("SANDBOX_")
    }
    return Installation(tmp_path, search_too, sandbox.world.clock, environment)


def test_every_setting_is_documented(rotation: Installation) -> None:
    """Whatever the product is told is in the reference, or comes from the platform."""
    told = rotation.environment.keys() - PLATFORM

    assert "HTTPS_PROXY" in told
    assert [name for name in told if f"`{name}`" not in REFERENCE] == []


def test_a_whole_life(
    rotation: Installation, sandbox: Sandbox, world: World, tmp_path: Path
) -> None:
    """Connect, scan, renew, use, order, let the grace pass, retire, look."""
    share(sandbox, tmp_path)
    old = world.token_in(OTHER_VAULT, "due")
    assert old
    with Functions(sandbox.environment) as functions:
        connect(functions.url, world)
        doctor(rotation)

        report = rotation("run")

        new = world.token_in(OTHER_VAULT, "due")
        assert new
        assert new != old
        assert works(world, OTHER_VAULT, "due")
        assert world.authenticate(ORGANIZATION, old.value), "it is in its grace"
        changed = {s["secret"]: {*s["actions"]} - PROOF for s in report["secrets"]}
        assert {name: actions for name, actions in changed.items() if actions} == {
            "due": {"renew"},
            "extended": {"extend"},
        }
        git = Git.of(sandbox, tmp_path)
        git.configure()
        git("config", "--global", f"credential.{git.url}.username", "due")
        assert git.clone("one").code == 0

        issued = ["issue", f"{VAULT}/issued", "--scope", "vso.packaging"]
        rotation(*issued, "--organization", ORGANIZATION)
        rotation("rotate", f"{VAULT}/fresh-0")
        assert works(world, VAULT, "issued")

        world.clock.advance(49 * HOUR)
        report = rotation("run")

        retired = {s["secret"] for s in report["secrets"] if "retire" in s["actions"]}
        assert retired == {"due", "fresh-0"}
        assert not world.authenticate(ORGANIZATION, old.value)
        fleet = look(functions.url)
    names = ["due", "extended", *(f"fresh-{number}" for number in range(5)), "issued"]
    for told in (fleet, rotation("status")):
        assert sorted((s["secret"], s["state"]) for s in told["secrets"]) == [
            (name, "fresh") for name in names
        ]
    assert all(works(world, s["vault"], s["secret"]) for s in fleet["secrets"])
    assert len(world.living_tokens()) == len(fleet["secrets"])


@pytest.mark.usefixtures("sandbox")
def test_slow_answers_cost_time_and_nothing_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes a quarter of a minute: what is due is done, and a second run changes nothing."""
    clock = world.clock
    world.connect(OWNER)
    world.before_call = lambda _: clock.advance(QUARTER)
    monkeypatch.setenv("ROTATION_CONCURRENCY", "1")
    with wiring.open_service(settings.load(), clock) as service:
        first = service.rotator.run()
        held = {token.authorization_id for token in world.living_tokens()}
        second = service.rotator.run()

    done = {outcome.name.name: {*outcome.actions} - PROOF for outcome in first.outcomes}
    assert (done["due"], done["extended"]) == ({"renew"}, {"extend"})
    assert first.finished_at - first.started_at > 20 * QUARTER
    assert not first.has_failures
    assert not second.has_failures
    assert {token.authorization_id for token in world.living_tokens()} == held


def connect(url: str, world: World) -> None:
    """Have the owner sign in with a browser without scripts."""
    with requests.Session() as http:
        begun = http.get(f"{url}/sign-in?start=now", allow_redirects=False, timeout=10)
        post = Person(world.tenant.users[OWNER]).sign_in(http, begun.headers["Location"])
        cookie = "; ".join(f"{one.name}={one.value}" for one in begun.cookies)
        answer = http.post(
            post.action, data=dict(post.fields), headers={"Cookie": cookie}, timeout=10
        )
    assert "You are connected" in answer.text, answer.text


def doctor(rotation: Installation) -> None:
    """Have all preconditions tried by the program as it is, in an environment of its own."""
    done = subprocess.run(
        [*PROGRAM, "doctor", "--output", "json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(rotation.folder), **rotation.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {found["severity"] for found in json.loads(done.stdout)} <= {"fine", "note", "warning"}


def look(url: str) -> dict[str, Any]:
    """Look at the status page, as a program does."""
    answer = requests.get(f"{url}/", headers={"Accept": "application/json"}, timeout=30)
    fleet: dict[str, Any] = answer.json()
    return fleet


def works(world: World, vault: str, secret: str) -> bool:
    """Tell whether what a secret holds opens its organization."""
    token = world.token_in(vault, secret)
    return bool(token and world.authenticate(ORGANIZATION, token.value))
