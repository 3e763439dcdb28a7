"""Where a PAT is the password: git, feeds, and whatever else asks for one by Basic credentials.

That 403 is the answer to a token which lacks the scope is documented nowhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sandbox.error import CallerRefusedError
from sandbox.https.admission import find_organization, password, payer, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.https.gate import Gate
    from sandbox.https.message import Request, Response

UNAUTHORIZED = 401
FULL = "app_token"
CHALLENGE = 'Basic realm="sandbox"'


class PatGate:
    """Lets in who shows a PAT that lives, belongs to a member, and has the scope."""

    def __init__(self, gate: Gate) -> None:
        """Stand before all organizations of the world behind ``gate``."""
        self._gate = gate
        self._world = gate.world

    def call(
        self,
        operation: str,
        request: Request,
        scopes: frozenset[str],
        carry_out: Callable[[], Response],
    ) -> Response:
        """Make one remote call, if the caller may.

        Args:
            operation: see ``Call``; the target is the path.
            request: the call. Its path begins with the organization.
            scopes: any of which will do.
            carry_out: lets the call take effect.
        """
        target = "/".join(request.segments)
        return self._gate.call(
            "azure-devops",
            operation,
            target,
            lambda: self._answer(request, scopes, carry_out),
            payer(self._world, request),
        )

    def _answer(
        self, request: Request, scopes: frozenset[str], carry_out: Callable[[], Response]
    ) -> Response:
        try:
            self._check(request, scopes)
        except CallerRefusedError as exc:
            refused = refusal(exc, self._world.tenant.id)
            if exc.status != UNAUTHORIZED:
                return refused
            # The real one asks for more than Basic, each in a header of its own.
            return replace(refused, headers={**refused.headers, "WWW-Authenticate": CHALLENGE})
        return carry_out()

    def _check(self, request: Request, scopes: frozenset[str]) -> None:
        organization = find_organization(self._world, (*request.segments, "")[0])
        value = password(request) or ""
        token = self._world.registry.find(value)
        if token is None or self._world.authenticate(organization.name, value) is None:
            raise CallerRefusedError(UNAUTHORIZED, "TF400813: the caller is not authorized")
        if not {*token.scope.split()} & {*scopes, FULL}:
            raise CallerRefusedError(403, "the token lacks the scope for this")
