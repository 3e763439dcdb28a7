"""The host ``dev.azure.com``: who the caller is, and the git repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.https.connection import ConnectionFace
from sandbox.https.pat_gate import PatGate
from sandbox.https.repository import MARK, RepositoryFace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.https.gate import Gate
    from sandbox.https.message import Request, Response


class AzureDevOpsFace:
    """Hands each request to the face that it is for."""

    def __init__(self, gate: Gate, repositories: Mapping[str, Path]) -> None:
        """Stand before all organizations; see ``RepositoryFace`` for the repositories."""
        self._connection = ConnectionFace(gate)
        self._repositories = RepositoryFace(PatGate(gate), repositories)

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        is_git = MARK in request.segments[1:-1]
        return self._repositories(request) if is_git else self._connection(request)
