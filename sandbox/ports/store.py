"""The world's vaults as a ``SecretStore``."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from rotation.errors import AccessDeniedError
from rotation.model import ManagedSecret, SecretName, SecretVersion, TokenValue
from rotation.tags import is_managed
from sandbox.content import Properties
from sandbox.fault import Call, ConnectionDroppedError
from sandbox.furniture import CONTENT_TYPE
from sandbox.page import cut
from sandbox.ports.translation import asking

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sandbox import vault as state
    from sandbox.world import World

PAGE_SIZE = 25
RESERVED = "no token yet"


class WorldStore:
    """See ``rotation.ports.SecretStore``."""

    def __init__(self, world: World) -> None:
        """Stand before the vaults of ``world``."""
        self._world = world
        self._shown: dict[tuple[str, str], tuple[state.SecretVersion, ManagedSecret]] = {}
        """What the last list showed: most of it is what the next one will."""

    def list_managed(self, vault: str) -> Iterator[ManagedSecret]:
        """See ``SecretStore``."""
        start: int | None = 0
        while start is not None:
            with self._asking("list_secrets", vault):
                page = cut(self._open(vault, "list").list_secrets(), start, PAGE_SIZE)
            for version in page.items:
                if is_managed(version.tags):
                    yield self._listed(vault, version)
            start = page.next_start

    def _listed(self, vault: str, version: state.SecretVersion) -> ManagedSecret:
        shown, secret = self._shown.get((vault, version.name), (None, None))
        if shown is not version or secret is None:
            secret = _secret(vault, version, is_listed=True)
            self._shown[vault, version.name] = version, secret
        return secret

    def read(self, name: SecretName) -> ManagedSecret:
        """See ``SecretStore``."""
        try:
            with self._asking("get_secret", str(name)):
                version = self._open(name.vault, "get").get(name.name)
        except AccessDeniedError:
            with self._asking("list_versions", str(name)):
                newest = self._open(name.vault, "list").newest(name.name)
            if newest.enabled:
                raise
            return _secret(name.vault, newest)
        return replace(_secret(name.vault, version), value=TokenValue(version.value))

    def list_versions(self, name: SecretName) -> tuple[SecretVersion, ...]:
        """See ``SecretStore``."""
        listed: list[SecretVersion] = []
        start: int | None = 0
        while start is not None:
            with self._asking("list_versions", str(name)):
                versions = self._open(name.vault, "list").versions(name.name)
                page = cut(sorted(versions, key=lambda version: version.id), start, PAGE_SIZE)
            listed += [
                SecretVersion(
                    version=version.id,
                    created_at=version.created_at,
                    enabled=version.enabled,
                    tags=MappingProxyType(dict(version.tags)),
                )
                for version in page.items
            ]
            start = page.next_start
        return tuple(listed)

    def reserve(self, name: SecretName, tags: Mapping[str, str]) -> ManagedSecret:
        """See ``SecretStore``."""
        properties = Properties(tags=dict(tags), content_type=CONTENT_TYPE, enabled=False)
        with self._asking("set_secret", str(name), is_repeatable=False):
            version = self._open(name.vault, "set").set(name.name, RESERVED, properties)
        return _secret(name.vault, version)

    def store(
        self,
        secret: ManagedSecret,
        value: TokenValue,
        *,
        tags: Mapping[str, str],
        expires_at: datetime,
    ) -> ManagedSecret:
        """See ``SecretStore``."""
        name = secret.name
        properties = Properties(
            tags=dict(tags),
            content_type=secret.content_type or CONTENT_TYPE,
            expires_at=expires_at,
        )
        with self._asking("set_secret", str(name), is_repeatable=False):
            version = self._open(name.vault, "set").set(name.name, value.reveal(), properties)
        return _secret(name.vault, version)

    def write_tags(
        self,
        secret: ManagedSecret,
        tags: Mapping[str, str],
        *,
        expires_at: datetime | None = None,
    ) -> ManagedSecret:
        """See ``SecretStore``."""
        name = secret.name
        properties = Properties(tags=dict(tags), expires_at=expires_at)
        with self._asking("update_secret", f"{name}/{secret.version}"):
            vault = self._open(name.vault, "update")
            version = vault.update(name.name, secret.version, properties)
        return replace(_secret(name.vault, version), value=secret.value)

    def disable(self, name: SecretName, version: str) -> None:
        """See ``SecretStore``."""
        with self._asking("update_secret", f"{name}/{version}"):
            vault = self._open(name.vault, "update")
            vault.update(name.name, version, Properties(enabled=False))

    def _asking(
        self, operation: str, target: str, *, is_repeatable: bool = True
    ) -> AbstractContextManager[None]:
        call = Call("key-vault", operation, target)
        return asking(self._world, call, is_repeatable=is_repeatable)

    def _open(self, name: str, permission: str) -> state.Vault:
        vault = self._world.vault(name)
        if not vault.exists:
            raise ConnectionDroppedError
        vault.require(permission)
        return vault


def _secret(vault: str, version: state.SecretVersion, *, is_listed: bool = False) -> ManagedSecret:
    """Give a version without its value; in a list of secrets, without its id too."""
    return ManagedSecret(
        name=SecretName(vault, version.name),
        created_at=version.created_at,
        expires_at=version.expires_at,
        tags=version.tags,
        enabled=version.enabled,
        content_type=version.content_type,
        version=None if is_listed else version.id,
    )
