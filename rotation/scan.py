"""What one run does to the secrets that it has found: a glance at each, and the work on some.

Nothing that goes wrong with one secret stops the others.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from rotation.decision import Decision
from rotation.events import Kind
from rotation.picture import ROWS, left_by
from rotation.report import ENDINGS, Ending, Outcome
from rotation.schedule import superseded
from rotation.settler import ended, safely, told_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from rotation.fan_out import FanOut
    from rotation.model import ManagedSecret, SecretName
    from rotation.observer import Observer
    from rotation.picture import Picture
    from rotation.ports import Clock
    from rotation.recorder import Recorder
    from rotation.settler import Settler

GLANCES = 50
"""Glances made in one go: one takes less time than handing it to a thread."""
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

    def attend(self, secrets: Sequence[ManagedSecret]) -> Iterator[Outcome]:
        """Glance at every secret, and settle those that need something; in the order given."""
        batches = [secrets[n : n + GLANCES] for n in range(0, len(secrets), GLANCES)]
        seen = list(chain.from_iterable(self.pool.map(self._glances, batches)))
        due = [s.name for s, outcome in zip(secrets, seen, strict=True) if outcome is None]
        queued = self.fan_out.send(due, self.pool, self.recorder) if self.fan_out else frozenset()
        begun = deque(
            outcome or self._begun(secret.name, queued)
            for secret, outcome in zip(secrets, seen, strict=True)
        )
        late: list[tuple[ManagedSecret, Outcome]] = []
        for secret, glance in zip(secrets, seen, strict=True):
            outcome = begun.popleft()
            done = outcome if isinstance(outcome, Outcome) else outcome.result()
            if glance is None:
                late.append((secret, done))
            # What is known of a secret, its value included, is not kept until the end of the run.
            if len(late) == ROWS:
                self._show(late)
                late.clear()
            yield done.without_finding
        self._show(late)

    def _glances(self, secrets: Sequence[ManagedSecret]) -> list[Outcome | None]:
        """Give the outcome of each secret that needs nothing; None for what is to be settled."""
        seen = [(secret, self._glance(secret)) for secret in secrets]
        self._show([(secret, outcome) for secret, outcome in seen if outcome])
        return [outcome and outcome.without_finding for _, outcome in seen]

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
