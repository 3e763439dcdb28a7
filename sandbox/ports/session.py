"""The world's tenant and its session vault as ``TokenService`` and ``SessionStore``."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rotation.errors import AccessDeniedError, RejectedError, SessionError
from rotation.model import TokenValue
from rotation.session import (
    ADMINISTRATOR_NEEDED,
    REFRESH_TOKEN_LIFETIME,
    SIGN_IN_NEEDED,
    Grant,
    Kept,
)
from sandbox.content import Properties
from sandbox.fault import Call
from sandbox.grant import (
    AZURE_DEVOPS,
    TOKEN_EXCHANGE,
    AgentRequest,
    ExchangeRequest,
    RefreshRequest,
)
from sandbox.ports.translation import asking
from sandbox.world import SESSION_CONTENT_TYPE, session_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rotation.session import AgentUser
    from sandbox.vault import SecretVersion
    from sandbox.world import World

ALL = frozenset({f"{AZURE_DEVOPS}/.default"})
NEEDS_PERSON = frozenset(
    {
        "access_denied",
        "consent_required",
        "interaction_required",
        "invalid_grant",
        "login_required",
    }
)
NEEDS_ADMINISTRATOR = ("AADSTS50034", "AADSTS50057", "AADSTS53003", "AADSTS90002", "message_only")
"""What Entra says beside a word of these where no sign-in helps."""
DELETED = frozenset({"conflict", "objectisdeletedbutrecoverable"})
TAGS = {
    "session-owner": "kept_owner",
    "session-signed-in": "signed_in_at",
    "session-redeemed": "redeemed_at",
    "session-object-id": "object_id",
    "session-sign-in": "sign_in",
}


class WorldTokenService:
    """See ``rotation.ports.TokenService``."""

    def __init__(self, world: World) -> None:
        """Stand before the tenant of ``world``."""
        self._world = world

    def redeem(self, owner: str, refresh_token: TokenValue) -> Grant:
        """See ``TokenService``."""
        tenant = self._world.tenant
        request = RefreshRequest(tenant.client_id, self._assertion(), refresh_token.reveal(), ALL)
        with self._asking("redeem", owner, f"the session of {owner}", owner):
            redemption = tenant.redeem(request)
        return Grant(
            TokenValue(redemption.access.value),
            timedelta(seconds=redemption.lifetime),
            TokenValue(redemption.refresh.value),
            redemption.user.object_id,
        )

    def act_as(self, agent: AgentUser) -> Grant:
        """See ``TokenService``."""
        tenant, identity, what = self._world.tenant, agent.identity_id, f"a leg of {agent.owner}"
        blueprint = tenant.blueprint.client_id if tenant.blueprint else ""
        with self._asking("exchange_blueprint", identity, what):
            first = tenant.exchange(ExchangeRequest(blueprint, self._assertion(), identity))
        with self._asking("exchange_agent", identity, what):
            second = tenant.exchange(ExchangeRequest(identity, first.value))
        request = AgentRequest(identity, first.value, second.value, agent.owner, scopes=ALL)
        with self._asking("redeem_agent", agent.owner, what):
            grant = tenant.act(request)
        return Grant(TokenValue(grant.access.value), timedelta(seconds=grant.lifetime))

    def _assertion(self) -> str:
        tenant = self._world.tenant
        assertion = tenant.identity_token(TOKEN_EXCHANGE, tenant.identity.client_id)
        return assertion.value if assertion else ""

    @contextmanager
    def _asking(
        self, operation: str, target: str, what: str, owner: str | None = None
    ) -> Iterator[None]:
        """Make one call inside a ``with`` block; a refusal sends ``owner`` or an administrator."""
        try:
            with asking(self._world, Call("entra", operation, target)):
                yield
        except RejectedError as exc:
            message = f"{what} does not work ({exc.reason})"
            is_person = exc.reason in NEEDS_PERSON and not any(
                number in exc.hint for number in NEEDS_ADMINISTRATOR
            )
            if owner and is_person:
                message = f"{message}; {owner} must sign in"
                raise SessionError(message, reason=SIGN_IN_NEEDED) from None
            message = f"{message}; an administrator must act"
            raise SessionError(message, reason=ADMINISTRATOR_NEEDED) from None


class WorldSessionStore:
    """See ``rotation.ports.SessionStore``."""

    def __init__(self, world: World) -> None:
        """Stand before the session vault of ``world``."""
        self._world = world
        self._vault = world.session_vault

    def read(self, owner: str, version: str | None = None) -> Kept | None:
        """See ``SessionStore``."""
        name = session_name(owner)
        try:
            with asking(self._world, self._call("get_secret", name)):
                self._vault.require("get")
                found = self._vault.get(name, version)
        except RejectedError:
            return None
        except AccessDeniedError:
            newest = max(self.versions(owner), key=lambda v: v.created_at, default=None)
            if newest is None or newest.enabled:
                raise
            return newest
        return replace(_kept(owner, found), refresh_token=TokenValue(found.value))

    def versions(self, owner: str) -> tuple[Kept, ...]:
        """See ``SessionStore``."""
        name = session_name(owner)
        try:
            with asking(self._world, self._call("list_versions", name)):
                self._vault.require("list")
                found = self._vault.versions(name)
        except RejectedError:
            return ()
        return tuple(_kept(owner, version) for version in found)

    def save(self, kept: Kept, *, recovers: bool = False) -> Kept:
        """See ``SessionStore``."""
        try:
            return self._set(kept)
        except RejectedError as exc:
            if not recovers or exc.reason not in DELETED:
                raise
        name = session_name(kept.owner)
        with asking(self._world, self._call("recover_secret", name)):
            self._vault.require("recover")
            self._vault.recover(name)
        return self._set(kept)

    def disable(self, owner: str, version: str) -> None:
        """See ``SessionStore``."""
        name = session_name(owner)
        with asking(self._world, self._call("update_secret", f"{name}/{version}")):
            self._vault.require("update")
            self._vault.update(name, version, Properties(enabled=False))

    def delete(self, owner: str) -> bool:
        """See ``SessionStore``."""
        for kept in self.versions(owner):
            if kept.enabled and kept.version:
                self.disable(owner, kept.version)
        name = session_name(owner)
        try:
            with asking(self._world, self._call("delete_secret", name)):
                self._vault.require("delete")
                self._vault.delete(name)
        except RejectedError:
            return False
        return True

    def _set(self, kept: Kept) -> Kept:
        name, token, redeemed_at = session_name(kept.owner), kept.refresh_token, kept.redeemed_at
        if token is None or redeemed_at is None:
            raise ValueError("a session without a refresh token cannot be saved")
        written = {tag: _written(getattr(kept, field)) for tag, field in TAGS.items()}
        ours = {"session-owner": kept.owner, **{tag: text for tag, text in written.items() if text}}
        properties = Properties(
            tags={**kept.other_tags, **ours},
            content_type=SESSION_CONTENT_TYPE,
            expires_at=redeemed_at + REFRESH_TOKEN_LIFETIME,
        )
        with asking(self._world, self._call("set_secret", name), is_repeatable=False):
            self._vault.require("set")
            saved = self._vault.set(name, token.reveal(), properties)
        return _kept(kept.owner, saved)

    def _call(self, operation: str, thing: str) -> Call:
        return Call("key-vault", operation, f"{self._vault.name}/{thing}")


def _kept(owner: str, found: SecretVersion) -> Kept:
    tags: Mapping[str, str] = found.tags
    return Kept(
        owner,
        version=found.id,
        created_at=found.created_at,
        enabled=found.enabled,
        kept_owner=tags.get("session-owner"),
        object_id=tags.get("session-object-id"),
        signed_in_at=_instant(tags.get("session-signed-in")),
        redeemed_at=_instant(tags.get("session-redeemed")),
        sign_in=tags.get("session-sign-in"),
        other_tags={tag: text for tag, text in tags.items() if tag not in TAGS},
    )


def _written(value: datetime | str | None) -> str | None:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else value


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
