"""What the world looks like, for a person: everything but the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.directory import Application
    from sandbox.grant import User
    from sandbox.token import Token
    from sandbox.vault import SecretVersion, Vault
    from sandbox.world import World


def describe(world: World) -> dict[str, object]:
    """Give the state of the world as plain data, without any secret value."""
    with world.ground.lock:
        return {
            "now": world.clock().isoformat(),
            "vaults": {vault.name: _vault(world, vault) for vault in world.vaults.values()},
            "organizations": {
                organization.name: {
                    "account_id": organization.account_id,
                    "policy": str(organization.policy),
                    "tokens": [
                        _token(world, token)
                        for token in world.registry.tokens
                        if organization.account_id in (token.accounts or ())
                    ],
                }
                for organization in world.organizations.values()
            },
            "accounts": {user.upn: _account(world, user) for user in world.tenant.users.values()},
            "applications": {
                application.client_id: _application(application)
                for application in world.tenant.directory.applications.values()
            },
            "calls": len(world.calls),
        }


def _vault(world: World, vault: Vault) -> list[dict[str, object]]:
    return [_secret(world, vault, version) for version in vault.list_secrets()]


def _secret(world: World, vault: Vault, version: SecretVersion) -> dict[str, object]:
    token = world.registry.find(version.value)
    return {
        "secret": version.name,
        "enabled": version.enabled,
        "created_at": version.created_at.isoformat(),
        "expires_at": _instant(version.expires_at),
        "versions": len(vault.versions(version.name)),
        "tags": dict(version.tags),
        "token": _token(world, token) if token else None,
    }


def _token(world: World, token: Token) -> dict[str, object]:
    return {
        "authorization_id": token.authorization_id,
        "display_name": token.display_name,
        "scope": token.scope,
        "valid_to": token.valid_to.isoformat(),
        "status": "asleep" if token.asleep else token.status_at(world.clock()).value,
    }


def _account(world: World, user: User) -> dict[str, object]:
    directory = world.tenant.directory
    return {
        "object_id": user.object_id,
        "agent_identity_id": user.agent_identity_id or None,
        "enabled": not user.disabled,
        "blocked": user.upn in directory.blocked,
        "demanded": directory.demands.get(user.upn),
    }


def _application(application: Application) -> dict[str, object]:
    return {
        "name": application.name,
        "parent_id": application.parent_id or None,
        "redirect_uris": sorted(application.redirect_uris),
        "consent": {upn: sorted(scopes) for upn, scopes in application.user_consent.items()},
        "consent_for_all": sorted(application.tenant_consent),
    }


def _instant(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
