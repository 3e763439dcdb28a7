"""Observing: what the rules look at, gathered with as few calls as they need.

An observer serves one run: the sessions, and the tokens of each owner in each organization, are
asked for once, and again when the answer is older than a settling may be. A single secret is read
only when a rule asks for its value.
"""

from __future__ import annotations

from concurrent.futures import Future
from copy import copy
from dataclasses import replace
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar

from rotation import tags
from rotation.decision import Decision, Fact, Question, Snapshot
from rotation.policy import decide
from rotation.settling import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from types import TracebackType

    from rotation.model import Defaults, Inventory, ManagedSecret, Recorded, SecretName
    from rotation.ports import Clock, OwnerSessions
    from rotation.session import Session
    from rotation.settling import Ports

    Rules = Callable[[Snapshot, datetime], Decision | Question]

P = ParamSpec("P")
T = TypeVar("T")

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Caller(Protocol):
    """Makes a remote call, if it may be made."""

    def __call__(self, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Call ``method``."""


def directly(method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Make a call without asking anybody."""
    return method(*args, **kwargs)


class Observer:
    """Looks at secrets on behalf of one run. Safe to use from several threads."""

    def __init__(
        self,
        ports: Ports,
        sessions: OwnerSessions,
        defaults: Defaults,
        scanned_at: datetime | None = None,
    ) -> None:
        """Take what to look through.

        Args:
            ports: the outside world.
            sessions: the owners' sessions.
            defaults: what tags fall back to.
            scanned_at: when the scan before this one began, if that is known.
        """
        self._ports = ports
        self._defaults = defaults
        self.scanned_at = scanned_at
        self.sessions: _Once[Session] = _Once(sessions.session, ports.clock)
        self.inventories: _Once[Inventory] = _Once(ports.issuer.inventory, ports.clock)

    def glance(self, secret: ManagedSecret) -> tuple[Snapshot, Decision | Question]:
        """Decide from what a list shows, as far as that goes.

        Returns:
            The snapshot, and a decision; or the question that only a read or more can answer.

        Raises:
            RotationError: the session or the tokens of the owner could not be asked for.
        """
        return self._decide(self.begin(secret), {Fact.SESSION, Fact.TOKENS})

    def look(
        self, s: Snapshot, call: Caller = directly, rules: Rules = decide
    ) -> tuple[Snapshot, Decision]:
        """Decide about a snapshot, whatever that takes.

        Args:
            s: what is known.
            call: makes every remote call.
            rules: by which it is decided.

        Raises:
            RotationError: something could not be asked for.
        """
        s, decision = self._decide(s, set(Fact), call, rules)
        if isinstance(decision, Question):
            message = f"the rules ask for {decision.fact} of {s.secret.name} again and again"
            raise TypeError(message)
        return s, decision

    def read(self, name: SecretName, call: Caller = directly) -> Snapshot:
        """Begin a snapshot by reading the newest version of a secret from its vault."""
        return self.begin(call(self._ports.store.read, name))

    def reread(self, s: Snapshot) -> Snapshot:
        """Read the tags of a snapshot anew, after a step has changed them."""
        return replace(s, mandate=tags.parse({**s.secret.tags, **s.ordered}, self._defaults))

    def begin(self, secret: ManagedSecret, ordered: Mapping[str, str] = NOTHING) -> Snapshot:
        """Begin a snapshot of a secret as a list or a read shows it, with what others asked for.

        Args:
            secret: as it is.
            ordered: tags that an order wants: what is decided and done counts on them.
        """
        wanted = {**secret.tags, **ordered} if ordered else secret.tags
        mandate = tags.parse(wanted, self._defaults)
        known = set() if secret.value is None else {Fact.VALUE}
        listed: Mapping[str, Any] = NOTHING
        if session := self.sessions.known(mandate.owner):
            known.add(Fact.SESSION)
        if inventory := self.inventories.known(mandate.owner, mandate.organization):
            listed = _listed(inventory, secret.name, mandate.recorded)
            known.add(Fact.TOKENS)
        return Snapshot(
            secret,
            mandate,
            session,
            scanned_at=self.scanned_at,
            ordered=ordered,
            known=frozenset(known),
            **listed,
        )

    def since(self, scanned_at: datetime | None) -> Observer:
        """Give one that shares what was asked for, and knows of another last scan."""
        other = copy(self)
        other.scanned_at = scanned_at
        return other

    def _decide(
        self, s: Snapshot, allowed: set[Fact], call: Caller = directly, rules: Rules = decide
    ) -> tuple[Snapshot, Decision | Question]:
        while True:
            decision = rules(s, self._ports.clock())
            if isinstance(decision, Decision) or decision.fact in s.known - {Fact.VALUE}:
                return s, decision
            if decision.fact not in allowed:
                return s, decision
            s = self._learn(s, decision.fact, call)

    def _learn(self, s: Snapshot, fact: Fact, call: Caller) -> Snapshot:
        """Add one fact to a snapshot."""
        mandate, issuer = s.mandate, self._ports.issuer
        place = (mandate.owner, mandate.organization)
        if fact is Fact.VALUE:
            # A newer version is another snapshot.
            return self.begin(call(self._ports.store.read, s.secret.name), s.ordered)
        learned: dict[str, Any] = {}
        if fact is Fact.SESSION:
            learned = {"session": call(self.sessions, mandate.owner)}
        elif fact is Fact.TOKENS:
            learned = _listed(call(self.inventories, *place), s.secret.name, mandate.recorded)
        elif fact is Fact.RECORDED and (recorded_id := s.former_id or _id(mandate.recorded)):
            learned = {"recorded": call(issuer.get, *place, recorded_id)}
        elif fact is Fact.PROOF and s.secret.value:
            learned = {"proof": call(issuer.prove, *place, s.secret.value)}
        elif fact is Fact.HISTORY:
            former = self._former_id(s, call)
            listed = call(self.inventories, *place)
            learned = {"former_id": former, "recorded": listed.find(former)}
        return replace(s, known=s.known | {fact}, **learned)

    def _former_id(self, s: Snapshot, call: Caller) -> str | None:
        """Give the id that an older version recorded for the very value that is stored now."""
        digest = s.secret.value and s.secret.value.digest
        for version in call(self._ports.store.list_versions, s.secret.name):
            recorded = tags.recorded_in(version.tags)
            if recorded and recorded.digest == digest and version.version != s.secret.version:
                return recorded.authorization_id
        return None


def _listed(inventory: Inventory, name: SecretName, recorded: Recorded | None) -> dict[str, Any]:
    """Give what the tokens of its owner add to the snapshot of a secret."""
    return {
        "account_id": inventory.account_id,
        "bound": inventory.bound_to(name),
        "recorded": inventory.find(_id(recorded)),
    }


def _id(recorded: Recorded | None) -> str | None:
    return recorded.authorization_id if recorded else None


class _Once(Generic[T]):
    """Asks for each thing once, however many threads want it; an error is an answer, too.

    An answer that is older than a settling may be counts no more: people have renamed and narrowed
    tokens since. The names of owners and organizations differ from others by more than case.
    """

    def __init__(self, ask: Callable[..., T], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._answers: dict[tuple[str, ...], tuple[datetime, Future[T]]] = {}
        self._known: dict[tuple[str, ...], tuple[datetime, T]] = {}
        """The answers without errors, under the very names that were asked for."""
        self._places: dict[tuple[str, ...], TracebackType | None] = {}
        """Where the errors came from."""
        self._guard = Lock()

    def __call__(self, *key: str) -> T:
        if (known := self.known(*key)) is not None:
            return known
        folded, now = tuple(map(str.casefold, key)), self._clock()
        with self._guard:
            asked_at, answer = self._answers.get(folded, (now, None))
            is_first = answer is None or now - asked_at > LIMIT
            if answer is None or is_first:
                asked_at, answer = self._answers[folded] = now, Future()
        if is_first:
            try:
                answer.set_result(self._ask(*key))
            except BaseException as exc:  # noqa: BLE001 - kept, and raised for whoever asks
                self._places[folded] = exc.__traceback__
                answer.set_exception(exc)
        if failure := answer.exception():
            # A traceback holds all that was known on its way, and would grow with every secret that
            # hears of the same failure: each hears where it came from, and no more.
            raise failure.with_traceback(self._places[folded])
        found = answer.result()
        self._known[key] = asked_at, found
        return found

    def known(self, *key: str) -> T | None:
        """Give an answer that is there already, without waiting for anybody."""
        asked_at, found = self._known.get(key, (None, None))
        return found if asked_at and self._clock() - asked_at <= LIMIT else None

    def answered(self) -> dict[tuple[str, ...], T]:
        """Give what was asked for and answered, without the errors."""
        done = {key: answer for key, (_, answer) in self._answers.items() if answer.done()}
        return {key: answer.result() for key, answer in done.items() if not answer.exception()}
