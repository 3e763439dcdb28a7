"""An Entra tenant: people and programs, one managed identity, and the ways to their tokens.

The app registration through which people sign in has no secret: its credential is the managed
identity's own token (Entra documentation, *Configure an application to trust a managed identity*).
Flows that policies block anyway (device code, user name and password) are not offered.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.agent import Agents
from sandbox.authorization import Authorization
from sandbox.authorization_code import AuthorizationCodes
from sandbox.clock import wall
from sandbox.directory import DEMANDS, PERMISSIONS, Application, Directory
from sandbox.error import SignInRefusedError
from sandbox.grant import RESOURCES, STORAGE, FederatedCredential, ManagedIdentity
from sandbox.ground import guarded
from sandbox.ledger import Ledger
from sandbox.session import SESSION_LIFETIME, Sessions

if TYPE_CHECKING:
    from sandbox.grant import (
        AccessToken,
        AgentRequest,
        CodeRequest,
        ExchangeRequest,
        Grant,
        IdentityRequest,
        Redemption,
        RefreshRequest,
        RefreshToken,
        User,
    )
    from sandbox.ground import Ground

__all__ = ["SESSION_LIFETIME", "Tenant"]

STORAGE_LIFETIME = timedelta(hours=24)
"""Of a managed identity's token."""
OUTSIDE_LIFETIME = timedelta(hours=1)
"""Of a service account's token, as long as nobody asks for another one."""


