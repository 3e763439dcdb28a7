"""Fleets of any size with secrets in every state, made without a world."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rotation import tags
from rotation.decision import Decision, Finding
from rotation.errors import UnavailableError
from rotation.events import Event, Kind
from rotation.fleet import ALERT_BEFORE, Fleet, State
from rotation.model import SecretName, SecretVersion
from rotation.policy import decide
from rotation.session import SIGN_IN_NEEDED, Session
from rotation.timeline.urgency import standing
from tests.unit.given import DAY, HOUR, MINUTE, NOW, OWNER, SETTLED, Given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from rotation.timeline.urgency import Standing

FEED = SecretName("kv-build", "feed")
VAULTS = ("kv-build", "kv-web", "kv-data")
ADA = Session(OWNER, is_working=True, signed_in_at=NOW - 20 * DAY)
BOB = Session(
    "bob@example.com",
    is_working=False,
    reason=SIGN_IN_NEEDED,
    message="bob@example.com must sign in: the session was revoked",
    signed_in_at=NOW - 88 * DAY,
)


def living(given: Given, days: float) -> Given:
    """Let the current token live for so long from now."""
    return given.current(valid_from=NOW - 10 * DAY, valid_to=NOW + days * DAY)


STATES: dict[State, Callable[[float], Given]] = {
    State.FRESH: lambda days: living(SETTLED, 12 + days % 18),
    State.RETIRING: lambda days: living(SETTLED, 20 + days % 5).superseded(DAY / 2).stored(HOUR),
    State.DUE: lambda days: living(SETTLED, 5 + days % 3),
    State.WATCHED: lambda days: living(SETTLED, 40 + days).watched(),
    State.SKIPPED: lambda days: living(SETTLED, 9 + days).disabled(),
    State.EXPIRED: lambda days: living(SETTLED, -1 - days % 20).watched(),
    State.BLOCKED: lambda days: living(SETTLED, 6 + days % 5).signed_out(),
    State.REJECTED: lambda days: living(SETTLED, 9 + days).mis_tagged(),
    State.FAILING: lambda days: living(SETTLED, 4 + days % 2).failed(3, ago=HOUR),
}


def finding(given: Given, name: SecretName, owner: str = OWNER) -> Finding:
    """Look at a secret under another name; its tokens are marked for that."""
    s = given.snapshot
    mark = f"Build agents {name.mark}"
    bound = tuple(replace(token, display_name=mark) for token in s.bound)
    recorded = s.recorded and replace(s.recorded, display_name=mark)
    secret, mandate = replace(s.secret, name=name), replace(s.mandate, owner=owner)
    s = replace(s, secret=secret, mandate=mandate, bound=bound, recorded=recorded)
    decision = decide(s, NOW)
    if not isinstance(decision, Decision):
        return Finding(s, None, UnavailableError("no answer", service="key-vault", operation="get"))
    return Finding(s, decision)


def one_of(kind: State, days: float = 20, name: SecretName = FEED) -> Finding:
    """Give a secret in a state."""
    return finding(STATES[kind](days), name)


def stand(found: Finding) -> Standing:
    """Tell how it stands."""
    return standing(found, NOW, ALERT_BEFORE)


def fresh(name: str = "feed", days: float = 20) -> Finding:
    """Give a secret whose token lives for so long."""
    return finding(living(SETTLED, days), SecretName("kv-build", name))


def fleet(count: int, states: Iterable[State] = State) -> Fleet:
    """Give a fleet of so many secrets, in these states in turn, of two owners in three vaults."""
    kinds = [*states]
    findings = []
    for number in range(count):
        state = kinds[number % len(kinds)]
        name = SecretName(VAULTS[(number + number // len(kinds)) % 3], f"{state}-{number:04}")
        given = STATES[state](number / 7)
        owner = BOB.owner if state is State.BLOCKED else OWNER
        findings.append(finding(given, name, owner))
    sessions = (ADA, BOB) if State.BLOCKED in kinds else (ADA,)
    return Fleet(NOW, tuple(findings), sessions)


def happened(one: Finding, generations: int = 5) -> list[dict[str, str]]:
    """Give the events of a secret, the newest first: renewals, retirements and some trouble."""
    name, token = one.snapshot.secret.name, one.snapshot.recorded
    assert token

    def event(kind: Kind, at: datetime, **more: Any) -> Event:  # noqa: ANN401 - keys of an event
        return Event(kind, at, "run", name.vault, name.name, owner=OWNER, **more)

    events, at, former = list[Event](), token.valid_from - (generations - 1) * 20 * DAY, None
    for n in range(generations):
        is_last = n == generations - 1
        token_id = token.authorization_id if is_last else f"{n:08}-4193-4f1d-b995-64144880b7d7"
        told = {
            "authorization_id": token_id,
            "expires_at": at + 30 * DAY,
            "next_at": at + 20 * DAY,
        }
        if n == 2:
            refused = {"reason": "unavailable", "message": "azure-devops did not answer"}
            hours = (at - k * HOUR for k in (9, 5, 3, 2))
            events += [event(Kind.ROTATION_FAILED, hour, **refused) for hour in hours]
        stored = {"previous_authorization_id": former, "secret_version": f"v{n}"}
        events.append(event(Kind.TOKEN_CREATED, at, **told))
        events.append(event(Kind.TOKEN_STORED, at + MINUTE, **told, **stored))
        if former:
            events.append(event(Kind.TOKEN_RETIRED, at + 2 * DAY, authorization_id=former))
        former, at = token_id, at + 20 * DAY
    return [event.as_dict() for event in sorted(events, key=lambda e: e.time, reverse=True)]


def versions(one: Finding, count: int = 4) -> tuple[SecretVersion, ...]:
    """Give versions of a secret, the newest first."""
    recorded = "00000000-4193-4f1d-b995-64144880b7d7 0123456789ab"
    stored_at = one.snapshot.secret.created_at
    return tuple(
        SecretVersion(
            f"{n:032x}", stored_at - n * 20 * DAY, n < 2, {tags.AUTHORIZATION_ID: recorded}
        )
        for n in range(count)
    )
