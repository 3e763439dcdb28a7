"""Has secrets settled by others: one message each on the request queue.

The queue is for speed, never for safety. Whatever is lost, late or twice there, the next scan finds
what is left to do; and what cannot be put there, the scan settles itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from rotation.errors import RotationError
from rotation.events import Kind
from rotation.order import Order, Verb

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from rotation.model import SecretName
    from rotation.ports import Backlog, Clock, RequestQueue
    from rotation.recorder import Recorder

PATIENCE = timedelta(hours=2)
"""How long a secret waits in the queue before a scan settles it; so long its message lives, and so
long it waits if a scan dies between the note and the message."""


@dataclass(frozen=True)
class FanOut:
    """Puts the secrets that need something on the queue, each once."""

    queue: RequestQueue
    backlog: Backlog
    clock: Clock

    def send(
        self, names: Sequence[SecretName], pool: ThreadPoolExecutor, recorder: Recorder
    ) -> frozenset[SecretName]:
        """Put on the queue what does not wait there already.

        Args:
            names: the secrets that need something.
            pool: for many messages at once.
            recorder: told what goes wrong.

        Returns:
            Those (folded) that wait there now: all others are left to the caller.
        """
        if not names:
            return frozenset()
        try:
            waiting, overdue = self.backlog.waiting(), self.backlog.overdue()
            new = [name for name in names if name.folded not in waiting | overdue]
            # Noted first: a note that came after the message was carried out would stay.
            self.backlog.note(new, self.clock() + PATIENCE)
        except RotationError as exc:
            told = {"reason": "not-queued", "message": f"they are settled by the scan: {exc}"}
            recorder.say(Kind.ROTATION_FAILED, **told)
            return frozenset()
        # A crash here leaves secrets that are noted and not queued: they wait for two hours.
        self._give_up(overdue, {name.folded for name in names}, pool, recorder)
        put = zip(new, pool.map(lambda name: self._put(name, recorder), new), strict=True)
        sent = {name.folded for name, is_queued in put if is_queued}
        return frozenset(sent | (waiting & {name.folded for name in names}))

    def _give_up(
        self,
        overdue: frozenset[SecretName],
        names: Collection[SecretName],
        pool: ThreadPoolExecutor,
        recorder: Recorder,
    ) -> None:
        """Wait no more for those whose messages nobody has taken: the worker may be dead."""
        list(pool.map(self.clear, overdue))
        if count := len(overdue & set(names)):
            waited = f"{count} secrets have waited in the queue for two hours"
            told = {"reason": "not-taken", "message": f"{waited}; they are settled by the scan"}
            recorder.say(Kind.ROTATION_FAILED, **told)

    def _put(self, name: SecretName, recorder: Recorder) -> bool:
        asked = Order(Verb.SETTLE, name, None, "scan", self.clock())
        try:
            self.queue.put(asked, life=PATIENCE)
        except RotationError as exc:
            told = {"reason": "not-queued", "message": f"it is settled by the scan: {exc}"}
            recorder.say(Kind.ROTATION_FAILED, vault=name.vault, secret=name.name, **told)
            self.clear(name)
            return False
        return True

    def clear(self, name: SecretName) -> None:
        """Note that a secret does not wait any more; if that fails, the note ends by itself."""
        try:
            self.backlog.clear(name)
        except RotationError:
            return