class Tenant:
    """One tenant."""

    def __init__(self, ground: Ground) -> None:
        """Found a tenant with an app registration that trusts a managed identity."""
        mint = ground.mint
        self.ground = ground
        self.id = mint.guid()
        self.client_id = mint.guid()
        """Of the app registration through which people sign in."""
        self.identity = ManagedIdentity(mint.guid(), mint.guid())
        self.issuer = f"https://login.microsoftonline.com/{self.id}/v2.0"
        self._ledger = Ledger(ground, self.id, self.issuer)
        self.directory = Directory(ground, self._ledger)
        self._trust = FederatedCredential(self.issuer, self.identity.principal_id)
        self.registration = Application(self.client_id, "pat-rotation", self._trust)
        """The app registration itself. Nowhere may people be sent back to as yet."""
        self.directory.applications[self.client_id] = self.registration
        self._sessions = Sessions(ground, self.directory, self._ledger)
        self._codes = AuthorizationCodes(ground, self.directory, self._ledger, self._sessions)
        self.authorization = Authorization(ground, self.id, self.directory, self._codes)
        """Where people sign in in a browser."""
        self._agents = Agents(ground, self.id, self.directory, self._ledger)

    # --- What there is ------------------------------------------------------------------------

    @property
    def users(self) -> dict[str, User]:
        """Every account, by user principal name."""
        return self.directory.users

    @property
    def redirect_uris(self) -> set[str]:
        """Where the app registration may have people sent back to. To be added to."""
        return self.registration.redirect_uris

    @property
    def federated_credential(self) -> FederatedCredential:
        """Whose token the app registration takes for its own credential."""
        return self.registration.federated_credential

    @federated_credential.setter
    def federated_credential(self, credential: FederatedCredential) -> None:
        self.registration.federated_credential = credential

    @property
    def blueprint(self) -> Application | None:
        """The first blueprint of agent identities that was added, if one was."""
        return self._agents.blueprint

    def is_blueprint(self, client_id: str) -> bool:
        """Tell whether an application is a blueprint of agent identities."""
        return self._agents.is_blueprint(client_id)

    # --- Furnishing ---------------------------------------------------------------------------

    @guarded
    def add_user(self, upn: str) -> User:
        """Give a person an account."""
        return self.directory.add_person(upn)

    @guarded
    def add_application(self, name: str) -> Application:
        """Register one more application that trusts the managed identity."""
        application = Application(self.ground.mint.guid(), name, self._trust)
        self.directory.applications[application.client_id] = application
        return application

    @guarded
    def federate(self, issuer: str, subject: str) -> None:
        """Have the managed identity and all applications that trust it trust an outsider, too."""
        outsider = FederatedCredential(issuer, subject)
        own = self.directory.applications.setdefault(
            self.identity.client_id, Application(self.identity.client_id, "identity", outsider)
        )
        for application in self.directory.applications.values():
            if application is own or application.federated_credential == self._trust:
                application.more_credentials.add(outsider)

    @guarded
    def add_blueprint(self) -> Application:
        """Add a blueprint of agent identities that trusts the managed identity."""
        return self._agents.add_blueprint(self._trust)

    @guarded
    def add_agent_identity(self, blueprint: Application) -> Application:
        """Add a child of a blueprint."""
        return self._agents.add_identity(blueprint)

    @guarded
    def add_agent_user(self, upn: str) -> User:
        """Add an agent user with an agent identity of its own, to which all is consented.

        The identity is a child of the tenant's blueprint, which is added if there is none.
        """
        blueprint = self.blueprint or self._agents.add_blueprint(self._trust)
        return self._agents.add_user(upn, self._agents.add_identity(blueprint))

    # --- What people and administrators do ----------------------------------------------------

    @guarded
    def sign_in(self, upn: str) -> RefreshToken:
        """Let a person sign in and consent, past the browser; it ends what was demanded of them."""
        self.directory.demands.pop(upn.lower(), None)
        self.registration.agree(upn.lower(), PERMISSIONS)
        return self._sessions.write(upn.lower(), self.client_id)

    @guarded
    def revoke_sessions(self, upn: str) -> None:
        """End every session of a person, as an administrator."""
        self._sessions.revoke(upn.lower())

    @guarded
    def demand(self, upn: str, error: str) -> None:
        """Refuse a person's sessions from now on, until they sign in again.

        Args:
            upn: the person.
            error: ``interaction_required`` or ``consent_required``.
        """
        if error not in DEMANDS:
            raise ValueError(f"{error!r} cannot be demanded, expected {' or '.join(DEMANDS)}")
        self.directory.demands[upn.lower()] = error

    @guarded
    def block(self, upn: str) -> None:
        """Have Conditional Access give a user no token, however they sign in."""
        self.directory.blocked.add(upn.lower())

    @guarded
    def unblock(self, upn: str) -> None:
        """Lift what ``block`` did."""
        self.directory.blocked.discard(upn.lower())

    @guarded
    def disable_user(self, upn: str) -> None:
        """Disable an account."""
        self.directory.change(upn, disabled=True)

    @guarded
    def enable_user(self, upn: str) -> None:
        """Enable an account again. Its sessions work again, too."""
        self.directory.change(upn, disabled=False)

    @guarded
    def delete_user(self, upn: str) -> None:
        """Delete an account. Its access tokens are nobody's from now on."""
        del self.users[upn.lower()]

    @guarded
    def grant_consent(self, upn: str) -> None:
        """Consent to all that an application may ask for as a user, as an administrator.

        For an agent user to its agent identity, for a person to the app registration.
        """
        user = self.users[upn.lower()]
        application = self.directory.application(user.agent_identity_id or self.client_id)
        application.agree(user.upn, PERMISSIONS)

    @guarded
    def revoke_consent(self, upn: str) -> None:
        """Take back what a user, or an administrator for all, consented to for any application."""
        for application in self.directory.applications.values():
            application.user_consent.pop(upn.lower(), None)
            application.tenant_consent.clear()

    # --- What clients ask for -----------------------------------------------------------------

    @guarded
    def identity_token(self, resource: str, client_id: str) -> AccessToken | None:
        """Give the managed identity's own token for ``resource``; None for another identity."""
        return self._write_own(resource) if client_id == self.identity.client_id else None

    @guarded
    def outside_token(
        self, issuer: str, subject: str, lifetime: timedelta = OUTSIDE_LIFETIME
    ) -> AccessToken:
        """Have an outsider's own issuer give it the token that it shows here."""
        return self._ledger.write_outside(issuer, subject, lifetime)

    @guarded
    def become_identity(self, request: IdentityRequest) -> AccessToken:
        """Give an outsider a token of the managed identity, for its own token.

        Raises:
            SignInRefusedError: the outsider is not trusted, or nobody gets a token for that.
        """
        self.directory.check_client(request.client_id, request.assertion)
        if request.resource not in RESOURCES:
            message = f"the resource principal named {request.resource} was not found"
            raise SignInRefusedError("invalid_resource", 500011, message)
        return self._write_own(request.resource, is_federated=True)

    def _write_own(self, resource: str, *, is_federated: bool = False) -> AccessToken:
        identity = self.identity
        claims: dict[str, object] = {"oid": identity.principal_id, "appid": identity.client_id}
        if resource == STORAGE:
            claims |= self._for_storage()
        return self._ledger.write_for_application(
            resource, identity.principal_id, claims, None, is_federated=is_federated
        )

    def _for_storage(self) -> dict[str, object]:
        """Give the claims at which Azurite looks, which lives by the machine's clock."""
        now = int(wall().timestamp())
        lifetime = int(STORAGE_LIFETIME.total_seconds())
        times = {"iat": now, "nbf": now, "exp": now + lifetime}
        # Storage is given tokens of Entra's first version.
        return {**times, "iss": f"https://sts.windows.net/{self.id}/"}

    @guarded
    def redeem(self, request: RefreshRequest) -> Redemption:
        """Exchange a refresh token for an access token and a newer refresh token.

        The older one stays valid to its own end.

        Raises:
            SignInRefusedError: the client's credential, the session or the scopes are not good.
        """
        return self._sessions.redeem(request)

    @guarded
    def redeem_code(self, request: CodeRequest) -> Grant:
        """Exchange an authorization code for tokens, once.

        Raises:
            SignInRefusedError: the client's credential, the code, its verifier or its redirect URI
                is not good, or policies have turned against the person since.
        """
        return self._codes.redeem(request)

    @guarded
    def exchange(self, request: ExchangeRequest) -> AccessToken:
        """Give a blueprint or an agent identity the token that is its next credential.

        Raises:
            SignInRefusedError: the client's credential, or whom it wants to become, is not good.
        """
        return self._agents.exchange(request)

    @guarded
    def act(self, request: AgentRequest) -> Grant:
        """Give an agent identity a delegated token of its agent user.

        Raises:
            SignInRefusedError: one of both credentials, the user or the scopes are not good.
        """
        return self._agents.act(request)

    # --- Looking ------------------------------------------------------------------------------

    @guarded
    def inspect(self, value: str) -> AccessToken | None:
        """Give the access token that has this value, if it is somebody's and has not expired."""
        token = self._ledger.inspect(value)
        if token and not token.is_app_only and token.subject not in self.users:
            return None
        return token

    def find_session(self, refresh_token: str) -> RefreshToken | None:
        """Give the session that has this value, dead or alive, without using it."""
        return self._sessions.find(refresh_token)

    def session_owner(self, refresh_token: str) -> str:
        """Give the user principal name that a refresh token belongs to, or ``unknown``."""
        return self._sessions.owner(refresh_token)

    def code_owner(self, code: str) -> str:
        """Give the user principal name that an authorization code belongs to, or ``unknown``."""
        return self._codes.owner(code)

    @guarded
    def name_of(self, object_id: str) -> str:
        """Give the user principal name that goes with an object id; the id itself if none does."""
        return self.directory.name_of(object_id)
