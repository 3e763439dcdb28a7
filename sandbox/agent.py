"""Agent users: user identities without a person, and the three legs that lead to their tokens.

Entra Agent ID documentation, *Agent's user account impersonation protocol*: a blueprint, whose
credential is the managed identity's token, gets a token (T1) that is the credential of one of its
agent identities; that one gets a token of its own (T2), and with both acts as its agent user. Each
token fits only the next leg of the one agent identity that it was made for. The form of T1's
subject is the one that such tokens are seen to have.
"""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sandbox.directory import PERMISSIONS, Application
from sandbox.error import SignInRefusedError
from sandbox.grant import TOKEN_EXCHANGE, FederatedCredential, Grant, User

if TYPE_CHECKING:
    from sandbox.directory import Directory
    from sandbox.grant import AccessToken, AgentRequest, ExchangeRequest
    from sandbox.ground import Ground
    from sandbox.ledger import Ledger

LIFETIME = timedelta(hours=1)


class Agents:
    """The blueprints, agent identities and agent users of one tenant."""

    def __init__(
        self, ground: Ground, tenant_id: str, directory: Directory, ledger: Ledger
    ) -> None:
        """Begin without any; they are entered in ``directory`` as they come."""
        self.blueprint: Application | None = None
        """The first one that was added."""
        self._blueprints: set[str] = set()
        self._ground = ground
        self._tenant_id = tenant_id
        self._directory = directory
        self._ledger = ledger

    def add_blueprint(self, credential: FederatedCredential) -> Application:
        """Add a blueprint that has ``credential``."""
        name = f"blueprint {len(self._blueprints) + 1}"
        blueprint = Application(self._ground.mint.guid(), name, credential)
        self._directory.applications[blueprint.client_id] = blueprint
        self._blueprints.add(blueprint.client_id)
        self.blueprint = self.blueprint or blueprint
        return blueprint

    def add_identity(self, blueprint: Application) -> Application:
        """Add a child of a blueprint: its credential is T1."""
        client_id = self._ground.mint.guid()
        identity = Application(
            client_id,
            f"agent identity of {blueprint.name}",
            FederatedCredential(self._ledger.issuer, self._path(blueprint.client_id, client_id)),
            parent_id=blueprint.client_id,
        )
        self._directory.applications[client_id] = identity
        return identity

    def add_user(self, upn: str, identity: Application) -> User:
        """Add the agent user of an agent identity, and consent to what the identity may ask for."""
        mint = self._ground.mint
        user = User(upn.lower(), mint.guid(), mint.guid(), agent_identity_id=identity.client_id)
        self._directory.users[user.upn] = user
        identity.agree(user.upn, PERMISSIONS)
        return user

    def is_blueprint(self, client_id: str) -> bool:
        """Tell whether an application is a blueprint."""
        return client_id in self._blueprints

    def exchange(self, request: ExchangeRequest) -> AccessToken:
        """Give T1 to a blueprint, or T2 to an agent identity.

        A blueprint that does not say whom it wants to become gets a token that is nobody's
        credential.

        Raises:
            SignInRefusedError: the credential is not good; the client is neither of both; the agent
                identity does not exist, or is the child of another.
        """
        client = self._directory.check_client(request.client_id, request.assertion)
        wanted = request.agent_identity_id
        if client.parent_id and not wanted:
            return self._write(client, client.client_id)
        if not self.is_blueprint(client.client_id):
            message = f"application {client.client_id} may not impersonate anything"
            raise SignInRefusedError("unauthorized_client", 70001, message)
        if not wanted:
            return self._write(client, client.client_id)
        child = self._directory.applications.get(wanted)
        if child is None or child.parent_id != client.client_id:
            message = f"agent identity {wanted} was not found among those of the blueprint"
            raise SignInRefusedError("unauthorized_client", 700016, message)
        return self._write(client, self._path(client.client_id, wanted))

    def act(self, request: AgentRequest) -> Grant:
        """Give an agent identity a delegated token of its agent user.

        Raises:
            SignInRefusedError: see ``Tenant.act``.
        """
        client = self._directory.check_client(request.client_id, request.assertion)
        self._check_credential(client, request.credential)
        user = self._find(request)
        if not client.parent_id or user.agent_identity_id != client.client_id:
            message = f"application {client.client_id} may not act as {user.upn}"
            raise SignInRefusedError("invalid_grant", 50013, message)
        self._directory.check_access(user.upn)
        self._directory.check_demands(user.upn)
        scopes = self._directory.granted(client, user.upn, request.scopes)
        access = self._ledger.write_for_user(user, client.client_id, scopes)
        lifetime, id_token = access.lifetime, ""
        if "openid" in request.scopes:
            id_token = self._ledger.write_id_token(user, client.client_id, lifetime)
        return Grant(access, user, lifetime, id_token)

    def _check_credential(self, client: Application, value: str) -> None:
        token = self._ledger.inspect(value)
        if token is None or (token.audience, token.subject) != (TOKEN_EXCHANGE, client.client_id):
            message = "the user federated identity credential is not the agent identity's own"
            raise SignInRefusedError("invalid_grant", 50013, message)

    def _find(self, request: AgentRequest) -> User:
        if bool(request.username) is bool(request.user_id):
            message = "the request must contain one of the parameters username and user_id"
            raise SignInRefusedError("invalid_request", 900144, message)
        return self._directory.find(request.username or self._directory.name_of(request.user_id))

    def _write(self, client: Application, subject: str) -> AccessToken:
        claims = {"oid": client.client_id, "azp": client.client_id}
        return self._ledger.write_for_application(TOKEN_EXCHANGE, subject, claims, LIFETIME)

    def _path(self, blueprint_id: str, agent_identity_id: str) -> str:
        tenant, blueprint = _short(self._tenant_id), _short(blueprint_id)
        return f"/eid1/c/pub/t/{tenant}/a/{blueprint}/{agent_identity_id}"


def _short(guid: str) -> str:
    return base64.urlsafe_b64encode(UUID(guid).bytes_le).rstrip(b"=").decode()
