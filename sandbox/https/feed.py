"""Feeds of ``pkgs.dev.azure.com``: packages on a shelf, behind the gate for PATs.

Azure Artifacts documentation, *Get started with Python packages*, *npm packages*, *Maven packages*
and *NuGet packages*: the paths; each protocol is that of its own client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.https.message import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.https.message import Request
    from sandbox.https.pat_gate import PatGate

READ = frozenset({"vso.packaging", "vso.packaging_write", "vso.packaging_manage"})


@dataclass(frozen=True)
class Parcel:
    """One thing on a shelf."""

    content_type: str
    body: bytes


class FeedFace:
    """Answers for all feeds."""

    def __init__(self, gate: PatGate, shelf: Mapping[str, Parcel]) -> None:
        """Give out what is on ``shelf``, by its path without slashes at its ends."""
        self._gate = gate
        self._shelf = shelf

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        return self._gate.call("feed", request, READ, lambda: self._give(request))

    def _give(self, request: Request) -> Response:
        parcel = self._shelf.get("/".join(request.segments))
        if parcel is None or request.method not in {"GET", "HEAD"}:
            return Response.of_page(404, "not found")
        return Response(200, parcel.body, {"Content-Type": parcel.content_type})
