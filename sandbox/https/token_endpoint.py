"""The token endpoint: one address, a few grants, each a remote call of its own.

Clients are confidential and prove themselves with an assertion. Faults: Entra documentation, *OAuth
2.0 authorization code flow*, "Error codes for token endpoint errors".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.error import SignInRefusedError
from sandbox.https.grant_form import (
    read_agent,
    read_code,
    read_exchange,
    read_identity,
    read_refresh,
    write_exchange,
    write_grant,
)
from sandbox.https.message import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.https.gate import Gate
    from sandbox.https.message import Request

    Form = dict[str, str]

NO_STORE = {"Cache-Control": "no-store"}


class TokenEndpoint:
    """Gives tokens to the clients of one tenant."""

    def __init__(self, gate: Gate) -> None:
        """Stand before the world's tenant."""
        self._gate = gate
        self._tenant = gate.world.tenant

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        form = request.form
        match form.get("grant_type"):
            case "authorization_code":
                owner = self._tenant.code_owner(form.get("code", ""))
                return self._call("redeem_code", owner, form, self._redeem_code)
            case "client_credentials" if form.get("client_id") == self._tenant.identity.client_id:
                return self._call("become_identity", form.get("scope", ""), form, self._become)
            case "client_credentials":
                wanted = form.get("fmi_path", "")
                is_blueprint = self._tenant.is_blueprint(form.get("client_id", ""))
                operation = "exchange_blueprint" if is_blueprint else "exchange_agent"
                target = wanted if is_blueprint and wanted else form.get("client_id", "")
                return self._call(operation, target, form, self._exchange)
            case "user_fic":
                return self._call("redeem_agent", self._agent_user(form), form, self._act)
            case _:
                owner = self._tenant.session_owner(form.get("refresh_token", ""))
                return self._call("redeem", owner, form, self._redeem)

    def refuse(self, error: SignInRefusedError) -> Response:
        """Write a refusal."""
        answer: dict[str, object] = {
            "error": error.error,
            "error_description": error.description,
            "error_codes": [error.number],
            "timestamp": f"{self._gate.world.clock():%Y-%m-%d %H:%M:%SZ}",
        }
        if error.suberror:
            answer["suberror"] = error.suberror
        return Response.of_json(answer, 401 if error.error == "invalid_client" else 400)

    def _call(
        self, operation: str, target: str, form: Form, carry_out: Callable[[Form], object]
    ) -> Response:
        def respond() -> Response:
            try:
                return Response.of_json(carry_out(form), headers=NO_STORE)
            except SignInRefusedError as exc:
                return self.refuse(exc)

        return self._gate.call("entra", operation, target, respond)

    def _agent_user(self, form: Form) -> str:
        name = form.get("username") or self._tenant.name_of(form.get("user_id", ""))
        return name.lower() or "unknown"

    def _redeem(self, form: Form) -> object:
        if form.get("grant_type") != "refresh_token":
            message = f"the grant type {form.get('grant_type')!r} is not supported"
            raise SignInRefusedError("unsupported_grant_type", 70003, message)
        redemption = self._tenant.redeem(read_refresh(form))
        return write_grant(redemption, self._tenant.id, is_info_asked=_is_info_asked(form))

    def _redeem_code(self, form: Form) -> object:
        grant = self._tenant.redeem_code(read_code(form))
        return write_grant(grant, self._tenant.id, is_info_asked=_is_info_asked(form))

    def _become(self, form: Form) -> object:
        return write_exchange(self._tenant.become_identity(read_identity(form)))

    def _exchange(self, form: Form) -> object:
        return write_exchange(self._tenant.exchange(read_exchange(form)))

    def _act(self, form: Form) -> object:
        grant = self._tenant.act(read_agent(form))
        return write_grant(grant, self._tenant.id, is_info_asked=_is_info_asked(form))


def _is_info_asked(form: Form) -> bool:
    return form.get("client_info") == "1"
