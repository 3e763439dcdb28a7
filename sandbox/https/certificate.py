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


def server_context(certificate: Path) -> ssl.SSLContext:
    """Give what a server needs to show a certificate: the path of its PEM file, with its key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class Authority:
    """Makes the certificate of the faces, and the bundle by which clients trust it.

    Making keys takes longer than anything else at start, so that one authority may serve several
    sandboxes, one after the other or at once.
    """

    def __init__(self, *names: str, is_indirect: bool = False) -> None:
        """Make the keys, and put the bundle into a folder of its own.

        Args:
            names: further ones that the faces may have; a first label may be ``*``.
            is_indirect: whether another authority stands between, which the faces show, too.
        """
        authority = trustme.CA()
        issuer = authority.create_child_ca() if is_indirect else authority
        certificate = issuer.issue_cert("localhost", "127.0.0.1", *names)
        # A folder that nobody else can read: the key is for the sandbox's own processes.
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")
        self.certificate = Path(self._folder.name) / "certificate.pem"
        """The path of the PEM file with the certificate of the faces, and its key."""
        certificate.private_key_and_cert_chain_pem.write_to_path(self.certificate)
        self.context = server_context(self.certificate)
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
