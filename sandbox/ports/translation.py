"""What the world's refusals and faults are to the rotator: its own errors.

The table is that of the adapters: 401, 403, a redirect and a page are a want of rights; 429 says
that nothing was done; anything else without a usable answer is an outage, or an unknown outcome if
the call must not be repeated; the rest is a clear no.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RejectedError,
    ServiceError,
    UnavailableError,
)
from sandbox.error import (
    CallerRefusedError,
    SignInRefusedError,
    TokenRefusedError,
    VaultRefusedError,
)
from sandbox.fault import Answer, AnsweredError, Call, ConnectionDroppedError, Truncate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.world import World

OK, NO_CONTENT, PAGE, TOO_MANY, NOT_FOUND = 200, 204, 203, 429, 404
REFUSED = frozenset({401, 403})
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
PASSING = frozenset({"failedToReadOrgPolicy", "failedToReadTenantPolicy"})
"""Words that say nothing about the token."""
GONE = frozenset({"authorizationNotFound", "hostAuthorizationNotFound", "tokenNotFound"})
"""Words that say that there is no such token."""
SESSION_REFUSALS = frozenset(
    {
        "access_denied",
        "consent_required",
        "interaction_required",
        "invalid_client",
        "invalid_grant",
        "invalid_resource",
        "invalid_scope",
        "login_required",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
"""Words of Entra after which somebody must act; every other one is an outage."""
REDIRECTS = range(300, 400)
WITHOUT_BODY = "revoke_pat"
"""The one call whose answer has nothing that could be broken off."""
WITH_RESULT = frozenset({"get_pat", "create_pat", "update_pat", "revoke_pat"})
"""The calls whose answer can be a refusal with status 200."""

_Refused = (
    AnsweredError,
    CallerRefusedError,
    ConnectionDroppedError,
    SignInRefusedError,
    TokenRefusedError,
    VaultRefusedError,
)


@contextmanager
def asking(world: World, call: Call, *, is_repeatable: bool = True) -> Iterator[None]:
    """Make one remote call inside a ``with`` block, and translate what goes wrong.

    Args:
        world: what is called.
        call: what for.
        is_repeatable: whether it may be made again when there was no answer.

    Raises:
        ServiceError: the branch that the contracts of the ports name.
    """
    try:
        with world.call(call, world.clock.advance) as kind:
            yield
        if isinstance(kind, Truncate) and call.operation != WITHOUT_BODY:
            raise ConnectionDroppedError(after_effect=True)
    except _Refused as exc:
        raise _translate(exc, _Asked(call, is_repeatable)) from None


class _Asked:
    """One call, and the errors that may come of it."""

    def __init__(self, call: Call, is_repeatable: bool) -> None:  # noqa: FBT001 - private, one caller
        self.call = call
        self.is_repeatable = is_repeatable

    def error(self, kind: type[ServiceError], what: object, status: int | None) -> ServiceError:
        message = f"cannot {self.call.operation} {self.call.target}: {what}"
        return kind(
            message, service=self.call.service, operation=self.call.operation, status=status
        )

    def unanswered(self, what: object, status: int | None = None) -> ServiceError:
        kind = UnavailableError if self.is_repeatable else OutcomeUnknownError
        return self.error(kind, what, status)

    def rejected(self, reason: str, hint: str = "") -> ServiceError:
        is_outage = self.call.service == "entra" and reason not in SESSION_REFUSALS
        if is_outage or reason in PASSING:
            return self.error(UnavailableError, reason, None)
        message = f"cannot {self.call.operation} {self.call.target}: {reason}"
        return RejectedError(
            message,
            service=self.call.service,
            operation=self.call.operation,
            reason=reason,
            hint=hint,
        )

    def refused(self, status: int, word: str) -> ServiceError:
        """Give the error for an HTTP status and the machine word that came with it."""
        if status in REFUSED or status == PAGE or status in REDIRECTS:
            return self.error(AccessDeniedError, word, status)
        if status == TOO_MANY:
            return self.error(UnavailableError, word, status)
        if status in TRANSIENT:
            return self.unanswered(word, status)
        is_missing = status == NOT_FOUND and self.call.service == "key-vault"
        return self.rejected("not-found" if is_missing else word)


def _translate(exc: Exception, asked: _Asked) -> ServiceError:
    match exc:
        case AnsweredError():
            return _of_answer(exc.answer, asked)
        case TokenRefusedError():
            return asked.rejected(exc.reason)
        case SignInRefusedError():
            return asked.rejected(exc.error, _said(exc.number, exc.suberror))
        case VaultRefusedError():
            return asked.refused(exc.status, (exc.inner_code or exc.code).lower())
        case CallerRefusedError():
            return asked.refused(exc.status, f"status-{exc.status}")
        case _:
            return asked.unanswered("the connection was dropped")


def _of_answer(answer: Answer, asked: _Asked) -> ServiceError:
    """Read an answer that a fault put in the place of the true one."""
    body = _read(answer)
    if asked.call.service == "entra" and "error" in body:
        numbers = body.get("error_codes")
        number = numbers[0] if isinstance(numbers, list) and numbers else ""
        return asked.rejected(str(body["error"]), _said(number, body.get("suberror", "")))
    if answer.status not in {OK, NO_CONTENT}:
        return asked.refused(answer.status, _vault_word(body) or f"status-{answer.status}")
    if asked.call.operation in WITH_RESULT and body.get("patTokenError", "none") != "none":
        return asked.rejected(str(body["patTokenError"]))
    if "json" not in answer.content_type:
        return asked.error(AccessDeniedError, "answered with a page", answer.status)
    return asked.unanswered("the answer makes no sense", answer.status)


def _said(number: object, suberror: object) -> str:
    """Give what Entra says beside the word of a refusal: the hint of the error."""
    return f"AADSTS{number} {suberror}".strip()


def _vault_word(body: dict[str, object]) -> str:
    """Give the word of an error of Key Vault that says the most, in lower case; or nothing."""
    error = body.get("error")
    if not isinstance(error, dict):
        return ""
    within = error.get("innererror")
    found = within if isinstance(within, dict) else error
    return str(found.get("code", "")).lower()


def _read(answer: Answer) -> dict[str, object]:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
