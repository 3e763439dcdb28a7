"""What is to be done with one secret: every rule, in order; the first that matches wins.

Pure: a snapshot and a clock reading go in, one decision comes out. A rule that cannot tell yet
answers with a question, which costs a call to answer; so a secret that needs nothing costs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotation import schedule
from rotation.decision import Action, Decision, Fact, Question, Snapshot
from rotation.model import Mode
from rotation.schedule import shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    Answer = Decision | Question | None
    Rule = Callable[[Snapshot, datetime], Answer]


def decide(s: Snapshot, now: datetime) -> Decision | Question:
    """Apply the rules to the snapshot ``s`` at the instant ``now`` (aware, UTC)."""
    for rule in RULES:
        if answer := rule(s, now):
            # A list shows no value, and the digest in a tag may be another value's.
            is_glance = s.secret.value is None and rule in ABOUT_THE_VALUE
            return Question(Fact.VALUE) if is_glance else answer
    return nothing(s, now)


def reject_faulty_tags(s: Snapshot, _now: datetime) -> Answer:
    """1. A tag does not parse or contradicts another."""
    return _reject("mis-tagged", "; ".join(s.mandate.faults)) if s.mandate.faults else None


def skip_disabled(s: Snapshot, _now: datetime) -> Answer:
    """2. The newest version is disabled: a mandate that is gone is not renewed."""
    message = "its newest version is disabled; enable it to have it kept fresh"
    return None if s.secret.enabled else Decision(Action.SKIP, "disabled", message)


def watch_only(s: Snapshot, now: datetime) -> Answer:
    """3. The mode is ``watch``."""
    if s.mandate.mode is not Mode.WATCH:
        return None
    reason, left = schedule.countdown(s.secret.expires_at, now)
    if reason == schedule.NO_EXPIRY:
        message = f"watched, but {left}: nobody will be reminded; set it with {_set_expiry(s)}"
        return Decision(Action.WATCH, reason, message)
    asked = "; its keeper must store the next value, with its expiry"
    told = asked if reason in schedule.KEEPER_ASKED else ""
    return Decision(Action.WATCH, reason, f"watched; {left}{told}")


def block_without_session(s: Snapshot, now: datetime) -> Answer:
    """4. The owner has no working session."""
    if s.session is None:
        return Question(Fact.SESSION)
    if not s.session.is_working:
        until = s.secret.expires_at and schedule.countdown(s.secret.expires_at, now)[1]
        message = f"{s.session.message}; {until}" if until else s.session.message
        return Decision(Action.BLOCK, s.session.reason, message)
    return None if Fact.TOKENS in s.known else Question(Fact.TOKENS)  # what all later rules need


def identify_value(s: Snapshot, now: datetime) -> Answer:
    """5. No id is recorded for the stored value."""
    place, mark = s.mandate.place, s.secret.name.mark
    if s.is_identified:
        return None
    if s.proof is None:
        return Question(Fact.PROOF)
    if not s.proof:
        return _reject("value-refused", f"the stored value is no token of {place}; paste one")
    if Fact.HISTORY not in s.known:
        return Question(Fact.HISTORY)
    if s.former_id:
        message = "an older version recorded the id of this very value"
        adopt = Decision(Action.ADOPT, "value-restored", message, token=s.recorded)
        return reject_foreign_token(s, now) or adopt
    bound = schedule.living(s, now)
    if s.mandate.mode is Mode.EXTEND:
        message = "only a recorded token is extended; set mode regenerate for one run"
        return _reject("unknown-value", message)
    if not bound:
        message = f"no token of {place} is marked {mark}; end the name of this one there with it"
        return _reject("nothing-bound", message)
    if len({token.scopes for token in bound}) > 1:
        message = f"the tokens of {place} marked {mark} differ in scope; revoke the wrong ones"
        return _reject("scopes-differ", message)
    if at := schedule.retry_at(s, now):
        return Decision(Action.NOTHING, "backing-off", schedule.resting(s, at), at)
    message = "which token the value is nobody knows; a successor makes it certain"
    return Decision(Action.RENEW, "unknown-value", message, token=bound[-1])


def reject_foreign_token(s: Snapshot, now: datetime) -> Answer:
    """6. The recorded token is not its owner's, bound to the secret and confined to its place."""
    if Fact.RECORDED not in s.known and not schedule.is_listed_alive(s, now):
        return Question(Fact.RECORDED)  # dead, or stored or extended since the list was made
    if s.recorded is None:
        message = f"{s.mandate.place} does not have the recorded token; store one that it has"
        return _reject("unknown-token", message)
    if not s.recorded.is_bound_to(s.secret.name):
        message = f"the recorded token is not marked {s.secret.name.mark}"
        return _reject("foreign-token", f"{message}; paste the value of one that is")
    if not s.recorded.is_confined_to(s.account_id):
        message = f"its token is not confined to {s.mandate.organization}"
        return _reject("global-token", f"{message}; paste the value of one that is")
    return None


