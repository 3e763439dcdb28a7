"""A certificate authority that exists for one run only."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class Authority:
    """Makes the certificate of the faces, and the bundle by which clients trust it.

    Making keys takes longer than anything else at start, so that one authority may serve several
    sandboxes, one after the other or at once.
    """

    def __init__(self) -> None:
        """Make the keys, and put the bundle into a folder of its own."""
        authority = trustme.CA()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self.context)
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")
        self.bundle = Path(self._folder.name) / "authority.pem"
        """The path of the PEM file that clients must trust."""
        authority.cert_pem.write_to_path(self.bundle)

    def close(self) -> None:
        """Remove the bundle."""
        self._folder.cleanup()

    def __enter__(self) -> Self:
        """Give the authority itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Remove the bundle."""
        self.close()
