"""Who an Entra tenant knows, what each may do, and who has agreed to what.

Entra documentation: *Microsoft Entra authentication and authorization error codes* for the numbers,
*Workload identity federation* for the credential, *User and admin consent* for the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from sandbox.error import SignInRefusedError
from sandbox.grant import AZURE_DEVOPS, FederatedCredential, User
from sandbox.mint import Mint

if TYPE_CHECKING:
    from sandbox.grant import AccessToken
    from sandbox.ground import Ground
    from sandbox.ledger import Ledger

DEMANDS = {"interaction_required": 50076, "consent_required": 65001}
OPENID_SCOPES = frozenset({"openid", "profile", "offline_access", "email"})
PERMISSIONS = frozenset({"vso.pats", "vso.pats_manage"})
"""What the applications here are registered to ask for: ``.default`` means these."""
_SCOPE = re.compile(r"vso\.[a-z_]+|user_impersonation|\.default")


@dataclass
class Application:
    """An application that the tenant knows; its credentials are federated ones."""

    client_id: str
    name: str
    federated_credential: FederatedCredential
    more_credentials: set[FederatedCredential] = field(default_factory=set)
    """Those of outsiders, such as a Kubernetes cluster's service account."""
    redirect_uris: set[str] = field(default_factory=set)
    """Where people may be sent back to after they signed in, compared letter by letter."""
    parent_id: str = ""
    """Of an agent identity: the blueprint that it is a child of."""
    tenant_consent: set[str] = field(default_factory=set)
    """The scopes of Azure DevOps that an administrator has granted for everybody."""
    user_consent: dict[str, set[str]] = field(default_factory=dict)
    """Those that each user has agreed to, by user principal name."""

    def consented(self, upn: str) -> frozenset[str]:
        """Give the scopes that the application may use as this user."""
        return frozenset(self.tenant_consent | self.user_consent.get(upn, set()))

    def agree(self, upn: str, scopes: frozenset[str]) -> None:
        """Note that a user has agreed to ``scopes``."""
        self.user_consent.setdefault(upn, set()).update(scopes)


