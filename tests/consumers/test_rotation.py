"""A program that uses its token as rest.md shows, while the token is rotated under its hands."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation import settings, wiring
from rotation.report import Ending
from sandbox.furniture import ORGANIZATION, VAULT, Placement, place
from tests.consumers.test_pages import FEED, texts
from tests.stage import loggers

if TYPE_CHECKING:
    from sandbox.clock import ManualClock
    from sandbox.fault import Call
    from sandbox.world import World
    from tests.consumers.conftest import Machine

__all__ = ["loggers"]

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
TAGS: dict[str, str | None] = {
    "pat-lifetime-days": "2",
    "pat-rotate-before-days": "1",
    "pat-grace-hours": "1",
}


@pytest.mark.usefixtures("loggers")
def test_no_use_fails_when_the_token_is_rotated_in_the_middle(
    machine: Machine,
    world: World,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    is_proof: bool,  # noqa: FBT001 - a fixture
) -> None:
    """The vault has answered with the one token, and another is stored before it is used."""
    count = 500 if is_proof else 20
    for name, value in machine.sandbox.environment.items():
        monkeypatch.setenv(name, value)
    token = place(world, Placement(FEED, lifetime=2 * DAY, tags=TAGS))
    stored, is_open = [token.value], True
    with wiring.open_service(settings.load(), clock) as service:

        def run() -> None:
            endings = {outcome.ending for outcome in service.rotator.run().outcomes}
            assert endings == {Ending.SETTLED}

        def rotate(call: Call) -> None:
            nonlocal is_open
            if is_open and call.operation == "get_secret":
                is_open = False
                run()
                stored.append(world.vault(VAULT).newest(FEED).value)

        consumer: dict[str, object] = {}
        (code,) = texts("rest.md", "python")
        exec(machine.fill(code), consumer)  # noqa: S102 - the page's own code
        ask, address = consumer["ask"], consumer["ADDRESS"]
        assert callable(ask)
        for _ in range(count):
            clock.advance(1.5 * DAY)
            world.after_effect, is_open = rotate, True
            assert ask(address)["authenticatedUser"]["id"] == token.owner
            world.after_effect = lambda _call: None
            clock.advance(2 * HOUR)
            run()
            assert not world.authenticate(ORGANIZATION, stored[-2])
    assert len({*stored}) == count + 1


def test_a_token_that_ends_without_grace_costs_one_more_question(
    machine: Machine, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leak: the program meets a refusal, reads again, and has the newest."""
    for name, value in machine.sandbox.environment.items():
        monkeypatch.setenv(name, value)
    token = place(world, Placement(FEED))

    def replace(call: Call) -> None:
        if call.operation == "get_secret":
            world.after_effect = lambda _call: None
            world.registry.amend(token.authorization_id, revoked=True)
            place(world, Placement(FEED))

    consumer: dict[str, object] = {}
    (code,) = texts("rest.md", "python")
    exec(machine.fill(code), consumer)  # noqa: S102 - the page's own code
    ask = consumer["ask"]
    assert callable(ask)
    world.calls.clear()
    world.after_effect = replace

    assert ask(consumer["ADDRESS"])["authenticatedUser"]["id"] == token.owner

    operations = [call.operation for call in world.calls]
    assert operations.count("get_secret") == operations.count("connection_data") == 2
