"""From a face to the world: one call, its faults, and the answer as it arrives."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sandbox.fault import AnsweredError, Call
from sandbox.https.message import Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from sandbox.world import World


class Gate:
    """Lets the faces of one sandbox call the world."""

    def __init__(self, world: World) -> None:
        """Stand before ``world``."""
        self.world = world
        self._closing = threading.Event()

    def call(
        self,
        service: str,
        operation: str,
        target: str,
        carry_out: Callable[[], Response],
        payer: str = "",
    ) -> Response:
        """Make one remote call and give the response that the client is to see.

        Args:
            service: see ``Call``.
            operation: see ``Call``.
            target: see ``Call``.
            carry_out: lets the call take effect and writes the true answer, refusals included.
            payer: see ``Call``.

        Raises:
            ConnectionDroppedError: the client is to see none.
        """
        try:
            with self.world.call(Call(service, operation, target, payer), self._wait) as kind:
                response = carry_out()
        except AnsweredError as exc:
            return Response.of_answer(exc.answer)
        return response.altered(kind)

    def close(self) -> None:
        """Wait no longer: whoever is late answers at once."""
        self._closing.set()

    def _wait(self, span: timedelta) -> None:
        self._closing.wait(span.total_seconds())
