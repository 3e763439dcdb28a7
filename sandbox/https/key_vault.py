"""The face of one Key Vault: its data plane, as far as secrets go.

Paths, parameters and answers are those of the published REST specification (Key Vault data plane,
stable 7.5 and 7.6). Whoever comes without a good token gets a challenge that says where to get one
(Key Vault documentation, *Authentication, requests and responses*); the SDK waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.error import VaultRefusedError
from sandbox.grant import KEY_VAULT
from sandbox.https import secret_form
from sandbox.https.message import Request, Response
from sandbox.page import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.https.gate import Gate
    from sandbox.vault import Vault

VERSIONS = frozenset(
    ("2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01")
)
"""Those that are known here. An SDK asks for the newest by itself, and a vault that does not know
it refuses it; look-alikes lag behind by a year and more."""
PAGE_SIZE = 25
"""The most items that a page can have, and what it has unless fewer are asked for."""


class KeyVaultFace:
    """Answers for one vault."""

    def __init__(self, gate: Gate, vault: Vault, authority: str) -> None:
        """Stand before a vault.

        Args:
            gate: the way into the world.
            vault: the vault.
            authority: where a client gets its tokens: the tenant's address.
        """
        self._gate = gate
        self._vault = vault
        self._authority = authority

    def __call__(self, request: Request) -> Response:
        """Answer one request."""
        token = self._gate.world.tenant.inspect(request.bearer)
        if token is None or token.audience != KEY_VAULT:
            return self._gate.call("key-vault", "challenge", self._vault.name, self._challenge)
        errand = _Errand.of(request, self._vault)
        route = _ROUTES.get((request.method, errand.shape))
        if route is None:
            return _refusal(VaultRefusedError(404, "NotFound", "no such resource"))
        target = "/".join(filter(None, (self._vault.name, errand.name, errand.version)))
        return self._gate.call(
            "key-vault", route.operation, target, lambda: self._carry_out(route, errand)
        )

    def _carry_out(self, route: _Route, errand: _Errand) -> Response:
        version = errand.request.query.get("api-version")
        if version not in VERSIONS:
            what = "is missing" if version is None else f"{version} is not known"
            return _refusal(VaultRefusedError(400, "BadParameter", f"api-version {what}"))
        try:
            self._vault.require(route.permission)
            return route.answer(errand)
        except VaultRefusedError as exc:
            return _refusal(exc)

    def _challenge(self) -> Response:
        challenge = f'Bearer authorization="{self._authority}", resource="{KEY_VAULT}"'
        error = VaultRefusedError(401, "Unauthorized", "the request has no valid access token")
        return _refusal(error, {"WWW-Authenticate": challenge})


@dataclass(frozen=True)
class _Errand:
    """One request, taken apart."""

    request: Request
    vault: Vault
    shape: str
    """The path with every name in it replaced by a star."""
    name: str = ""
    version: str | None = None

    @classmethod
    def of(cls, request: Request, vault: Vault) -> _Errand:
        match request.segments:
            case [collection]:
                return cls(request, vault, collection)
            case [collection, name]:
                return cls(request, vault, f"{collection}/*", name)
            case [collection, name, "versions" | "recover" as word]:
                return cls(request, vault, f"{collection}/*/{word}", name)
            case [collection, name, version]:
                return cls(request, vault, f"{collection}/*/*", name, version)
            case _:
                return cls(request, vault, "")

    @property
    def base(self) -> str:
        """The vault's address, as the client wrote it: the ids in answers start with it."""
        return f"https://{self.request.headers.get('host', '')}"


@dataclass(frozen=True)
class _Route:
    operation: str
    permission: str
    answer: Callable[[_Errand], Response]


def _list_secrets(errand: _Errand) -> Response:
    return _paged(errand, [secret_form.item(v, errand.base) for v in errand.vault.list_secrets()])


def _list_versions(errand: _Errand) -> Response:
    # The order is not documented, so that nobody may rely on one: here it is that of the ids.
    versions = sorted(errand.vault.versions(errand.name), key=lambda version: version.id)
    return _paged(errand, [secret_form.version_item(v, errand.base) for v in versions])


