"""Real git takes its password from the vault, by ``rotation git-credential``."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation import settings, wiring
from rotation.report import Ending
from sandbox.clock import ManualClock, wall
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from tests.app.conftest import OTHER_VAULT
from tests.app.git import Git, share
from tests.search import Search

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.fault import Call
    from sandbox.https import Sandbox
    from sandbox.token import Token
    from sandbox.world import World

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OTHER = "fabrikam"
SECRET = "feed-token"


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that starts at the machine's time: git's helper lives by that."""
    return ManualClock(wall())


@pytest.fixture
def token(world: World) -> Token:
    """Give the token with which git may read and write."""
    return place(world, Placement(SECRET, scope="vso.code_write", age=DAY))


@pytest.fixture
def bare(sandbox: Sandbox, tmp_path: Path) -> Path:
    """Give a repository."""
    return share(sandbox, tmp_path)


@pytest.fixture
def git(sandbox: Sandbox, tmp_path: Path, bare: Path) -> Git:
    """Give the git of somebody who has configured the helper."""
    assert bare.exists()
    git = Git.of(sandbox, tmp_path)
    git.configure()
    return git


# --- What people do -------------------------------------------------------------------------------


@pytest.mark.usefixtures("token")
def test_git_clones_fetches_and_pushes(git: Git, world: World, bare: Path) -> None:
    """Nobody types a password, and nothing of it is in the home afterwards."""
    assert git.clone("one") == git.clone("two")
    one, two = git.home / "one", git.home / "two"
    git("commit", "--quiet", "--allow-empty", "-m", "Go on", folder=one)
    pushed = git("push", "--quiet", folder=one)
    fetched = git("fetch", "--quiet", folder=two)

    assert (pushed.code, fetched.code) == (0, 0), pushed.err + fetched.err
    tips = {
        git("rev-parse", *names, folder=folder).out
        for folder, names in ((one, ["HEAD"]), (two, ["origin/main"]), (bare, ["main"]))
    }
    assert len(tips) == 1
    kept = [path for path in git.home.rglob("*") if path.is_file()]
    search = Search(world.issued)
    assert not [path for path in kept if search.forms_in(path.read_bytes().decode("latin-1"))]


def test_each_organization_has_its_own_secret(git: Git, world: World) -> None:
    """The address says which, if git is told to say it."""
    world.add_organization(OTHER, [world.tenant.users[OWNER]])
    one = place(world, Placement(SECRET, age=DAY))
    two = place(world, Placement("other", vault=OTHER_VAULT, organization=OTHER, age=DAY))

    assert password(git, git.address()) == one.value
    assert password(git, git.address(OTHER)) == two.value


def test_without_the_path_the_user_name_tells_the_organization(git: Git, world: World) -> None:
    """As in the addresses that Azure DevOps itself shows: ``https://ORG@dev.azure.com/ORG/…``."""
    git("config", "--global", f"credential.{git.url}.useHttpPath", "false")
    world.add_organization(OTHER, [world.tenant.users[OWNER]])
    one = place(world, Placement(SECRET, age=DAY))
    place(world, Placement("other", organization=OTHER, age=DAY))

    assert password(git, git.address(user=ORGANIZATION)) == one.value
    told, err = git.fill(git.address())
    assert told == {}
    assert "credential.useHttpPath" in err


def test_among_several_secrets_the_user_name_chooses(git: Git, world: World) -> None:
    """Without a choice they are named, and nothing is given."""
    one, two = (place(world, Placement(name, age=DAY)) for name in ("a-reader", "b-packages"))

    assert password(git, git.address(user="a-reader")) == one.value
    assert password(git, git.address(user="b-packages")) == two.value
    told, err = git.fill(git.address())
    assert told == {}
    (line,) = [line for line in err.splitlines() if line.startswith("rotation: ")]
    assert f"{VAULT}/a-reader, {VAULT}/b-packages" in line
    assert "--secret VAULT/NAME" in line


def test_a_part_of_an_organization_can_have_a_secret_of_its_own(git: Git, world: World) -> None:
    """Git itself chooses the helper by the address."""
    place(world, Placement("a-packages", age=DAY))
    reader = place(world, Placement("b-reader", age=DAY))
    git.configure(f"!rotation git-credential --secret {VAULT}/b-reader", f"/{ORGANIZATION}/web")

    assert password(git, git.address()) == reader.value


@pytest.mark.parametrize(
    ("section", "address"),
    [
        ("https://*.visualstudio.com", f"https://{ORGANIZATION}.visualstudio.com/web/_git/app"),
        ("https://dev.azure.com", f"https://dev.azure.com/{ORGANIZATION}/web/_git/app"),
        ("https://dev.azure.com", f"https://{ORGANIZATION}@dev.azure.com/{ORGANIZATION}/web"),
    ],
)
def test_git_asks_for_the_addresses_of_microsoft(
    git: Git, token: Token, section: str, address: str
) -> None:
    """Old and new ones, as git takes them apart."""
    git("config", "--global", f"credential.{section}.helper", "!rotation git-credential")
    git("config", "--global", "credential.https://dev.azure.com.useHttpPath", "true")

    assert password(git, address) == token.value


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize(
    "site",
    [
        "https://dev.azure.com.evil.example",
        "https://github.com",
        "https://localhost",
        "http://dev.azure.com",
    ],
)
def test_git_gets_no_answer_from_it_for_a_stranger(git: Git, site: str) -> None:
    """Even if somebody made it the helper for everything; it is silent, and git goes on."""
    git("config", "--global", "credential.helper", "!rotation git-credential")

    told, err = git.fill(f"{site}/{ORGANIZATION}/web")

    assert told == {}
    assert "rotation" not in err.replace("rotation git-credential", "")


