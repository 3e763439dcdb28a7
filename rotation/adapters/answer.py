"""How the answers of Azure DevOps are read: what each status, page and body means.

A value that an answer holds is sealed while the answer is parsed, before anything else sees it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from rotation.adapters import refusal
from rotation.adapters.border import CLOCK_TOLERANCE, TOO_MANY, TRANSIENT, translated, words
from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RejectedError,
    ServiceError,
    UnavailableError,
)
from rotation.model import MARK, Created, Token, TokenValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    Json = Mapping[str, Any]

T = TypeVar("T")

SERVICE = "azure-devops"
ANONYMOUS = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""Organizations with public projects answer a bad token with 200, as this user."""
OK, NON_AUTHORITATIVE = 200, 203
SUCCESSES, REDIRECTS = range(200, 300), range(300, 400)
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404
CLIENT_ERRORS = frozenset(range(400, 500))
SIGN_IN = "the owner must sign in again; an application's own token is never admitted"
SAID_LIMIT = 200
"""Characters of the service's own words that a message takes over."""


@dataclass(frozen=True)
class Call:
    """One call, and how its answer is read."""

    operation: str
    """What is asked for: a verb that the place follows."""
    place: str
    is_repeatable: bool = True
    """Whether a lost answer is only a nuisance."""

    def error(
        self, kind: type[ServiceError], what: str, *, status: int | None = None, hint: str = ""
    ) -> ServiceError:
        """Make an error that names the call."""
        message = f"cannot {self.operation} {self.place}: {what}"
        return kind(message, service=SERVICE, operation=self.operation, status=status, hint=hint)

    def unanswered(self, what: str, *, status: int | None = None) -> ServiceError:
        """Make the error for an answer that is lost, or makes no sense."""
        kind = UnavailableError if self.is_repeatable else OutcomeUnknownError
        return self.error(kind, what, status=status)

    def lost(self, exc: Exception) -> ServiceError:
        """Make the error for a call that raised."""
        return self.unanswered(words(exc))

    def check(self, response: Response) -> None:
        """Let nothing pass but a success that is empty or in JSON.

        Raises:
            ServiceError: what the answer means instead.
        """
        status = response.status_code
        if status in {UNAUTHORIZED, FORBIDDEN}:
            hint = "check the owner's access level and the consent to vso.pats and vso.pats_manage"
            raise self.error(AccessDeniedError, f"status {status}", status=status, hint=hint)
        if status == TOO_MANY:
            raise self.error(UnavailableError, "too many requests", status=status)
        if status == NON_AUTHORITATIVE or status in REDIRECTS:
            raise self.error(AccessDeniedError, "asked to sign in", status=status, hint=SIGN_IN)
        if status in CLIENT_ERRORS - TRANSIENT:
            reason = type_key(response) or f"status-{status}"
            hint = "check the tag pat-organization" if status == NOT_FOUND else ""
            raise self.rejected(reason, reason, hint)
        if status not in SUCCESSES:
            raise self.unanswered(f"status {status}", status=status)
        if response.content and not is_json(response):
            # A page to sign in, most likely, or one of a proxy that stands between.
            raise self.error(AccessDeniedError, "answered with a page", status=status, hint=SIGN_IN)

    def refused(self, answer: Json) -> ServiceError | None:
        """Make the error for a refusal inside a success, if ``answer`` is one.

        Its reason is the service's own word. A sentence may come with it, since 7.2.
        """
        word = self._sensible(lambda: _text(answer.get("patTokenError") or refusal.NONE))
        if word.lower() == refusal.NONE:
            return None
        word = word[:SAID_LIMIT]
        said = " ".join(str(answer.get("patTokenErrorMessage") or "").split())[:SAID_LIMIT]
        what = f"{word} ({said})" if said else word
        meaning = refusal.of(word)
        if meaning.is_passing:
            return self.error(UnavailableError, what, hint=meaning.hint)
        return self.rejected(word, what, meaning.hint)

    def rejected(self, reason: str, what: str, hint: str = "") -> RejectedError:
        """Make the error for a clear no."""
        return RejectedError(
            f"cannot {self.operation} {self.place}: {what}",
            service=SERVICE,
            operation=self.operation,
            reason=reason,
            hint=hint,
        )

    def json(self, response: Response) -> Json:
        """Read an answer as a JSON object."""
        self.check(response)
        return self._sensible(lambda: _object(json.loads(response.content, object_hook=_seal)))

    def result(self, response: Response) -> Json:
        """Read a ``PatTokenResult``: refusals come with a 200, and success is called none.

        Raises:
            RejectedError: the service refuses; the reason is its own word.
        """
        answer = self.json(response)
        if error := self.refused(answer):
            raise error
        return self._sensible(lambda: _object(answer["patToken"]))

    def token(self, response: Response) -> Token:
        """Read the token of a ``PatTokenResult``."""
        found = self.result(response)
        return self._sensible(lambda: _token(found))

    def created(self, response: Response) -> Created:
        """Read the token of a ``PatTokenResult``, with its value."""
        found = self.result(response)
        return self._sensible(lambda: Created(_token(found), _value(found)))

    def page(self, response: Response) -> tuple[list[Token], str]:
        """Read a ``PagedPatTokens``: tokens, and where to go on; the end is an empty string."""
        answer = self.json(response)
        tokens = self._sensible(lambda: [_token(i) for i in answer["patTokens"] if _is_ours(i)])
        return tokens, str(answer.get("continuationToken") or "")

    def check_revocation(self, response: Response) -> None:
        """Accept any success, whose body says nothing, and a refusal that means it is gone already.

        Documented as a 200 without a body, shown as a 204 in the examples.
        """
        self.check(response)
        try:
            answer = _object(json.loads(response.content))
        except (ValueError, TypeError, RecursionError):
            return
        error = self.refused(answer)
        if error and error.reason not in refusal.NOT_FOUND:
            raise error

    def identity(self, response: Response) -> tuple[str, str | None]:
        """Read ``connectionData``: the id of the user whom the caller is taken for, and where.

        Returns:
            The user's id, which is ``ANONYMOUS`` for nobody, and the organization's id, if it is
            told; both in lower case.
        """
        data = self.json(response)
        user = self._sensible(lambda: _text(data["authenticatedUser"]["id"]).lower())
        account = data.get("instanceId")
        return user, account.lower() if isinstance(account, str) and account else None

    def check_clock(self, response: Response, now: datetime) -> None:
        """Refuse to go on while the service's clock and ours are more than five minutes apart."""
        if text := response.headers.get("Date"):
            theirs = self._sensible(lambda: parsedate_to_datetime(text).astimezone(UTC))
            if abs(theirs - now) > CLOCK_TOLERANCE:
                what = f"its clock says {theirs:%Y-%m-%d %H:%M} UTC, ours {now:%Y-%m-%d %H:%M}"
                raise self.error(UnavailableError, what, hint="set this machine's clock")

    def _sensible(self, read: Callable[[], T]) -> T:
        return translated(
            read, lambda exc: self.unanswered(f"the answer makes no sense ({words(exc)})")
        )


