"""The JSON of Key Vault's data plane: bundles, items, attributes.

The forms are those of the published REST specification. Instants are whole seconds since 1970.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from sandbox.content import Properties
from sandbox.error import VaultRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.vault import DeletedSecret, SecretVersion

T = TypeVar("T")

RECOVERY = {"recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}


def item(version: SecretVersion, base: str) -> dict[str, object]:
    """Write a secret as a list of secrets shows it: no value, and an id without the version."""
    return {**version_item(version, base), "id": f"{base}/secrets/{version.name}"}


def version_item(version: SecretVersion, base: str) -> dict[str, object]:
    """Write a version without its value."""
    written: dict[str, object] = {
        "id": f"{base}/secrets/{version.name}/{version.id}",
        "attributes": _attributes(version),
        "tags": dict(version.tags),
    }
    if version.content_type is not None:
        written["contentType"] = version.content_type
    return written


def bundle(version: SecretVersion, base: str) -> dict[str, object]:
    """Write a version with its value."""
    return {"value": version.value, **version_item(version, base)}


def deleted(trashed: DeletedSecret, base: str) -> dict[str, object]:
    """Write a secret in the trash."""
    return {
        **version_item(trashed.newest, base),
        "recoveryId": f"{base}/deletedsecrets/{trashed.newest.name}",
        "deletedDate": int(trashed.deleted_at.timestamp()),
        "scheduledPurgeDate": int(trashed.purged_at.timestamp()),
    }


def properties(body: Mapping[str, object]) -> Properties:
    """Read what a request says about a version besides its value.

    Raises:
        VaultRefusedError: something is of the wrong type.
    """
    attributes = _typed(body, "attributes", dict) or {}
    return Properties(
        tags=_typed(body, "tags", dict),
        content_type=_typed(body, "contentType", str),
        enabled=_typed(attributes, "enabled", bool),
        expires_at=_instant(attributes, "exp"),
        not_before=_instant(attributes, "nbf"),
    )


def _attributes(version: SecretVersion) -> dict[str, object]:
    instants = {
        "nbf": version.not_before,
        "exp": version.expires_at,
        "created": version.created_at,
        "updated": version.updated_at,
    }
    known = {name: int(at.timestamp()) for name, at in instants.items() if at is not None}
    return {"enabled": version.enabled, **known, **RECOVERY}


def _instant(attributes: Mapping[str, object], name: str) -> datetime | None:
    seconds = _typed(attributes, name, int)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _typed(body: Mapping[str, object], name: str, kind: type[T]) -> T | None:
    value = body.get(name)
    if value is not None and not isinstance(value, kind):
        raise VaultRefusedError(400, "BadParameter", f"{name} is no {kind.__name__}")
    return value
