"""The pace at which vaults, and Azure DevOps for its users, are called by this whole process.

What the services publish is never gone beyond, and what they say is obeyed by all threads: one that
is told to wait makes the others wait that call the same vault, or for the same owner, and nobody
else. Several processes know nothing of each other: each takes its share of what a vault allows, and
hears from Azure DevOps how much of an owner's limit all of them have left.

Sources: Key Vault documentation, *Service limits* and *Throttling guidance*; Azure DevOps
documentation, *Rate and usage limits*.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from rotation.adapters.border import PATIENCE, TOO_MANY, WaitTooLongError
from rotation.errors import BusyError
from rotation.window import Limit, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

CREATES, CALLS = Limit(300, 10.0), Limit(4000, 10.0)
"""New versions, and all other calls, that one vault takes in ten seconds."""
OURS = 0.8
"""The part of it that the rotator takes; pipelines and people use the same vaults."""
OWNER_CALLS = Limit(1600, 300.0)
"""Calls to Azure DevOps for one owner, after which nothing more is begun for them. Their limit is
200 TSTUs in five minutes, what 200 typical users use; what a call uses is not published. This takes
it for a tenth of one. The answers say more."""
CALLS_OF_A_TURN = 10
"""More than that, one settling hardly ever asks of Azure DevOps."""
AFTER_REFUSALS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds to stay away after one refusal after another that does not say how long."""
NEAR = 0.5
"""The part of an owner's limit that is left when their calls begin to slow down."""
SLOWEST = 30.0
"""Seconds before each call of an owner who has nothing left: what Azure DevOps itself makes it."""
OWNER_WINDOW = 300.0
"""Seconds over which Azure DevOps counts, and after which its word on what is left is forgotten."""
MOMENT = 0.1
"""Seconds before it is worth coming again, at least."""
A_DAY = 86_400.0
"""Seconds; no header is believed that says more."""


class Pace:
    """How one vault, or Azure DevOps for one owner, is called. Safe to use from several threads."""

    def __init__(
        self, paces: Paces, begins: Limit, of_a_turn: int, calls: Limit | None = None
    ) -> None:
        """Begin without having heard anything.

        Args:
            paces: whose time it is.
            begins: the limit that what begins must find room in: of a vault's new versions, or of
                an owner's calls.
            of_a_turn: how much room.
            calls: of a vault's other calls.
        """
        self._paces = paces
        self._begins, self._of_a_turn = Window(begins), of_a_turn
        self._calls = Window(calls) if calls else None
        self._guard = Lock()
        self._welcome_at = 0.0
        self._refusals = 0
        self._scarcity = 0.0
        """From 0, nothing was said or half the limit is left, to 1, nothing is left."""
        self._heard_at = 0.0
        self._turns = 0

    def admit(self, *, is_create: bool = False) -> None:
        """Wait until a call may be made, and count it.

        Raises:
            WaitTooLongError: that would take longer than anybody waits; nothing is to be sent.
        """
        window = self._begins if is_create or self._calls is None else self._calls
        with self._guard:
            now = self._paces.elapsed()
            # What is published is kept to at each call; what is only guessed, where things begin.
            at = max(window.free_at(now) if self._calls else now, self._welcome_at)
            ready_at = at + self._slowness(now)
            wait = _within_reason(ready_at - now)
            window.let_through(at)
        while wait > 0:
            self._paces.sleep(wait)
            # Another thread may have been told to stay away meanwhile.
            wait = _within_reason(self._welcome_at - ready_at)
            ready_at = max(self._welcome_at, ready_at)

    def heard(self, status: int, headers: Mapping[str, str]) -> None:
        """Obey what an answer says, whatever its status, before the next call of any thread."""
        asked = _number(headers.get("Retry-After"))
        limit, left = (_number(headers.get(f"X-RateLimit-{w}")) for w in ("Limit", "Remaining"))
        with self._guard:
            now = self._paces.elapsed()
            if status != TOO_MANY:
                self._refusals = 0
            elif now >= self._welcome_at:  # not one more answer to what was sent before the last
                if asked is None:
                    asked = AFTER_REFUSALS[min(self._refusals, len(AFTER_REFUSALS) - 1)]
                self._refusals += 1
            self._welcome_at = max(self._welcome_at, now + (asked or 0))
            if limit and left is not None:
                self._scarcity = max(1 - left / limit / NEAR, 0.0)
                self._heard_at = now

    def stay_away(self, seconds: float) -> None:
        """Let no thread call before so many seconds have passed."""
        with self._guard:
            self._welcome_at = max(self._welcome_at, self._paces.elapsed() + seconds)

    @contextmanager
    def turn(self, whose: str) -> Iterator[None]:
        """Begin what takes several calls, a new version at most among them.

        The waiting is done here, where nothing has been begun: not between two calls of which the
        first has made a token that the second is to store.

        Raises:
            BusyError: not now.
        """
        with self._guard:
            if (wait := self._wait_for_turn()) > 0:
                message = f"{whose} is called as often as it may be; it is not this one's turn"
                raise BusyError(message, wait=timedelta(seconds=max(wait, MOMENT)))
            self._turns += 1
        try:
            yield
        finally:
            with self._guard:
                self._turns -= 1

    def _wait_for_turn(self) -> float:
        now = self._paces.elapsed()
        if now < self._welcome_at:
            return self._welcome_at - now
        kept = (self._turns + 1) * self._of_a_turn - 1
        # An owner who is short of calls is served by one thread, so that the others are not stuck.
        slowness = self._slowness(now) if self._turns else 0.0
        return max(self._begins.free_at(now, kept) - now, slowness)

    def _slowness(self, now: float) -> float:
        """Give the seconds to wait before each call, which fall to none as the window slides on."""
        freshness = max(1 - (now - self._heard_at) / OWNER_WINDOW, 0.0)
        return SLOWEST * self._scarcity * freshness


