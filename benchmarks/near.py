"""What is measured, in a process of its own: ``python -m benchmarks.near WORK NUMBER``.

It finds its services by the environment, and prints what its work took as JSON. Imports, settings
and what only a first start does are outside the measured part.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import requests
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from rotation import settings, wiring
from rotation.clock import now
from sandbox.furniture import ORGANIZATION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rotation.ports import OwnerSessions
    from rotation.report import RunReport
    from rotation.settings import Settings

TOKENS = f"{ORGANIZATION}/_apis/tokens/pats"


@dataclass(frozen=True)
class Spent:
    """What a piece of work took."""

    wall: float
    """Seconds."""
    cpu: float
    """Processor seconds of the process, user and system."""
    megabytes: float
    """MiB of memory that the process had at its peak."""
    done: int
    """How many secrets, or calls, came out."""


def spent(work: str, number: int, environment: Mapping[str, str]) -> Spent:
    """Do a piece of work in a process of its own; give what it took."""
    command = [sys.executable, "-m", "benchmarks.near", work, str(number)]
    told = subprocess.run(
        command,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    if told.returncode:
        raise RuntimeError(told.stderr[-4000:])
    return Spent(**json.loads(told.stdout))


def main() -> int:
    """Do what is asked for.

    Returns:
        0.
    """
    work, number = WORKS[sys.argv[1]], int(sys.argv[2])
    print(json.dumps(asdict(work(settings.load(), number))))
    return 0


def measured(work: Callable[[], int]) -> Spent:
    """Do ``work`` and give what it took."""
    wall, cpu = time.monotonic(), time.process_time()
    done = work()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    return Spent(wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, done)


def run(chosen: Settings, concurrency: int, since: timedelta = timedelta(0)) -> Spent:
    """One run of the product, sessions and all.

    Args:
        chosen: the settings.
        concurrency: calls at once.
        since: how long ago the scan before was; just now, nobody's hour to be proven has come.
    """
    chosen = chosen.model_copy(update={"concurrency": concurrency})
    with wiring.open_service(chosen) as service:
        return measured(lambda: _settled(service.rotator.run(scanned_at=now() - since)))


def hour(chosen: Settings, concurrency: int) -> Spent:
    """An hourly run of the product."""
    return run(chosen, concurrency, timedelta(hours=1))


def _settled(report: RunReport) -> int:
    if report.has_failures:
        raise RuntimeError(report.summary)
    return report.counts["settled"]


def loop(chosen: Settings, concurrency: int) -> Spent:
    """The bare loop: every page of every list, with the same libraries, and nothing else."""
    with _clients(chosen) as clients, ThreadPoolExecutor(concurrency) as pool:

        def listed(client: SecretClient) -> int:
            return sum(1 for _ in client.list_properties_of_secrets())

        def all_listed() -> int:
            secrets = [pool.submit(listed, client) for client in clients.vaults]
            tokens = [pool.submit(clients.tokens_of, owner) for owner in chosen.all_owners]
            for owner in tokens:
                owner.result()
            return sum(vault.result() for vault in secrets)

        return measured(all_listed)


def script(chosen: Settings, count: int) -> Spent:
    """What most scripts do: one vault's list and a *get* for each secret, one after another."""
    with _clients(chosen) as clients:
        vault = clients.vaults[0]

        def read() -> int:
            names = [found.name for found in vault.list_properties_of_secrets()]
            for name in names[:count]:
                vault.get_secret(str(name))
            return min(count, len(names))

        return measured(read)


@dataclass(frozen=True)
class _Clients:
    """The libraries' own clients, without anything of the product around them."""

    chosen: Settings
    vaults: list[SecretClient]
    session: requests.Session
    sessions: OwnerSessions
    """Where an owner's access token comes from: a bare loop needs one, too."""

    def tokens_of(self, owner: str) -> int:
        """List all tokens of an owner; give how many there are."""
        query = {"api-version": "7.2-preview.1", "$top": "100", "displayFilterOption": "active"}
        token = self.sessions.access_token(owner).reveal()
        headers = {"Authorization": f"Bearer {token}"}
        count = 0
        while True:
            url = f"{self.chosen.devops_tokens_url}/{TOKENS}"
            page = self.session.get(url, params=query, headers=headers).json()
            count += len(page["patTokens"])
            if not page["continuationToken"]:
                return count
            query["continuationToken"] = page["continuationToken"]


@contextmanager
def _clients(chosen: Settings) -> Iterator[_Clients]:
    """Give clients for the bare loops."""
    with ExitStack() as opened:
        service = opened.enter_context(wiring.open_service(chosen))
        credential = opened.enter_context(
            ManagedIdentityCredential(client_id=chosen.managed_identity)
        )
        vaults = [
            opened.enter_context(
                SecretClient(vault.url, credential, verify_challenge_resource=False)
            )
            for vault in chosen.vaults
        ]
        session = opened.enter_context(requests.Session())
        yield _Clients(chosen, vaults, session, service.auditor.sessions)


WORKS = {"run": run, "hour": hour, "loop": loop, "script": script}

if __name__ == "__main__":
    sys.exit(main())
