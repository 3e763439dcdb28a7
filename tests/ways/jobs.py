"""The jobs of GitHub Actions and Azure Pipelines in miniature: each gives its tokens on request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.clock import wall
from sandbox.grant import TOKEN_EXCHANGE
from sandbox.https.message import Response
from sandbox.https.server import Server

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from sandbox.https.message import Request
    from sandbox.tenant import Tenant

GITHUB = ("https://token.actions.githubusercontent.com", "repo:contoso/pat:environment:pat")
PIPELINES = ("https://login.microsoftonline.com/contoso/v2.0", "/eid1/c/pub/t/x/a/y/sc/org/conn")
CONNECTION = "a1b2c3"


@dataclass
class Jobs:
    """Where both kinds of jobs ask for tokens.

    Sources: GitHub documentation, *OpenID Connect reference*; Azure DevOps REST API, *Oidctoken:
    Create*.
    """

    tenant: Tenant
    given: int = 0
    is_silent: bool = False
    """Whether nothing is given any more."""
    is_moved: bool = False
    """Whether everybody is sent to a stranger."""
    strangers: list[str] = field(default_factory=list)
    """What the stranger was shown."""
    _server: Server = field(default_factory=lambda: Server(wall))

    @property
    def key(self) -> str:
        """What a job may ask with."""
        return self._key

    @property
    def of_github(self) -> dict[str, str]:
        """The variables of a job with the permission ``id-token: write``."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self._server.url}/github?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.key,
        }

    @property
    def of_pipelines(self) -> dict[str, str]:
        """The variables of the task ``AzureCLI@2``, but for the one that the recipe sets."""
        return {
            "SYSTEM_OIDCREQUESTURI": f"{self._server.url}/oidctoken",
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": CONNECTION,
            "AZURESUBSCRIPTION_CLIENT_ID": self.tenant.identity.client_id,
        }

    def _answer(self, request: Request) -> Response:
        if request.segments == ("stranger",):
            self.strangers.append(request.bearer or "")
            return Response.of_json({"value": "a.b.c", "oidcToken": "a.b.c"})
        if self.is_moved:
            return Response.of_page(302, "over there", {"Location": f"{self._server.url}/stranger"})
        if request.bearer != self.key or self.is_silent:
            return Response.of_page(401, "who are you?")
        query = request.query
        match request.method, *request.segments:
            case "GET", "github" if query == {"api-version": "2.0", "audience": TOKEN_EXCHANGE}:
                return self._give("value", *GITHUB)
            case "POST", "oidctoken" if query.get("serviceConnectionId") == CONNECTION:
                return self._give("oidcToken", *PIPELINES)
            case _:
                return Response.of_json({"message": "no such thing"}, 404)

    def _give(self, key: str, issuer: str, subject: str) -> Response:
        self.given += 1
        return Response.of_json({key: self.tenant.outside_token(issuer, subject).value})

    def __enter__(self) -> Self:
        """Open the port."""
        ground = self.tenant.ground
        self._key = ground.issue(ground.mint.opaque(32))
        self._server.start(self._answer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it."""
        self._server.close()
        assert not self._server.failures
