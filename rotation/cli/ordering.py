"""How an order is given: what is shown and asked before, how it is followed, what is reported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from rotation.cli.frame import FINE, NEEDS_SOMEBODY, show, with_service
from rotation.console.terminal import complain, is_confirmed, progress, remark
from rotation.errors import RotationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rotation.cli.dispatch import Dispatch
    from rotation.cli.frame import Surroundings
    from rotation.cli.selection import Choice, Filters
    from rotation.cli.wish import Wish
    from rotation.fleet import Fleet
    from rotation.model import SecretName
    from rotation.order_desk import OrderDesk
    from rotation.wiring import Service


@dataclass(frozen=True)
class Manner:
    """How an order is given: what all four commands take."""

    around: Surroundings
    output: str
    yes: bool
    wait: bool
    timeout: int


def in_bulk(manner: Manner, wish: Wish, names: Sequence[SecretName], filters: Filters) -> int:
    """Order the same for all that are named or chosen; several are shown and asked about.

    Returns:
        The exit code.
    """
    from rotation.cli.selection import Choice, choose
    from rotation.console.orders import show_planned

    scopes = frozenset((wish.arguments.get("scope") or "").split())
    is_bulk = bool(filters) or len(names) > 1

    def work(service: Service) -> int:
        desk = service.orders
        fleet: Fleet | None = None
        choices: tuple[Choice, ...] = tuple(Choice(name) for name in names)
        if is_bulk or scopes:
            with progress("Looking") as tell:
                fleet = service.rotator.survey(tell)
            choices = choose(fleet, names, filters)
            show_planned(fleet, [(c.name, c.finding, _plan(c, wish, scopes)) for c in choices])
            _remark_unseen(choices, wish, scopes)
        wanted = [choice for choice in choices if not choice.why_not]
        found = newest(desk, [choice.name for choice in wanted])
        wider = [] if wish.arguments.get("allow_wider") else _wider(wanted, scopes)
        if not _is_wanted(manner, wish, wanted, wider, is_bulk=is_bulk):
            return NEEDS_SOMEBODY
        widened = replace(wish, arguments={**wish.arguments, "allow_wider": True})
        asked = [(widened if name in wider else wish, name, version) for name, version in found]
        return carry_out(manner, desk, asked, fleet)

    return with_service(manner.around, work)


def _plan(choice: Choice, wish: Wish, scopes: frozenset[str]) -> str:
    """Say what would be ordered for a secret, and what it would change."""
    if choice.why_not:
        return choice.why_not
    if not scopes:
        return wish.title
    found = choice.difference(scopes)
    if found is None:
        return f"{wish.title}; the present scope cannot be seen from here"
    added, removed = " ".join(found.added), " ".join(found.removed)
    changes = [added and f"adds {added}", removed and f"takes away {removed}"]
    return "; ".join([wish.title, *filter(None, changes)]) + (
        "" if any(changes) else "; the scope stays the same"
    )


def _remark_unseen(choices: Sequence[Choice], wish: Wish, scopes: frozenset[str]) -> None:
    """Say what becomes of orders whose change of scope cannot be seen."""
    is_unseen = any(not c.why_not and c.scopes is None for c in choices)
    if scopes and is_unseen and not wish.arguments.get("allow_wider"):
        remark(
            "Where the present scope cannot be seen from here, the function app refuses the order "
            "if the new one is wider; --allow-wider says that it may be."
        )


def _wider(choices: Sequence[Choice], scopes: frozenset[str]) -> list[SecretName]:
    """Give the secrets whose token could do more than now."""
    if not scopes:
        return []
    differences = ((choice.name, choice.difference(scopes)) for choice in choices)
    return [name for name, found in differences if found and found.is_wider]


def _is_wanted(
    manner: Manner,
    wish: Wish,
    wanted: Sequence[Choice],
    wider: Sequence[SecretName],
    *,
    is_bulk: bool,
) -> bool:
    """Tell whether it is to be ordered: where more than one secret or a scope is at stake, ask."""
    if not wanted or not (is_bulk or wider):
        return True
    if wider and manner.yes:
        named = ", ".join(map(str, wider))
        complain(f"the scope would be wider: {named}", hint="--allow-wider says that it may")
        return False
    secrets = str(wanted[0].name) if len(wanted) == 1 else f"{len(wanted)} secrets"
    more = f", with a wider scope for {len(wider)} of them" if wider else ""
    return agrees(manner, f"Order {wish.title} for {secrets}{more}?")


def carry_out(
    manner: Manner,
    desk: OrderDesk,
    asked: Sequence[tuple[Wish, SecretName, str | None]],
    fleet: Fleet | None = None,
) -> int:
    """Order what is asked, follow it if that is wanted, and report, however far it came.

    Args:
        manner: how it is ordered.
        desk: takes the orders.
        asked: what is wanted of which secret, and its newest version.
        fleet: the look at all secrets, if there was one.

    Returns:
        The exit code.
    """
    from rotation.cli.dispatch import Dispatch

    around = manner.around
    asker, now = desk.asker(), around.now()
    orders = [wish.order(name, version, asker, now) for wish, name, version in asked]
    dispatch = Dispatch(desk, orders)
    try:
        with progress("Ordering") as tell:
            dispatch.submit(tell)
        if manner.wait and desk.is_remote and orders:
            minutes = "1 minute" if manner.timeout == 1 else f"{manner.timeout} minutes"
            remark(f"waiting for the end, for {minutes} at most")
            with progress("Waiting") as tell:
                dispatch.wait(timedelta(minutes=manner.timeout), around.now, around.sleep, tell)
    finally:
        _report(manner, dispatch, fleet, is_remote=desk.is_remote)
    has_failed = bool(fleet and fleet.vault_failures)
    return FINE if dispatch.is_fine and not has_failed else NEEDS_SOMEBODY


def _report(manner: Manner, dispatch: Dispatch, fleet: Fleet | None, *, is_remote: bool) -> None:
    from rotation.console.orders import show_ordered

    failures = fleet.vault_failures if fleet else ()
    ordered = [course.as_dict() for course in dispatch.courses]
    told = {"orders": ordered, "vaults_failed": [vars(failure) for failure in failures]}
    show(manner.output, told, lambda: show_ordered(ordered, failures, is_remote=is_remote))


def newest(desk: OrderDesk, names: Sequence[SecretName]) -> list[tuple[SecretName, str]]:
    """Give the newest version of each.

    Raises:
        RotationError: some are not there; nothing was ordered.
    """
    with progress("Asking") as tell:
        versions = {}
        for number, name in enumerate(names, start=1):
            versions[name] = desk.newest(name)
            tell(number, len(names))
    if missing := [str(name) for name, version in versions.items() if version is None]:
        message = f"there is no secret {', '.join(missing)}; nothing was ordered"
        raise RotationError(message, hint="rotation status lists them; rotation issue makes one")
    return [(name, version) for name, version in versions.items() if version]


def agrees(manner: Manner, question: str) -> bool:
    """Ask, unless nobody is to be asked; say so if it is not confirmed."""
    if manner.yes or is_confirmed(question):
        return True
    unconfirmed()
    return False


def unconfirmed() -> int:
    """Say that nothing was confirmed; give the exit code."""
    complain("not confirmed; nothing was done", hint="--yes does not ask")
    return NEEDS_SOMEBODY
