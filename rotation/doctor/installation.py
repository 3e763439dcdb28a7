"""What stands around the rotator: identity, storage, the vault of the sessions, pages, versions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Protocol

from rotation import __version__
from rotation.diagnosis import Diagnosis, Severity, failed
from rotation.doctor.vault import grant
from rotation.errors import RotationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rotation.ports import Locks, SessionStore

PYTHONS = (3, 11), (3, 14)
"""The versions of Python that are supported: from the first up to, and without, the second."""
PACKAGES = (
    "azure-identity",
    "azure-keyvault-secrets",
    "azure-data-tables",
    "azure-storage-queue",
    "msal",
    "requests",
)
"""What reaches the services, as far as it is installed."""


class Identity(Protocol):
    """The identity by which the rotator reaches the vaults."""

    def name(self) -> str:
        """Get a token for Key Vault, and tell whose it is: a client id, or a user's name.

        Raises:
            AccessDeniedError: there is no such identity here.
            UnavailableError: nothing can be said.
        """


class StorageCheck(Protocol):
    """The tables and the queue; each method raises ``ServiceError`` if nothing can be said."""

    @property
    def tables(self) -> Sequence[str]:
        """The names of the tables that there should be."""

    @property
    def queue(self) -> str:
        """The name of the queue that there should be."""

    def has_table(self, name: str) -> bool:
        """Tell whether there is such a table, by reading it."""

    def has_queue(self) -> bool:
        """Tell whether there is the queue, by reading it."""

    def create(self) -> tuple[str, ...]:
        """Make what is missing; give its names."""


@dataclass(frozen=True)
class Installation:
    """All that is examined beside vaults and owners."""

    identity: Identity
    locks: Locks
    """So that nobody else works on the secret by which a vault is tried."""
    session_vault: str
    """Its name."""
    session_store: SessionStore
    people: Sequence[str]
    """The owners who sign in."""
    storage: StorageCheck | None
    """None if there is none in the settings."""
    public_url: str | None
    """Where the pages of the function app are; None if that is not known."""


def versions(python: tuple[int, ...] = sys.version_info[:3]) -> Diagnosis:
    """Tell what is running, and whether it is supported."""
    found = f"Python {'.'.join(map(str, python))}, rotation {__version__}"
    told = ", ".join(
        [found, *(f"{name} {known}" for name in PACKAGES if (known := _version(name)))]
    )
    first, beyond = PYTHONS
    if first <= python[:2] < beyond:
        return Diagnosis("versions", "supported", Severity.FINE, told)
    fix = f"run it with a Python from {first[0]}.{first[1]} to {beyond[0]}.{beyond[1] - 1}"
    return Diagnosis("versions", "unsupported-python", Severity.WARNING, told, fix)


def who(identity: Identity) -> tuple[str | None, Diagnosis]:
    """Tell by whom the vaults are reached, if by anybody."""
    try:
        name = identity.name()
    except RotationError as exc:
        return None, failed("identity", exc)
    message = f"{name} gets tokens for Key Vault"
    return name, Diagnosis("identity", "admitted", Severity.FINE, message)


def around(
    installation: Installation, owners: Sequence[str], identity: str | None, *, mends: bool
) -> Iterator[Diagnosis]:
    """Examine what is there beside the identity."""
    yield _session_vault(installation, owners, identity)
    yield _storage(installation.storage, mends=mends)
    yield from _pages(installation)


def _session_vault(s: Installation, owners: Sequence[str], identity: str | None) -> Diagnosis:
    subject = f"session vault {s.session_vault}"
    try:
        for owner in (*s.people, *owners)[:1]:
            s.session_store.read(owner)  # whose value is dropped here
    except RotationError as exc:
        return failed(subject, exc, grant(s.session_vault, identity, exc))
    # The settings refuse a session vault that is a watched one, too.
    message = "it is apart from the watched vaults, and can be read"
    return Diagnosis(subject, "read", Severity.FINE, message)


def _storage(storage: StorageCheck | None, *, mends: bool) -> Diagnosis:
    if storage is None:
        message = (
            "there is none: events are on log lines only, locks hold within one process, and "
            "orders are carried out where they are given"
        )
        return Diagnosis("storage", "no-storage", Severity.NOTE, message, "set ROTATION_STORAGE")
    try:
        made = storage.create() if mends else ()
        missing = [f"table {name}" for name in storage.tables if not storage.has_table(name)]
        missing += [] if storage.has_queue() else [f"queue {storage.queue}"]
    except RotationError as exc:
        return failed("storage", exc)
    if missing:
        fix = "`rotation doctor --fix` makes them; so does the first run that needs them"
        message = f"there is no {', no '.join(missing)}"
        return Diagnosis("storage", "missing", Severity.WARNING, message, fix)
    if made:
        return Diagnosis("storage", "made", Severity.FINE, f"made: {', '.join(made)}")
    message = "its tables and its queue are there"
    return Diagnosis("storage", "complete", Severity.FINE, message)


def _pages(s: Installation) -> Iterator[Diagnosis]:
    if s.public_url:
        yield Diagnosis(
            "pages", "located", Severity.FINE, f"people sign in at {s.public_url}/sign-in"
        )
    elif s.people:
        message = "ROTATION_PUBLIC_URL is missing, so nobody can be told where to sign in"
        fix = (
            "`az functionapp config appsettings set --resource-group GROUP --name APP "
            "--settings ROTATION_PUBLIC_URL=https://APP.azurewebsites.net`"
        )
        yield Diagnosis("pages", "no-public-url", Severity.WARNING, message, fix)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
