"""The sign-in pages in a browser: from ``/authorize`` through forms to the application's address.

Nothing needs a script but the convenience that the last form sends itself.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from sandbox.browser_step import AuthorizationRequest, Question, Step
from sandbox.error import SignInRefusedError
from sandbox.https.message import Response
from sandbox.https.sign_in_page import error_page, question_page, return_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.https.gate import Gate
    from sandbox.https.message import Request

PARAMETERS = tuple(field.name for field in fields(AuthorizationRequest))
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    # With `no-referrer` the last form would be sent with `Origin: null`, and Entra's is not.
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Frame-Options": "DENY",
}


class SignInPages:
    """Signs people in to one tenant."""

    def __init__(self, gate: Gate) -> None:
        """Stand before the world's tenant."""
        self._gate = gate
        self._tenant = gate.world.tenant

    def begin(self, request: Request) -> Response:
        """Answer a browser that an application has sent here."""
        query = request.query
        asked = AuthorizationRequest(**{name: query.get(name, "") for name in PARAMETERS})
        target = asked.login_hint.lower() or asked.client_id
        return self._gate.call(
            "entra",
            "authorize",
            target,
            lambda: self._show(lambda: self._tenant.authorization.begin(asked)),
        )

    def go_on(self, request: Request) -> Response:
        """Answer a page that was filled in."""
        form = request.form
        transaction = form.pop("transaction", "")
        return self._show(lambda: self._tenant.authorization.answer(transaction, form))

    def unknown(self, tenant: str) -> Response:
        """Answer a browser that asks for another tenant."""
        message = f"tenant {tenant!r} was not found"
        return _page(400, error_page(SignInRefusedError("invalid_tenant", 90002, message)))

    def _show(self, step: Callable[[], Step]) -> Response:
        try:
            following = step()
        except SignInRefusedError as exc:
            return _page(400, error_page(exc))
        if isinstance(following, Question):
            return _page(200, question_page(following, f"/{self._tenant.id}/login"))
        if following.response_mode == "form_post":
            return _page(200, return_page(following))
        mark = "#" if following.response_mode == "fragment" else "?"
        if mark == "?" and urlsplit(following.redirect_uri).query:
            mark = "&"
        location = f"{following.redirect_uri}{mark}{urlencode(following.fields)}"
        return Response(302, headers={**HEADERS, "Location": location})


def _page(status: int, page: str) -> Response:
    return Response(status, page.encode(), HEADERS)
