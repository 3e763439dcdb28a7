"""The gate for PATs, before git repositories and feeds: whom it lets in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import requests

from sandbox.furniture import ORGANIZATION, Placement, plant
from sandbox.package import stock
from tests.app.git import REPOSITORY, share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.token import Token
    from sandbox.world import World

FEED = f"{ORGANIZATION}/_packaging/tools"
READ, WRITE = "git-upload-pack", "git-receive-pack"


@pytest.fixture
def ask(sandbox: Sandbox, tmp_path: Path) -> Callable[..., int]:
    """Give a function that asks for something with a token, and tells the status."""
    share(sandbox, tmp_path)
    sandbox.shelf |= stock(sandbox.packages_url, FEED)
    places = {
        "feed": f"{sandbox.packages_url}/{FEED}/nuget/v3/index.json",
        "no feed": f"{sandbox.packages_url}/{ORGANIZATION}/_packaging/other",
        "no repository": f"{sandbox.devops_url}/{ORGANIZATION}/web/_git/other/info/refs",
        "no organization": f"{sandbox.devops_url}/fabrikam/web/_git/app/info/refs",
        READ: f"{sandbox.devops_url}/{ORGANIZATION}/{REPOSITORY}/info/refs?service={READ}",
        WRITE: f"{sandbox.devops_url}/{ORGANIZATION}/{REPOSITORY}/info/refs?service={WRITE}",
    }

    def ask(place: str, token: Token | None) -> int:
        auth = ("pat", token.value) if token else None
        answer = requests.get(places[place], auth=auth, timeout=30)
        if answer.status_code == 401:
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        return answer.status_code

    return ask


@pytest.mark.parametrize(
    ("scope", "places"),
    [
        ("vso.code", {READ}),
        ("vso.code_write", {READ, WRITE}),
        ("vso.packaging", {"feed"}),
        ("vso.wiki", set()),
        ("app_token", {READ, WRITE, "feed"}),
    ],
)
def test_the_scope_decides(
    ask: Callable[..., int], world: World, scope: str, places: set[str]
) -> None:
    """What the token may not do is a 403, which no other password would help against."""
    token = plant(world, Placement("any", scope=scope))

    found = {place: ask(place, token) for place in (READ, WRITE, "feed")}

    assert found == {place: 200 if place in places else 403 for place in found}


@pytest.mark.parametrize("place", [READ, "feed"])
def test_a_token_that_is_dead_or_missing_is_asked_for(
    ask: Callable[..., int], world: World, clock: ManualClock, place: str
) -> None:
    """By a challenge: git and the package managers ask for a password then."""
    token = plant(world, Placement("any", scope="app_token"))

    assert ask(place, None) == 401
    assert ask(place, replace(token, value="another")) == 401
    clock.advance(timedelta(days=31))
    assert ask(place, token) == 401


@pytest.mark.parametrize("place", ["no feed", "no repository", "no organization"])
def test_what_is_not_there_is_not_found(ask: Callable[..., int], world: World, place: str) -> None:
    """By whoever may come in."""
    assert ask(place, plant(world, Placement("any", scope="app_token"))) == 404