def renew_dead(s: Snapshot, now: datetime) -> Answer:
    """7. The current token is expired or revoked, or its value proved false."""
    is_expired = s.current.valid_to <= now
    if not is_expired and s.proof is None and Fact.RECORDED in s.known:
        return Question(Fact.PROOF)  # a token that was asked for may be revoked: nothing tells
    if schedule.retry_at(s, now) or not (is_expired or s.proof is False):
        return None
    reason, how = ("expired", "has expired") if is_expired else ("token-lost", "died early")
    return Decision(Action.RENEW, reason, f"its token {how}", token=s.current)


def renew_due(s: Snapshot, now: datetime) -> Answer:
    """8. The renewal time has come."""
    if not schedule.is_renewal_wanted(s, now) or schedule.retry_at(s, now):
        return None
    is_extended = s.mandate.mode is Mode.EXTEND and not s.has_wall
    if is_extended and Fact.RECORDED not in s.known:
        return Question(Fact.RECORDED)  # all that it is now is said again with the later expiry
    action = Action.EXTEND if is_extended else Action.RENEW
    message = f"its token expires on {shown(s.current.valid_to)}"
    return Decision(action, "due", message, token=s.current)


def refresh_metadata(s: Snapshot, _now: datetime) -> Answer:
    """9. The vault's expiry differs from the token's real one by more than a minute."""
    if s.proof is False or schedule.is_expiry_shown(s):
        return None
    message = f"the vault does not show that its token expires on {shown(s.current.valid_to)}"
    return Decision(Action.REFRESH, "expiry-differs", message, token=s.current)


def retire_superseded(s: Snapshot, now: datetime) -> Answer:
    """10. A superseded token and the newest version are both older than the grace period."""
    ripe = schedule.ripe(s, now)
    if not ripe or s.proof is None:
        return Question(Fact.PROOF) if ripe else None
    retire = Decision(Action.RETIRE, "grace-over", "its successor has taken over", token=ripe[0])
    return retire if s.proof else None


def prove_value(s: Snapshot, now: datetime) -> Answer:
    """11. Its hour to be proven has come since the last scan, or its last renewal failed."""
    has_failed = s.mandate.attempt is not None
    if s.proof is not None or not (has_failed or schedule.is_hour_of_proof(s, now)):
        return None
    message = "its last renewal failed" if has_failed else "it is its hour of the day to be proven"
    return Decision(Action.PROVE, "attempt-failed" if has_failed else "daily", message)


def nothing(s: Snapshot, now: datetime) -> Decision:
    """12. Otherwise."""
    at = schedule.next_at(s, now)
    if at and s.mandate.attempt and schedule.is_renewal_wanted(s, now):
        return Decision(Action.NOTHING, "backing-off", schedule.resting(s, at), at)
    if schedule.superseded(s, now):
        return Decision(Action.NOTHING, "in-grace", "its predecessor is in grace", at)
    return Decision(Action.NOTHING, "fresh", "its token is fresh", at)


def _set_expiry(s: Snapshot) -> str:
    """Give the command with which the keeper of a secret says until when its value is good."""
    where = f"--vault-name {s.secret.name.vault} --name {s.secret.name.name}"
    return f"az keyvault secret set-attributes {where} --expires YYYY-MM-DDT00:00:00Z"


def _reject(reason: str, message: str) -> Decision:
    return Decision(Action.REJECT, reason, message)


# fmt: off
RULES = (
    reject_faulty_tags, skip_disabled, watch_only, block_without_session, identify_value,
    reject_foreign_token, renew_dead, renew_due, refresh_metadata, retire_superseded, prove_value,
)
# fmt: on
ABOUT_THE_VALUE = RULES[4:]
