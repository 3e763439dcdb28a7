"""What all parts of the world stand on: one clock, one source of chance, one lock, one ledger."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sandbox.clock import Clock
    from sandbox.mint import Mint

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Ground:
    """Shared by every part of one world."""

    clock: Clock
    mint: Mint
    issued: set[str] = field(default_factory=set, repr=False)
    """Every secret value that was ever handed out, whatever became of it."""
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def now(self) -> datetime:
        """Tell the world's present instant."""
        return self.clock()

    def issue(self, value: str) -> str:
        """Note that ``value`` is a secret that was handed out, and give it back."""
        self.issued.add(value)
        return value


class Grounded(Protocol):
    """A part of the world."""

    @property
    def ground(self) -> Ground:
        """What it stands on."""
        ...


S = TypeVar("S", bound=Grounded)


def guarded(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Let a method run only while no other operation of the same world does."""

    @functools.wraps(method)
    def alone(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.ground.lock:
            return method(self, *args, **kwargs)

    return alone
