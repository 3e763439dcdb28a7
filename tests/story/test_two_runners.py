"""Two runs at once, in every order of their calls: with locks that work, and with none that do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation import tags
from rotation.model import SecretName
from sandbox.fault import Fault, refused_token
from sandbox.furniture import VAULT, Placement, place, plant, recorded_id
from sandbox.ports import MemoryLocks
from sandbox.registry import Deed
from tests.story.interleaving import Duet, Part, explore
from tests.story.plot import (
    DUE,
    extension,
    paste,
    pasted_with_tags,
    renewal,
    retirement,
    retirements,
)
from tests.story.stage import DAY, HOUR, SECRET, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.rotator import Rotator
    from rotation.settling import Ports
    from tests.story.interleaving import Explored

    Tally = Callable[[str, int], None]

MINUTE = timedelta(minutes=1)
AHEAD = Part(ahead=4 * MINUTE)
"""A process whose clock is ahead by less than is noticed: it sees first what is due."""
RUN = Part()


@dataclass(frozen=True)
class Piece:
    """A beginning, and two processes."""

    begin: Callable[[Stage], object]
    parts: tuple[Part, Part] = (RUN, RUN)

    def stage(self) -> Stage:
        """Set a stage on which both begin."""
        stage = Stage()
        self.begin(stage)
        stage.invariants.clock_error = max(part.ahead for part in self.parts)
        stage.use()
        return stage


def nearly_due(stage: Stage) -> None:
    """A predecessor is ripe, and the token itself is due in a moment."""
    retirement(stage)
    window = 10 * DAY * (1 + 0.1 * SecretName(VAULT, SECRET).fraction("spread"))
    stage.clock.advance(27 * DAY - window - MINUTE)


def nearly_ripe(stage: Stage) -> None:
    """A predecessor is ripe in a moment, and so is a token that was never stored."""
    place(stage.world, Placement(SECRET, age=5 * DAY))
    plant(stage.world, Placement(SECRET, age=4 * DAY))
    place(stage.world, Placement(SECRET, age=2 * DAY - MINUTE))


def refused_once(stage: Stage) -> None:
    """An extension is due; whoever asks first is refused, and renews."""
    extension(stage)
    stage.world.faults.add(Fault(refused_token("accessDenied"), "azure-devops", "update_pat"))


def restored_and_due(stage: Stage) -> None:
    """Somebody restored the older value, with the tags of the newer; its token is due."""
    old = place(stage.world, Placement(SECRET, age=DUE))
    new = place(stage.world, Placement(SECRET, age=2 * HOUR))
    paste(stage, old.value, recorded=recorded_id(new))


def order(rotator: Rotator, ports: Ports) -> None:
    """Order that the tokens before this version are retired now, and run."""
    secret = ports.store.read(SecretName(VAULT, SECRET))
    if secret.value:
        ordered = {**secret.tags, tags.RETIRE: f"now {secret.value.digest}"}
        ports.store.write_tags(secret, ordered)
    rotator.run()


PIECES = {
    "renew and renew": Piece(renewal),
    "renew and retire": Piece(nearly_due, (AHEAD, RUN)),
    "retire and retire": Piece(retirements),
    "retire and a clock behind": Piece(nearly_ripe, (AHEAD, RUN)),
    "extend and extend": Piece(extension),
    "extend and renew": Piece(refused_once),
    "adopt and renew": Piece(restored_and_due),
    "identify and identify": Piece(pasted_with_tags),
    "order and retire": Piece(retirement, (Part(order), RUN)),
    "order and renew": Piece(renewal, (Part(order), RUN)),
}
CASES = pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES.keys())
LOCKS = {"locks work": MemoryLocks, "locks fail open": lambda: MemoryLocks(fail_open=True)}


@pytest.mark.exhaustive
@CASES
@pytest.mark.parametrize("locks", LOCKS.values(), ids=LOCKS.keys())
def test_no_order_of_two_runs_breaks_a_promise(
    piece: Piece, locks: Callable[[], MemoryLocks], tally: Tally
) -> None:
    """Without a lock at most one token too many is made, and it ends retired."""
    extra = locks is not MemoryLocks

    def judge(stage: Stage) -> None:
        made = [entry for entry in stage.world.registry.audit if entry.deed is Deed.CREATE]
        assert len(made) <= 1 + extra
        stage.end(limit=2)

    count(explore(Duet(piece.stage, piece.parts, locks), judge), tally)


@CASES
@pytest.mark.exhaustive
@pytest.mark.proof
def test_no_order_of_two_runs_breaks_a_promise_when_one_dies(piece: Piece, tally: Tally) -> None:
    """One of the two dies, at any point, while locks fail open."""
    duet = Duet(piece.stage, piece.parts, LOCKS["locks fail open"])
    count(explore(duet, lambda stage: stage.end(limit=2), is_mortal=True), tally)


def count(explored: Explored, tally: Tally) -> None:
    """Count what was explored, which is more than one order."""
    assert explored.orders > explored.states
    tally("interleavings of two runs", explored.orders)
    tally("states of two runs", explored.states)
