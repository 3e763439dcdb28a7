"""A worker dies, by SIGKILL, at any of its calls for an order: another carries it on, once."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from rotation.order import Extent, Verb
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.registry import Deed
from tests.app import queue_child
from tests.app.storeroom import POISON, Storeroom
from tests.story.plot import Plot
from tests.story.stage import DAY, SECRET
from tests.story.test_crash import HEALING_RUNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rotation.order import Order
    from sandbox.azurite import Azurite
    from tests.app.process import ProcessStage, SetStage
    from tests.story.stage import Stage

    Tally = Callable[[str, int], None]

LOCKED_FOR = timedelta(minutes=5)
"""Longer than the lock of a dead process holds."""


def managed(stage: Stage) -> None:
    """A token is fresh."""
    place(stage.world, Placement(SECRET, age=DAY))


def made_by_hand(stage: Stage) -> None:
    """A token was pasted whose name says nothing."""
    place(stage.world, Placement(SECRET, age=DAY, display_name="by hand", is_recorded=False))


def nothing(_: Stage) -> None:
    """There is no such secret."""


def rotate(stage: Stage) -> Order:
    """A new token."""
    return stage.order(Verb.ROTATE)


def issue(stage: Stage) -> Order:
    """A first token."""
    return stage.order(Verb.ISSUE, organization=ORGANIZATION, owner=OWNER, scope="vso.code")


def adopt(stage: Stage) -> Order:
    """The token that is there."""
    token = stage.world.token_in(VAULT, SECRET)
    assert token
    return stage.order(Verb.ADOPT, authorization_id=token.authorization_id)


def give_up(stage: Stage) -> Order:
    """None any more."""
    return stage.order(Verb.RETIRE, extent=Extent.ALTOGETHER)


ORDERS = {
    "rotate": (managed, rotate, 2),
    "issue": (nothing, issue, 2),
    "adopt": (made_by_hand, adopt, 2),
    "retire --altogether": (managed, give_up, 1),
}
"""What is there, what is ordered, and how many versions the secret has once it took effect."""


def judge_kills(
    title: str, numbers: Iterable[int], set_stage: SetStage, azurite: Azurite
) -> list[str]:
    """Let a worker die at each of these stops, as far as it comes, and another one go on."""
    begin, ordered, versions = ORDERS[title]
    died_at = []
    for number in numbers:
        room = Storeroom(azurite.account())
        with set_stage(Plot(begin)) as stage:
            stage.environment |= room.account.by_key
            room.put(json.dumps(ordered(stage).as_dict()))
            stop = stage.kill_at(number, queue_child.drain)
            if stop is None:
                assert room.count() == 0
                break
            died_at.append(str(stop))
            stage.check_at_any_moment()
            stage.clock.advance(LOCKED_FOR)
            assert stage.start(queue_child.drain).finish().code == 0
            judge(stage, room, versions)
    return died_at


def judge(stage: ProcessStage, room: Storeroom, versions: int) -> None:
    """Hold that an order took effect once, that its end is in the journal, and nothing is left."""
    world = stage.world
    assert len(world.vault(VAULT).versions(SECRET)) == versions
    assert sum(entry.deed is Deed.CREATE for entry in world.registry.audit) <= versions
    ends = [row for row in room.rows("RotationEvents") if row["event"] == "OrderDone"]
    assert len(ends) == 1
    assert (room.count(), room.count(POISON)) == (0, 0)
    assert not room.rows("RotationLocks")
    assert not world.leaks_in(room.everything())
    stage.check_at_any_moment()
    stage.run_until_quiet(HEALING_RUNS)


@pytest.mark.parametrize("remainder", range(2), ids=["before", "after"])
@pytest.mark.parametrize("title", ORDERS)
@pytest.mark.proof
def test_a_worker_killed_at_any_call_is_relieved(
    title: str, remainder: int, set_stage: SetStage, http_azurite: Azurite, tally: Tally
) -> None:
    """Before and after the effect of each call: the order takes effect once, and is told."""
    died_at = judge_kills(title, count(remainder, 2), set_stage, http_azurite)

    assert len(died_at) > 8
    tally("processes killed", len(died_at))


@pytest.mark.parametrize(
    ("title", "number"),
    [("rotate", 23), ("rotate", 27), ("issue", 27), ("retire --altogether", 23)],
)
def test_a_worker_killed_at_some_call_is_relieved(
    title: str, number: int, set_stage: SetStage, http_azurite: Azurite, tally: Tally
) -> None:
    """The same for some stops of some orders."""
    died_at = judge_kills(title, [number], set_stage, http_azurite)

    assert len(died_at) == 1
    tally("processes killed", 1)
