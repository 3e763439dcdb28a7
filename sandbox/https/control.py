"""The control endpoint: where a person, or ``python -m sandbox do``, turns the world's screws.

Plain HTTP on loopback, and JSON only, so that no web page can reach it from a browser: a request
with that content type is not sent across origins without being asked about first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.clock import wall
from sandbox.https.message import Response
from sandbox.intervention import InterventionError, intervene
from sandbox.report import describe

if TYPE_CHECKING:
    from sandbox.https.message import Request
    from sandbox.world import World


class ControlFace:
    """Answers ``GET /time``, ``GET /state`` and ``POST /do``."""

    def __init__(self, world: World) -> None:
        """Stand before ``world``."""
        self._world = world

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        match (request.method, *request.segments):
            case "GET", "time":
                now = self._world.clock()
                offset = (now - wall()).total_seconds()
                return Response.of_json({"now": now.isoformat(), "offset_seconds": offset})
            case "GET", "state":
                return Response.of_json(describe(self._world))
            case "POST", "do":
                return self._do(request)
            case _:
                return Response.of_json(
                    {"error": "expected GET /time, GET /state or POST /do"}, 404
                )

    def _do(self, request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            return Response.of_json({"error": "expected JSON"}, 415)
        try:
            words = request.json().get("words")
        except (ValueError, TypeError):
            words = None
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            return Response.of_json({"error": 'expected {"words": ["…", …]}'}, 400)
        try:
            return Response.of_json({"done": intervene(self._world, words)})
        except InterventionError as exc:
            return Response.of_json({"error": str(exc)}, 400)
