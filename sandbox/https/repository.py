"""Git repositories of ``dev.azure.com``: git's own server program, behind the gate for PATs.

Git documentation, *git-http-backend* and *gitprotocol-http*.
"""

from __future__ import annotations

import os
import subprocess
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.https.message import Response

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.https.message import Request
    from sandbox.https.pat_gate import PatGate

READ = frozenset({"vso.code", "vso.code_write", "vso.code_manage", "vso.code_full"})
WRITE = READ - {"vso.code"}
MARK = "_git"
"""What stands before the name of a repository."""
WRITING = "git-receive-pack"


class RepositoryFace:
    """Answers for all repositories."""

    def __init__(self, gate: PatGate, folders: Mapping[str, Path]) -> None:
        """Stand before bare repositories.

        Args:
            gate: lets callers in.
            folders: where each is, by its path in lower case: ``contoso/web/_git/app``.
        """
        self._gate = gate
        self._folders = folders

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        at = request.segments.index(MARK) + 2
        folder = self._folders.get("/".join(request.segments[:at]).lower())
        is_writing = WRITING in {request.segments[-1], request.query.get("service")}
        # The world is not held up while git works: only who may come in is asked there.
        admitted = self._gate.call(
            "git_push" if is_writing else "git_read",
            request,
            WRITE if is_writing else READ,
            lambda: Response(200) if folder else Response.of_page(404, "TF401019: no repository"),
        )
        if admitted.status != Response(200).status or folder is None:
            return admitted
        return _serve(request, folder, "/".join(request.segments[at:]))


def _serve(request: Request, folder: Path, path: str) -> Response:
    headers = request.headers
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROJECT_ROOT": str(folder),
        "PATH_INFO": f"/{path}",
        "QUERY_STRING": urlsplit(request.target).query,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
        "REMOTE_USER": "pat",  # whom git's server lets write
    }
    ended = subprocess.run(
        ["git", "http-backend"],
        env=environment,
        input=request.body,
        capture_output=True,
        check=True,
    )
    head, _, body = ended.stdout.partition(b"\r\n\r\n")
    told = dict(BytesHeaderParser().parsebytes(head).items())
    status = int(told.pop("Status", "200").split()[0])
    return Response(status, body, told)
