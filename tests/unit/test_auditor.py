"""The audit asks for all that its report looks at, and changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.auditor import Auditor
from rotation.model import Defaults
from sandbox.clock import ManualClock
from sandbox.fault import Fault, unavailable
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place, plant
from sandbox.ports import WorldIssuer, WorldStore, sessions_of
from sandbox.report import describe
from sandbox.world import World

if TYPE_CHECKING:
    from rotation.diagnosis import Diagnosis

DAY = timedelta(days=1)
EVE = "eve@contoso.example"
OTHER_VAULT = "kv-web"
VAULTS = [VAULT, OTHER_VAULT]
OWNERS = (OWNER, EVE)


@pytest.fixture
def world() -> World:
    """Give a world with two owners, each with a kept token and a loose one, in two places."""
    world = World(ManualClock(datetime(2026, 11, 22, 7, 0, tzinfo=UTC)))
    for vault in VAULTS:
        world.add_vault(vault)
    everybody = [world.add_user(OWNER), world.add_user(EVE)]
    for organization in (ORGANIZATION, "Fabrikam"):
        world.add_organization(organization, everybody)
    for owner in OWNERS:
        world.connect(owner)
    place(world, Placement("feed", age=DAY, tags={"pat-owner": OWNER}))
    hers = Placement("hers", vault=OTHER_VAULT, owner=EVE, age=DAY, organization="Fabrikam")
    place(world, Placement(**{**vars(hers), "tags": {"pat-owner": EVE}}))
    plant(world, Placement("loose", display_name="his own"))
    plant(world, Placement("loose", display_name="her own", owner=EVE, organization="Fabrikam"))
    plant(world, Placement("loose", display_name="hidden", owner=EVE))
    return world


def auditor(world: World) -> Auditor:
    """Give what looks at this world."""
    sessions = sessions_of(world, OWNERS)
    return Auditor(
        store=WorldStore(world),
        issuer=WorldIssuer(world, sessions.access_token),
        sessions=sessions,
        clock=world.clock,
        vaults=VAULTS,
        owners=OWNERS,
        defaults=Defaults(OWNERS, 30 * DAY, 90 * DAY, 2 * DAY),
        devops_url="https://dev.azure.com",
    )


def told(found: tuple[Diagnosis, ...]) -> list[tuple[str, str]]:
    """Give whose each finding is and where, and its word."""
    return sorted((each.subject.rpartition(" of ")[2], each.finding) for each in found)


def test_each_owner_is_looked_at_where_they_are_needed(world: World) -> None:
    """In the organizations that the tags of their secrets name, and only there."""
    assert told(auditor(world).audit()) == [
        (f"{OWNER} in contoso", "unmanaged"),
        (f"{EVE} in fabrikam", "unmanaged"),
    ]


def test_more_organizations_may_be_named(world: World) -> None:
    """In capitals or not; each is looked at once."""
    found = auditor(world).audit([EVE.upper(), EVE], ["Contoso", "FABRIKAM"])

    assert told(found) == [
        (f"{EVE} in contoso", "unmanaged"),
        (f"{EVE} in fabrikam", "unmanaged"),
    ]


def test_it_changes_nothing(world: World) -> None:
    """Neither tokens nor secrets nor sessions."""
    before = {name: what for name, what in describe(world).items() if name != "calls"}

    auditor(world).audit()

    assert before == {name: what for name, what in describe(world).items() if name != "calls"}


def test_somebody_watches(world: World) -> None:
    """Each owner is told as done."""
    steps: list[tuple[int, int]] = []

    auditor(world).audit(tell=lambda done, total: steps.append((done, total)))

    assert steps == [(1, 2), (2, 2)]


def test_an_owner_without_session_does_not_stop_the_others(world: World) -> None:
    """It is a finding: who must sign in."""
    world.tenant.revoke_sessions(OWNER)

    found = auditor(world).audit()

    assert told(found) == [
        (OWNER, "sign-in-needed"),
        (f"{EVE} in fabrikam", "unmanaged"),
    ]
    assert (found[0].severity, "rotation connect" in found[0].fix) == ("error", True)


def test_a_session_of_which_nothing_can_be_said(world: World) -> None:
    """The vault of the sessions is away, say: nobody can be looked at, and it says so of each."""
    world.faults.add(Fault(unavailable(), service="entra", times=None))

    assert [word for _, word in told(auditor(world).audit())] == ["unavailable", "unavailable"]


def test_somebody_who_is_no_owner(world: World) -> None:
    """Is told as such."""
    (found,) = auditor(world).audit(["mallory@contoso.example"])

    assert (found.finding, found.severity) == ("unknown-owner", "error")


def test_an_organization_that_refuses_does_not_stop_the_others(world: World) -> None:
    """It is a finding of that owner in that organization."""
    members = world.organization(ORGANIZATION).members
    members.discard(world.tenant.users[EVE].identity_id)

    found = auditor(world).audit([EVE], [ORGANIZATION])

    assert told(found) == [
        (f"{EVE} in contoso", "access-denied"),
        (f"{EVE} in fabrikam", "unmanaged"),
    ]


def test_a_vault_that_fails_is_told_and_its_tokens_are_left_alone(world: World) -> None:
    """Nobody knows whether its secrets claim them."""
    world.vault(VAULT).permissions.discard("list")

    found = auditor(world).audit([OWNER], [ORGANIZATION])

    assert told(found) == [
        (f"{OWNER} in contoso", "kept-elsewhere"),
        (f"{OWNER} in contoso", "unmanaged"),
        (f"vault {VAULT}", "access-denied"),
    ]


def test_where_to_look_may_not_be_known(world: World) -> None:
    """An owner whom no secret names, and no organization was given: a note says how."""
    world.vault(OTHER_VAULT).delete("hers")

    (found,) = auditor(world).audit([EVE])

    assert (found.subject, found.finding, found.severity) == (EVE, "nowhere", "note")
    assert f"`rotation audit --owner {EVE} --organization ORGANIZATION`" in found.fix
