"""Pipelines in miniature: they take tokens from the vaults, use them, and hold on to older ones.

They go the way that real ones go: over HTTPS, through Microsoft's own Key Vault client, and to an
organization with nothing but the value in a Basic credential.
"""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import requests
from azure.core.exceptions import AzureError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from azure.keyvault.secrets import SecretClient

OK = 200
TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Consumer:
    """One pipeline: which secret it reads, and where it uses the token."""

    vault: str
    secret: str
    organization: str
    grace_period: timedelta = timedelta(hours=48)
    """How long a job may hold on to what it has read."""


@dataclass
class Tally:
    """What the pipelines saw. Never a value."""

    uses: int = 0
    """How often the newest token was read and used."""
    held_uses: int = 0
    """How often an older one was used that a job still holds."""
    failures: list[str] = field(default_factory=list)
    """Each use that failed though nobody outside had killed the token."""
    excused: int = 0
    """Uses that failed since an outsider had killed the token, before a run could replace it."""


@dataclass(frozen=True)
class _Held:
    """A value that a job has read and still holds."""

    value: str = field(repr=False)
    replaced_at: datetime


class Pipelines:
    """All consumers; they may be run from a thread of their own while the product works."""

    def __init__(
        self,
        consumers: Sequence[Consumer],
        vaults: Mapping[str, SecretClient],
        devops_url: str,
        clock: Callable[[], datetime],
        *,
        is_excused: Callable[[str], bool],
    ) -> None:
        """Take the consumers and their way into the world.

        Args:
            consumers: who reads what.
            vaults: a client for each vault's name.
            devops_url: where the organizations are.
            clock: the world's time.
            is_excused: tells whether an outsider killed the token with this value.
        """
        self.tally = Tally()
        self._consumers = consumers
        self._vaults = vaults
        self._devops_url = devops_url
        self._clock = clock
        self._is_excused = is_excused
        self._newest: dict[Consumer, str] = {}
        self._held: dict[Consumer, list[_Held]] = {}
        self._turn = threading.Lock()

    def work(self, http: requests.Session) -> None:
        """Let every consumer read and use its token, and use again what it holds."""
        with self._turn:
            for consumer in self._consumers:
                self._read_and_use(consumer, http)
                self._use_held(consumer, http)

    def work_until(self, stop: threading.Event) -> None:
        """Work without a pause until ``stop`` is set."""
        with requests.Session() as http:
            while not stop.is_set():
                self.work(http)

    def _read_and_use(self, consumer: Consumer, http: requests.Session) -> None:
        try:
            value = self._vaults[consumer.vault].get_secret(consumer.secret).value or ""
        except AzureError as exc:
            self.tally.failures.append(f"{consumer.secret}: not read: {type(exc).__name__}")
            return
        before = self._newest.get(consumer, value)
        if before != value:
            self._held.setdefault(consumer, []).append(_Held(before, self._clock()))
        self._newest[consumer] = value
        self.tally.uses += 1
        self._use(consumer, value, http, "the newest token")

    def _use_held(self, consumer: Consumer, http: requests.Session) -> None:
        now = self._clock()
        held = [
            each
            for each in self._held.get(consumer, [])
            if now <= each.replaced_at + consumer.grace_period
        ]
        self._held[consumer] = held
        for each in held:
            self.tally.held_uses += 1
            self._use(consumer, each.value, http, "a token in grace")

    def _use(self, consumer: Consumer, value: str, http: requests.Session, what: str) -> None:
        credential = base64.b64encode(f":{value}".encode()).decode()
        answer = http.get(
            f"{self._devops_url}/{consumer.organization}/_apis/connectionData",
            params={"api-version": "7.1-preview.1"},
            headers={"Authorization": f"Basic {credential}"},
            timeout=TIMEOUT_SECONDS,
        )
        if answer.status_code == OK:
            return
        if self._is_excused(value):
            self.tally.excused += 1
        else:
            self.tally.failures.append(f"{consumer.secret}: {what}: {answer.status_code}")