class Directory:
    """The accounts and the applications of one tenant, and the policies about them."""

    def __init__(self, ground: Ground, ledger: Ledger) -> None:
        """Begin with nobody; ``ledger`` tells which client assertions were issued."""
        self.users: dict[str, User] = {}
        self.applications: dict[str, Application] = {}
        self.admin_consent_required = False
        """Whether only an administrator may consent to anything."""
        self.blocked: set[str] = set()
        """Whom Conditional Access gives no token at all."""
        self.demands: dict[str, str] = {}
        """From whom something is demanded that only a sign-in can give, and which."""
        self._ground = ground
        self._ledger = ledger

    def add_person(self, upn: str) -> User:
        """Give a person an account, with a password and another device."""
        ground = self._ground
        user = User(upn.lower(), ground.mint.guid(), ground.mint.guid())
        # A mint of the person's own: what they know changes no value that is made after them.
        own = Mint(UUID(user.object_id).int)
        password, number = own.opaque(24), str(own.between(10**7, 10**8 - 1))
        user = replace(user, password=ground.issue(password), second_factor=ground.issue(number))
        self.users[user.upn] = user
        return user

    def change(self, upn: str, *, disabled: bool) -> None:
        """Disable an account, or enable it again."""
        self.users[upn.lower()] = replace(self.users[upn.lower()], disabled=disabled)

    def find(self, upn: str) -> User:
        """Give an account by its user principal name.

        Raises:
            SignInRefusedError: there is none of that name.
        """
        user = self.users.get(upn.lower())
        if user is None:
            message = f"the user account {upn} does not exist in the directory"
            raise SignInRefusedError("invalid_grant", 50034, message)
        return user

    def name_of(self, object_id: str) -> str:
        """Give the user principal name that goes with an object id; the id itself if none does."""
        names = (user.upn for user in self.users.values() if user.object_id == object_id)
        return next(names, object_id)

    def check_enabled(self, upn: str) -> User:
        """Give an account that may be used at all.

        Raises:
            SignInRefusedError: there is none, or it is disabled.
        """
        user = self.find(upn)
        if user.disabled:
            raise SignInRefusedError("invalid_grant", 50057, "the user account is disabled")
        return user

    def check_access(self, upn: str) -> User:
        """Give an account that policies let have tokens.

        Raises:
            SignInRefusedError: there is none, it is disabled, or Conditional Access blocks it.
        """
        user = self.check_enabled(upn)
        if user.upn in self.blocked:
            message = "access has been blocked by Conditional Access policies"
            raise SignInRefusedError("invalid_grant", 53003, message, suberror="message_only")
        return user

    def check_demands(self, upn: str) -> None:
        """See that nothing is demanded that only a sign-in in a browser can give.

        Raises:
            SignInRefusedError: something is.
        """
        error = self.demands.get(upn)
        if error:
            message = "the user must take part in a sign-in"
            raise SignInRefusedError(error, DEMANDS[error], message, suberror="basic_action")

    def application(self, client_id: str) -> Application:
        """Give an application by its client id.

        Raises:
            SignInRefusedError: there is none.
        """
        application = self.applications.get(client_id)
        if application is None:
            message = f"application {client_id} was not found in the directory"
            raise SignInRefusedError("unauthorized_client", 700016, message)
        return application

    def check_client(self, client_id: str, assertion: str) -> Application:
        """Give the application that proves itself with a client assertion.

        Raises:
            SignInRefusedError: it does not exist, the assertion was not issued or has expired, was
                itself got by a federated credential, or has another issuer, subject or audience
                than each federated credential.
        """
        application = self.application(client_id)
        if not assertion:
            message = "the request must contain client_assertion or client_secret"
            raise SignInRefusedError("invalid_client", 7000218, message)
        token: AccessToken | None = self._ledger.inspect(assertion)
        if token is None:
            message = "the client assertion has expired or was never issued"
            raise SignInRefusedError("invalid_client", 700024, message)
        if token.is_federated:
            message = (
                "a token obtained using another federated identity credential is no credential"
            )
            raise SignInRefusedError("invalid_client", 700231, message)
        shown = FederatedCredential(token.issuer, token.subject, token.audience)
        if shown not in {application.federated_credential, *application.more_credentials}:
            message = "no matching federated identity record found for the presented assertion"
            raise SignInRefusedError("invalid_client", 700213, message)
        return application

    def granted(self, application: Application, upn: str, scopes: frozenset[str]) -> frozenset[str]:
        """Give the scopes of Azure DevOps that ``scopes`` ask for, if they are consented to.

        Raises:
            SignInRefusedError: they are of another resource, or nobody consented to one of them.
        """
        consented = application.consented(upn)
        names = scope_names(scopes)
        if ".default" in names:
            names = names - {".default"} | consented
        if not names <= consented or (scopes - OPENID_SCOPES and not names):
            error = "consent_required"
            message = "nobody has consented to the application's use of the resource"
            raise SignInRefusedError(error, DEMANDS[error], message, suberror=error)
        return names


def scope_names(scopes: frozenset[str]) -> frozenset[str]:
    """Give the names of the scopes that are of Azure DevOps, ``.default`` as it is.

    Raises:
        SignInRefusedError: one is of another resource, or of none.
    """
    names = set()
    for scope in scopes - OPENID_SCOPES:
        resource, _, name = scope.rpartition("/")
        if resource != AZURE_DEVOPS:
            message = f"the resource {resource!r} was not found in the tenant"
            raise SignInRefusedError("invalid_resource", 500011, message)
        if not _SCOPE.fullmatch(name):
            message = f"the scope {name!r} does not exist on the resource"
            raise SignInRefusedError("invalid_client", 650053, message)
        names.add(name)
    return frozenset(names)
