"""One settling: all that is done to one secret from taking its lock to leaving it.

Every remote call of a step goes through it, so that a settling that is too old, or has lost its
lock, makes no further call; what it left is found by rule 10.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from rotation.errors import LockHeldError, OverrunError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

    from rotation.ports import (
        Clock,
        EventLog,
        Journal,
        Lock,
        RequestQueue,
        SecretStore,
        TokenIssuer,
        Turns,
    )
    from rotation.recorder import Recorder

LIMIT = timedelta(minutes=10)
"""By the wall clock; retries and ``Retry-After`` waits count."""
ACTIONS_LIMIT = 8

P = ParamSpec("P")
R = TypeVar("R")


class AtOnce:
    """See ``Turns``: nobody has to wait, as where no service counts."""

    def of_vault(self, _vault: str) -> AbstractContextManager[None]:
        """See ``Turns``."""
        return nullcontext()

    def of_owner(self, _owner: str) -> AbstractContextManager[None]:
        """See ``Turns``."""
        return nullcontext()


@dataclass(frozen=True)
class Ports:
    """What the rotator reaches the outside world through."""

    store: SecretStore
    issuer: TokenIssuer
    log: EventLog
    journal: Journal
    clock: Clock
    pause: Callable[[float], None]
    """Waits so many seconds."""
    queue: RequestQueue | None = None
    """None if there is no storage."""
    turns: Turns = field(default_factory=AtOnce)


@dataclass(frozen=True)
class Settling:
    """The hands of one settling."""

    ports: Ports
    lock: Lock
    recorder: Recorder
    started_at: datetime

    def call(self, method: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Make one remote call, if this settling may still make any.

        Raises:
            OverrunError: it is too old.
            LockHeldError: it has lost its lock.
        """
        if self.ports.clock() - self.started_at > LIMIT:
            message = f"the settling took more than {LIMIT.seconds // 60} minutes"
            raise OverrunError(message, hint="the next run goes on")
        if not self.lock.is_held():
            message = "this settling has lost its lock; the next run goes on"
            raise LockHeldError(message)
        return method(*args, **kwargs)
