"""The one unit of work: observe one secret, decide, act, record, under its lock.

It may be done any number of times, for any secret, by the timer, a queue, a command or a
simulation. It never raises: one secret's failure is its own.
"""

from __future__ import annotations

import traceback
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

from rotation import orders, schedule, tags
from rotation.decision import Action, Finding
from rotation.errors import BusyError, LockHeldError, OrderError, RejectedError, RotationError
from rotation.events import Kind
from rotation.model import ManagedSecret
from rotation.order import Verb
from rotation.order_steps import ORDER_STEPS
from rotation.policy import decide
from rotation.report import ENDINGS, Ending, Outcome
from rotation.settling import ACTIONS_LIMIT, Settling
from rotation.steps import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.decision import Decision, Snapshot
    from rotation.model import SecretName
    from rotation.observer import Observer, Rules
    from rotation.order import Order
    from rotation.ports import Locks
    from rotation.recorder import Recorder
    from rotation.settling import Ports

T = TypeVar("T")

SAID = {Action.BLOCK: Kind.ROTATION_BLOCKED, Action.REJECT: Kind.ROTATION_REJECTED}
"""The decisions that somebody should hear of."""


class Settler:
    """Settles secrets, and carries out orders, one at a time. Safe to use from several threads."""

    def __init__(self, ports: Ports, locks: Locks) -> None:
        """Take the outside world."""
        self._ports = ports
        self._turns = ports.turns
        self._locks = locks

    def settle(self, name: SecretName, observer: Observer, recorder: Recorder) -> Outcome:
        """Take the lock of one secret; observe, decide and act until nothing is left to do.

        Args:
            name: the secret.
            observer: looks on behalf of the whole run.
            recorder: tells on behalf of the whole run.

        Returns:
            How it ended; whatever goes wrong is an outcome, too. ``waiting`` is one that has not
            begun, since it is not this secret's turn: it is to be settled again at ``next_at``.
        """
        actions: list[Action] = []
        with recorder.part() as tells:
            work = partial(self._settle, name, observer, tells, actions)
            return safely(name, tells, actions, work)

    def carry_out(self, order: Order, observer: Observer, recorder: Recorder) -> Outcome:
        """Take the lock of one secret, and do what was ordered, unless it is done or refused.

        Args:
            order: what an operator asks for.
            observer: one that has not looked at anything yet.
            recorder: tells on behalf of this order.

        Returns:
            ``done``, ``refused``, or ``waiting`` (until a date) or ``locked`` or ``failed``: then
            the order must be given again, which does no harm at any time.
        """
        actions: list[Action] = []
        with recorder.part() as tells:
            work = partial(self._carry_out, order, observer, tells, actions)
            outcome = safely(order.name, tells, actions, work)
            kinds = {Ending.DONE: Kind.ORDER_DONE, Ending.REFUSED: Kind.ORDER_REFUSED}
            if kind := kinds.get(outcome.ending):
                said = {"reason": outcome.reason, "message": outcome.message}
                tells.of_order(kind, order, **said)
            return outcome

    def _settle(
        self, name: SecretName, observer: Observer, recorder: Recorder, actions: list[Action]
    ) -> Outcome:
        # The waiting belongs before the lock is taken: what is begun is not held up between two
        # calls. How long an answer may yet ask to wait, the limit of a settling is for.
        with self._turns.of_vault(name.vault), self._locks.hold(name) as lock:
            x = Settling(self._ports, lock, recorder, self._ports.clock())
            try:
                s = observer.read(name, x.call)
            except RejectedError as exc:
                if exc.reason != "not-found":
                    raise
                return Outcome(name, Ending.SKIPPED, "deleted", "it has been deleted")
            if not tags.is_managed(s.secret.tags):
                message = f"the tag {tags.ROTATION} has been taken off"
                return Outcome(name, Ending.SKIPPED, "unmanaged", message)
            with self._turns.of_owner(s.mandate.owner):
                s, decision = _act(x, s, observer, actions, decide)
        if decision.action not in ENDINGS:
            return _unfinished(s, decision, actions)
        return ended(s, decision, recorder, actions)

    def _carry_out(
        self, order: Order, observer: Observer, recorder: Recorder, actions: list[Action]
    ) -> Outcome:
        with self._turns.of_vault(order.name.vault), self._locks.hold(order.name) as lock:
            recorder.of_order(Kind.ORDER_RECEIVED, order)
            x = Settling(self._ports, lock, recorder, self._ports.clock())
            try:
                secret = self._found(order, x)
                order = self._brought_up(order, secret, x)
                s = observer.begin(secret, orders.changes(order, secret))
                # Whose turn it is does not count any more: it is one secret, and somebody waits.
                _, decision = _act(x, s, observer, actions, partial(orders.judge, order))
            except (OrderError, RejectedError) as exc:
                # A clear no: asking again does not help.
                return Outcome(
                    order.name, Ending.REFUSED, exc.reason, str(exc), actions=tuple(actions)
                )
        return orders.outcome_of(order, decision, tuple(actions))

    def _brought_up(self, order: Order, secret: ManagedSecret, x: Settling) -> Order:
        """Let an order that is about a value name the version that holds this value now."""
        if not orders.is_about_value(order) or order.version == secret.version:
            return order
        versions = x.call(self._ports.store.list_versions, order.name)
        return orders.brought_up(order, secret, versions)

    def _found(self, order: Order, x: Settling) -> ManagedSecret:
        """Read the secret that an order is about; a new one is nothing yet.

        Raises:
            OrderError: there is none, and the order does not make one.
        """
        try:
            return x.call(self._ports.store.read, order.name)
        except RejectedError as exc:
            if exc.reason != "not-found":
                raise
        if order.verb is not Verb.ISSUE or order.version:
            message = f"there is no secret {order.name}"
            raise OrderError(message, reason="unknown-secret", hint="issue makes a new one")
        return ManagedSecret(order.name, x.ports.clock(), None, {}, enabled=False)


