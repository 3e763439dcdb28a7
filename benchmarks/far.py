"""The services, far away: a sandbox in a process of its own, whose answers take a round trip.

``python -m benchmarks.far SPECIFICATION`` prints the environment by which the product finds it, as
JSON, and ends when its standard input does. So what is measured shares no interpreter with what
answers. The services are those of ``sandbox``; only the pages of long lists may be prepared, so
that answering costs next to nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.clock import ShiftedClock
from sandbox.furniture import CONTENT_TYPE, ORGANIZATION, Placement, place, recorded_id
from sandbox.grant import KEY_VAULT
from sandbox.https import Sandbox, pat_form, secret_form
from sandbox.https.key_vault import PAGE_SIZE, KeyVaultFace
from sandbox.https.message import Response
from sandbox.https.pat_api import PatFace
from sandbox.https.server import Server
from sandbox.page import Page
from sandbox.token import Token
from sandbox.vault import SecretVersion
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.https.message import Request
    from sandbox.https.server import Respond
    from sandbox.registry import Caller
    from sandbox.vault import Vault

DAY = timedelta(days=1)
VERSION = "7.6"
TOKENS_A_PAGE = 100
READ = 100
"""Secrets of each vault that can be read, where everything is prepared."""


@dataclass(frozen=True)
class Far:
    """What is far away, and how far."""

    secrets: int
    vaults: int
    owners: int
    age_days: float
    """Of every token; with the defaults, one of 20 days or more is due."""
    round_trip: float
    """Seconds from a request to its answer."""
    is_prepared: bool = False
    """Whether there are only lists, written in advance, and a few secrets to read."""


@contextmanager
def running(far: Far) -> Iterator[dict[str, str]]:
    """Run it; give the environment variables by which the product finds it."""
    command = [sys.executable, "-m", "benchmarks.far", json.dumps(asdict(far))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield json.loads(line)
        finally:
            if process.stdin:
                process.stdin.close()
            process.wait()


def main() -> int:
    """Serve until nobody needs it any more.

    Returns:
        0.
    """
    far = Far(**json.loads(sys.argv[1]))
    with _Far(furnished(far), far) as sandbox:
        print(json.dumps(sandbox.environment), flush=True)
        sys.stdin.read()
    return 0


def furnished(far: Far) -> World:
    """Give the world that is asked for; without secrets, if their lists are prepared."""
    world = World(ShiftedClock())
    owners = [f"owner-{number}@contoso.example" for number in range(far.owners)]
    world.add_organization(ORGANIZATION, [world.add_user(owner) for owner in owners])
    for owner in owners:
        world.connect(owner)
    for number in range(far.vaults):
        world.add_vault(f"kv-{number}")
    for number in range(0 if far.is_prepared else far.secrets):
        owner = owners[number % far.owners]
        placement = Placement(
            f"feed-{number:06}",
            vault=f"kv-{number % far.vaults}",
            owner=owner,
            age=far.age_days * DAY,
            tags={"pat-owner": owner},
        )
        place(world, placement)
    return world


class _Far(Sandbox):
    """A sandbox whose answers take their time."""

    def __init__(self, world: World, far: Far) -> None:
        super().__init__(world)
        self._far = far
        self._lists = _Lists(world, far) if far.is_prepared else None

    def _open(self, label: str = "") -> Server:
        context = self.authority.context if label else None
        # The endpoint of the managed identity is on the machine itself, and no round trip away.
        server = _LateServer(self._far.round_trip if label else 0, self.world.clock, context)
        self._servers.append(server)
        self._ends.callback(server.close)
        return server

    def _serve(self, label: str, respond: Respond, path: str = "") -> str:
        if self._lists and isinstance(respond, PatFace):
            respond = _PreparedTokens(self._gate, self._lists)
        return super()._serve(label, respond, path)

    def _serve_vault(self, vault: Vault, tenant_url: str) -> str:
        if not self._lists or vault is self.world.session_vault:
            return super()._serve_vault(vault, tenant_url)
        server = self._open(vault.name)
        answers = self._lists.of_vault(vault.name, server.url)
        face = KeyVaultFace(self._gate, vault, tenant_url)
        server.start(_PreparedVault(self.world, face, answers))
        return server.url


class _LateServer(Server):
    """Answers a round trip after it was asked."""

    def __init__(self, round_trip: float, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type] # handed on
        self._round_trip = round_trip

    def start(self, respond: Respond) -> None:
        def late(request: Request) -> Response:
            due = time.monotonic() + self._round_trip
            response = respond(request)
            time.sleep(max(due - time.monotonic(), 0))
            return response

        super().start(late)


class _Lists:
    """The pages of all lists, written in advance."""

    def __init__(self, world: World, far: Far) -> None:
        self._secrets: dict[str, list[SecretVersion]] = {}
        self._tokens: dict[str, list[Token]] = {}
        for number in range(far.secrets):
            owner = f"owner-{number % far.owners}@contoso.example"
            vault = f"kv-{number % far.vaults}"
            token, secret = _made(world, f"feed-{number:06}", vault, owner, far.age_days * DAY)
            self._secrets.setdefault(vault, []).append(secret)
            self._tokens.setdefault(token.owner, []).append(token)
        self.of_tokens = {
            (owner, start): Page(tuple(tokens[start:end]), end if end < len(tokens) else None)
            for owner, tokens in self._tokens.items()
            for start in range(0, len(tokens), TOKENS_A_PAGE)
            for end in [start + TOKENS_A_PAGE]
        }

    def of_vault(self, vault: str, base: str) -> dict[str, Response]:
        """Give the pages of a vault by where they begin, and some of its secrets by their names."""
        secrets = self._secrets.get(vault, [])
        pages = {
            str(start): Response.of_json(_page(secrets, start, base))
            for start in range(0, max(len(secrets), 1), PAGE_SIZE)
        }
        read = {s.name: Response.of_json(secret_form.bundle(s, base)) for s in secrets[:READ]}
        return pages | read


def _made(
    world: World, name: str, vault: str, owner: str, age: timedelta
) -> tuple[Token, SecretVersion]:
    """Make a token, and the secret that holds it, without putting them anywhere."""
    mint, stored_at = world.ground.mint, (world.clock() - age).replace(microsecond=0)
    token = Token(
        authorization_id=mint.guid(),
        owner=world.tenant.users[owner].identity_id,
        display_name=f"{name} [{vault}/{name}]",
        scope="vso.code",
        valid_from=stored_at,
        valid_to=stored_at + 30 * DAY,
        accounts=(world.organization(ORGANIZATION).account_id,),
        value=mint.token_value(),
    )
    tags = {
        "pat-rotation": "regenerate",
        "pat-organization": ORGANIZATION,
        "pat-owner": owner,
        "pat-authorization-id": recorded_id(token),
    }
    secret = SecretVersion(
        name=name,
        id=mint.version_id(),
        value="",
        created_at=stored_at,
        updated_at=stored_at,
        tags=tags,
        content_type=CONTENT_TYPE,
        enabled=True,
        expires_at=token.valid_to,
        not_before=None,
    )
    return token, secret


def _page(secrets: Sequence[SecretVersion], start: int, base: str) -> dict[str, object]:
    end = start + PAGE_SIZE
    link = f"{base}/secrets?api-version={VERSION}&$skiptoken={end}" if end < len(secrets) else None
    items = [secret_form.item(secret, base) for secret in secrets[start:end]]
    return {"value": items, "nextLink": link}


class _PreparedVault:
    """A vault whose answers are prepared."""

    def __init__(self, world: World, face: KeyVaultFace, answers: dict[str, Response]) -> None:
        self._world = world
        self._face = face
        self._answers = answers

    def __call__(self, request: Request) -> Response:
        token = self._world.tenant.inspect(request.bearer)
        if token is None or token.audience != KEY_VAULT:
            return self._face(request)  # which asks for one
        name = request.segments[1] if request.segments[1:] else None
        return self._answers[name or request.query.get("$skiptoken", "0")]


class _PreparedTokens(PatFace):
    """The PAT API, whose lists are prepared."""

    def __init__(self, gate: object, lists: _Lists) -> None:
        super().__init__(gate)  # type: ignore[arg-type] # handed on
        self._pages = lists.of_tokens
        self._written: dict[object, Response] = {}

    def _list(self, caller: Caller, request: Request) -> Response:
        query = pat_form.read_query(request.query)
        asked = (caller.owner, query)
        if asked not in self._written:
            page = self._pages[caller.owner, query.start]
            self._written[asked] = Response.of_json(pat_form.page(page, query))
        return self._written[asked]


if __name__ == "__main__":
    sys.exit(main())