def is_json(response: Response) -> bool:
    """Tell whether an answer says that it is JSON."""
    return "json" in response.headers.get("Content-Type", "").lower()


def is_unknown(response: Response) -> bool:
    """Tell whether the service itself, and not a gateway with a page, does not know the thing."""
    return response.status_code == NOT_FOUND and (not response.content or is_json(response))


def type_key(response: Response) -> str:
    """Give the machine word of an error answer; empty if there is none."""
    try:
        return str(json.loads(response.content)["typeKey"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _object(found: object) -> Json:
    if not isinstance(found, Mapping):
        message = "not an object"
        raise TypeError(message)
    return found


def _seal(found: dict[str, Any]) -> dict[str, Any]:
    if isinstance(found.get("token"), str):
        found["token"] = TokenValue(found["token"])
    return found


def _token(item: Json) -> Token:
    accounts = item.get("targetAccounts")
    return Token(
        authorization_id=_text(item["authorizationId"]).lower(),
        display_name=_text(item["displayName"]),
        scopes=frozenset(_text(item["scope"]).split()),
        valid_from=_instant(item["validFrom"]),
        valid_to=_instant(item["validTo"]),
        target_accounts=None if accounts is None else tuple(_text(a).lower() for a in accounts),
    )


def _is_ours(item: Json) -> bool:
    """Tell whether a listed token matters: one that makes no sense does, if it bears a mark."""
    try:
        _token(item)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return bool(MARK.search(str(item.get("displayName"))))
    return True


def _value(item: Json) -> TokenValue:
    value = item["token"]
    if not isinstance(value, TokenValue):
        message = "no value"
        raise TypeError(message)
    return value


def _text(found: object) -> str:
    if not isinstance(found, str) or not found:
        message = "not a text"
        raise TypeError(message)
    return found


def _instant(text: str) -> datetime:
    """Read a date with up to seven digits after the second; without a zone it is UTC.

    Its letters may be small ones (RFC 3339, 5.6).
    """
    instant = datetime.fromisoformat(text.upper())
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
