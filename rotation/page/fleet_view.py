"""What the page of the fleet shows: rows, bars, counts, owners. Pure; the template only writes it.

Of a token there is never more than its id; of a tag that is somebody else's, nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rotation.fleet import Actor, State, session_state
from rotation.page.headline import Headline, headline
from rotation.session import SIGN_IN_NEEDED
from rotation.timeline.axis import Tick, days_ahead
from rotation.timeline.bar import Bar, axis_of, bar
from rotation.timeline.urgency import BAD, ORDER, Standing, by_urgency
from rotation.timeline.when import left, soon

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rotation.fleet import Fleet, OwnerFinding
    from rotation.page.wanted import Wanted
    from rotation.timeline.axis import Axis

ROWS = 100
"""On one page."""
WAITING = {
    Actor.KEEPER: "its keeper must act",
    Actor.ADMINISTRATOR: "an administrator must act",
    Actor.NOBODY: "only watched",
}
"""What is said where the rotator waits for somebody."""


@dataclass(frozen=True)
class Row:
    """One secret."""

    vault: str
    name: str
    owner: str
    organization: str
    mode: str
    state: str
    is_bad: bool
    is_alert: bool
    left: str
    ends_at: datetime | None
    then: str
    """What happens next, and who does it."""
    why: str
    bar: Bar


@dataclass(frozen=True)
class Choice:
    """One value of a filter: how many secrets it lets through, and whether it is chosen."""

    value: str
    count: int
    is_chosen: bool


@dataclass(frozen=True)
class OwnerRow:
    """One owner."""

    name: str
    is_agent: bool
    state: str
    is_bad: bool
    needs_sign_in: bool
    """Whether they should sign in, now or soon."""
    why: str
    signed_in_at: datetime | None
    act_by: datetime | None
    secrets: int


@dataclass(frozen=True)
class FleetView:
    """The page of the fleet."""

    checked_at: datetime
    headline: Headline
    total: int
    shown: int
    """Secrets that pass the filters, on all pages."""
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    states: tuple[Choice, ...]
    vaults: tuple[Choice, ...]
    owners: tuple[Choice, ...]
    people: tuple[OwnerRow, ...]
    wanted: Wanted
    page: int
    pages: int


def view(fleet: Fleet, wanted: Wanted) -> FleetView:
    """Make the page of a fleet.

    Args:
        fleet: how everything stands; its time is the present of the page.
        wanted: which secrets are shown, and which page of them.
    """
    now = fleet.checked_at
    standings = by_urgency(fleet)
    shown = [one for one in standings if _passes(one, wanted)]
    pages = max(-(-len(shown) // ROWS), 1)
    page = min(wanted.page, pages)
    axis = axis_of(standings, now)
    states = Counter(str(one.state) for one in standings)
    order = [*ORDER, *(state for state in State if state not in ORDER)]
    return FleetView(
        checked_at=now,
        headline=headline(fleet, standings),
        total=len(standings),
        shown=len(shown),
        rows=tuple(row(one, axis, now) for one in shown[(page - 1) * ROWS : page * ROWS]),
        ticks=days_ahead(axis, now),
        states=tuple(
            Choice(state, states[state], state == wanted.state) for state in order if states[state]
        ),
        vaults=_choices((one.name.vault for one in standings), wanted.vault),
        owners=_choices((one.owner for one in standings), wanted.owner),
        people=tuple(_owner(found) for found in fleet.owners),
        wanted=wanted,
        page=page,
        pages=pages,
    )


def row(one: Standing, axis: Axis, now: datetime) -> Row:
    """Make the row of one secret."""
    mandate = one.finding.snapshot.mandate
    return Row(
        vault=one.name.vault,
        name=one.name.name,
        owner=mandate.owner,
        organization=mandate.organization,
        mode=mandate.mode,
        state=one.state,
        is_bad=one.state in BAD,
        is_alert=one.alert is not None,
        left=left(one.ends_at, now),
        ends_at=one.ends_at,
        then=then(one, now),
        why=one.message,
        bar=bar(one, axis, now),
    )


def then(one: Standing, now: datetime) -> str:
    """Say what happens next, and who does it."""
    if one.actor is Actor.ROTATOR:
        return _rotator(one, now)
    if one.actor is Actor.OWNER:
        return f"{one.owner or 'its owner'} must act"
    return WAITING[one.actor]


def _rotator(one: Standing, now: datetime) -> str:
    if one.retry_at and one.retry_at > now:
        return f"tried again {soon(one.retry_at, now)}"
    if one.next_at is None or one.next_at <= now:
        return "at the next run"
    is_renewal = one.renewal_at is not None and one.renewal_at <= one.next_at
    return f"{'renewed' if is_renewal else 'predecessor retired'} {soon(one.next_at, now)}"


def _passes(one: Standing, wanted: Wanted) -> bool:
    return (
        wanted.vault.casefold() in {"", one.name.vault.casefold()}
        and wanted.owner in {"", one.owner}
        and wanted.state in {"", one.state}
        and wanted.search.casefold() in str(one.name.folded)
    )


def _choices(names: Iterable[str], chosen: str) -> tuple[Choice, ...]:
    counted = Counter(name for name in names if name)
    return tuple(
        Choice(name, count, name.casefold() == chosen.casefold())
        for name, count in sorted(counted.items())
    )


def _owner(found: OwnerFinding) -> OwnerRow:
    session, (reason, message) = found.session, found.why
    is_reminded = session.reminder(found.checked_at) is not None
    return OwnerRow(
        name=session.owner,
        is_agent=session.is_agent,
        state=session_state(session),
        is_bad=not session.is_working,
        needs_sign_in=not session.is_agent and (is_reminded or reason == SIGN_IN_NEEDED),
        why=message,
        signed_in_at=session.signed_in_at,
        act_by=found.act_by,
        secrets=len(found.secrets),
    )
