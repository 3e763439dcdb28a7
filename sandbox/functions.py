"""The product's function app as a process of its own, reached over HTTPS as people reach it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from types import TracebackType
    from typing import Self

PATIENCE_SECONDS = 30


class FunctionsError(Exception):
    """The process does not start, or does not end."""


class Functions:
    """The HTTP functions of the product, served from ``start`` to ``close`` or in a ``with`` block.

    Their timer does not fire. Entra sends people back to them: they register themselves there.
    """

    def __init__(self, environment: Mapping[str, str], offset: timedelta | None = None) -> None:
        """Prepare the process.

        Args:
            environment: how it finds the world: ``Sandbox.environment``.
            offset: how far its clock is ahead of the machine's; without, it lives by the world's.
        """
        self._environment = environment
        self._offset = [] if offset is None else ["--offset", str(offset.total_seconds())]
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed at the end
        self._process: subprocess.Popen[str] | None = None
        self.url = ""
        """Where they are, without a slash at its end; ``/sign-in`` is one of the pages."""
        self.log = ""
        """All that the process wrote; known when it has ended."""

    def start(self) -> Self:
        """Start the process, and wait until it answers.

        Raises:
            FunctionsError: it has ended instead.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "functions", *self._offset],
            env={**os.environ, **self._environment},
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._process.stdout  # noqa: S101 - tells the type checker what stands right above
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            self.close()
            raise FunctionsError(f"the function app does not start: {self.log}")
        return self

    def close(self) -> None:
        """End the process, and keep what it wrote."""
        if self._process is None:
            return
        with self._process as process:
            process.terminate()
            try:
                rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise FunctionsError("the function app does not end") from None
        self._process = None
        with self._log:
            self._log.seek(0)
            self.log = f"{rest}{self._log.read()}"

    def __enter__(self) -> Self:
        """Start the process."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process."""
        self.close()
