"""Takes in the lists of all vaults, page by page, and has asked for what the first looks need.

The lists of many vaults come at once, and beside them the sessions and tokens of the owners whom
they name. Every call is made by the threads of a pool, and none of them waits for another: a secret
whose owner's tokens have not come waits here. If too many wait, the lists do.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from queue import SimpleQueue
from typing import TYPE_CHECKING

from rotation.decision import Fact, Question
from rotation.register import Register
from rotation.report import VaultFailure
from rotation.settler import told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from rotation.errors import RotationError
    from rotation.model import ManagedSecret
    from rotation.observer import Observer
    from rotation.ports import SecretStore

    Place = tuple[str, str]
    """An owner and an organization."""
    Secrets = list[ManagedSecret]

TURN = 25
"""Secrets that are taken from one list before the other lists have their turn: a page of them."""
WAITING = 500
"""So many secrets may wait for the tokens of their owners before the lists do."""


class Intake:
    """The managed secrets of one run, as they come."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        store: SecretStore,
        observer: Observer,
        vaults: Sequence[str],
    ) -> None:
        """Take what makes the calls, what lists the vaults, and what looks at secrets."""
        self.count = 0
        """How many secrets have come."""
        self.register = Register()
        """What those ask for that have come."""
        self._pool = pool
        self._observer = observer
        self._vaults = vaults
        self._failures: dict[str, VaultFailure] = {}
        self._lists = deque(_List(vault, store) for vault in vaults)
        """Those that have more to give, and are not asked at the moment."""
        self._waiting: dict[Place, Secrets] = {}
        self._answered: set[Place] = set()
        self._came: SimpleQueue[Future[Callable[[], Secrets]]] = SimpleQueue()
        self._under_way = 0

    @property
    def failures(self) -> tuple[VaultFailure, ...]:
        """The vaults whose lists broke off; what had come from them before is attended to."""
        return tuple(self._failures[vault] for vault in self._vaults if vault in self._failures)

    def begin(self) -> None:
        """Have the first turn of each list taken; the caller may do something else meanwhile."""
        while self._lists and self._is_welcome():
            self._have_done(partial(self._turn, self._lists.popleft()))

    def __iter__(self) -> Iterator[Sequence[ManagedSecret]]:
        """Give secrets about which no glance makes a call any more, some at a time."""
        self.begin()
        while self._under_way:
            come_of = self._came.get().result()
            self._under_way -= 1
            ready = come_of()
            self.begin()
            if ready:
                yield ready

    def _is_welcome(self) -> bool:
        return sum(map(len, self._waiting.values())) < WAITING

    def _have_done(self, work: Callable[[], Callable[[], Secrets]]) -> None:
        """Have a thread do what gives, to be called here, what comes of it."""
        self._under_way += 1
        self._pool.submit(work).add_done_callback(self._came.put)

    # In a thread of the pool:

    def _turn(self, listed: _List) -> Callable[[], Secrets]:
        try:
            secrets = listed.turn()
        except Exception as exc:  # noqa: BLE001 - one vault's trouble is not the others'
            return partial(self._lose, listed, told_of(exc))
        return partial(self._take_in, listed, secrets)

    def _ask(self, place: Place, secret: ManagedSecret) -> Callable[[], Secrets]:
        # What cannot be had is an answer, too: every glance that needs it meets the same error.
        with suppress(Exception):
            self._observer.glance(secret)
        return partial(self._answer, place)

    # In the thread that takes in:

    def _lose(self, listed: _List, error: RotationError) -> Secrets:
        self._failures[listed.vault] = VaultFailure(listed.vault, error.reason, str(error))
        return []

    def _take_in(self, listed: _List, secrets: Secrets) -> Secrets:
        if len(secrets) == TURN:
            self._lists.append(listed)
        self.count += len(secrets)
        return [secret for secret in secrets if self._is_ready(secret)]

    def _answer(self, place: Place) -> Secrets:
        self._answered.add(place)
        return self._waiting.pop(place)

    def _is_ready(self, secret: ManagedSecret) -> bool:
        """Tell whether a glance at it makes no call; if not, it waits."""
        mandate = self._observer.mandate(secret)
        self.register.add(secret.name, mandate)
        place = (mandate.owner, mandate.organization)
        if place in self._answered:
            return True
        _, decision = self._observer.glance(secret, asks=False)
        if not isinstance(decision, Question) or decision.fact is Fact.VALUE:
            return True
        if place not in self._waiting:
            self._waiting[place] = []
            self._have_done(partial(self._ask, place, secret))
        self._waiting[place].append(secret)
        return False


class _List:
    """The list of one vault; it is asked for when its first turn comes."""

    def __init__(self, vault: str, store: SecretStore) -> None:
        self.vault = vault
        self._secrets = chain.from_iterable(map(store.list_managed, [vault]))

    def turn(self) -> list[ManagedSecret]:
        """Take some secrets; fewer than a turn has are the last."""
        return list(islice(self._secrets, TURN))
