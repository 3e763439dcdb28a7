"""All faces of one world, started together, and what the product must be told about them."""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from sandbox.https.azure_devops import AzureDevOpsFace
from sandbox.https.certificate import Authority
from sandbox.https.control import ControlFace
from sandbox.https.dressed import Dressed
from sandbox.https.dressing import PLAIN
from sandbox.https.entra import EntraFace
from sandbox.https.feed import FeedFace
from sandbox.https.gate import Gate
from sandbox.https.identity import IdentityFace
from sandbox.https.key_vault import KeyVaultFace
from sandbox.https.message import Response
from sandbox.https.pat_api import PatFace
from sandbox.https.pat_gate import PatGate
from sandbox.https.server import HOST, Server

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from sandbox.https.dressing import Dressing
    from sandbox.https.feed import Parcel
    from sandbox.https.server import Respond
    from sandbox.vault import Vault
    from sandbox.world import World


class Sandbox:
    """The faces of a world, on loopback, from ``start`` to ``close`` or inside a ``with`` block.

    The vaults are those that the world has when the faces start; organizations, people and tokens
    may be added at any time. From then on the world's limits are enforced, unless somebody switches
    them off again.
    """

    def __init__(
        self, world: World, authority: Authority | None = None, dressing: Dressing = PLAIN
    ) -> None:
        """Prepare the faces of ``world``.

        Args:
            world: the state behind them.
            authority: lends its certificate; one is made without.
            dressing: the manner in which they answer.
        """
        self.world = world
        self.dressing = dressing
        self.authority = authority or Authority(*dressing.names)
        self.vault_urls: dict[str, str] = {}
        """The address of every vault, by name."""
        self.repositories: dict[str, Path] = {}
        """Bare git repositories, by their path in lower case: ``contoso/web/_git/app``. They may be
        added at any time."""
        self.shelf: dict[str, Parcel] = {}
        """What the feeds give out, by its path: ``contoso/web/_packaging/tools/npm/…``."""
        self._gate = Gate(world)
        self._header = world.ground.issue(world.ground.mint.opaque(32))
        self._servers: list[Server] = []
        self._routes: dict[str, int] = {}
        self._ends = ExitStack()
        if authority is None:
            self._ends.enter_context(self.authority)

    def start(self) -> Self:
        """Start all faces."""
        self.world.limits.are_enforced = True
        gate, path = self._gate, self.dressing.path
        entra = self._open("login")
        entra.start(self._dressed(EntraFace(gate, entra.url)))
        self.authority_url = entra.url
        self.packages_url = self._serve("packages", FeedFace(PatGate(gate), self.shelf))
        self.devops_url = self._serve("devops", AzureDevOpsFace(gate, self.repositories), path)
        self.tokens_url = self._serve("tokens", PatFace(gate), path)
        tenant_url = f"{entra.url}/{self.world.tenant.id}"
        for vault in self.world.vaults.values():
            self.vault_urls[vault.name] = self._serve_vault(vault, tenant_url)
        identity = self._open()
        identity.start(self._dressed(IdentityFace(gate, self._header)))
        self.identity_url = identity.url
        control = self._open()
        control.start(ControlFace(self.world))
        self.control_url = control.url
        if self.dressing.domain:
            proxy = self._open()
            proxy.routes = self._routes
            proxy.start(lambda _: Response.of_page(404, "not found"))
            self.proxy_url = proxy.url
        return self

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables by which the product finds this world."""
        tenant = self.world.tenant
        sessions = self.world.session_vault.name
        vaults = {name: self._vault_setting(name) for name in self.vault_urls}
        kept = vaults.pop(sessions)
        agents = {user.upn: user.agent_identity_id for user in self.world.agent_users}
        environment = {
            "ROTATION_VAULTS": ",".join(vaults.values()),
            "ROTATION_SESSION_VAULT": kept,
            "ROTATION_OWNERS": ",".join(upn for upn in tenant.users if upn not in agents),
            "ROTATION_TENANT_ID": tenant.id,
            "ROTATION_CLIENT_ID": tenant.client_id,
            "ROTATION_DEVOPS_URL": self.devops_url,
            "ROTATION_DEVOPS_TOKENS_URL": self.tokens_url,
            "ROTATION_AUTHORITY": self.authority_url,
            "AZURE_CLIENT_ID": tenant.identity.client_id,
            "IDENTITY_ENDPOINT": f"{self.identity_url}/msi/token",
            "IDENTITY_HEADER": self._header,
            "REQUESTS_CA_BUNDLE": str(self.authority.bundle),
            "NO_PROXY": f"localhost,{HOST}",
            "SANDBOX_CONTROL": self.control_url,
            "SANDBOX_CERTIFICATE": str(self.authority.certificate),
        }
        if self.dressing.domain:
            environment["HTTPS_PROXY"] = self.proxy_url
        if agents and tenant.blueprint:
            pairs = (f"{upn}={identity_id}" for upn, identity_id in agents.items())
            environment["ROTATION_AGENT_OWNERS"] = ",".join(pairs)
            environment["ROTATION_BLUEPRINT_ID"] = tenant.blueprint.client_id
        return environment

    def close(self) -> None:
        """Stop all faces and give their ports back.

        Raises:
            ExceptionGroup: the sandbox itself was at fault while it answered.
        """
        self._gate.close()
        self._ends.close()
        failures = [failure for server in self._servers for failure in server.failures]
        if failures:
            raise ExceptionGroup("errors in the sandbox", failures)

    def _vault_setting(self, name: str) -> str:
        url = self.vault_urls[name]
        return url if self.dressing.domain else f"{name}={url}"

    def _open(self, label: str = "") -> Server:
        """Open a host of that first label, by HTTPS; without a label, one without HTTPS."""
        domain, context = self.dressing.domain, self.authority.context if label else None
        name = f"{label}.{domain}" if label and domain else ""
        server = Server(self.world.clock, context, name=name, wire=self.dressing.wire)
        if name:
            self._routes[f"{name}:443"] = server.port
        self._servers.append(server)
        self._ends.enter_context(closing(server))
        return server

    def _serve(self, label: str, respond: Respond, path: str = "") -> str:
        server = self._open(label)
        server.start(self._dressed(respond, path))
        return server.url + path

    def _dressed(self, face: Respond, path: str = "") -> Respond:
        return face if self.dressing == PLAIN else Dressed(face, self.dressing, path)

    def _serve_vault(self, vault: Vault, tenant_url: str) -> str:
        if vault.exists:
            return self._serve(f"{vault.name}.vault", KeyVaultFace(self._gate, vault, tenant_url))
        if domain := self.dressing.domain:  # to which the proxy has no route
            return f"https://{vault.name}.vault.{domain}"
        # A port that is taken but not listened to: connections to it are refused at once.
        taken = self._ends.enter_context(socket.socket())
        taken.bind((HOST, 0))
        return f"https://localhost:{taken.getsockname()[1]}"

    def __enter__(self) -> Self:
        """Start all faces."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop all faces."""
        self.close()
