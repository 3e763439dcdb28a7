"""Signing in in a browser, from the first page to the authorization code.

Entra documentation, *OAuth 2.0 authorization code flow* and *Error codes*. A fault that makes it
unsure where to send the browser, or an account that may not sign in, ends at an error page; every
other end is a return to the application. Where administrators must consent, the page says so
(AADSTS90094; *Unexpected error when performing consent to an application*), and the way back from
it is ``access_denied``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sandbox.browser_step import Question, Return, Stage, Step
from sandbox.directory import PERMISSIONS, scope_names
from sandbox.error import SignInRefusedError
from sandbox.ground import guarded
from sandbox.web_token import encode_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sandbox.authorization_code import AuthorizationCodes
    from sandbox.browser_step import AuthorizationRequest
    from sandbox.directory import Directory
    from sandbox.grant import User
    from sandbox.ground import Ground

PATIENCE = timedelta(minutes=30)
"""So long a page waits for its answer."""
CANCELED = ("access_denied", 65004, "user declined to consent to access the app")


@dataclass(frozen=True)
class _SignIn:
    """One person on the way through the pages."""

    id: str
    request: AuthorizationRequest
    expires_at: datetime
    stage: Stage = Stage.ACCOUNT
    upn: str = ""


class Authorization:
    """The sign-in pages of one tenant, without their looks."""

    def __init__(
        self, ground: Ground, tenant_id: str, directory: Directory, codes: AuthorizationCodes
    ) -> None:
        """Let in those whom ``directory`` knows, and hand out ``codes``."""
        self.ground = ground
        self._tenant_id = tenant_id
        self._directory = directory
        self._codes = codes
        self._sign_ins: dict[str, _SignIn] = {}

    @guarded
    def begin(self, request: AuthorizationRequest) -> Step:
        """Answer a browser that was sent here by an application.

        Raises:
            SignInRefusedError: nobody knows the application, or the place to send the browser back
                to: it must stay here.
        """
        application = self._directory.application(request.client_id)
        if request.redirect_uri not in application.redirect_uris:
            message = f"the redirect URI {request.redirect_uri!r} does not match those configured"
            raise SignInRefusedError("invalid_request", 50011, message)
        try:
            request.check()
        except SignInRefusedError as exc:
            return self._failed(request, exc)
        if request.prompt == "none":
            message = "a silent sign-in was asked for, and nobody is signed in"
            return self._failed(request, SignInRefusedError("login_required", 50058, message))
        identifier = self.ground.issue(self.ground.mint.opaque(40))
        sign_in = _SignIn(identifier, request, self.ground.now() + PATIENCE)
        return self._ask(sign_in, upn=request.login_hint)

    @guarded
    def answer(self, transaction: str, answers: Mapping[str, str]) -> Step:
        """Take what a person has entered on a page.

        Args:
            transaction: of the page's question.
            answers: ``stage`` of the page; ``button``, which is ``next`` or ``cancel``; and what
                was entered, by the names ``login``, ``password``, ``number``.

        Raises:
            SignInRefusedError: the sign-in is over or was none, or the account may not sign in.
        """
        sign_in = self._sign_ins.get(transaction)
        if sign_in is None:
            message = "the sign-in is over, or was never begun; go back to the application"
            raise SignInRefusedError("invalid_request", 165000, message)
        if sign_in.expires_at <= self.ground.now():
            del self._sign_ins[transaction]
            message = "the sign-in took too long; go back to the application"
            raise SignInRefusedError("invalid_request", 50089, message)
        if answers.get("stage") != sign_in.stage.value:  # by the browser's back button
            return self._ask(sign_in)
        if answers.get("button") != "next":
            del self._sign_ins[transaction]
            return self._declined(sign_in)
        try:
            return self._go_on(sign_in, answers)
        except SignInRefusedError:
            del self._sign_ins[transaction]
            raise

    # --- From page to page --------------------------------------------------------------------

    def _go_on(self, sign_in: _SignIn, answers: Mapping[str, str]) -> Step:
        match sign_in.stage:
            case Stage.ACCOUNT:
                return self._take_account(sign_in, answers)
            case Stage.FACTOR:
                return self._take_number(sign_in, answers.get("number", ""))
            case Stage.CONSENT:
                user = self._directory.check_access(sign_in.upn)
                application = self._directory.application(sign_in.request.client_id)
                application.agree(user.upn, _names(sign_in.request))
                return self._finish(sign_in, user)
            case Stage.APPROVAL:
                return self._ask(sign_in)

    def _take_account(self, sign_in: _SignIn, answers: Mapping[str, str]) -> Step:
        upn = answers.get("login", "").strip().lower()
        user = self._directory.users.get(upn)
        if user is None:
            message = f"The account {upn} does not exist in this directory. (AADSTS50034)"
            return self._ask(sign_in, upn=upn, message=message)
        if not user.password:
            message = f"The account {upn} has no password to sign in with. (AADSTS50056)"
            return self._ask(sign_in, upn=upn, message=message)
        if answers.get("password") != user.password:
            message = "The account or the password is incorrect. (AADSTS50126)"
            return self._ask(sign_in, upn=upn, message=message)
        self._directory.check_enabled(upn)
        return self._ask(replace(sign_in, stage=Stage.FACTOR, upn=upn))

    def _take_number(self, sign_in: _SignIn, number: str) -> Step:
        user = self._directory.check_enabled(sign_in.upn)
        if number.strip() != user.second_factor:
            return self._ask(sign_in, message="The number is not the right one. (AADSTS50074)")
        self._directory.check_access(user.upn)
        if not self._needs_consent(sign_in):
            return self._finish(sign_in, user)
        needs_approval = self._directory.admin_consent_required
        stage = Stage.APPROVAL if needs_approval else Stage.CONSENT
        return self._ask(replace(sign_in, stage=stage))

    def _needs_consent(self, sign_in: _SignIn) -> bool:
        application = self._directory.application(sign_in.request.client_id)
        is_demanded = self._directory.demands.get(sign_in.upn) == "consent_required"
        is_asked = sign_in.request.prompt == "consent"
        known = application.consented(sign_in.upn)
        return is_demanded or is_asked or not _names(sign_in.request) <= known

    def _ask(self, sign_in: _SignIn, upn: str = "", message: str = "") -> Question:
        self._sign_ins[sign_in.id] = sign_in
        application = self._directory.application(sign_in.request.client_id)
        return Question(
            stage=sign_in.stage,
            transaction=sign_in.id,
            application=application.name,
            upn=upn or sign_in.upn,
            message=message,
            scopes=tuple(sorted(_names(sign_in.request))),
        )

    # --- The ways back ------------------------------------------------------------------------

    def _finish(self, sign_in: _SignIn, user: User) -> Return:
        del self._sign_ins[sign_in.id]
        self._directory.demands.pop(user.upn, None)
        request = sign_in.request
        fields = {
            "code": self._codes.write(user.upn, request),
            "session_state": self.ground.mint.guid(),
        }
        if request.client_info == "1":
            fields["client_info"] = encode_object({"uid": user.object_id, "utid": self._tenant_id})
        return _back(request, fields)

    def _declined(self, sign_in: _SignIn) -> Return:
        if sign_in.stage is not Stage.APPROVAL:
            back = self._failed(sign_in.request, SignInRefusedError(*CANCELED))
            return replace(back, fields={**back.fields, "error_subcode": "cancel"})
        message = "the grant requires admin permission"
        return self._failed(sign_in.request, SignInRefusedError("access_denied", 90094, message))

    @staticmethod
    def _failed(request: AuthorizationRequest, error: SignInRefusedError) -> Return:
        return _back(request, {"error": error.error, "error_description": error.description})


def _names(request: AuthorizationRequest) -> frozenset[str]:
    names = scope_names(request.scopes)
    return names - {".default"} | PERMISSIONS if ".default" in names else names


def _back(request: AuthorizationRequest, fields: Mapping[str, str]) -> Return:
    state = {"state": request.state} if request.state else {}
    return Return(request.redirect_uri, request.response_mode or "query", {**fields, **state})
