"""What becomes of an operator's order: the step that it takes next, or that it is done or refused.

Pure, as the rules are: a snapshot and a clock reading go in, one decision comes out. The first six
rules hold for orders, too, but for the exceptions that are told here. An order names the version
that was newest when it was asked for, so that no clocks are compared, and nothing is done twice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotation import policy, scope, tags
from rotation.decision import Action, Decision, Fact, Question, Snapshot
from rotation.model import Mode, Recorded, Token
from rotation.order import LIFE, Arguments, Extent, Order, Verb
from rotation.report import ENDINGS, Ending, Outcome
from rotation.schedule import living, retirement_at, ripe, shown, superseded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime

    from rotation.model import ManagedSecret, SecretVersion

    Judge = Callable[[Order, Snapshot, datetime], Decision | Question]

SINCE = "another version has been stored since it was asked for"


def changes(order: Order, secret: ManagedSecret) -> Mapping[str, str]:
    """Give the tags that an order wants for the next version; the rules see them as if there.

    For an order to adopt that is the token which the value is said to be.
    """
    said = order.arguments
    wanted: dict[str, str | None] = {
        tags.ORGANIZATION: said.organization,
        tags.OWNER: said.owner,
        tags.LIFETIME_DAYS: str(said.lifetime_days) if said.lifetime_days else None,
    }
    if order.verb is Verb.ISSUE and (said.mode or not tags.is_managed(secret.tags)):
        wanted[tags.ROTATION] = str(said.mode or Mode.REGENERATE)
    if said.authorization_id and secret.value:
        told = Recorded(said.authorization_id, secret.value.digest)
        wanted |= tags.adopted({}, told)
    return {name: value for name, value in wanted.items() if value is not None}


def is_about_value(order: Order) -> bool:
    """Tell whether an order means a value, in whichever version it is: a leak does."""
    return order.arguments.extent is Extent.NOW


def brought_up(order: Order, secret: ManagedSecret, versions: Iterable[SecretVersion]) -> Order:
    """Let an order name the newest version, if that holds the value of the version it names.

    Somebody may have stored a value again that was renewed already.

    Args:
        order: means a value.
        secret: the newest version, with its value.
        versions: all that the vault shows.
    """
    named = (tags.recorded_in(found.tags) for found in versions if found.version == order.version)
    digest = secret.value.digest if secret.value else None
    is_stored = any(recorded and recorded.digest == digest for recorded in named)
    return replace(order, version=secret.version) if is_stored else order


def judge(order: Order, s: Snapshot, now: datetime) -> Decision | Question:
    """Decide about the snapshot ``s``, with the order's ``changes``, at the instant ``now``.

    Returns:
        A step; or ``NOTHING`` if the order is done (or, with a date, must wait until then); or the
        decision of another ending, which refuses it; or the question that must be answered first.
    """
    if now - order.requested_at > LIFE:
        message = f"it was asked for on {shown(order.requested_at)}, more than a day ago"
        return _refuse("too-old", f"{message}; order it again if it is still wanted")
    if order.requested_at - now > LIFE:
        message = f"it says that it is asked for on {shown(order.requested_at)}, days from now"
        return _refuse("misdated", f"{message}; see whether the clock of whoever asks is right")
    return _judge(order)(order, s, now)


def outcome_of(order: Order, decision: Decision, actions: tuple[Action, ...]) -> Outcome:
    """Say what has become of an order.

    Args:
        order: which.
        decision: the last one about it.
        actions: what was done for it now.
    """
    name, told = order.name, (decision.reason, decision.message)
    effect = "done", f"{order.title} took effect: {', '.join(actions)}"
    # What was renewed by an order is another version now, which later rules would say of it.
    if Action.RENEW in actions and order.verb is not Verb.RETIRE:
        return Outcome(name, Ending.DONE, *effect, actions)
    if decision.action not in ENDINGS:
        message = "there is more to do; the order goes on"
        return Outcome(name, Ending.WAITING, "more-to-do", message, actions)
    if decision.action is not Action.NOTHING:
        return Outcome(name, Ending.REFUSED, *told, actions)
    if decision.next_at:
        return Outcome(name, Ending.WAITING, *told, actions, decision.next_at)
    return Outcome(name, Ending.DONE, *(effect if actions else told), actions)


def _judge(order: Order) -> Judge:
    if order.verb is Verb.RETIRE:
        return _retire_now if order.arguments.extent is Extent.NOW else _retire_altogether
    return {Verb.ISSUE: _issue, Verb.ADOPT: _adopt, Verb.ROTATE: _rotate}[order.verb]


def _issue(order: Order, s: Snapshot, now: datetime) -> Decision | Question:
    """Make a token that succeeds nothing: rules 5 and 6 do not matter."""
    is_new = is_reserved(s.secret)
    if order.version != s.secret.version and not (order.version is None and is_new):
        return _done(SINCE)
    passed = {policy.identify_value, policy.reject_foreign_token}
    if objection := _objection(s, now, passed | ({policy.skip_disabled} if is_new else set())):
        return objection
    if s.secret.version is None:
        return Decision(Action.RESERVE, "ordered", "the vault must accept a write first")
    return Decision(Action.RENEW, "ordered", "its first token was ordered", token=_first(order, s))


def _first(order: Order, s: Snapshot) -> Token:
    """Give the pattern of a first token: what a renewal takes over from a token."""
    said, before = order.arguments, tags.recorded_in(s.secret.tags)
    return Token(
        authorization_id=before.authorization_id if before else "",
        display_name=said.display_name or s.secret.name.name,
        scopes=said.scopes,
        valid_from=s.secret.created_at,
        valid_to=s.secret.created_at,
        target_accounts=None,
    )


def _rotate(order: Order, s: Snapshot, now: datetime) -> Decision | Question:
    if order.version != s.secret.version:
        return _done(SINCE)
    return _hindrance(s, now) or _succeed(order.arguments, _predecessor(s, now))


def _succeed(said: Arguments, old: Token) -> Decision:
    """Renew with the scope that is ordered, if that is no wider by accident."""
    wanted = said.scopes or old.scopes
    if not said.allow_wider and not scope.is_within(wanted, old.scopes):
        message = f"the scope {said.scope!r} is wider than the present one, {old.scope!r}"
        return _refuse("wider-scope", f"{message}; --allow-wider allows that")
    return Decision(
        Action.RENEW, "ordered", "its renewal was ordered", token=replace(old, scopes=wanted)
    )


def _adopt(order: Order, s: Snapshot, now: datetime) -> Decision | Question:
    """Take over a token that somebody else has made; rule 5 does not matter."""
    if order.version != s.secret.version:
        return _adopted_before(order, s, now)
    if s.mandate.recorded and s.mandate.recorded == tags.recorded_in(s.secret.tags):
        return _done("this token is recorded already")
    # What the order says of the value makes the rest of rule 6 apply to that token.
    objection = _objection(s, now, {policy.identify_value, policy.reject_foreign_token})
    if objection or s.proof is None or Fact.RECORDED not in s.known:
        return objection or Question(Fact.PROOF if s.proof is None else Fact.RECORDED)
    return _unfit_to_adopt(order, s, now) or _take_over(s)


def _adopted_before(order: Order, s: Snapshot, now: datetime) -> Decision | Question:
    """Tell whether the newest version is the successor of the token that was to be adopted.

    So it is if whoever carried the order out died before saying so: the token has its mark then,
    and the value stored since is one that the rotator has recorded.
    """
    changed = _refuse("changed", f"{SINCE}; look at it, and order again")
    recorded, value = tags.recorded_in(s.secret.tags), s.secret.value
    if not recorded or not value or recorded.digest != value.digest:
        return changed
    passed = {policy.identify_value, policy.reject_foreign_token}
    if objection := _objection(s, now, passed):
        return objection
    bound = {token.authorization_id for token in s.bound}
    return _done(SINCE) if order.arguments.authorization_id in bound else changed


def _take_over(s: Snapshot) -> Decision:
    if not s.current.is_bound_to(s.secret.name):
        return Decision(Action.RENAME, "ordered", "its token is to carry its mark", token=s.current)
    if s.mandate.mode is Mode.EXTEND:
        return Decision(Action.ADOPT, "ordered", "its token is to be recorded", token=s.current)
    message = "a successor makes certain which token the value is"
    return Decision(Action.RENEW, "ordered", message, token=s.current)


def _unfit_to_adopt(order: Order, s: Snapshot, now: datetime) -> Decision | None:
    place, name, token = s.mandate.place, s.secret.name, s.recorded
    if not s.proof:
        return _refuse("value-refused", f"the stored value is no token of {place}; paste one")
    if token is None or token.valid_to <= now:
        message = f"{place} has no living token {order.arguments.authorization_id}"
        return _refuse("unknown-token", f"{message}; its id is in the list of their tokens")
    if token.marked not in {None, name.folded}:
        message = f"token {token.authorization_id} is bound to another secret, {token.marked}"
        return _refuse("foreign-token", message)
    if not token.is_confined_to(s.account_id):
        message = f"token {token.authorization_id} is not confined to {s.mandate.organization}"
        return _refuse("global-token", f"{message}; order issue instead")
    others = [t for t in living(s, now) if t.authorization_id != token.authorization_id]
    if s.mandate.mode is Mode.EXTEND and others:
        message = f"{len(others)} other living tokens are marked {name.mark}"
        return _refuse("not-alone", f"{message}; revoke them, or set mode regenerate for one run")
    return None


def _retire_now(order: Order, s: Snapshot, now: datetime) -> Decision | Question:
    """Renew if the value meant is still stored; then end the grace of the tokens before."""
    if not s.secret.enabled:
        message = "its newest version is disabled; enable it, or order retire --altogether"
        return _refuse("disabled", message)
    if hindrance := _hindrance(s, now):
        return hindrance
    old = _predecessor(s, now)
    # As long as nobody knows which token the value is, every bound one may be in use.
    if order.version == s.secret.version or s.proof is False or not s.is_identified:
        return Decision(Action.RENEW, "ordered", "its value was ordered to be retired", token=old)
    if s.secret.value is None:
        return Question(Fact.VALUE)  # a store does not give it back
    if s.mandate.retire_now != s.value.digest:
        message = "the tokens before this version lose their grace"
        return Decision(Action.HASTEN, "ordered", message, token=old)
    before = [t for t in superseded(s, now) if t.valid_from < s.secret.created_at]
    if not before:
        return _done("no token from before the newest version is alive")
    if retirable := ripe(s, now):
        if s.proof is None:
            return Question(Fact.PROOF)
        return Decision(
            Action.RETIRE, "ordered", "it was ordered to be retired", token=retirable[0]
        )
    at = min(retirement_at(token, s) for token in before)
    message = f"the tokens before this version are revoked from {shown(at)} on"
    return Decision(Action.NOTHING, "waiting", message, next_at=at)


def _retire_altogether(order: Order, s: Snapshot, now: datetime) -> Decision | Question:
    """Give a secret up; of the rules, only the first and the fourth matter."""
    if order.version != s.secret.version:
        return _refuse("changed", f"{SINCE}; look at it, and order again")
    if not tags.is_managed(s.secret.tags):
        if s.secret.enabled:
            message = f"it is not managed: it has no tag {tags.ROTATION}"
            return _refuse("unmanaged", f"{message}; disable it in its vault")
        return _done("it is disabled, and not managed any more")
    passed = {policy.skip_disabled, policy.watch_only}
    passed |= {policy.identify_value, policy.reject_foreign_token}
    is_kept = s.mandate.recorded and s.mandate.organization and s.mandate.owner
    if s.mandate.mode is Mode.WATCH and not is_kept:
        passed.add(policy.block_without_session)  # it has no tokens that anybody here could revoke
    if objection := _objection(s, now, passed):
        return objection
    return Decision(Action.DECOMMISSION, "ordered", "it is given up")


def _hindrance(s: Snapshot, now: datetime) -> Decision | Question | None:
    """Give what rules 1 to 6 say against a renewal; that rule 5 would renew is nothing against it.

    Whether it would now, or when it has rested.
    """
    found = _objection(s, now)
    renews = isinstance(found, Decision) and found.action in {Action.RENEW, Action.NOTHING}
    return None if renews else found


def _predecessor(s: Snapshot, now: datetime) -> Token:
    """Give the token whose scope a successor takes over: the current one, if that is known."""
    return s.current if s.is_identified else living(s, now)[-1]


def _objection(
    s: Snapshot, now: datetime, passed: Collection[policy.Rule] = ()
) -> Decision | Question | None:
    """Give what the first six rules say, without those that the order passes."""
    if not tags.is_managed({**s.secret.tags, **s.ordered}):
        message = f"it is not managed: it has no tag {tags.ROTATION}"
        return _refuse("unmanaged", f"{message}; set it and {tags.ORGANIZATION} first")
    for rule in policy.RULES[:6]:
        if rule not in passed and (answer := rule(s, now)):
            return answer
    return None


def is_reserved(secret: ManagedSecret) -> bool:
    """Tell whether a secret has never had a token: it is new, or an order has only reserved it."""
    has_begun = tags.ATTEMPT in secret.tags and tags.AUTHORIZATION_ID not in secret.tags
    return secret.version is None or (has_begun and not secret.enabled)


def _refuse(reason: str, message: str) -> Decision:
    return Decision(Action.REJECT, reason, message)


def _done(message: str) -> Decision:
    return Decision(Action.NOTHING, "done-already", message)