def _act(
    x: Settling, s: Snapshot, observer: Observer, actions: list[Action], rules: Rules
) -> tuple[Snapshot, Decision]:
    """Decide and act until nothing is left to do, or enough was done for once."""
    while True:
        was_proven_false = s.proof is False
        s, decision = observer.look(s, x.call, rules)
        if s.proof is False and not was_proven_false:
            x.recorder.about(Kind.PROOF_FAILED, s, secret_version=s.secret.version)
        if decision.action in ENDINGS or len(actions) == ACTIONS_LIMIT:
            return s, decision
        if decision.reason == "token-lost":
            lost = s.current.authorization_id
            x.recorder.about(Kind.TOKEN_LOST, s, authorization_id=lost)
        s = observer.reread(_step(x, s, decision))
        actions.append(decision.action)


def _step(x: Settling, s: Snapshot, decision: Decision) -> Snapshot:
    if step := ORDER_STEPS.get(decision.action):
        return step(x, s)
    return STEPS[decision.action](x, s, decision.token or s.current)


def _unfinished(s: Snapshot, decision: Decision, actions: list[Action]) -> Outcome:
    """End a settling that has done enough for one run."""
    name = s.secret.name
    if actions[-1] is Action.RETIRE:
        message = "there is more to retire; the next run goes on"
        done, found = tuple(actions), Finding(s, decision)
        return Outcome(name, Ending.SETTLED, "more-to-do", message, done, finding=found)
    message = f"{name} is not settled after {len(actions)} actions; please report it"
    raise RotationError(message)


def ended(s: Snapshot, decision: Decision, recorder: Recorder, actions: list[Action]) -> Outcome:
    """Say how a settling, or a look that was enough, has ended."""
    reason, message = decision.reason, decision.message
    if kind := SAID.get(decision.action):
        recorder.about(kind, s, reason=reason, message=message)
    if decision.action is Action.WATCH and reason in schedule.KEEPER_ASKED:
        _remind(s, decision, recorder)
    # Resting after a failure is no success: the run says so until a renewal succeeds.
    ending = Ending.FAILED if reason == "backing-off" else ENDINGS[decision.action]
    done, found = tuple(actions), Finding(s, decision)
    return Outcome(s.secret.name, ending, reason, message, done, finding=found)


def _remind(s: Snapshot, decision: Decision, recorder: Recorder) -> None:
    """Ask something of the keeper of a watched secret: once a day, at this secret's own hour."""
    if schedule.is_hour_of_proof(s, recorder.clock()):
        said = {"reason": decision.reason, "message": decision.message}
        recorder.about(Kind.KEEPER_NEEDED, s, expires_at=s.secret.expires_at, **said)


def safely(
    name: SecretName, recorder: Recorder, actions: list[Action], work: Callable[[], T]
) -> T | Outcome:
    """Do ``work`` for one secret; whatever it raises is an outcome."""
    try:
        return work()
    except BusyError as exc:
        next_at = recorder.clock() + exc.wait
        return Outcome(name, Ending.WAITING, exc.reason, str(exc), next_at=next_at)
    except LockHeldError as exc:
        return Outcome(name, Ending.LOCKED, exc.reason, str(exc), tuple(actions))
    except Exception as exc:  # noqa: BLE001 - one secret's trouble is not the others'
        error = told_of(exc)
    reason, message = error.reason, str(error)
    where = {"vault": name.vault, "secret": name.name}
    recorder.say(Kind.ROTATION_FAILED, **where, reason=reason, message=message)
    return Outcome(name, Ending.FAILED, reason, message, tuple(actions))


def told_of(exc: Exception) -> RotationError:
    """Give an error as it is, or, of a strange one, what can be told of it.

    The words of a strange error may hold a value; its type and its place cannot.
    """
    if isinstance(exc, RotationError):
        return exc
    place = traceback.extract_tb(exc.__traceback__)[-1]
    where = f"{PurePath(place.filename).name}:{place.lineno}"
    return RotationError(f"unexpected {type(exc).__name__} in {where}; please report it")
