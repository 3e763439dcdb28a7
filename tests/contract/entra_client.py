"""A confidential client of the tenant: msal where it speaks, plain HTTP where a test wants to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msal
import requests

from sandbox.grant import AZURE_DEVOPS, TOKEN_EXCHANGE
from sandbox.https.grant_form import ASSERTION_TYPE
from sandbox.web_token import digest

if TYPE_CHECKING:
    from sandbox.https import Sandbox
    from sandbox.person import FormPost, Person

REDIRECT_URI = "https://rotation.example/sign-in/callback"
SCOPES = [f"{AZURE_DEVOPS}/vso.pats", f"{AZURE_DEVOPS}/vso.pats_manage"]
VERIFIER = "a-verifier-of-the-least-length-which-is-43-ok"


@dataclass(frozen=True)
class EntraClient:
    """Speaks to the one tenant of a sandbox."""

    sandbox: Sandbox
    http: requests.Session = field(default_factory=requests.Session)

    @property
    def url(self) -> str:
        """The tenant's address."""
        return f"{self.sandbox.authority_url}/{self.sandbox.world.tenant.id}"

    def assertion(self, audience: str = TOKEN_EXCHANGE) -> str:
        """Give a fresh token of the managed identity, past the network."""
        tenant = self.sandbox.world.tenant
        token = tenant.identity_token(audience, tenant.identity.client_id)
        assert token
        return token.value

    def application(
        self, client_id: str = "", assertion: str = ""
    ) -> msal.ConfidentialClientApplication:
        """Give Microsoft's own client: of the app registration, by the identity, unless told."""
        return msal.ConfidentialClientApplication(
            client_id or self.sandbox.world.tenant.client_id,
            authority=self.url,
            instance_discovery=False,
            client_credential={"client_assertion": lambda: assertion or self.assertion()},
            http_client=self.http,
        )

    def authorize_url(self, **changes: str | None) -> str:
        """Give the link to the sign-in pages; None leaves a parameter out."""
        asked: dict[str, str | None] = {
            "client_id": self.sandbox.world.tenant.client_id,
            "response_type": "code",
            "redirect_uri": REDIRECT_URI,
            "response_mode": "form_post",
            "scope": " ".join(["openid", "offline_access", *SCOPES]),
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": digest(VERIFIER),
            "code_challenge_method": "S256",
            **changes,
        }
        query = {name: value for name, value in asked.items() if value is not None}
        return f"{self.url}/oauth2/v2.0/authorize?{urlencode(query)}"

    def open(self, **changes: str | None) -> requests.Response:
        """Follow that link, and no redirect."""
        return self.http.get(self.authorize_url(**changes), allow_redirects=False, timeout=5)

    def sign_in(self, person: Person, **changes: str | None) -> FormPost:
        """Have a person sign in, and give what comes back to the application."""
        return person.sign_in(self.http, self.authorize_url(**changes))

    def token(self, **changes: str | None) -> tuple[int, dict[str, Any]]:
        """Ask the token endpoint as the app registration; None leaves a parameter out."""
        asked: dict[str, str | None] = {
            "client_id": self.sandbox.world.tenant.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(),
            **changes,
        }
        form = {name: value for name, value in asked.items() if value is not None}
        answer = self.http.post(f"{self.url}/oauth2/v2.0/token", data=form, timeout=5)
        return answer.status_code, answer.json()

    def redeem(self, code: str | None, **changes: str | None) -> tuple[int, dict[str, Any]]:
        """Redeem an authorization code, with the right verifier unless told."""
        asked: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }
        return self.token(**{**asked, **changes})
