"""The one sentence at the top of the page, and who must do what if it is no good news. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rotation.errors import UnavailableError
from rotation.fleet import Actor, Alert, State
from rotation.session import SIGN_IN_NEEDED
from rotation.timeline.when import soon

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from rotation.fleet import Fleet, OwnerFinding
    from rotation.model import SecretName
    from rotation.timeline.urgency import Standing

NAMED = 3
"""Secrets that are named in one task; the others are counted."""
NOBODY_YET = "No secret is managed yet"
DUTIES = {
    Actor.ROTATOR: "The rotator tries again",
    Actor.OWNER: "The owner must act",
    Actor.KEEPER: "Whoever keeps the secret must act",
    Actor.ADMINISTRATOR: "An administrator must act",
    Actor.NOBODY: "Whoever keeps the secret must act",
}
ALIKE = {
    State.EXPIRED: "have expired",
    State.FAILING: "are not renewed",
    State.BLOCKED: "are blocked",
    State.REJECTED: "are rejected",
}
"""What is said of several secrets with the same trouble; of all others, that they expire soon."""
QUIET = (
    (State.DUE, "renewed at the next run"),
    (State.WATCHED, "watched only"),
    (State.SKIPPED, "switched off"),
)
"""States that are no trouble, and how they are counted in the good sentence."""


@dataclass(frozen=True)
class Task:
    """What somebody must do, and about what."""

    duty: str
    """Who must do something, as the beginning of a sentence."""
    what: str
    """What is wrong."""
    by: datetime | None = None
    """When it is too late."""
    names: tuple[SecretName, ...] = ()
    more: int = 0
    """Secrets beside those named."""
    wanted: Mapping[str, str] = field(default_factory=dict)
    """Parameters of the address that shows them all."""
    is_sign_in: bool = False
    """Whether signing in is what helps."""


@dataclass(frozen=True)
class Headline:
    """What the page says first."""

    sentence: str
    next_step: str
    """What happens next if nobody does anything; empty if nothing can be foreseen."""
    tasks: tuple[Task, ...]
    is_good: bool


def headline(fleet: Fleet, standings: Sequence[Standing]) -> Headline:
    """Say how everything stands.

    Args:
        fleet: all secrets and owners.
        standings: of all its secrets, the most urgent first.
    """
    tasks = (*_of_vaults(fleet), *_of_owners(fleet), *_of_secrets(fleet, standings))
    sentence = _trouble(fleet, standings) or _all_well(standings)
    return Headline(sentence, _next(standings, fleet.checked_at), tasks, not tasks)


def _trouble(fleet: Fleet, standings: Sequence[Standing]) -> str:
    """Say what is wrong, in one sentence; nothing, if nothing is."""
    bad = [standing for standing in standings if standing.needs_attention]
    lost = [session.owner for session in fleet.sessions if not session.is_working]
    reminded = [found.session.owner for found in fleet.owners if _is_reminded(found)]
    dark = [failure.vault for failure in fleet.vault_failures]
    unseen = f"{_several(dark, 'vault')} could not be looked at"
    well = _all_well(standings).removesuffix(".")
    if bad:
        dead = sum(standing.alert is Alert.EXPIRED for standing in bad)
        need = "needs" if len(bad) == 1 else "need"
        told = f"{len(bad)} of {_tokens(len(standings))} {need} attention"
        ends = f", and {dead} {'has' if dead == 1 else 'have'} expired" if dead else ""
        return f"{told}{ends}{f'; {unseen}' if dark else ''}."
    if dark:
        return f"{well}, but {unseen}." if standings else f"Nothing is known: {unseen}."
    if lost:
        need = "needs" if len(lost) == 1 else "need"
        return f"{well}, but {_several(lost, 'owner')} {need} attention."
    return f"{well}, but {_several(reminded, 'owner')} must sign in soon." if reminded else ""


def _all_well(standings: Sequence[Standing]) -> str:
    counts = Counter(standing.state for standing in standings)
    quiet = [(counts[state], words) for state, words in QUIET if counts[state]]
    fresh = len(standings) - sum(count for count, _ in quiet)
    rest = _listed([f"{count} {'is' if count == 1 else 'are'} {words}" for count, words in quiet])
    if not standings:
        return f"{NOBODY_YET}."
    if not fresh:
        return f"Of {_tokens(len(standings))}, {rest}."
    whole = "The one token is" if fresh == 1 else f"All {fresh} tokens are"
    if rest and fresh == 1:
        whole = "1 token is"
    elif rest:
        whole = f"{fresh} tokens are"
    return f"{whole} fresh{f', {rest}' if rest else ''}."


def _next(standings: Sequence[Standing], now: datetime) -> str:
    """Say which token is renewed next, and when."""
    due = [standing for standing in standings if standing.state is State.DUE]
    if due:
        others = f" and {len(due) - 1} more" if len(due) > 1 else ""
        return f"Next renewal: {due[0].name.name}{others}, at the next run."
    foreseen = [
        (standing.renewal_at, standing.name)
        for standing in standings
        if standing.state in {State.FRESH, State.RETIRING}
        and standing.renewal_at
        and standing.renewal_at > now
    ]
    if not foreseen:
        return ""
    at, name = min(foreseen)
    return f"Next renewal: {name.name}, {soon(at, now)}."


def _of_vaults(fleet: Fleet) -> Iterator[Task]:
    for failure in fleet.vault_failures:
        is_passing = failure.reason == UnavailableError.reason
        duty = DUTIES[Actor.ROTATOR if is_passing else Actor.ADMINISTRATOR]
        yield Task(duty, f"vault {failure.vault} could not be looked at: {failure.message}")


def _of_owners(fleet: Fleet) -> Iterator[Task]:
    for found in fleet.owners:
        if found.session.is_working and not _is_reminded(found):
            continue
        session, (reason, message) = found.session, found.why
        is_sign_in = session.is_working or reason == SIGN_IN_NEEDED
        duty = f"{session.owner} must sign in" if is_sign_in else DUTIES[Actor.ADMINISTRATOR]
        if not session.is_known:
            duty = DUTIES[Actor.ROTATOR]
            message = f"how the session of {session.owner} stands could not be told: {message}"
        yield Task(
            duty=duty,
            what=message,
            by=found.act_by,
            more=len(found.secrets),
            wanted={"owner": session.owner} if found.secrets else {},
            is_sign_in=is_sign_in and not session.is_agent,
        )


def _of_secrets(fleet: Fleet, standings: Sequence[Standing]) -> Iterator[Task]:
    """Give one task for all secrets with the same trouble."""
    lost = {session.owner for session in fleet.sessions if not session.is_working}
    told = [
        standing
        for standing in standings
        if standing.needs_attention
        and not (standing.state is State.BLOCKED and standing.owner in lost)
    ]
    alike: dict[tuple[str, str, str], list[Standing]] = {}
    for standing in told:
        owner = standing.owner if standing.actor is Actor.OWNER else ""
        alike.setdefault((standing.state, standing.reason, owner), []).append(standing)
    for (_, _, owner), group in alike.items():
        yield _task(group, owner, fleet.checked_at)


def _task(group: Sequence[Standing], owner: str, now: datetime) -> Task:
    first, count = group[0], len(group)
    duty = f"{owner} must act" if owner else DUTIES[first.actor]
    retries = [standing.retry_at for standing in group if standing.retry_at]
    if first.actor is Actor.ROTATOR and retries:
        duty = f"{duty} {soon(max(min(retries), now), now)}"
    ends = [standing.ends_at for standing in group if standing.ends_at and standing.ends_at > now]
    alike = f"{count} tokens {ALIKE.get(first.state, 'expire soon')}; of the first: {first.message}"
    return Task(
        duty=duty,
        what=first.message if count == 1 else alike,
        by=None if first.actor is Actor.ROTATOR else min(ends, default=None),
        names=tuple(standing.name for standing in group[:NAMED]),
        more=max(count - NAMED, 0),
        wanted={"state": str(first.state)} if count > NAMED else {},
    )


def _is_reminded(found: OwnerFinding) -> bool:
    return found.session.reminder(found.checked_at) is not None


def _tokens(count: int) -> str:
    return f"{count} token{'' if count == 1 else 's'}"


def _several(names: Sequence[str], word: str) -> str:
    return f"{word} {names[0]}" if len(names) == 1 else f"{len(names)} {word}s"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
