"""How many calls a whole rotation takes: ``python -m benchmarks.calls``.

One secret is renewed, and its predecessor is retired when its grace is over; the whole product,
over HTTPS, with its journal and its locks on Azurite. Each call is counted where it arrives. What
each run asks for anyway, such as its lists, is what a run without anything to do asks for; that is
taken off. Needs what ``make witnesses`` installs.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.cost import stand
from benchmarks.figure import Figure
from sandbox.clock import ManualClock, wall
from sandbox.furniture import ORGANIZATION, OWNER, VAULT, Placement, place
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.cost import Stand

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AGE = 10 * DAY
SERVICES = "Key Vault and Azure DevOps"
STORAGE = ("tables", "queues")


def main() -> int:
    """Measure, and print every number.

    Returns:
        0 if all goals are reached, 1 otherwise.
    """
    found = [figure.is_reached for figure in figures()]
    return 0 if all(found) else 1


def figures() -> Iterable[Figure]:
    """Measure, print the raw numbers, and give the rows."""
    world = World(ManualClock(wall()))
    world.add_vault(VAULT)
    world.add_organization(ORGANIZATION, [world.add_user(OWNER)])
    world.connect(OWNER)
    place(world, Placement("feed", age=AGE))
    with stand(world) as found:
        # In one of these hours the value is proven, and the table of the locks is made.
        nothing = min((_run(found, HOUR, ()) for _ in range(DAY // HOUR)), key=Counter.total)
        renewal = _run(found, 10 * DAY, ("renew",)) - nothing
        retirement = _run(found, 2 * DAY + HOUR, ("retire",)) - nothing
    for what, counted in (("renewal", renewal), ("retirement", retirement)):
        print(f"{what}:", ", ".join(f"{name} {count}" for name, count in counted.items()))
    total = renewal + retirement
    storage = sum(total[name] for name in STORAGE)
    what = "calls of a whole rotation: renewed, and its predecessor retired"
    yield Figure(
        what, f"at the wire, to {SERVICES}", total.total() - storage, unit="calls", at_most=10
    )
    yield Figure(what, "at the wire, to Storage", storage, unit="calls", at_most=6)


def _run(found: Stand, later: timedelta, actions: tuple[str, ...]) -> Counter[str]:
    """Let time pass, run, and count the calls by what is asked for.

    Raises:
        RuntimeError: something else was done than what is counted.
    """
    found.forget()
    found.world.clock.advance(later)
    (outcome,) = found.rotator.run().outcomes
    done = tuple(str(action) for action in outcome.actions)
    if done[: len(actions)] != actions:
        message = f"done: {done}; to be counted: {actions}"
        raise RuntimeError(message)
    sessions = found.world.session_vault.name
    asked = Counter(
        call.operation
        for call in found.world.calls
        if call.service in {"key-vault", "azure-devops"} and not call.target.startswith(sessions)
    )
    return asked + Counter({name: found.sent[name] for name in STORAGE})


if __name__ == "__main__":
    sys.exit(main())
