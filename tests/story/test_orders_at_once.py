"""An order beside a run, and an order twice at once, in every order of their calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from rotation.order import Verb
from rotation.report import Ending
from sandbox.furniture import Placement, place
from sandbox.ports import MemoryLocks
from sandbox.registry import Deed
from tests.story.interleaving import Duet, Part, explore
from tests.story.plot import DUE
from tests.story.stage import SECRET, Stage
from tests.story.test_orders import (
    adoption,
    adoption_to_extend,
    end,
    first,
    leak,
    leak_in_grace,
    rotation,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.order import Order
    from tests.story.interleaving import Explored

    Tally = Callable[[str, int], None]

RUN = Part()


def due(stage: Stage) -> Order:
    """A token is due, and its renewal is ordered, too."""
    place(stage.world, Placement(SECRET, age=DUE))
    return stage.order(Verb.ROTATE)


@dataclass(frozen=True)
class Piece:
    """An order, and whether it comes twice, or beside a run."""

    begin: Callable[[Stage], Order]
    is_twice: bool = False
    made: int = 1
    """Tokens that are made when locks work."""

    @property
    def order(self) -> Order:
        """The order, which is the same on every stage."""
        return self.begin(Stage())

    def stage(self) -> Stage:
        """Set a stage on which both begin."""
        stage = Stage()
        self.begin(stage)
        stage.use()
        return stage

    def duet(self, locks: Callable[[], MemoryLocks]) -> Duet:
        """Give both processes."""
        order = self.order
        carrying_out = Part(lambda rotator, _ports: rotator.carry_out(order))
        return Duet(self.stage, (carrying_out, carrying_out if self.is_twice else RUN), locks)

    def judge(self, stage: Stage, extra: int) -> None:
        """Look at what both have left, deliver the order once more, and let runs end it."""
        assert stage.fulfil(self.order).ending in {Ending.DONE, Ending.REFUSED}
        made = [entry for entry in stage.world.registry.audit if entry.deed is Deed.CREATE]
        assert len(made) <= self.made + extra
        if stage.managed():
            stage.end(limit=2)
        else:
            stage.run_until_quiet(limit=2)


PIECES = {
    "rotate and run": Piece(rotation),
    "rotate and renew": Piece(due),
    "rotate twice": Piece(rotation, is_twice=True),
    "issue twice": Piece(first, is_twice=True),
    "adopt and run": Piece(adoption),
    "adopt twice": Piece(adoption, is_twice=True),
    "adopt to extend, and run": Piece(adoption_to_extend, made=0),
    "retire now and run": Piece(leak),
    "retire now twice": Piece(leak_in_grace, is_twice=True),
    "retire altogether and run": Piece(end, made=0),
    "retire altogether twice": Piece(end, is_twice=True, made=0),
}
CASES = pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES.keys())
LOCKS = {"locks work": MemoryLocks, "locks fail open": lambda: MemoryLocks(fail_open=True)}


@pytest.mark.exhaustive
@CASES
@pytest.mark.parametrize("locks", LOCKS.values(), ids=LOCKS.keys())
def test_no_order_of_their_calls_breaks_a_promise(
    piece: Piece, locks: Callable[[], MemoryLocks], tally: Tally
) -> None:
    """Without a lock at most one token too many is made, and it ends retired."""
    extra = int(locks is not MemoryLocks)
    count(explore(piece.duet(locks), lambda stage: piece.judge(stage, extra)), tally)


@CASES
@pytest.mark.exhaustive
@pytest.mark.proof
def test_no_order_of_their_calls_breaks_a_promise_when_one_dies(piece: Piece, tally: Tally) -> None:
    """One of the two dies, at any point, while locks fail open."""
    duet = piece.duet(LOCKS["locks fail open"])
    count(explore(duet, lambda stage: piece.judge(stage, 2), is_mortal=True), tally)


def count(explored: Explored, tally: Tally) -> None:
    """Count what was explored, which is more than one order."""
    assert explored.orders > 1
    tally("orders of an order and a run", explored.orders)
    tally("states of an order and a run", explored.states)
