"""Answers that are no HTTP, broken off, or no TLS any more: what was sent is not sent again."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from azure.core.credentials import AccessToken

from rotation.adapters.azure_devops import AzureDevOpsIssuer
from rotation.adapters.key_vault import KeyVaultStore, open_vault
from rotation.adapters.patience import open_session
from rotation.errors import OutcomeUnknownError, UnavailableError
from rotation.model import Draft, ManagedSecret, SecretName, TokenValue
from rotation.settings import Vault
from sandbox.furniture import ORGANIZATION, OWNER
from tests.stage import paces

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from sandbox.https import Authority

AT = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHALLENGE = (
    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: "
    b'Bearer authorization="https://localhost:1/tenant", resource="https://vault.azure.net"\r\n\r\n'
)
"""What Key Vault says to a request without a token, which its client sends first."""
NO_TLS = b""
"""Stands for an answer in plain text on a connection that was encrypted so far."""
BROKEN = {
    "no TLS": NO_TLS,
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "no status": b"HTTP/1.1 abc OK\r\n\r\n",
    "too many headers": HEAD + b"X: 1\r\n" * 200 + b"\r\n",
    "short": HEAD + b'Content-Length: 500\r\n\r\n{"patToken": {',
    "bad chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello",
    "bad gzip": HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
}


SECRET = ManagedSecret(SecretName("kv-rude", "feed"), AT, None, {}, version="1" * 32)


class AnyToken:
    """A credential that always has a token."""

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        """See ``TokenCredential``."""
        return AccessToken("any", 2**31)


class RudeServer:
    """Challenges who comes without a token, answers the others with the same bytes, hangs up."""

    def __init__(self, context: ssl.SSLContext, answer: bytes) -> None:
        """Listen on loopback; serves one connection after another until it is closed."""
        self.methods: list[str] = []
        """Of the requests with a token, which the service would have carried out."""
        self._context, self._answer = context, answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address."""
        return f"https://localhost:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Serve no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with contextlib.suppress(OSError):
                    self._answer_one(connection)
                connection.close()

    def _answer_one(self, connection: socket.socket) -> None:
        with self._context.wrap_socket(connection, server_side=True) as secure:
            request = _read(secure)
            while b"authorization: bearer" not in request.lower():
                secure.sendall(CHALLENGE)
                request = _read(secure)
            self.methods.append(request.split(b" ")[0].decode())
            if self._answer:
                secure.sendall(self._answer)
                return
            with socket.socket(fileno=secure.detach()) as plain:
                plain.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")


@pytest.fixture(params=BROKEN)
def server(
    request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RudeServer]:
    """Give a server that both clients trust, and that answers nothing usable."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    monkeypatch.setenv("NO_PROXY", "localhost")
    server = RudeServer(authority.context, BROKEN[request.param])
    yield server
    server.close()


@pytest.fixture
def issuer(server: RudeServer) -> Iterator[AzureDevOpsIssuer]:
    """Give the adapter of Azure DevOps in front of it."""
    with open_session(paces()) as http:
        yield AzureDevOpsIssuer(
            http,
            lambda _: TokenValue("any"),
            lambda: AT,
            devops_url=server.url,
            tokens_url=server.url,
        )


@pytest.fixture
def store(server: RudeServer) -> Iterator[KeyVaultStore]:
    """Give the adapter of Key Vault in front of it."""
    vault = Vault(SECRET.name.vault, server.url)
    with open_vault(vault, AnyToken(), is_microsoft=False, paces=paces()) as client:
        yield KeyVaultStore({vault.name: client})


def test_a_create_is_sent_once(issuer: AzureDevOpsIssuer, server: RudeServer) -> None:
    """Whatever breaks after it was sent: a token may have been made."""
    with pytest.raises(OutcomeUnknownError):
        issuer.create(OWNER, ORGANIZATION, Draft("feed", "vso.code", AT))

    assert server.methods == ["POST"]


def test_a_read_is_an_outage(issuer: AzureDevOpsIssuer, server: RudeServer) -> None:
    """What may be repeated may be, and ends as an outage."""
    with pytest.raises(UnavailableError):
        issuer.get(OWNER, ORGANIZATION, "00000000-0000-4000-8000-000000000000")

    assert set(server.methods) == {"GET"}


def test_a_store_is_sent_once(store: KeyVaultStore, server: RudeServer) -> None:
    """Whatever breaks after it was sent: the version may be there."""
    with pytest.raises(OutcomeUnknownError):
        store.store(SECRET, TokenValue("new"), tags={}, expires_at=AT)

    assert server.methods == ["PUT"]


def test_a_read_of_a_vault_is_an_outage(store: KeyVaultStore, server: RudeServer) -> None:
    """What may be repeated may be, and ends as an outage."""
    with pytest.raises(UnavailableError):
        store.read(SECRET.name)

    assert set(server.methods) == {"GET"}


def _read(connection: ssl.SSLSocket) -> bytes:
    """Read one request, to its end.

    Raises:
        OSError: the client went away.
    """
    request = b""
    while not _is_whole(request):
        more = connection.recv(65536)
        if not more:
            raise ConnectionResetError
        request += more
    return request


def _is_whole(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)