def password(git: Git, address: str) -> str:
    """Give the password that git gets for an address, without a word on stderr."""
    told, err = git.fill(address)
    assert err == ""
    return told["password"]


# --- While tokens are rotated ---------------------------------------------------------------------


@pytest.mark.proof
def test_five_hundred_rotations_in_the_middle_of_clones(
    git: Git, world: World, clock: ManualClock
) -> None:
    """No clone fails, and every old token is gone in the end."""
    rotate_in_the_middle(git, world, clock, 500)


def test_no_clone_fails_when_its_token_is_rotated_in_the_middle(
    git: Git, world: World, clock: ManualClock
) -> None:
    """The helper has read the one token, and a new one is stored before git gets to use it."""
    rotate_in_the_middle(git, world, clock, 3)


def rotate_in_the_middle(git: Git, world: World, clock: ManualClock, count: int) -> None:
    """Clone, with a rotation between each answer of the vault and its arrival at git."""
    tags: dict[str, str | None] = {
        "pat-lifetime-days": "2",
        "pat-rotate-before-days": "1",
        "pat-grace-hours": "1",
    }
    first = place(world, Placement(SECRET, lifetime=2 * DAY, tags=tags))
    stored, is_open = [first.value], True
    with wiring.open_service(settings.load(), clock) as service:

        def run() -> None:
            report = service.rotator.run()
            assert {outcome.ending for outcome in report.outcomes} == {Ending.SETTLED}

        def rotate(call: Call) -> None:
            nonlocal is_open
            if not (is_open and call.operation == "get_secret"):
                return
            is_open = False
            run()
            stored.append(world.vault(VAULT).newest(SECRET).value)

        for number in range(count):
            clock.advance(1.5 * DAY)
            world.after_effect, is_open = rotate, True
            cloned = git.clone(f"clone-{number}")
            world.after_effect = lambda _call: None
            assert (cloned.code, cloned.err) == (0, ""), number
            shutil.rmtree(git.home / f"clone-{number}")
            clock.advance(2 * HOUR)
            run()
            assert not world.authenticate(ORGANIZATION, stored[-2])
    assert len({*stored}) == count + 1
    assert [token.value for token in world.living_tokens()] == [stored[-1]]


def test_after_a_token_was_refused_the_next_command_has_the_newest(
    git: Git, world: World, token: Token
) -> None:
    """A leak: the token that git has just read ends at once, and another one is stored."""

    def replace(call: Call) -> None:
        if call.operation == "get_secret":
            world.after_effect = lambda _call: None
            world.registry.amend(token.authorization_id, revoked=True)
            place(world, Placement(SECRET))

    world.after_effect = replace
    refused, cloned = git.clone("one"), git.clone("two")

    assert refused.code != 0
    assert f"what was refused is not the newest token of {VAULT}/{SECRET}; try again" in refused.err
    assert (cloned.code, cloned.err) == (0, "")


def test_a_newest_token_that_is_refused_is_said(git: Git, world: World, token: Token) -> None:
    """To try again does not help."""
    world.registry.amend(token.authorization_id, revoked=True)

    refused = git.clone("one")

    assert refused.code != 0
    assert f"Azure DevOps has refused the newest token of {VAULT}/{SECRET}; it may" in refused.err


# --- Who may not ------------------------------------------------------------------------------


@pytest.mark.usefixtures("token")
def test_a_person_without_rights_gets_one_helpful_line(git: Git, world: World) -> None:
    """What is missing, where, and who can help; the rest is git's."""
    for vault in (VAULT, OTHER_VAULT):
        world.vault(vault).permissions.clear()

    refused = git.clone("one")

    (line, *_) = refused.err.splitlines()
    assert refused.code != 0
    assert line == (
        f"rotation: cannot list the secrets of {VAULT}: 403 Forbidden ForbiddenByRbac; "
        f"ask those who look after {VAULT} for the role Key Vault Secrets User on it"
    )
    assert refused.err.count("rotation: ") == 1


@pytest.mark.usefixtures("token")
def test_reading_is_all_the_right_that_is_needed(git: Git, world: World) -> None:
    """What the role *Key Vault Secrets User* gives; and no service is asked but vault and Entra."""
    for vault in (VAULT, OTHER_VAULT):
        world.vault(vault).permissions.intersection_update({"get", "list"})
    world.session_vault.permissions.clear()

    assert git.clone("one").code == 0
    asked = {call.service for call in world.calls if not call.operation.startswith("git_")}
    assert asked == {"identity", "key-vault"}
