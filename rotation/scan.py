"""What one run does to the secrets that it has found: a glance at each, and the work on some.

Nothing that goes wrong with one secret stops the others.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rotation.decision import Decision
from rotation.events import Kind
from rotation.picture import ROWS, left_by
from rotation.report import ENDINGS, Ending, Outcome
from rotation.schedule import superseded
from rotation.settler import ended, safely, told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from rotation.fan_out import FanOut
    from rotation.intake import Intake
    from rotation.model import ManagedSecret, SecretName
    from rotation.observer import Observer
    from rotation.picture import Picture
    from rotation.ports import Clock
    from rotation.recorder import Recorder
    from rotation.settler import Settler

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
    clock: Clock

    def attend(self, intake: Intake) -> Iterator[Outcome]:
        """Glance at every secret as it comes; then settle those that need something.

        The outcomes come in no order; the secrets that need something are begun in that of their
        names.
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
        # What is known of a secret, its value included, is not kept until the end of the run.
        for secret, outcome in self._settled(due):
            shown.add(secret, outcome)
            yield outcome.without_finding
        shown.close()

    def _settled(self, due: Sequence[ManagedSecret]) -> Iterator[tuple[ManagedSecret, Outcome]]:
        names = [secret.name for secret in due]
        queued = self.fan_out.send(names, self.pool, self.recorder) if self.fan_out else frozenset()
        begun = deque(self._begun(name, queued) for name in names)
        for secret in due:
            outcome = begun.popleft()
            yield secret, outcome if isinstance(outcome, Outcome) else outcome.result()

    def _glance(self, secret: ManagedSecret) -> Outcome | None:
        def look() -> Outcome | None:
            s, decision = self.observer.glance(secret)
            count = len(superseded(s, self.clock())) if s.mandate.recorded else 0
            if count > SUPERSEDED_LIMIT:
                message = f"{count} superseded tokens: something renews it too often"
                found = {"reason": "too-many-superseded", "message": message}
                self.recorder.about(Kind.UNCLAIMED_TOKEN_FOUND, s, **found)
            if isinstance(decision, Decision) and decision.action in ENDINGS:
                return ended(s, decision, self.recorder, [])
            return None

        return safely(secret.name, self.recorder, [], look)

    def _begun(self, name: SecretName, queued: frozenset[SecretName]) -> Outcome | Future[Outcome]:
        if name.folded in queued:
            return Outcome(name, Ending.QUEUED, "queued", "it waits in the queue to be settled")
        return self.pool.submit(self.settler.settle, name, self.observer, self.recorder)

    def _show(self, ended: Sequence[tuple[ManagedSecret, Outcome]]) -> None:
        """Draw a part of the picture; it is for people, and no defect in it may stop the work."""
        try:
            now = self.clock()
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
