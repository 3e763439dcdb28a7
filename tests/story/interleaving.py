"""Two processes at once: every order of their remote calls, and what becomes of each.

Two ways to the same state have the same future, so a state is gone on from only once. What makes a
state: all of the world, and everything that each process has heard from it so far, since what a
process does is a function of what it heard.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from rotation.rotator import Rotator

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from rotation.ports import Locks, SecretStore, TokenIssuer
    from rotation.settling import Ports
    from sandbox.ports import InProcess
    from tests.story.stage import Stage

    State = Hashable
    Deed = Callable[[Rotator, Ports], object]


@dataclass(frozen=True)
class Part:
    """What one of the processes does."""

    deed: Deed = lambda rotator, _ports: rotator.run()
    ahead: timedelta = timedelta(0)
    """How much its clock is ahead of the world's."""


@dataclass(frozen=True)
class Duet:
    """Where two processes start from, what each does, and the locks that they share."""

    begin: Callable[[], Stage]
    parts: Sequence[Part]
    locks: Callable[[], Locks]


@dataclass(frozen=True)
class Explored:
    """What was seen."""

    orders: int
    """In how many orders the calls can come, crashes included."""
    states: int
    """Through how many different states they lead."""


def explore(duet: Duet, judge: Callable[[Stage], object], *, is_mortal: bool = False) -> Explored:
    """Go through every state that any order of the calls leads to.

    Args:
        duet: the two processes.
        judge: looks at the world when neither process goes on. In every state before, the
            invariants are looked up that hold at any moment.
        is_mortal: whether one of the two may also die, at any point.
    """
    following: dict[State, list[State]] = {}
    waiting: list[tuple[_Move, ...]] = [()]
    first: State = None
    while waiting:
        moves = [*waiting.pop()]
        with ExitStack() as opened:
            performance = _Performance(duet, opened)
            for move in moves[:-1]:
                performance.make(move)
            before = performance.state() if moves else None
            for move in moves[-1:]:
                performance.make(move)
            while True:
                state = performance.state()
                if before is None:
                    first = state
                else:
                    following[before].append(state)
                if state in following:
                    break
                performance.stage.check_at_any_moment()
                following[state] = []
                possible = performance.possible(is_mortal=is_mortal)
                if not possible:
                    judge(performance.stage)
                    break
                waiting += [(*moves, other) for other in possible[1:]]
                moves.append(possible[0])
                before = state
                performance.make(possible[0])
    return Explored(_ways(first, following), len(following))


@dataclass(frozen=True)
class _Move:
    """One process makes its next call, or dies."""

    number: int
    is_death: bool = False


class _Performance:
    """One order of the calls, as far as it has come."""

    def __init__(self, duet: Duet, opened: ExitStack) -> None:
        self.stage = duet.begin()
        locks = duet.locks()
        self.voices = [_Voice(part) for part in duet.parts]
        self.runners = [
            opened.enter_context(self.stage.runner(voice.work, locks)) for voice in self.voices
        ]
        self.dead: set[int] = set()
        self.made: list[list[Hashable]] = [[] for _ in duet.parts]
        """The calls that each has made, with what the tape of its ports does not tell."""

    def possible(self, *, is_mortal: bool) -> list[_Move]:
        """Give what can happen next."""
        able = [n for n, r in enumerate(self.runners) if r.stop and n not in self.dead]
        is_one_to_die = is_mortal and not self.dead
        return [*map(_Move, able), *(_Move(n, is_death=True) for n in able if is_one_to_die)]

    def make(self, move: _Move) -> None:
        """Let one process make its call, and stand before the one after it; or let it die."""
        if move.is_death:
            self.dead.add(move.number)
            return
        runner = self.runners[move.number]
        self.made[move.number].append((str(runner.stop), self.stage.clock(), self._sessions()))
        stop = runner.go()
        while stop and stop.is_after:
            stop = runner.go()

    def state(self) -> State:
        """Give all that the future depends on."""
        stops = tuple(str(runner.stop) for runner in self.runners)
        heard = tuple(tuple(voice.heard) for voice in self.voices)
        made = tuple(map(tuple, self.made))
        world = (self.stage.fingerprint(), self.stage.clock())
        return hash((world, stops, heard, made, frozenset(self.dead)))

    def _sessions(self) -> Hashable:
        """Give what a process may read of the owners' sessions, which is on no tape."""
        vault = self.stage.world.session_vault
        return tuple((secret.id, secret.enabled) for secret in vault.list_secrets())


@dataclass(frozen=True)
class _Voice:
    """A process with a tape of all that it hears."""

    part: Part
    heard: list[str] = field(default_factory=list)

    def work(self, process: InProcess) -> object:
        """Put a rotator together that hears the world through the tape, and let it do its part."""
        clock, ports = process.ports.clock, process.ports
        heard = replace(
            ports,
            store=cast("SecretStore", _Heard(ports.store, self.heard)),
            issuer=cast("TokenIssuer", _Heard(ports.issuer, self.heard)),
            clock=lambda: clock() + self.part.ahead,
        )
        rotator = Rotator(heard, process.sessions, process.locks, process.scope)
        return self.part.deed(rotator, heard)


class _Heard:
    """A port, and a tape of all that it answers."""

    def __init__(self, port: object, tape: list[str]) -> None:
        self._port = port
        self._tape = tape

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        def call(*args: object, **keys: object) -> object:
            try:
                answer = method(*args, **keys)
                answer = [*answer] if name == "list_managed" else answer
            except Exception as exc:
                self._tape.append(f"{name}: {exc!r}")
                raise
            self._tape.append(f"{name}: {answer!r}")
            return answer

        return call


def _ways(first: State, following: dict[State, list[State]]) -> int:
    """Count the ways from the first state to an end."""

    @cache
    def ways(state: State) -> int:
        return sum(map(ways, following[state])) or 1

    return ways(first)
