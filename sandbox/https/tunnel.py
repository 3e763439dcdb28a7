"""What a proxy does once it has let a client through: hand on what either side says."""

from __future__ import annotations

import contextlib
import selectors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

PIECE = 65536


def relay(one: socket.socket, other: socket.socket) -> None:
    """Hand on what comes from either side, until one of them ends."""
    with selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in selector.select():
                piece = key.fileobj.recv(PIECE)  # type: ignore[union-attr] # a socket, as put there
                if not piece:
                    return
                key.data.sendall(piece)
