"""What a person's browser asks of Entra's sign-in pages, and what each page is to show next.

Entra documentation, *OAuth 2.0 authorization code flow*: "Request an authorization code".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from sandbox.directory import scope_names
from sandbox.error import SignInRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

CHALLENGE_LENGTH = 43
"""Of a SHA-256 in base64url."""
RESPONSE_MODES = ("query", "fragment", "form_post")
PROMPTS = ("", "login", "none", "consent", "select_account")


class Stage(Enum):
    """Which page a sign-in stands at."""

    ACCOUNT = "account"
    """Account name and password."""
    FACTOR = "factor"
    """The number that the other device shows."""
    CONSENT = "consent"
    """What the application may do."""
    APPROVAL = "approval"
    """Nothing but a way back: only an administrator may consent."""


@dataclass(frozen=True)
class AuthorizationRequest:
    """The parameters of ``/authorize``, as written on the wire; those left out are empty."""

    client_id: str
    redirect_uri: str
    response_type: str = ""
    response_mode: str = ""
    scope: str = ""
    state: str = ""
    nonce: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""
    prompt: str = ""
    login_hint: str = ""
    client_info: str = ""

    @property
    def scopes(self) -> frozenset[str]:
        """Everything that is asked for."""
        return frozenset(self.scope.split())

    def check(self) -> None:
        """See that the parameters make sense, whoever it is that asks.

        Raises:
            SignInRefusedError: they do not; the client is to be told so.
        """
        for name in ("response_type", "scope"):
            if not getattr(self, name):
                message = f"the request must contain the parameter {name}"
                raise SignInRefusedError("invalid_request", 900144, message)
        if self.response_type != "code":
            message = f"the response type {self.response_type!r} is not supported"
            raise SignInRefusedError("unsupported_response_type", 70005, message)
        if self.response_mode and self.response_mode not in RESPONSE_MODES:
            message = f"the response mode {self.response_mode!r} is not supported"
            raise SignInRefusedError("invalid_request", 70007, message)
        if self.prompt not in PROMPTS:
            message = f"the prompt {self.prompt!r} is not supported"
            raise SignInRefusedError("invalid_request", 90023, message)
        self._check_challenge()
        scope_names(self.scopes)

    def _check_challenge(self) -> None:
        if not self.code_challenge and not self.code_challenge_method:
            return
        # Stricter than Entra, which takes the method `plain` as well: nothing here may ask for it.
        if self.code_challenge_method != "S256":
            message = f"the code challenge method {self.code_challenge_method!r} is not supported"
            raise SignInRefusedError("invalid_request", 50149, message)
        if len(self.code_challenge) != CHALLENGE_LENGTH:
            message = "the size of the code_challenge parameter is not valid"
            raise SignInRefusedError("invalid_request", 50147, message)


@dataclass(frozen=True)
class Question:
    """A page that wants an answer."""

    stage: Stage
    transaction: str
    """Which sign-in it belongs to: goes back with the answer."""
    application: str
    """Its name."""
    upn: str = ""
    message: str = ""
    """What was wrong with the answer before."""
    scopes: tuple[str, ...] = ()
    """What is to be consented to."""


@dataclass(frozen=True)
class Return:
    """The way back to the application."""

    redirect_uri: str
    response_mode: str
    fields: Mapping[str, str] = field(repr=False)


Step = Question | Return
