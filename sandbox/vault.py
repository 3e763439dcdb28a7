"""A Key Vault: secrets, their versions, and the trash from which they can be recovered.

The methods do what the vault would do for a caller who may do everything; who may do what is asked
at the door, by ``require``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.content import Properties, check_name, check_value
from sandbox.error import VaultRefusedError
from sandbox.ground import guarded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.ground import Ground

PERMISSIONS = frozenset({"list", "get", "set", "update", "delete", "recover", "purge"})
RETENTION = timedelta(days=90)


@dataclass(frozen=True)
class SecretVersion:
    """One version of a secret. Instants are whole seconds, as Key Vault keeps them."""

    name: str
    """As it was spelled when the secret was first made."""
    id: str
    value: str = field(repr=False)
    created_at: datetime
    updated_at: datetime
    tags: Mapping[str, str]
    content_type: str | None
    enabled: bool
    expires_at: datetime | None
    not_before: datetime | None


@dataclass(frozen=True)
class DeletedSecret:
    """A secret in the trash."""

    versions: tuple[SecretVersion, ...]
    deleted_at: datetime

    @property
    def newest(self) -> SecretVersion:
        """The version that was the newest when it was deleted."""
        return self.versions[-1]

    @property
    def purged_at(self) -> datetime:
        """When the vault will forget it for good."""
        return self.deleted_at + RETENTION


class Vault:
    """One vault. Secret names are compared without regard to case."""

    def __init__(self, name: str, ground: Ground, *, exists: bool = True) -> None:
        """Make an empty vault, or (``exists`` false) a name that leads nowhere."""
        self.name = name
        self.ground = ground
        self.exists = exists
        self.permissions = set(PERMISSIONS)
        """What the managed identity may do here; take some away for a vault that refuses."""
        self._secrets: dict[str, list[SecretVersion]] = {}
        self._listed: tuple[SecretVersion, ...] | None = None
        """The list of secrets, until something changes: it is asked for far more often."""
        self._deleted: dict[str, DeletedSecret] = {}

    def require(self, permission: str) -> None:
        """Let a remote caller in.

        Raises:
            VaultRefusedError: the managed identity lacks the ``permission``.
        """
        if permission not in self.permissions:
            message = f"caller is not authorized to {permission} secrets in {self.name}"
            raise VaultRefusedError(403, "Forbidden", message, "ForbiddenByRbac")

    @guarded
    def list_secrets(self) -> tuple[SecretVersion, ...]:
        """Give the newest version of every secret, enabled or not, sorted by name."""
        if self._listed is None:
            self._listed = tuple(self._secrets[name][-1] for name in sorted(self._secrets))
        return self._listed

    @guarded
    def newest(self, name: str) -> SecretVersion:
        """Give the newest version, enabled or not.

        Raises:
            VaultRefusedError: there is no such secret.
        """
        return self._versions(name)[-1]

    @guarded
    def get(self, name: str, version: str | None = None) -> SecretVersion:
        """Give a version to a reader: the named one, or the newest.

        A disabled newest version is refused: there is no fall-back to the one before. An expired
        one is given all the same (Key Vault documentation, *About secrets*).

        Raises:
            VaultRefusedError: there is no such version, or it is disabled.
        """
        found = self._find(name, version)
        if not found.enabled:
            message = "Operation get is not allowed on a disabled secret."
            raise VaultRefusedError(403, "Forbidden", message, "SecretDisabled")
        return found

    @guarded
    def versions(self, name: str) -> tuple[SecretVersion, ...]:
        """Give all versions, the oldest first.

        Raises:
            VaultRefusedError: there is no such secret.
        """
        return tuple(self._versions(name))

    @guarded
    def set(
        self,
        name: str,
        value: str,
        properties: Properties | None = None,
        *,
        created_at: datetime | None = None,
    ) -> SecretVersion:
        """Make a new version, which becomes the newest at once.

        What ``properties`` does not say is lost, whatever the version before said (Key Vault
        developer guide, *Set, update and rotate a secret*).

        Args:
            name: the secret, made if there is none.
            value: its value.
            properties: everything else.
            created_at: for a version that shall look older than it is.

        Raises:
            VaultRefusedError: a limit is not kept, or the name is in the trash.
        """
        said = properties or Properties()
        check_name(name)
        check_value(value)
        said.check()
        if name.lower() in self._deleted:
            message = f"secret {name} is deleted but recoverable; its name cannot be reused"
            raise VaultRefusedError(409, "Conflict", message, "ObjectIsDeletedButRecoverable")
        versions = self._secrets.setdefault(name.lower(), [])
        at = (created_at or self.ground.now()).replace(microsecond=0)
        version = SecretVersion(
            name=versions[0].name if versions else name,
            id=self.ground.mint.version_id(),
            value=value,
            created_at=at,
            updated_at=at,
            tags=dict(said.tags or {}),
            content_type=said.content_type,
            enabled=said.enabled is not False,
            expires_at=said.expires_at,
            not_before=said.not_before,
        )
        versions.append(version)
        self._listed = None
        return version

    @guarded
    def update(self, name: str, version: str | None, properties: Properties) -> SecretVersion:
        """Change what is said about one version: the named one, or the newest.

        What ``properties`` does not say stays; ``tags``, when given, take the place of all tags.

        Raises:
            VaultRefusedError: there is no such version, or a limit is not kept.
        """
        properties.check()
        before = self._find(name, version)
        said = {key: value for key, value in vars(properties).items() if value is not None}
        after = replace(before, **said, updated_at=self.ground.now().replace(microsecond=0))
        versions = self._versions(name)
        versions[versions.index(before)] = after
        self._listed = None
        return after

    @guarded
    def delete(self, name: str) -> DeletedSecret:
        """Move a secret with all its versions to the trash.

        Raises:
            VaultRefusedError: there is no such secret.
        """
        versions = self._versions(name)
        del self._secrets[name.lower()]
        self._listed = None
        trashed = DeletedSecret(tuple(versions), self.ground.now().replace(microsecond=0))
        self._deleted[name.lower()] = trashed
        return trashed

    @guarded
    def list_deleted(self) -> tuple[DeletedSecret, ...]:
        """Give the trash, sorted by name."""
        return tuple(self._deleted[name] for name in sorted(self._deleted))

    @guarded
    def get_deleted(self, name: str) -> DeletedSecret:
        """Give a secret in the trash.

        Raises:
            VaultRefusedError: it is not there.
        """
        try:
            return self._deleted[name.lower()]
        except KeyError:
            raise _not_found(name) from None

    @guarded
    def recover(self, name: str) -> SecretVersion:
        """Take a secret out of the trash, as it was.

        Raises:
            VaultRefusedError: it is not there.
        """
        trashed = self.get_deleted(name)
        del self._deleted[name.lower()]
        self._secrets[name.lower()] = [*trashed.versions]
        self._listed = None
        return trashed.newest

    @guarded
    def purge(self, name: str) -> None:
        """Forget a secret in the trash for good.

        Raises:
            VaultRefusedError: it is not there.
        """
        self.get_deleted(name)
        del self._deleted[name.lower()]

    def _versions(self, name: str) -> list[SecretVersion]:
        try:
            return self._secrets[name.lower()]
        except KeyError:
            raise _not_found(name) from None

    def _find(self, name: str, version: str | None) -> SecretVersion:
        versions = self._versions(name)
        if version is None:
            return versions[-1]
        for candidate in versions:
            if candidate.id == version.lower():
                return candidate
        raise _not_found(f"{name}/{version}")


def _not_found(name: str) -> VaultRefusedError:
    message = f"a secret with (name/id) {name} was not found in this key vault"
    return VaultRefusedError(404, "SecretNotFound", message)
