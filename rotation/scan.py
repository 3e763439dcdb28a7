"""What one run does to the secrets that it has found: a glance at each, and the work on some.

Nothing that goes wrong with one secret stops the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from queue import SimpleQueue
from typing import TYPE_CHECKING

from rotation.decision import Decision
from rotation.events import Kind
from rotation.lanes import Lanes
from rotation.picture import ROWS, left_by
from rotation.report import ENDINGS, Ending, Outcome
from rotation.schedule import superseded
from rotation.settler import ended, safely, told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from rotation.fan_out import FanOut
    from rotation.intake import Intake
    from rotation.model import ManagedSecret, SecretName
    from rotation.observer import Observer
    from rotation.picture import Picture
    from rotation.recorder import Recorder
    from rotation.settler import Settler
    from rotation.settling import Ports

SUPERSEDED_LIMIT = 3
"""More superseded tokens than that: something makes the secret rotate too often."""


@dataclass(frozen=True)
class Scan:
    """The hands of one run."""

    pool: ThreadPoolExecutor
    settler: Settler
    observer: Observer
    recorder: Recorder
    picture: Picture
    fan_out: FanOut | None
    """Has what needs something settled by others; without, this run does it."""
    ports: Ports
    concurrency: int
    """Secrets settled at once."""

    def attend(self, intake: Intake) -> Iterator[Outcome]:
        """Glance at every secret as it comes; then settle those that need something.

        The outcomes come in no order.
        """
        due: list[ManagedSecret] = []
        shown = _Shown(self._show)
        for secrets in intake:
            for secret in secrets:
                outcome = self._glance(secret)
                if outcome is None:
                    due.append(secret)
                else:
                    shown.add(secret, outcome)
                    yield outcome.without_finding
        due.sort(key=lambda secret: secret.name.folded)
        queued = self._queued(due)
        left = ((s, _waits(s.name)) for s in due if s.name.folded in queued)
        begun = [s for s in due if s.name.folded not in queued]
        # What is known of a secret, its value included, is not kept until the end of the run.
        for secret, outcome in chain(left, self._settled(begun)):
            shown.add(secret, outcome)
            yield outcome.without_finding
        shown.close()

    def _lanes(self, secrets: Iterable[ManagedSecret]) -> Lanes[ManagedSecret]:
        """Let the vaults and owners take turns.

        A vault takes so many new versions in ten seconds, and an owner so many calls: those who
        begin with all of one would wait there, while nobody calls the others.
        """

        def lane(secret: ManagedSecret) -> tuple[str, str]:
            return secret.name.folded.vault, self.observer.begin(secret).mandate.owner

        return Lanes(secrets, lane)

    def _queued(self, secrets: Iterable[ManagedSecret]) -> frozenset[SecretName]:
        if self.fan_out is None:
            return frozenset()
        names = [secret.name for secret in self._lanes(secrets)]
        return self.fan_out.send(names, self.pool, self.recorder)

    def _settled(self, secrets: Iterable[ManagedSecret]) -> Iterator[tuple[ManagedSecret, Outcome]]:
        """Settle secrets; each comes when it is done, and those whose turn it is not, later.

        So no thread waits for a vault or an owner as long as there is work elsewhere.
        """
        lanes, settle = self._lanes(secrets), self.settler.settle
        finished: SimpleQueue[Future[Outcome]] = SimpleQueue()
        running: dict[Future[Outcome], ManagedSecret] = {}
        while running or lanes.are_left:
            now = self.ports.clock()
            if not running and (next_at := lanes.next_at(now)) > now:
                self.ports.pause((next_at - now).total_seconds())
                now = next_at
            while len(running) < self.concurrency and (secret := lanes.take(now)):
                future = self.pool.submit(settle, secret.name, self.observer, self.recorder)
                running[future] = secret
                future.add_done_callback(finished.put)
            future = finished.get()
            secret, outcome = running.pop(future), future.result()
            if outcome.ending is Ending.WAITING:
                lanes.put_back(secret, outcome.next_at or now)
            else:
                yield secret, outcome

    def _glance(self, secret: ManagedSecret) -> Outcome | None:
        def look() -> Outcome | None:
            s, decision = self.observer.glance(secret)
            count = len(superseded(s, self.ports.clock())) if s.mandate.recorded else 0
            if count > SUPERSEDED_LIMIT:
                message = f"{count} superseded tokens: something renews it too often"
                found = {"reason": "too-many-superseded", "message": message}
                self.recorder.about(Kind.UNCLAIMED_TOKEN_FOUND, s, **found)
            if isinstance(decision, Decision) and decision.action in ENDINGS:
                return ended(s, decision, self.recorder, [])
            return None

        return safely(secret.name, self.recorder, [], look)

    def _show(self, ended: Sequence[tuple[ManagedSecret, Outcome]]) -> None:
        """Draw a part of the picture; it is for people, and no defect in it may stop the work."""
        try:
            now = self.ports.clock()
            found = [
                outcome.finding or left_by(outcome, self.observer.begin(s), now)
                for s, outcome in ended
            ]
            self.picture.show([finding for finding in found if finding], now)
        except Exception as exc:  # noqa: BLE001 - whatever it is
            self.picture.is_spoilt = True
            error = told_of(exc)
            message = f"the picture of the fleet is not whole: {error}"
            self.recorder.say(Kind.ROTATION_FAILED, reason=error.reason, message=message)


@dataclass
class _Shown:
    """Draws a part of the picture as soon as it makes a whole line."""

    draw: Callable[[Sequence[tuple[ManagedSecret, Outcome]]], None]
    _rest: list[tuple[ManagedSecret, Outcome]] = field(default_factory=list)

    def add(self, secret: ManagedSecret, outcome: Outcome) -> None:
        self._rest.append((secret, outcome))
        if len(self._rest) == ROWS:
            self.close()

    def close(self) -> None:
        """Draw what is left."""
        self.draw(self._rest)
        self._rest.clear()


def _waits(name: SecretName) -> Outcome:
    return Outcome(name, Ending.QUEUED, "queued", "it waits in the queue to be settled")