class Paces:
    """The paces of all vaults and owners of this process. See ``rotation.ports.Turns``, too."""

    def __init__(
        self,
        sleep: Callable[[float], None],
        elapsed: Callable[[], float],
        instances: int = 1,
    ) -> None:
        """Begin without any.

        Args:
            sleep: waits so many seconds.
            elapsed: the seconds since any moment; they go on while ``sleep`` waits.
            instances: how many processes may call the same vaults, each its share.
        """
        self.sleep = sleep
        self.elapsed = elapsed
        part = OURS / instances
        self._creates, self._calls = CREATES.share(part), CALLS.share(part)
        self._vaults: dict[str, Pace] = {}
        self._owners: dict[str, Pace] = {}
        self._guard = Lock()

    def vault(self, name: str) -> Pace:
        """Give the pace of a vault."""
        with self._guard:
            if (key := name.casefold()) not in self._vaults:
                self._vaults[key] = Pace(self, self._creates, 1, self._calls)
            return self._vaults[key]

    def owner(self, owner: str) -> Pace:
        """Give the pace of Azure DevOps for an owner."""
        with self._guard:
            if (key := owner.casefold()) not in self._owners:
                self._owners[key] = Pace(self, OWNER_CALLS, CALLS_OF_A_TURN)
            return self._owners[key]

    def of_vault(self, vault: str) -> AbstractContextManager[None]:
        """See ``Turns``."""
        return self.vault(vault).turn(f"the vault {vault}")

    def of_owner(self, owner: str) -> AbstractContextManager[None]:
        """See ``Turns``."""
        return self.owner(owner).turn(f"Azure DevOps for {owner}")


def _within_reason(wait: float) -> float:
    if wait > PATIENCE:
        raise WaitTooLongError(wait)
    return wait


def _number(text: str | None) -> float | None:
    """Read what a header says; None if it is no number."""
    whole, _, part = (text or "").partition(".")
    is_number = whole.isdecimal() and (part or "0").isdecimal()
    return min(float(f"{whole}.{part}"), A_DAY) if is_number else None
