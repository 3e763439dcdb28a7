"""What a queue and workers that die make of many due secrets: ``python -m benchmarks.fan_out``.

A scan puts every due secret on a queue of Azurite, beside a few messages that nobody can read;
worker processes, each the function app under a host in miniature, settle them against the sandbox
over HTTPS. Every few seconds one of the workers is killed, wherever it is, and another one started.

At the end the world itself is looked at: every secret renewed, once, with no value lost, and
nothing given up but the messages that make no sense.
"""

from __future__ import annotations

import argparse
import base64
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from sandbox.azurite import Azurite
from sandbox.clock import ShiftedClock
from sandbox.furniture import ORGANIZATION, OWNER, Placement, place
from sandbox.https import Sandbox
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.vault import SecretVersion, Vault

QUEUE = "rotation-requests"
BAD = ("no base64!", *(base64.b64encode(t).decode() for t in (b"nonsense", b"{}", b'{"x": 1}')))
"""Messages that make no sense."""
DAY = timedelta(days=1)


@dataclass
class Workers:
    """The worker processes, and the chance that kills them."""

    environment: Mapping[str, str]
    lease: int
    chance: random.Random
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    killed: int = 0

    def start(self) -> None:
        """Start one more."""
        command = [sys.executable, "-m", "sandbox", "worker", "--offset=0"]
        command += [f"--lease={self.lease}", "--retry=2"]
        quiet = subprocess.DEVNULL
        self.processes.append(
            subprocess.Popen(command, env=self.environment, stdout=quiet, stderr=quiet)
        )

    def kill_one(self) -> None:
        """Kill any of them, wherever it is, and start another one."""
        victim = self.processes.pop(self.chance.randrange(len(self.processes)))
        victim.kill()
        victim.wait()
        self.killed += 1
        self.start()

    def end(self) -> None:
        """Let all of them finish what they have begun."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait()


def main() -> int:
    """Measure, look, and print both.

    Returns:
        0 if everything is as it must be, 1 otherwise.
    """
    asked = _asked()
    with ExitStack() as opened:
        world = _furnished(asked.secrets, asked.vaults)
        sandbox = opened.enter_context(Sandbox(world))
        account = opened.enter_context(Azurite()).account()
        environment = {
            **os.environ,
            **sandbox.environment,
            **account.by_key,
            "ROTATION_FAN_OUT": "queue",
            "ROTATION_SCHEDULE": "0 7 * * * *",
        }
        queue = opened.enter_context(
            QueueClient.from_connection_string(account.connection_string, QUEUE)
        )
        began = time.monotonic()
        _scan(environment)
        scanned = time.monotonic() - began
        queued = queue.get_queue_properties().approximate_message_count
        for text in BAD:
            queue.send_message(text)
        workers = Workers(environment, asked.lease, random.Random(asked.seed))  # noqa: S311 - no secret
        for _ in range(asked.workers):
            workers.start()
        try:
            took = _watch(workers, world, asked.kill_seconds)
            _wait_for(queue)
            emptied = time.monotonic() - began
        finally:
            workers.end()
        _print(
            {
                "secrets due": asked.secrets,
                "workers": asked.workers,
                "scan, seconds": f"{scanned:.1f}",
                "messages of the scan": queued,
                "workers killed": workers.killed,
                "all renewed after, seconds": f"{took:.1f}",
                "renewed a second": f"{asked.secrets / took:.1f}",
                "queue empty after, seconds": f"{emptied:.1f}",
            }
        )
        return _judge(world, _poison(account.connection_string))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fan_out")
    parser.add_argument("--secrets", type=int, default=2000)
    parser.add_argument("--vaults", type=int, default=4)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--kill-seconds", type=float, default=4, help="between two kills")
    parser.add_argument("--lease", type=int, default=20, help="seconds a dead worker's hold lasts")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _furnished(secrets: int, vaults: int) -> World:
    world = World(ShiftedClock())
    for number in range(vaults):
        world.add_vault(f"kv-{number}")
    world.add_organization(ORGANIZATION, [world.add_user(OWNER)])
    world.connect(OWNER)
    for number in range(secrets):
        place(world, Placement(f"feed-{number:05}", vault=f"kv-{number % vaults}", age=25 * DAY))
    return world


def _scan(environment: Mapping[str, str]) -> None:
    """Let the timer of the function app fire once, in a process of its own."""
    code = (
        "import types, function_app\n"
        "functions = function_app.app.get_functions()\n"
        "(scan,) = [f for f in functions if f.get_function_name() == 'scan']\n"
        "scan.get_user_function()(types.SimpleNamespace(past_due=False))\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, stderr=subprocess.DEVNULL
    )


def _watch(workers: Workers, world: World, kill_seconds: float) -> float:
    """Kill now and then until every secret is renewed; give how long that took, in seconds."""
    began = last = time.monotonic()
    while not all(_is_renewed(vault, secret) for vault, secret in _managed(world)):
        time.sleep(0.5)
        if time.monotonic() - last >= kill_seconds:
            workers.kill_one()
            last = time.monotonic()
    return time.monotonic() - began


def _managed(world: World) -> list[tuple[Vault, SecretVersion]]:
    return [
        (vault, secret)
        for vault in world.vaults.values()
        for secret in vault.list_secrets()
        if "pat-rotation" in secret.tags
    ]


def _is_renewed(vault: Vault, secret: SecretVersion) -> bool:
    return len(vault.versions(secret.name)) > 1


def _wait_for(queue: QueueClient) -> None:
    """Wait until nothing is left: those that a dead worker had locked come again in minutes."""
    while queue.get_queue_properties().approximate_message_count:
        time.sleep(0.5)


def _poison(connection: str) -> list[str]:
    with QueueClient.from_connection_string(connection, f"{QUEUE}-poison") as poison:
        try:
            return [message.content for message in poison.receive_messages()]
        except ResourceNotFoundError:
            return []


def _judge(world: World, poison: list[str]) -> int:
    """Look at the world: what each secret holds, and which tokens live."""
    counted: Counter[str] = Counter()
    living = Counter(token.display_name.rsplit(" ", 1)[-1] for token in world.living_tokens())
    for vault, secret in _managed(world):
        token = world.registry.find(secret.value)
        is_working = world.authenticate(ORGANIZATION, secret.value) is not None
        counted["newest values that do not work"] += not is_working
        stored = len(vault.versions(secret.name)) - 1
        counted["secrets renewed once"] += stored == 1
        counted["secrets not renewed"] += stored == 0
        counted["secrets renewed more than once"] += stored > 1
        count = living[f"[{vault.name}/{secret.name}]"]
        counted["tokens made and never stored"] += max(count - 1 - stored, 0)
        counted["predecessors revoked too early"] += count < 1 + stored
        recorded = secret.tags["pat-authorization-id"].split()[0]
        counted["tags that name another token"] += token is None or (
            recorded != token.authorization_id
        )
    wrong = sorted(poison) != sorted(BAD)
    counted["messages in the poison queue"] = len(poison)
    _print(counted)
    must_be_none = (
        "newest values that do not work",
        "secrets not renewed",
        "secrets renewed more than once",
        "predecessors revoked too early",
        "tags that name another token",
    )
    if wrong or any(counted[what] for what in must_be_none):
        print("This must not be." if not wrong else f"Given up: {poison}")
        return 1
    return 0


def _print(figures: Mapping[str, object]) -> None:
    for what, figure in figures.items():
        print(f"{what:35}{figure:>10}")


if __name__ == "__main__":
    sys.exit(main())
