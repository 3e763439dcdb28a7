"""What depends on an owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rotation.dependents import dependents
from rotation.model import Defaults
from sandbox.clock import ManualClock
from sandbox.fault import Fault, unavailable
from sandbox.furniture import OWNER, VAULT, Placement, place
from sandbox.ports import WorldStore
from sandbox.world import World

DAY = timedelta(days=1)
EVE = "eve@contoso.example"
VAULTS = [VAULT, "kv-web"]
ONE = Defaults((OWNER,), 30 * DAY, 90 * DAY, 2 * DAY)
TWO = Defaults((OWNER, EVE), 30 * DAY, 90 * DAY, 2 * DAY)


@pytest.fixture
def world() -> World:
    """Give a world with secrets of two owners in two vaults and two organizations."""
    world = World(ManualClock(datetime(2026, 11, 22, 7, 0, tzinfo=UTC)))
    for vault in VAULTS:
        world.add_vault(vault)
    everybody = [world.add_user(OWNER), world.add_user(EVE)]
    for organization in ("contoso", "Fabrikam"):
        world.add_organization(organization, everybody)
    for placement in (
        Placement("a", tags={"pat-owner": OWNER}),
        Placement("b", tags={"pat-owner": OWNER.upper()}, organization="Fabrikam"),
        Placement("c", tags={"pat-owner": OWNER}, organization="Fabrikam", vault="kv-web"),
        Placement("theirs", tags={"pat-owner": EVE}),
        Placement("nobodys"),
        Placement("watched", mode="watch", tags={"pat-owner": OWNER}),
        Placement("faulty", tags={"pat-owner": OWNER, "pat-lifetime-days": "a month"}),
    ):
        place(world, placement)
    return world


def _names(world: World, owner: str, defaults: Defaults) -> list[str]:
    found = dependents(owner, WorldStore(world), VAULTS, defaults)
    assert len(found.mandates) == len(found.secrets)
    return [str(secret.name) for secret in found.secrets]


def test_secrets_that_name_an_owner_depend_on_them(world: World) -> None:
    """In all vaults; neither what is only watched nor what is mis-tagged."""
    assert _names(world, OWNER, TWO) == ["kv-build/a", "kv-build/b", "kv-web/c"]
    assert _names(world, EVE, TWO) == ["kv-build/theirs"]


def test_what_names_nobody_depends_on_the_only_owner(world: World) -> None:
    """As it is renewed."""
    assert "kv-build/nobodys" in _names(world, OWNER, ONE)


def test_who_is_no_owner_any_more_still_has_dependents(world: World) -> None:
    """Their tokens die all the same."""
    assert _names(world, EVE, ONE) == ["kv-build/theirs"]


def test_an_owner_is_needed_in_organizations(world: World) -> None:
    """In lower case, in order, each with the number of secrets."""
    found = dependents(OWNER, WorldStore(world), VAULTS, TWO)

    assert [*found.organizations.items()] == [("contoso", 1), ("fabrikam", 2)]
    assert not found.failures


def test_a_vault_that_fails_is_told(world: World) -> None:
    """There may be more secrets: the others are given, with the vault and the error beside."""
    world.faults.add(Fault(unavailable(), operation="list_secrets", target=VAULT, times=None))

    found = dependents(OWNER, WorldStore(world), VAULTS, TWO)

    assert [str(secret.name) for secret in found.secrets] == ["kv-web/c"]
    ((vault, error),) = found.failures
    assert (vault, error.reason) == (VAULT, "unavailable")
