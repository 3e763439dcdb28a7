"""What a run costs, counted at the wire: the whole product over HTTPS, and the calls it makes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation import settings, wiring
from rotation.model import SecretName
from sandbox.furniture import VAULT, Placement, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rotation.report import RunReport
    from rotation.rotator import Rotator
    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.world import World

DAY = timedelta(days=1)
ONCE = ("list_secrets", "list_pats", "challenge")
"""Asked once a run, whatever there is to do; and the challenge, once for each vault."""
WHO = "connection_data"
"""Once in a process it tells who the owner is; after that, each is the proof of a value."""


@pytest.fixture
def rotator(
    sandbox: Sandbox,  # noqa: ARG001 - sets the environment
    clock: ManualClock,
    slept: list[float],  # noqa: ARG001 - no test waits
    loggers: object,  # noqa: ARG001 - left as they were
) -> Iterator[Rotator]:
    """Give the product as its composition root puts it together."""
    with wiring.open_service(settings.load(), clock) as service:
        rotator = service.rotator
        yield rotator


def test_a_whole_rotation_costs_ten_calls(
    rotator: Rotator, world: World, clock: ManualClock
) -> None:
    """Read, preflight, create, try, store; later read, prove, list versions, disable, revoke."""
    old = place(world, Placement("feed", age=25 * DAY))

    assert _actions(rotator.run()) == ["renew"]
    renewal = _spent(world)
    clock.advance(2 * DAY)
    assert _actions(rotator.run()) == ["retire"]
    retirement = _spent(world)

    assert renewal == ["get_secret", "update_secret", "create_pat", "connection_data", "set_secret"]
    assert retirement == [
        "get_secret",
        "connection_data",
        "list_versions",
        "update_secret",
        "revoke_pat",
    ]
    assert old.authorization_id not in {t.authorization_id for t in world.living_tokens()}


def test_an_extension_costs_six_calls(rotator: Rotator, world: World) -> None:
    """Read, get and prove what there is; extend, prove, and one write of the expiry."""
    place(world, Placement("feed", mode="extend", age=25 * DAY))

    assert _actions(rotator.run()) == ["extend"]
    assert _spent(world) == [
        "get_secret",
        "get_pat",
        "connection_data",
        "update_pat",
        "connection_data",
        "update_secret",
    ]


def test_a_secret_that_needs_nothing_costs_nothing(
    rotator: Rotator, world: World, clock: ManualClock
) -> None:
    """Fresh secrets, and others that are none of our business: the lists are all there is."""
    names = [SecretName(VAULT, f"s{number}") for number in range(60)]
    # Each secret is proven in one hour of the day; those whose hour is now do need something.
    resting = [name for name in names if int(name.fraction("proof") * 24) != clock().hour]
    for name in resting:
        place(world, Placement(name.name, age=DAY))
        world.vault(VAULT).set(f"other-{name.name}", "left alone")

    report = rotator.run()

    assert report.counts["settled"] == len(resting) > 50
    assert _spent(world) == []


def test_the_lists_are_asked_for_once_a_run(rotator: Rotator, world: World) -> None:
    """Pages of 25 secrets and of 100 tokens, however many secrets are settled."""
    for number in range(30):
        place(world, Placement(f"due-{number}", age=25 * DAY))
    for number in range(3):
        place(world, Placement(f"fresh-{number}", age=DAY))

    rotator.run()

    operations = [call.operation for call in world.calls]
    assert operations.count("list_secrets") == 2
    assert operations.count("list_pats") == 1
    assert operations.count("create_pat") == 30
    assert operations.count(WHO) <= 1 + 30 + 3
    assert operations.count("redeem") == 1


def _actions(report: RunReport) -> list[str]:
    (outcome,) = report.outcomes
    assert outcome.ending == "settled", outcome
    return [str(action) for action in outcome.actions]


def _spent(world: World) -> list[str]:
    """Give the calls of one run to Key Vault and Azure DevOps but those of every run."""
    made = [
        call.operation
        for call in world.calls
        if call.service in {"key-vault", "azure-devops"}
        and call.operation not in ONCE
        and not call.target.startswith(world.session_vault.name)
    ]
    if any(call.operation == "list_pats" for call in world.calls) and made[:1] == [WHO]:
        made = made[1:]  # the first of a process tells who the owner is
    world.calls.clear()
    return made