def _get_secret(errand: _Errand) -> Response:
    version = errand.vault.get(errand.name, errand.version)
    return Response.of_json(secret_form.bundle(version, errand.base))


def _set_secret(errand: _Errand) -> Response:
    body = errand.request.json()
    value = body.get("value")
    if not isinstance(value, str):
        raise VaultRefusedError(400, "BadParameter", "value is missing or is no string")
    version = errand.vault.set(errand.name, value, secret_form.properties(body))
    return Response.of_json(secret_form.bundle(version, errand.base))


def _update_secret(errand: _Errand) -> Response:
    said = secret_form.properties(errand.request.json())
    version = errand.vault.update(errand.name, errand.version, said)
    return Response.of_json(secret_form.version_item(version, errand.base))


def _delete_secret(errand: _Errand) -> Response:
    trashed = errand.vault.delete(errand.name)
    return Response.of_json(secret_form.deleted(trashed, errand.base))


def _list_deleted(errand: _Errand) -> Response:
    trash = errand.vault.list_deleted()
    return _paged(errand, [secret_form.deleted(trashed, errand.base) for trashed in trash])


def _get_deleted(errand: _Errand) -> Response:
    trashed = errand.vault.get_deleted(errand.name)
    return Response.of_json(secret_form.deleted(trashed, errand.base))


def _recover(errand: _Errand) -> Response:
    version = errand.vault.recover(errand.name)
    return Response.of_json(secret_form.version_item(version, errand.base))


def _purge(errand: _Errand) -> Response:
    errand.vault.purge(errand.name)
    return Response(204)


_ROUTES = {
    ("GET", "secrets"): _Route("list_secrets", "list", _list_secrets),
    ("GET", "secrets/*/versions"): _Route("list_versions", "list", _list_versions),
    ("GET", "secrets/*"): _Route("get_secret", "get", _get_secret),
    ("GET", "secrets/*/*"): _Route("get_secret", "get", _get_secret),
    ("PUT", "secrets/*"): _Route("set_secret", "set", _set_secret),
    ("PATCH", "secrets/*"): _Route("update_secret", "update", _update_secret),
    ("PATCH", "secrets/*/*"): _Route("update_secret", "update", _update_secret),
    ("DELETE", "secrets/*"): _Route("delete_secret", "delete", _delete_secret),
    ("GET", "deletedsecrets"): _Route("list_deleted_secrets", "list", _list_deleted),
    ("GET", "deletedsecrets/*"): _Route("get_deleted_secret", "get", _get_deleted),
    ("POST", "deletedsecrets/*/recover"): _Route("recover_secret", "recover", _recover),
    ("DELETE", "deletedsecrets/*"): _Route("purge_secret", "purge", _purge),
}


def _paged(errand: _Errand, items: Sequence[object]) -> Response:
    query = errand.request.query
    try:
        size = int(query.get("maxresults", PAGE_SIZE))
        start = int(query.get("$skiptoken", "0"))
    except ValueError:
        raise VaultRefusedError(400, "BadParameter", "maxresults is no number") from None
    if not 1 <= size <= PAGE_SIZE:
        message = f"maxresults must be between 1 and {PAGE_SIZE}"
        raise VaultRefusedError(400, "BadParameter", message)
    page = cut(items, start, size)
    link = None
    if page.next_start is not None:
        path = "/".join(errand.request.segments)
        more = f"api-version={query['api-version']}&maxresults={size}&$skiptoken={page.next_start}"
        link = f"{errand.base}/{path}?{more}"
    return Response.of_json({"value": list(page.items), "nextLink": link})


def _refusal(error: VaultRefusedError, headers: dict[str, str] | None = None) -> Response:
    answer: dict[str, object] = {"code": error.code, "message": str(error)}
    if error.inner_code:
        answer["innererror"] = {"code": error.inner_code}
    return Response.of_json({"error": answer}, error.status, headers)
