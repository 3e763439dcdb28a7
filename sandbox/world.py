"""The state of the whole world, and the one gate through which remote calls reach it."""

from __future__ import annotations

import base64
import re
from contextlib import contextmanager
from copy import copy
from typing import TYPE_CHECKING

from sandbox.content import Properties
from sandbox.fault import (
    Answer,
    AnsweredError,
    ConnectionDroppedError,
    Delay,
    Drop,
    Faults,
)
from sandbox.ground import Ground, guarded
from sandbox.limits import Limits
from sandbox.mint import Mint
from sandbox.organization import Organization
from sandbox.registry import TokenRegistry
from sandbox.tenant import SESSION_LIFETIME, Tenant
from sandbox.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import timedelta

    from sandbox.clock import Clock
    from sandbox.fault import Call, Kind
    from sandbox.grant import User
    from sandbox.token import Token

SESSION_CONTENT_TYPE = "application/vnd.pat-rotation.session"


def _ignore(call: Call, kind: Kind | None = None) -> None:
    """Do nothing: a world without hooks."""


class World:
    """Everything outside the product. Each operation runs alone, under one lock."""

    def __init__(self, clock: Clock, *, seed: int = 1, session_vault: str = "kv-sessions") -> None:
        """Make a world with a tenant, an empty session vault and nothing else.

        Args:
            clock: the world's time.
            seed: worlds with one seed hand out the same ids and values.
            session_vault: the name of the vault of the owner sessions.
        """
        self.clock = clock
        self.ground = Ground(clock, Mint(seed))
        self.tenant = Tenant(self.ground)
        self.registry = TokenRegistry(self.ground)
        self.vaults: dict[str, Vault] = {}
        self.organizations: dict[str, Organization] = {}
        self.session_vault = self.add_vault(session_vault)
        self.faults = Faults()
        self.limits = Limits()
        """What the services let through; see ``Limits`` for how to switch them on."""
        self.calls: list[Call] = []
        """Every remote call that was made, in order."""
        self.before_call: Callable[[Call], None] = _ignore
        """Called when a call arrives; what it raises takes the place of the call."""
        self.on_judgement: Callable[[Call, Kind | None], None] = _ignore
        """Called when it is clear what is done to the answer of a call, if anything."""
        self.after_effect: Callable[[Call], None] = _ignore
        """Called when a call has been carried out, before it is answered."""

    @property
    def issued(self) -> set[str]:
        """Every secret value that was ever handed out."""
        return self.ground.issued

    # --- Furnishing ---------------------------------------------------------------------------

    @guarded
    def add_vault(self, name: str, *, exists: bool = True) -> Vault:
        """Add a vault, or (``exists`` false) a name under which nothing answers."""
        vault = Vault(name, self.ground, exists=exists)
        self.vaults[name.lower()] = vault
        return vault

    @guarded
    def add_user(self, upn: str) -> User:
        """Add a person."""
        return self.tenant.add_user(upn)

    @guarded
    def add_agent_user(self, upn: str) -> User:
        """Add an agent user, with an agent identity that may act as it."""
        return self.tenant.add_agent_user(upn)

    @property
    def agent_users(self) -> tuple[User, ...]:
        """The accounts that belong to no person."""
        return tuple(user for user in self.tenant.users.values() if user.agent_identity_id)

    @guarded
    def add_organization(self, name: str, members: Iterable[User] = ()) -> Organization:
        """Add an organization and the people who belong to it."""
        ids = {user.identity_id for user in members}
        organization = Organization(name, self.ground.mint.guid(), ids)
        self.organizations[name.lower()] = organization
        return organization

    @guarded
    def connect(self, upn: str) -> None:
        """Leave the vault of the sessions as if the owner had just signed in in a browser."""
        user = self.tenant.users[upn.lower()]
        now = self.clock()
        instant = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        name = session_name(upn)
        if name in {trashed.newest.name for trashed in self.session_vault.list_deleted()}:
            self.session_vault.recover(name)
        for version in self._versions_of(self.session_vault, name):
            self.session_vault.update(name, version, Properties(enabled=False))
        self.session_vault.set(
            name,
            self.tenant.sign_in(user.upn).value,
            Properties(
                content_type=SESSION_CONTENT_TYPE,
                tags={
                    "session-owner": user.upn,
                    "session-signed-in": instant,
                    "session-redeemed": instant,
                    "session-object-id": user.object_id,
                },
                expires_at=now + SESSION_LIFETIME,
            ),
        )

    @staticmethod
    def _versions_of(vault: Vault, name: str) -> list[str]:
        known = {version.name.lower() for version in vault.list_secrets()}
        return [version.id for version in vault.versions(name)] if name in known else []

    # --- Looking ------------------------------------------------------------------------------

    def vault(self, name: str) -> Vault:
        """Give a vault by its name, without regard to case."""
        return self.vaults[name.lower()]

    def organization(self, name: str) -> Organization:
        """Give an organization by its name, without regard to case."""
        return self.organizations[name.lower()]

    @guarded
    def authenticate(self, organization: str, value: str) -> str | None:
        """Give the id of the user as whom a token value authenticates there, or None."""
        return self.registry.authenticate(self.organization(organization), value)

    @guarded
    def token_in(self, vault: str, secret: str) -> Token | None:
        """Give the token whose value the newest version of a secret holds."""
        return self.registry.find(self.vault(vault).newest(secret).value)

    @guarded
    def living_tokens(self) -> tuple[Token, ...]:
        """Give all tokens that are neither revoked nor expired."""
        return self.registry.living()

    @guarded
    def leaks_in(self, text: str) -> int:
        """Count the secret values that ``text`` gives away, plainly or as a Basic credential."""
        forms = ((value, base64.b64encode(f":{value}".encode()).decode()) for value in self.issued)
        return sum(plain in text or encoded in text for plain, encoded in forms)

    # --- The gate -----------------------------------------------------------------------------

    def view(self) -> World:
        """Give another way into this very world, with hooks of its own.

        They begin as this one's; a process behind a view can be watched and stopped by itself.
        """
        return copy(self)

    @contextmanager
    def call(self, call: Call, wait: Callable[[timedelta], None]) -> Iterator[Kind | None]:
        """Let one remote call take effect inside a ``with`` block, alone, faults included.

        Args:
            call: what is asked for; it is counted whatever comes of it.
            wait: how this way into the world lets time pass.

        Yields:
            What is to be done to the true answer on its way back, if anything.

        Raises:
            ConnectionDroppedError: the caller gets no answer.
            AnsweredError: the caller gets another answer.
        """
        with self.ground.lock:
            self.calls.append(call)
        self.before_call(call)
        # Not before the hook: a process that stands there has not yet met its fault.
        with self.ground.lock:
            kind = self.faults.take(call) or self.limits.take(call, self.clock())
        self.on_judgement(call, kind)
        if isinstance(kind, Delay):
            wait(kind.span)
        _interrupt(kind, after_effect=False)
        try:
            with self.ground.lock:
                yield kind
        finally:
            self.after_effect(call)
        _interrupt(kind, after_effect=True)


def _interrupt(kind: Kind | None, *, after_effect: bool) -> None:
    """Raise what takes the place of the true answer, if its moment is now."""
    match kind:
        case Answer() if kind.after_effect is after_effect:
            raise AnsweredError(kind)
        case Drop() if kind.after_effect is after_effect:
            raise ConnectionDroppedError(after_effect=after_effect)
        case _:
            pass


def session_name(upn: str) -> str:
    """Give the name of the secret that holds an owner's session."""
    return "session-" + re.sub(r"[^a-z0-9]+", "-", upn.lower())
