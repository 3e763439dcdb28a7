"""A small threaded HTTP/1.1 server on loopback that can also hang up without an answer.

It can be a proxy, too: who asks it for a tunnel to a host that it has a route to gets one.

The standard library's own server class is not used: it shakes hands in the accepting thread, does
not end idle connections when it is shut down, and polls. Its request parser is.
"""

from __future__ import annotations

import contextlib
import gzip
import selectors
import socket
import threading
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from sandbox.fault import ConnectionDroppedError
from sandbox.https.dressing import PLAIN_WIRE, Wire
from sandbox.https.message import Request, Response
from sandbox.https.tunnel import relay

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from datetime import datetime

    Respond = Callable[[Request], Response]

HOST = "127.0.0.1"


class Server:
    """Answers at one port, a thread for each connection, until it is closed."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        context: ssl.SSLContext | None = None,
        *,
        name: str = "",
        wire: Wire = PLAIN_WIRE,
    ) -> None:
        """Open a port; nothing is answered before ``start``.

        Args:
            clock: what the ``Date`` header of every answer is read from.
            context: for HTTPS; plain HTTP without.
            name: of the host as which it is reached through a proxy; without, it is reached itself.
            wire: how answers are written.
        """
        self.clock = clock
        self.name = name
        self.wire = wire
        self.routes: dict[str, int] = {}
        """The ports here behind the hosts, each with its port, to which this is a proxy."""
        self.respond: Respond = lambda _: Response(503)
        self.failures: list[Exception] = []
        """Errors in the sandbox itself, which no client should ever have seen."""
        self._context = context
        self._listener = socket.create_server((HOST, 0))
        self._wake, self._woken = socket.socketpair()
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        """The port that was opened."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        if self.name:
            return f"https://{self.name}"
        return f"https://localhost:{self.port}" if self._context else f"http://{HOST}:{self.port}"

    def start(self, respond: Respond) -> None:
        """Answer with ``respond`` from now on."""
        self.respond = respond
        self._acceptor.start()

    def close(self) -> None:
        """End all connections, wait for their threads, and give the port back."""
        self._wake.close()
        if self._acceptor.ident is not None:
            self._acceptor.join()
        with self._lock:
            threads = list(self._connections)
            for connection in self._connections.values():
                _hang_up(connection)
        for thread in threads:
            thread.join()
        self._woken.close()
        self._listener.close()

    def _accept(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while all(key.fileobj is self._listener for key, _ in selector.select()):
                connection, address = self._listener.accept()
                thread = threading.Thread(
                    target=self._serve, args=(connection, address), daemon=True
                )
                with self._lock:
                    self._connections[thread] = connection
                thread.start()

    def _serve(self, connection: socket.socket, address: tuple[str, int]) -> None:
        """Answer the requests of one connection until either side ends it."""
        served = connection
        # A client that does not trust us, or goes away, is its own business.
        with contextlib.suppress(OSError):
            if self._context:
                # Under the lock, so that `close` never holds a socket that is no longer the one.
                with self._lock:
                    served = self._context.wrap_socket(
                        connection, server_side=True, do_handshake_on_connect=False
                    )
                    self._connections[threading.current_thread()] = served
                served.do_handshake()
            _Handler(served, address, self)  # type: ignore[arg-type] # not the library's server
        served.close()
        with self._lock:
            self._connections.pop(threading.current_thread(), None)


class _Handler(BaseHTTPRequestHandler):
    """Reads the requests of one connection and writes the responses."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server  # type: ignore[assignment]

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(length)
        if len(body) < length:  # its client died while it wrote: a part of a request is none
            self.close_connection = True
            return
        request = Request(self.command, self.path, headers, body)
        try:
            response = self.server.respond(request)
        except ConnectionDroppedError:
            self.close_connection = True
            _hang_up(self.connection)
            return
        except Exception as exc:  # noqa: BLE001 - kept, and raised when the sandbox is closed
            self.server.failures.append(exc)
            response = Response(500)
        self._write(response)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def do_CONNECT(self) -> None:
        """Let a client through to a host, and hand on what is said from then on."""
        self.close_connection = True
        try:
            beyond = socket.create_connection((HOST, self.server.routes.get(self.path, 0)))
        except OSError:
            self._write(Response(HTTPStatus.BAD_GATEWAY))
            return
        with beyond:
            self.send_response_only(HTTPStatus.OK)
            self.end_headers()
            self.wfile.flush()
            relay(self.connection, beyond)

    def _write(self, response: Response) -> None:
        wire, now, body = self.server.wire, self.server.clock(), response.body
        headers = [("Date", format_datetime(now, usegmt=True)), *response.headers.items()]
        headers += [("Set-Cookie", cookie) for cookie in response.cookies]
        if wire.is_zipped and body and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            headers.append(("Content-Encoding", "gzip"))
        has_body = response.status != HTTPStatus.NO_CONTENT
        if has_body and wire.is_chunked:
            headers.append(("Transfer-Encoding", "chunked"))
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in _pieces(body))
        elif has_body:
            headers.append(("Content-Length", str(len(body))))
        if not wire.keeps_alive:
            headers.append(("Connection", "close"))
        self.send_response_only(response.status)
        for name, value in headers:
            text = _dated(value, now) if wire.dates_waits and name == "Retry-After" else value
            self.send_header(name.lower() if wire.is_lower else name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: what is worth knowing is in ``World.calls``."""


def _pieces(body: bytes) -> Iterator[bytes]:
    """Cut a body in three or four; an empty piece is its end."""
    length = len(body) // 3 + 1
    yield from (body[start : start + length] for start in range(0, len(body), length))
    yield b""


def _dated(text: str, now: datetime) -> str:
    """Write a number of seconds as the instant at which they are over."""
    is_number = text.isdecimal()
    return format_datetime(now + timedelta(seconds=int(text)), usegmt=True) if is_number else text


def _hang_up(connection: socket.socket) -> None:
    """End a connection at once, under the feet of whoever reads from it."""
    # Not the TLS socket's own method: that one would pull the TLS state from under its reader.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
