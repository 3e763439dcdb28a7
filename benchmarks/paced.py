"""A way into a world that keeps the product's own paces, where its HTTP adapters would keep them.

So a fleet of processes can be looked at without a network. That the adapters keep them, at every
request, is what ``tests/contract/test_pace.py`` shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.fault import Answer, Delay, Extra
from sandbox.limits import CREATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.adapters.pace import Pace, Paces
    from sandbox.fault import Call, Kind
    from sandbox.world import World

OK = 200


def paced(world: World, paces: Paces, trip: Callable[[], float]) -> World:
    """Give a way into ``world`` for one process.

    Args:
        world: to be called.
        paces: those of the process.
        trip: gives the seconds of the next round trip.
    """
    view = world.view()
    owners = {user.identity_id: upn for upn, user in world.tenant.users.items()}

    def pace_of(call: Call) -> Pace | None:
        if call.service == "key-vault":
            return paces.vault(call.target.partition("/")[0])
        return paces.owner(owners[call.payer]) if call.payer else None

    def before(call: Call) -> None:
        if pace := pace_of(call):
            pace.admit(is_create=call.operation == CREATE)
        paces.sleep(trip())

    def heard(call: Call, kind: Kind | None) -> None:
        if pace := pace_of(call):
            headers = kind.headers if isinstance(kind, Answer | Delay | Extra) else {}
            pace.heard(kind.status if isinstance(kind, Answer) else OK, headers)

    view.before_call, view.on_judgement = before, heard
    return view
