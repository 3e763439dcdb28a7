"""An OpenID provider that is not ours, in the place of Entra: oidc-provider, as a process.

It is certified by the OpenID Foundation, and knows nothing of this product. What Entra has of its
own, it lacks: federated credentials (an application's key stands for the managed identity's),
AADSTS numbers, Conditional Access.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit
from uuid import uuid4

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import ec

from sandbox.azurite import FOLDER
from sandbox.clock import wall
from sandbox.grant import AZURE_DEVOPS, AccessToken
from sandbox.https.admission import TOKEN_SCOPES
from sandbox.person import FormPost, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType
    from typing import Self

    from sandbox.https import Authority
    from sandbox.world import World

SCRIPT = Path(__file__).parents[1] / "witnesses" / "openid.mjs"
PACKAGE = FOLDER / "node_modules" / "oidc-provider"
RESOURCE = "urn:azure-devops"
"""What it calls Azure DevOps in its access tokens."""
END_SECONDS = 20
PATIENCE_SECONDS = 10
ASSERTION_LIFETIME = timedelta(hours=1)
TOO_MANY_PAGES = 10


class Used(StrEnum):
    """What becomes of a refresh token that was used."""

    LIVES = "lives"
    """It stays valid beside the new one, as Entra documents it."""
    KILLS = "kills"
    """Whoever uses it again ends the session: it is taken for stolen."""
    STAYS = "stays"
    """It is given again: there is no other."""


class Provider:
    """One process, from ``start`` to ``close`` or inside a ``with`` block."""

    def __init__(self, authority: Authority) -> None:
        """Prepare it; it shows the certificate of ``authority``."""
        self._authority = authority
        self._process: subprocess.Popen[str] | None = None
        self.tenant_id = str(uuid4())
        self.key = ec.generate_private_key(ec.SECP256R1())
        """What an application proves itself with."""
        self.people = {"ada@contoso.example": str(uuid4()), "bob@contoso.example": str(uuid4())}
        """Who can sign in: names, and object ids."""
        self.url = ""
        """Where it is, without the tenant."""

    @property
    def issuer(self) -> str:
        """What it calls itself."""
        return f"{self.url}/{self.tenant_id}/v2.0"

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        if not PACKAGE.exists():
            raise FileNotFoundError(f"there is no {PACKAGE}: run make witnesses")
        self._process = subprocess.Popen(
            ["node", str(SCRIPT), str(FOLDER)],  # noqa: S607 - the one on the PATH
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        told = self.tell(
            tenant=self.tenant_id,
            certificate=str(self._authority.certificate),
            people=self.people,
            scopes=[f"{AZURE_DEVOPS}/{scope}" for scope in sorted(TOKEN_SCOPES)],
        )
        self.url = str(told["url"])
        return self

    def tell(self, **words: object) -> dict[str, Any]:
        """Tell it something, and give what it answers; ``openid.mjs`` says what can be told."""
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(words)}\n")
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def register(self, client_id: str, redirect_uri: str) -> None:
        """Let it know an application, whose key is ``key``; all else is as in the beginning."""
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        client = {
            "client_id": client_id,
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "private_key_jwt",
            "id_token_signed_response_alg": "ES256",
            "jwks": {"keys": [key]},
        }
        self.tell(client=client, ahead=0, used=Used.LIVES)

    def close(self) -> None:
        """End it."""
        if self._process:
            self._process.communicate(timeout=END_SECONDS)
            self._process = None

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self.close()


@dataclass
class Tenancy:
    """The provider as one test finds it, in the world of that test."""

    provider: Provider
    world: World
    keep_secret: Callable[[str], str]
    """Takes note that a value must not be told, and gives it back."""
    key: ec.EllipticCurvePrivateKey = field(init=False)
    """What the managed identity's assertions are signed with."""

    def __post_init__(self) -> None:
        """Begin with the right key."""
        self.key = self.provider.key
        self._inspect = self.world.tenant.inspect
        keys = requests.get(f"{self.provider.issuer}/jwks", timeout=PATIENCE_SECONDS).json()
        self._signer = jwt.PyJWK(keys["keys"][0])

    def advance(self, span: timedelta) -> None:
        """Let time pass, there and here."""
        self.world.clock.advance(span)
        self.provider.tell(ahead=(self.world.clock() - wall()).total_seconds())

    def assertion(self, client_id: str) -> str:
        """Give what stands for the managed identity's token: a credential of the application."""
        now = self.world.clock()
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": self.provider.issuer,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + ASSERTION_LIFETIME,
        }
        return self.keep_secret(jwt.encode(claims, self.key, algorithm="ES256"))

    def inspect(self, value: str) -> AccessToken | None:
        """Be Azure DevOps, which checks a token by itself: who signed it, for whom, until when."""
        try:
            claims = jwt.decode(
                value,
                self._signer,
                algorithms=["ES256"],
                audience=RESOURCE,
                issuer=self.provider.issuer,
                options={"verify_iat": False, "verify_exp": False},  # below, by the world's time
            )
        except jwt.InvalidTokenError:
            return self._inspect(value)  # of another identity
        ends_at = datetime.fromtimestamp(claims["exp"], UTC)
        if ends_at <= self.world.clock():
            return None
        scopes = frozenset(scope.rpartition("/")[2] for scope in claims["scope"].split())
        return AccessToken(
            value=self.keep_secret(value),
            audience=AZURE_DEVOPS,
            subject=claims["sub"],
            issuer=claims["iss"],
            is_app_only=False,
            scopes=scopes,
            expires_at=ends_at,
        )


@dataclass(frozen=True)
class Guest:
    """Somebody who signs in there with a browser without scripts."""

    name: str
    button: str = "next"

    def sign_in(self, http: requests.Session, url: str) -> FormPost:
        """Walk through the pages; see ``sandbox.person.Person``."""
        answer = http.get(url, timeout=PATIENCE_SECONDS)
        for _ in range(TOO_MANY_PAGES):
            page = Page.read(answer.text)
            assert page.action, page.text
            action = urljoin(answer.url, page.action)
            if urlsplit(action).netloc != urlsplit(url).netloc:
                return FormPost(action, page.fields)
            form: Mapping[str, str] = {"login": self.name, "button": self.button}
            answer = http.post(action, data=form, timeout=PATIENCE_SECONDS)
        raise AssertionError("the pages do not end")
