"""An image, a world with a secret that is due, and the values that the recipes leave open."""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rotation import settings
from sandbox.clock import ShiftedClock
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.https import Sandbox
from sandbox.world import World
from tests.contract.conftest import authority
from tests.storage import https_azurite, token_account
from tests.ways.image import Image, build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sandbox.azurite import Account
    from sandbox.https import Authority

__all__ = ["authority", "https_azurite", "token_account"]

FEED = "feed"


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """Give a folder that every user of this machine can enter."""
    folder = Path(tempfile.mkdtemp(prefix="ways-"))
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def image(open_folder: Path) -> Image:
    """Give what the Dockerfile makes, with the packages that are installed here."""
    folder = open_folder / "build"
    folder.mkdir()
    return build(folder)


@pytest.fixture
def world() -> World:
    """Give a world by the machine's own time, with a secret that is due."""
    world = World(ShiftedClock())
    world.add_vault(VAULT)
    world.add_organization(ORGANIZATION, [world.add_user(OWNER)])
    world.connect(OWNER)
    place(world, Placement(FEED, age=timedelta(days=25)))
    return world


@pytest.fixture
def sandbox(world: World, authority: Authority) -> Iterator[Sandbox]:
    """Give the world's faces; whoever wants to reach them must be told where they are."""
    with Sandbox(world, authority) as sandbox:
        yield sandbox


@pytest.fixture
def trust(authority: Authority, tmp_path_factory: pytest.TempPathFactory, open_folder: Path) -> str:
    """Give the path of a bundle that every user of this machine can read."""
    bundle = open_folder / f"{tmp_path_factory.getbasetemp().name}.pem"
    shutil.copy(authority.bundle, bundle)
    bundle.chmod(0o644)
    return str(bundle)


@pytest.fixture
def chosen(sandbox: Sandbox, token_account: Account, trust: str) -> dict[str, str]:
    """Give what an administrator writes into a recipe, and what only this machine needs."""
    world = sandbox.environment
    return {
        **{name: world[name] for name in world if name.startswith("ROTATION_")},
        **token_account.by_token,
        "ROTATION_PUBLIC_URL": "https://rotation.example",
        "AZURE_CLIENT_ID": world["AZURE_CLIENT_ID"],
        "NO_PROXY": world["NO_PROXY"],
        "REQUESTS_CA_BUNDLE": trust,
    }


LOOK_ALIKE = {
    *("ROTATION_AUTHORITY", "ROTATION_DEVOPS_URL", "ROTATION_DEVOPS_TOKENS_URL"),
    *("NO_PROXY", "REQUESTS_CA_BUNDLE"),
}
"""What no recipe needs, as they are for Microsoft's own clouds."""


def filled(recipe: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, str]:
    """Give a recipe's environment with its values chosen, and where the sandbox is.

    Every name in it must be one that means something.
    """
    known = {name.upper(): value for name, value in chosen.items()}
    missing = {name for name in recipe if name.upper() not in known}
    assert not missing, f"{missing} mean nothing to the product"
    required = {
        settings.PREFIX + name.upper()
        for name, field in settings.Settings.model_fields.items()
        if field.is_required()
    }
    assert required <= recipe.keys(), "a setting that is required is left out"
    environment = {name: known[name.upper()] for name in recipe}
    return {**environment, **{name: chosen[name] for name in LOOK_ALIKE}}


def assert_renewed(world: World) -> None:
    """See that the secret has a new value, and that it works."""
    assert len(world.vault(VAULT).versions(FEED)) == 2
    assert world.authenticate(ORGANIZATION, world.vault(VAULT).newest(FEED).value) is not None
