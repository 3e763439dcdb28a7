"""Azurite, Microsoft's own stand-in for a storage account, as a process on loopback.

It lives by the machine's clock, keeps everything in memory, and knows neither roles nor throttling
(Azurite documentation). With a certificate it speaks HTTPS and takes tokens, whose signatures it
does not check; without one it speaks HTTP and takes keys only.
"""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

from sandbox.mint import Mint

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from sandbox.https.certificate import Authority

FOLDER = Path(__file__).parents[1] / ".witnesses"
"""Where ``make witnesses`` installs it."""
PROGRAM = "node_modules/azurite/dist/src/azurite.js"
ACCOUNTS = 800
"""Accounts of one process, given out one after another: none sees what another keeps."""
SERVICES = ("Blob", "Queue", "Table")
END_SECONDS = 20

# It ends with whoever holds the other end of its standard input, however that one ends.
_LEASH = 'data:text/javascript,process.stdin.resume().on("end",()=>process.exit())'
_READY = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (\S+)")


class AzuriteError(Exception):
    """It does not start."""


@dataclass(frozen=True)
class Account:
    """A storage account of its own, empty."""

    name: str
    key: str = field(repr=False)
    table_url: str
    queue_url: str

    @property
    def connection_string(self) -> str:
        """What enters it with its key."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.name};AccountKey={self.key};"
            f"TableEndpoint={self.table_url};QueueEndpoint={self.queue_url}"
        )

    @property
    def by_key(self) -> dict[str, str]:
        """The environment variables by which the product enters it with its key."""
        return {"ROTATION_STORAGE": self.connection_string}

    @property
    def by_token(self) -> dict[str, str]:
        """The environment variables by which the product enters it as the managed identity."""
        return {
            "ROTATION_STORAGE__tableServiceUri": self.table_url,
            "ROTATION_STORAGE__queueServiceUri": self.queue_url,
        }


def is_installable() -> bool:
    """Tell whether this machine has what installs it."""
    return which("npm") is not None


class Azurite:
    """One process, from ``start`` to ``close`` or inside a ``with`` block."""

    def __init__(self, authority: Authority | None = None) -> None:
        """Prepare it.

        Args:
            authority: lends its certificate, for HTTPS and tokens.
        """
        self._authority = authority
        mint = Mint(seed=0)
        self._keys = {f"account{number:04}": _key(mint) for number in range(ACCOUNTS)}
        self._unused = iter(self._keys.items())
        self._urls: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        """Start it, and wait until it answers.

        Raises:
            AzuriteError: it is not installed, or ends at once.
        """
        program = FOLDER / PROGRAM
        if not program.exists():
            raise AzuriteError(f"there is no {program}: run make witnesses")
        command = ["node", "--import", _LEASH, str(program), "--inMemoryPersistence"]
        command += ["--skipApiVersionCheck", "--disableTelemetry"]
        for service in SERVICES:
            command += [f"--{service.lower()}Port", "0"]
        if self._authority:
            certificate = str(self._authority.certificate)
            command += ["--oauth", "basic", "--cert", certificate, "--key", certificate]
        accounts = ";".join(f"{name}:{key}" for name, key in self._keys.items())
        self._process = subprocess.Popen(
            command,
            cwd=FOLDER,
            env={"PATH": _path(), "AZURITE_ACCOUNTS": accounts},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._await_lines(self._process)
        return self

    def account(self) -> Account:
        """Give an account that nobody has used."""
        name, key = next(self._unused)
        tables, queues = (f"{self._urls[service]}/{name}" for service in ("Table", "Queue"))
        return Account(name, key, tables, queues)

    def freeze(self) -> None:
        """Let it answer nobody until ``thaw``: what comes meanwhile waits."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it answer again, if it did not."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if self._process:
            self._process.send_signal(number)

    def close(self) -> None:
        """End it."""
        if process := self._process:
            process.kill()
            process.wait(END_SECONDS)
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
            self._process = None

    def _await_lines(self, process: subprocess.Popen[str]) -> None:
        said = []
        for line in process.stdout or ():
            said.append(line)
            if found := _READY.search(line):
                self._urls[found[1]] = found[2]
            if len(self._urls) == len(SERVICES):
                break
        else:
            self.close()
            raise AzuriteError(f"Azurite does not start: {''.join(said)}")
        # It writes a line for each request, and would stop once nobody read them.
        threading.Thread(target=lambda: [*(process.stdout or ())], daemon=True).start()

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()


def _key(mint: Mint) -> str:
    return b64encode(mint.opaque(24).encode()).decode()


def _path() -> str:
    node = which("node")
    if node is None:
        raise AzuriteError("there is no node on the PATH")
    return str(Path(node).parent)
