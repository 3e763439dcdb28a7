"""What the adapters do about a lost answer, for the ports in process: ask again, three times."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from rotation.adapters.border import BACKOFF, RETRIES
from rotation.errors import UnavailableError
from rotation.rotator import Rotator

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.ports import OwnerSessions, SecretStore, TokenIssuer
    from sandbox.ports import InProcess


class Patient:
    """A port whose calls are repeated while they get no usable answer, if they may be."""

    def __init__(self, port: object, pause: Callable[[float], None]) -> None:
        """Stand before ``port``."""
        self._port = port
        self._pause = pause

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give a method of the port."""
        method = getattr(self._port, name)

        def call(*args: object, **keys: object) -> object:
            for repetition in range(RETRIES):
                try:
                    return _whole(method(*args, **keys))
                except UnavailableError:
                    self._pause(BACKOFF * 2**repetition)
            return _whole(method(*args, **keys))

        return call


def _whole(answer: object) -> object:
    """Give all pages of a list."""
    return answer if not hasattr(answer, "__next__") else [*cast("Any", answer)]


def patient(process: InProcess) -> Rotator:
    """Give the rotator of a process with the patience that its adapters would have."""
    ports = replace(
        process.ports,
        store=cast("SecretStore", Patient(process.store, process.ports.pause)),
        issuer=cast("TokenIssuer", Patient(process.issuer, process.ports.pause)),
    )
    sessions = cast("OwnerSessions", Patient(process.sessions, process.ports.pause))
    return Rotator(ports, sessions, process.locks, process.scope)
