"""Bad days on request: what is to go wrong, at which remote call, and how often.

A fault waits for the calls that it matches. The first one that is due acts; those behind it in the
line do not see that call.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta


@dataclass(frozen=True)
class Call:
    """One remote call, as it is seen at the wire."""

    service: str
    """``key-vault``, ``azure-devops``, ``entra`` or ``identity``."""
    operation: str
    """What is asked for, such as ``set_secret`` or ``create_pat``."""
    target: str
    """The thing it is asked of, from the outside in: ``vault/secret/version``, ``org/id``."""
    payer: str = field(default="", compare=False, repr=False)
    """The id of the user of Azure DevOps whose limit it uses; empty if it uses nobody's."""


@dataclass(frozen=True)
class Answer:
    """Another answer instead of the true one."""

    status: int
    body: str = ""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    after_effect: bool = False
    """Whether the call has taken effect all the same."""


@dataclass(frozen=True)
class Drop:
    """A connection that ends without an answer."""

    after_effect: bool = False
    """Whether the call has taken effect all the same."""


@dataclass(frozen=True)
class Delay:
    """The true answer, late, with more headers if there are any."""

    span: timedelta
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Extra:
    """The true answer, with more headers: Azure DevOps sends ``Retry-After`` with a 200 too."""

    headers: Mapping[str, str]


@dataclass(frozen=True)
class Truncate:
    """The true answer, broken off after some characters of its body."""

    length: int = 20


Kind = Answer | Drop | Delay | Extra | Truncate


@dataclass(frozen=True)
class Fault:
    """What is to go wrong, and at which calls.

    The patterns are those of the shell: ``*`` for anything, ``?`` for one character.
    """

    kind: Kind
    service: str = "*"
    operation: str = "*"
    target: str = "*"
    """Matches the target itself and everything inside it."""
    times: int | None = 1
    """How often; None for ever."""
    after: int = 0
    """How many matching calls are let through first."""

    def matches(self, call: Call) -> bool:
        """Tell whether ``call`` is one of those meant."""
        return (
            fnmatchcase(call.service, self.service)
            and fnmatchcase(call.operation, self.operation)
            and (
                fnmatchcase(call.target, self.target)
                or fnmatchcase(call.target, f"{self.target}/*")
            )
        )


class ConnectionDroppedError(Exception):
    """The connection ended without an answer; hooks may raise it too."""

    def __init__(self, *, after_effect: bool = False) -> None:
        """Say whether the call has taken effect all the same."""
        super().__init__("connection dropped")
        self.after_effect = after_effect


class AnsweredError(Exception):
    """Another answer takes the place of the true one."""

    def __init__(self, answer: Answer) -> None:
        """Carry that ``answer`` to whoever writes it to the wire."""
        super().__init__(f"answered {answer.status} on request")
        self.answer = answer


class Faults:
    """The faults that wait for their calls."""

    def __init__(self) -> None:
        """Start with none."""
        self._waiting: list[Fault] = []
        self._seen: list[int] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Put ``faults`` at the end of the line."""
        with self._lock:
            self._waiting.extend(faults)
            self._seen.extend(0 for _ in faults)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._waiting.clear()
            self._seen.clear()

    def take(self, call: Call) -> Kind | None:
        """Give what goes wrong at ``call``, or None, and count the call."""
        with self._lock:
            for position, fault in enumerate(self._waiting):
                if not fault.matches(call):
                    continue
                self._seen[position] += 1
                turn = self._seen[position] - fault.after
                if turn > 0 and (fault.times is None or turn <= fault.times):
                    return fault.kind
        return None


def throttled(retry_after: int = 0) -> Answer:
    """Make a 429 that asks to wait ``retry_after`` seconds."""
    body = '{"message": "too many requests"}'
    return Answer(429, body, headers={"Retry-After": str(retry_after)})


def unavailable() -> Answer:
    """Make a 503 as a gateway gives it, with a page instead of JSON."""
    return Answer(503, "<html><body>service unavailable</body></html>", "text/html")


def sign_in_page() -> Answer:
    """Make the 203 with a sign-in page: how Azure DevOps answers an expired Entra token."""
    return Answer(203, "<html><body>sign in</body></html>", "text/html; charset=utf-8")


def redirect() -> Answer:
    """Make the 302 to sign-in: how Azure DevOps answers an identity that it does not support."""
    location = {"Location": "https://localhost/_signin"}
    return Answer(302, "<html><body>object moved</body></html>", "text/html", location)


def refused_token(reason: str) -> Answer:
    """Make a 200 that carries the ``patTokenError`` ``reason`` and no token."""
    return Answer(200, f'{{"patToken": null, "patTokenError": "{reason}"}}')
