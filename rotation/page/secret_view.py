"""What the page of one secret shows: how it stands and why, its life, its versions. Pure.

Of tags that are somebody else's only the names are told, and of tokens only their ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from rotation import tags
from rotation.events import ALERTS, Kind
from rotation.fleet import State
from rotation.model import Mode
from rotation.page import event_view
from rotation.page.event_view import EventsView, what
from rotation.page.fleet_view import then
from rotation.schedule import retirement_at, superseded
from rotation.timeline.history import known_by_look
from rotation.timeline.life import SHORT, Life, life
from rotation.timeline.urgency import BAD, standing
from rotation.timeline.when import left, minute, span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from rotation.decision import Finding
    from rotation.model import SecretVersion
    from rotation.timeline.urgency import Standing

EVENTS = 50
VERSIONS = 25
"""Rows that are shown; what is older is counted."""


@dataclass(frozen=True)
class Version:
    """One version of the secret."""

    id: str
    created_at: datetime
    is_enabled: bool
    token: str
    """The beginning of the id of the token that it holds, if it says so."""


@dataclass(frozen=True)
class Order:
    """Something that can be asked for, as a command."""

    purpose: str
    command: str


@dataclass(frozen=True)
class SecretView:
    """The page of one secret."""

    vault: str
    name: str
    sentence: str
    state: str
    is_good: bool
    why: str
    then: str
    trouble: str
    """What went wrong last, if its renewal has failed."""
    checked_at: datetime
    facts: tuple[tuple[str, str], ...]
    others: tuple[str, ...]
    """The names of tags that are not the rotator's."""
    life: Life | None
    versions: tuple[Version, ...]
    older: int
    versions_note: str
    orders: tuple[Order, ...]
    events: EventsView


@dataclass(frozen=True)
class Past:
    """What was asked for about one secret beside the look at the fleet."""

    events: Sequence[Mapping[str, str]] = ()
    """The newest first."""
    events_note: str = ""
    """Why they are not there, if they could not be read."""
    versions: tuple[SecretVersion, ...] = ()
    versions_note: str = ""


def view(finding: Finding, past: Past, now: datetime, alert_before: timedelta) -> SecretView:
    """Make the page of one secret at the instant ``now``."""
    one = standing(finding, now, alert_before)
    s = finding.snapshot
    shown = event_view.view(past.events, event_view.ALL, size=EVENTS)
    if past.events_note:
        shown = EventsView(note=past.events_note)
    return SecretView(
        vault=one.name.vault,
        name=one.name.name,
        sentence=_sentence(one, now),
        state=one.state,
        is_good=not one.needs_attention,
        why=one.message,
        then=then(one, now),
        trouble=_trouble(one, past.events),
        checked_at=now,
        facts=tuple(_facts(one, now)),
        others=tuple(sorted(name for name in s.secret.tags if name not in tags.OWN)),
        life=life(past.events, now, known_by_look(one)),
        versions=tuple(_version(version) for version in past.versions[:VERSIONS]),
        older=max(len(past.versions) - VERSIONS, 0),
        versions_note=past.versions_note,
        orders=tuple(_orders(one)),
        events=shown,
    )


def _sentence(one: Standing, now: datetime) -> str:
    name = one.name.name
    if one.ends_at is None:
        return f"{name} is {one.state}; it has no expiry."
    if one.state is State.EXPIRED:
        return f"{name} has expired, {span(now - one.ends_at)} ago."
    told = left(one.ends_at, now)
    return f"{name} is {one.state}, {f'with {told} left' if one.ends_at > now else told}."


def _trouble(one: Standing, events: Sequence[Mapping[str, str]]) -> str:
    """Give the words of the last trouble, if its renewal has failed since the last success."""
    if one.state not in BAD:
        return ""
    for row in events:
        if row.get("event") in {Kind.TOKEN_STORED, Kind.TOKEN_EXTENDED}:
            return ""
        if row.get("event") in ALERTS and row.get("message") not in {None, one.message}:
            return what(row)
    return ""


def _facts(one: Standing, now: datetime) -> list[tuple[str, str]]:
    s = one.finding.snapshot
    mandate, token = s.mandate, s.recorded if s.is_identified else None
    is_kept = mandate.mode is not Mode.WATCH and not mandate.faults
    told = [
        ("Mode", mandate.mode),
        ("Organization", mandate.organization),
        ("Owner", mandate.owner),
        ("Expires", one.ends_at and f"{minute(one.ends_at)} ({left(one.ends_at, now)})"),
        ("Renewal due", one.renewal_at and minute(one.renewal_at)),
        ("Tried again", one.retry_at and minute(one.retry_at)),
        ("Newest version stored", minute(s.secret.created_at)),
        ("Failed since then", str(mandate.attempt.failures) if mandate.attempt else ""),
        ("Token", token and token.authorization_id),
        ("Token's name", token and token.display_name),
        ("Scope", token and token.scope),
        ("Lifetime", is_kept and span(mandate.lifetime)),
        ("Grace of a predecessor", is_kept and span(mandate.grace_period)),
        *(
            (
                f"Predecessor {former.authorization_id[:SHORT]}",
                f"works until {minute(min(former.valid_to, retirement_at(former, s)))}",
            )
            for former in (superseded(s, now) if is_kept and mandate.recorded else [])
        ),
        ("Content type", s.secret.content_type),
    ]
    return [(label, str(text)) for label, text in told if text]


def _version(version: SecretVersion) -> Version:
    recorded = tags.recorded_in(version.tags)
    return Version(
        id=version.version,
        created_at=version.created_at,
        is_enabled=version.enabled,
        token=recorded.authorization_id[:SHORT] if recorded else "",
    )


def _orders(one: Standing) -> list[Order]:
    """Give the commands that the rules would not refuse at once."""
    s, name = one.finding.snapshot, quote(str(one.name))
    scope = quote(s.recorded.scope) if s.recorded else "SCOPES"
    is_kept = s.mandate.mode is not Mode.WATCH and s.secret.enabled
    told = [
        (is_kept, "Make a new token now; the present one keeps its grace", "rotate {} --wait"),
        (is_kept, "It has leaked: a new token, and no grace", "retire {} --now --wait"),
        (
            is_kept and not s.is_identified,
            "Take over the token whose value it holds",
            "adopt {} AUTHORIZATION_ID --wait",
        ),
        (is_kept, "Begin anew, whatever it holds", f"issue {{}} --scope {scope} --wait"),
        (True, "Give it up for good", "retire {} --altogether"),
    ]
    told = [] if s.mandate.faults else told
    told.append((True, "Read everything that happened to it", "events --secret {}"))
    return [
        Order(purpose, f"rotation {command.replace('{}', name)}")
        for applies, purpose, command in told
        if applies
    ]
