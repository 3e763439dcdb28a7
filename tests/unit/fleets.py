"""Fleets of any size with secrets in every state, made without a world."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotation.decision import Decision, Finding
from rotation.errors import UnavailableError
from rotation.fleet import Fleet, State
from rotation.model import SecretName
from rotation.policy import decide
from rotation.session import SIGN_IN_NEEDED, Session
from tests.unit.given import DAY, HOUR, NOW, OWNER, SETTLED, Given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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


def fleet(count: int, states: Iterable[State] = State) -> Fleet:
    """Give a fleet of so many secrets, in these states in turn, of two owners in three vaults."""
    kinds = [*states]
    findings = []
    for number in range(count):
        state = kinds[number % len(kinds)]
        name = SecretName(VAULTS[number % 3], f"{state}-{number:04}")
        given = STATES[state](number / 7)
        owner = BOB.owner if state is State.BLOCKED else OWNER
        findings.append(finding(given, name, owner))
    sessions = (ADA, BOB) if State.BLOCKED in kinds else (ADA,)
    return Fleet(NOW, tuple(findings), sessions)
