"""Run a command where the token of a pipeline's job stands for the managed identity.

::

    python ways/with_token.py python -m rotation run

GitHub Actions and Azure Pipelines give a job a token that says which job it is, good for a few
minutes. It is kept in a file that only this user can read, renewed while the command goes on, and
gone when it ends. The command is told where by ``AZURE_FEDERATED_TOKEN_FILE``, as on Kubernetes.

Sources: GitHub documentation, *OpenID Connect reference*: "Methods for requesting the OIDC token";
Azure DevOps REST API, *Oidctoken: Create*. Needs nothing but Python itself.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

AUDIENCE = "api://AzureADTokenExchange"
PERIOD_SECONDS = 240
"""Between two renewals: less than such a token lives."""
TIMEOUT_SECONDS = 30
LOOPBACK = {"127.0.0.1", "localhost"}


class NoTokenError(Exception):
    """There is no token to be had here; what it says holds none."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Get a token, and run the command with it.

    Returns:
        The command's exit code; 2 if there is no token.
    """
    asked = _parser().parse_args(arguments)
    try:
        request, key = asking(os.environ, asked.audience)
        first = get(request, key)
    except NoTokenError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 2
    with TemporaryDirectory() as folder:  # which only this user can enter
        file = Path(folder) / "token"
        file.write_text(first, encoding="utf-8")
        told = {**os.environ, "AZURE_FEDERATED_TOKEN_FILE": str(file)}
        with subprocess.Popen([asked.program, *asked.words], env=told) as process:
            return wait(process, lambda: renew(file, request, key), asked.every)


def wait(process: subprocess.Popen[bytes], renew: Callable[[], None], period: float) -> int:
    """Wait for the command's end, and renew every ``period`` seconds; give its exit code."""
    while True:
        try:
            return process.wait(period)
        except subprocess.TimeoutExpired:
            renew()
        except KeyboardInterrupt:  # it has heard that, too, and may have something to finish
            continue


def renew(file: Path, request: Request, key: str) -> None:
    """Put a new token into the file, in one piece; the one before stays if there is none."""
    try:
        newer = file.with_name("newer")
        newer.write_text(get(request, key), encoding="utf-8")
        newer.replace(file)
    except NoTokenError as exc:
        print(f"warning: {exc}", file=sys.stderr)


def asking(environment: Mapping[str, str], audience: str) -> tuple[Request, str]:
    """Give the request for a token in this job, and the key of the answer that holds it.

    Raises:
        NoTokenError: this is no such job, or it may not ask.
    """
    if url := environment.get("ACTIONS_ID_TOKEN_REQUEST_URL"):
        key = environment.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "")
        return _request(f"{url}&audience={quote(audience, safe='')}", key), "value"
    if url := environment.get("SYSTEM_OIDCREQUESTURI"):
        connection = environment.get("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "")
        key = environment.get("SYSTEM_ACCESSTOKEN", "")
        if not (connection and key):
            raise NoTokenError(
                "SYSTEM_ACCESSTOKEN and AZURESUBSCRIPTION_SERVICE_CONNECTION_ID are needed: "
                "run this in the task AzureCLI@2, with $(System.AccessToken)"
            )
        url = f"{url.rstrip('/')}?api-version=7.1&serviceConnectionId={quote(connection, safe='')}"
        return _request(url, key, data=b""), "oidcToken"
    raise NoTokenError(
        "this is no job that gets a token: a job of GitHub Actions needs the permission "
        "id-token: write, one of Azure Pipelines the task AzureCLI@2"
    )


def get(request: Request, key: str) -> str:
    """Ask for a token.

    Raises:
        NoTokenError: there is no answer, or none with a token.
    """
    try:
        with build_opener(_Stay).open(request, timeout=TIMEOUT_SECONDS) as response:
            token = json.load(response)[key]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise NoTokenError(f"no token from {request.host}: {type(exc).__name__}") from None
    if not (isinstance(token, str) and token):
        raise NoTokenError(f"no token in the answer of {request.host}")
    return token


class _Stay(HTTPRedirectHandler):
    """Goes nowhere else: there, it would show what the job asks with."""

    def redirect_request(self, *_: object) -> None:
        """Let the answer be the error that it is."""


def _request(url: str, key: str, data: bytes | None = None) -> Request:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise NoTokenError("the job's tokens are asked for by https only")
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "X-TFS-FedAuthRedirect": "Suppress",  # or Azure DevOps answers with a page to sign in at
    }
    return Request(url, data, headers)  # noqa: S310 - the scheme is checked above


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python ways/with_token.py", description="Run a command with the token of this job."
    )
    parser.add_argument(
        "--audience", default=AUDIENCE, help="of the federated credentials (default: %(default)s)"
    )
    parser.add_argument(
        "--every",
        type=float,
        default=PERIOD_SECONDS,
        metavar="SECONDS",
        help="how often the token is renewed (default: %(default)s)",
    )
    parser.add_argument("program", help="what to run")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="...", help="its arguments")
    return parser


if __name__ == "__main__":
    sys.exit(main())
