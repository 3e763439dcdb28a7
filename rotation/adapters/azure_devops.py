"""The PAT lifecycle API of Azure DevOps as a ``TokenIssuer``.

It must never repeat a create, follow a redirect, or let a value out but as ``TokenValue``.

Behaviour of the service: Azure DevOps REST API reference, *Tokens* (7.2); what it does beyond that
(redirects and pages instead of a 401, refusals inside a 200, a shortened expiry) is told beside the
code that expects it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util import Retry

from rotation.adapters import refusal
from rotation.adapters.border import (
    BACKOFF,
    CLOCK_TOLERANCE,
    CONNECT_TIMEOUT,
    PATIENCE,
    READ_TIMEOUT,
    RETRIES,
    TOO_MANY,
    TRANSIENT,
    translated,
)
from rotation.errors import (
    AccessDeniedError,
    OutcomeUnknownError,
    RejectedError,
    ServiceError,
    UnavailableError,
)
from rotation.model import Created, Inventory, Token, TokenValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotation.model import Draft
    from rotation.ports import Clock

    Json = Mapping[str, Any]

SERVICE = "azure-devops"
API_VERSION = "7.2-preview.1"
CONNECTION_DATA_VERSION = "7.1-preview.1"
PAGE = 100
PAGES_LIMIT = 1000
"""A list that goes on for longer is taken for one that turns in a circle."""
ANONYMOUS = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
"""Organizations with public projects answer a bad token with 200, as this user."""
HEADERS = {
    "Accept": "application/json",
    # Without it, a bad credential is answered with a redirect to a sign-in page.
    "X-TFS-FedAuthRedirect": "Suppress",
}
OK, NON_AUTHORITATIVE, NO_CONTENT = 200, 203, 204
REDIRECTS = range(300, 400)
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CLIENT_ERRORS = 401, 403, 404, range(400, 500)


def open_session(*, backoff: float = BACKOFF) -> Session:
    """Make an HTTP session with pooled connections that repeats idempotent calls only.

    Args:
        backoff: seconds before the second repetition; it doubles.
    """
    retry = Retry(
        total=RETRIES,
        allowed_methods={"GET", "PUT", "DELETE"},
        status_forcelist=TRANSIENT,
        backoff_factor=backoff,
        raise_on_status=False,
        retry_after_max=PATIENCE,
    )
    session = Session()
    session.mount("https://", HTTPAdapter(pool_maxsize=64, max_retries=retry))
    return session


@dataclass(frozen=True)
class _Identity:
    """Who an owner is in an organization, and which organization that is."""

    user_id: str
    account_id: str | None


class AzureDevOpsIssuer:
    """The lifecycle of the owners' tokens."""

    def __init__(
        self,
        session: Session,
        access_token: Callable[[str], TokenValue],
        clock: Clock,
        *,
        devops_url: str,
        tokens_url: str,
    ) -> None:
        """Take what the calls are made with.

        Args:
            session: as ``open_session`` makes it.
            access_token: gives an owner's access token; raises ``SessionError``.
            clock: the present instant, to compare with the service's.
            devops_url: where organizations are, such as ``https://dev.azure.com``.
            tokens_url: where tokens are, such as ``https://vssps.dev.azure.com``.
        """
        self._http = session
        self._access_token = access_token
        self._clock = clock
        self._devops_url = devops_url
        self._tokens_url = tokens_url
        self._identities: dict[tuple[str, str], _Identity] = {}
        self._welcome_at = 0.0
        self._lock = Lock()

    def inventory(self, owner: str, organization: str) -> Inventory:
        """See ``TokenIssuer``."""
        identity = self._identity(owner, organization)
        call = _Call("list tokens", f"{owner} in {organization}")
        tokens: list[Token] = []
        continuation = ""
        for _ in range(PAGES_LIMIT):
            query = {
                "displayFilterOption": "active",
                "sortByOption": "displayDate",
                "isSortAscending": "false",
                "$top": str(PAGE),
            }
            if continuation:
                query["continuationToken"] = continuation
            response = self._ask_tokens(call, owner, organization, "GET", query=query)
            self._check_clock(call, response)
            page = call.json(response)
            tokens += [call.token(item) for item in page.get("patTokens") or ()]
            # The end of the list is an empty string in the body.
            continuation = str(page.get("continuationToken") or "")
            if not continuation:
                return Inventory(identity.account_id, tuple(tokens))
        raise call.error(UnavailableError, f"the list does not end after {PAGES_LIMIT} pages")

    def get(self, owner: str, organization: str, authorization_id: str) -> Token | None:
        """See ``TokenIssuer``."""
        if not authorization_id:
            message = "a get without an id would silently become a list"
            raise ValueError(message)
        call = _Call("get token", f"{authorization_id} of {owner} in {organization}")
        query = {"authorizationId": authorization_id}
        response = self._ask_tokens(call, owner, organization, "GET", query=query)
        if response.status_code == NOT_FOUND:
            return None
        answer = call.json(response)
        if answer.get("patTokenError") in refusal.NOT_FOUND:
            return None
        found = call.result(answer)
        return None if found is None else call.token(found)

    def create(self, owner: str, organization: str, draft: Draft) -> Created:
        """See ``TokenIssuer``."""
        call = _Call("create token", f"{draft.display_name!r} of {owner}", is_repeatable=False)
        body = {
            "displayName": draft.display_name,
            "scope": draft.scope,
            "validTo": _timestamp(draft.valid_to),
            "allOrgs": False,
        }
        response = self._ask_tokens(call, owner, organization, "POST", body=body)
        found = call.result(call.json(response))
        value = found and found.get("token")
        if found is None or not isinstance(value, TokenValue):
            raise call.error(OutcomeUnknownError, "the answer holds no token")
        return Created(call.token(found), value)

    def extend(self, owner: str, organization: str, token: Token, valid_to: datetime) -> Token:
        """See ``TokenIssuer``."""
        call = _Call("extend token", f"{token.authorization_id} of {owner} in {organization}")
        # All that may be updated is given, so that an update can mean nothing but a later expiry.
        body = {
            "authorizationId": token.authorization_id,
            "displayName": token.display_name,
            "scope": token.scope,
            "validTo": _timestamp(valid_to),
            "allOrgs": False,
        }
        response = self._ask_tokens(call, owner, organization, "PUT", body=body)
        found = call.result(call.json(response))
        if found is None:
            raise call.error(UnavailableError, "the answer holds no token")
        return call.token(found)

    def revoke(self, owner: str, organization: str, authorization_id: str) -> None:
        """See ``TokenIssuer``."""
        call = _Call("revoke token", f"{authorization_id} of {owner} in {organization}")
        query = {"authorizationId": authorization_id}
        response = self._ask_tokens(call, owner, organization, "DELETE", query=query)
        if response.status_code == NOT_FOUND or not response.content:
            return  # documented as 200, answered as 204
        answer = call.json(response)
        if answer.get("patTokenError") not in refusal.NOT_FOUND:
            call.result(answer)

    def prove(self, owner: str, organization: str, value: TokenValue) -> bool:
        """See ``TokenIssuer``."""
        expected = self._identity(owner, organization).user_id
        call = _Call("prove the stored token", f"of {owner} in {organization}")
        response = self._connect(call, organization, _basic(value))
        if response.status_code == FORBIDDEN:
            call.check(response)  # authenticated, but kept out: it says nothing about the token
        if response.status_code in {UNAUTHORIZED, NON_AUTHORITATIVE, *REDIRECTS}:
            return False
        if response.status_code == OK and not _is_json(response):
            return False
        return _user_id(call.json(response)) == expected

    def _identity(self, owner: str, organization: str) -> _Identity:
        key = (owner, organization.casefold())
        if key not in self._identities:
            call = _Call("tell who is", f"{owner} in {organization}")
            bearer = _bearer(self._access_token(owner))
            data = call.json(self._connect(call, organization, bearer))
            user_id = _user_id(data)
            if user_id in {None, ANONYMOUS}:
                raise call.error(AccessDeniedError, "the owner's session is taken for nobody")
            account_id = data.get("instanceId")
            self._identities[key] = _Identity(
                str(user_id), str(account_id).lower() if account_id else None
            )
        return self._identities[key]

    def _connect(self, call: _Call, organization: str, authorization: TokenValue) -> Response:
        url = f"{self._devops_url}/{organization}/_apis/connectionData"
        return self._send(
            call, "GET", url, authorization, params={"api-version": CONNECTION_DATA_VERSION}
        )

    def _ask_tokens(  # noqa: PLR0913 - one request has so many parts
        self,
        call: _Call,
        owner: str,
        organization: str,
        method: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
    ) -> Response:
        bearer = _bearer(self._access_token(owner))
        url = f"{self._tokens_url}/{organization}/_apis/tokens/pats"
        params = {**(query or {}), "api-version": API_VERSION}
        response = self._send(call, method, url, bearer, params=params, json=body)
        if response.status_code != NOT_FOUND:
            call.check(response)
        return response

    def _send(
        self,
        call: _Call,
        method: str,
        url: str,
        authorization: TokenValue,
        **content: Any,  # noqa: ANN401
    ) -> Response:
        self._wait_until_welcome()
        response = translated(
            lambda: self._http.request(
                method,
                url,
                auth=_Authorization(authorization),
                headers=HEADERS,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
                allow_redirects=False,
                **content,
            ),
            (RequestException,),
            lambda exc: call.unanswered(type(exc).__name__),
        )
        self._note_welcome(response)
        return response

    def _wait_until_welcome(self) -> None:
        """Wait for as long as the last answer asked: ``Retry-After`` comes with a 200, too."""
        with self._lock:
            wait = self._welcome_at - time.monotonic()
        if wait > 0:
            time.sleep(wait)

    def _note_welcome(self, response: Response) -> None:
        seconds = response.headers.get("Retry-After", "")
        if seconds.isdecimal():
            with self._lock:
                self._welcome_at = time.monotonic() + min(int(seconds), PATIENCE)

    def _check_clock(self, call: _Call, response: Response) -> None:
        """Refuse to act while the service's clock and ours differ by more than five minutes."""
        text = response.headers.get("Date")
        if text is None:
            return
        theirs = translated(
            lambda: parsedate_to_datetime(text),
            (ValueError,),
            lambda _exc: call.error(UnavailableError, "its Date header is no date"),
        )
        apart = abs(theirs.astimezone(UTC) - self._clock())
        if apart > CLOCK_TOLERANCE:
            message = f"its clock and ours are {apart.total_seconds() / 60:.0f} minutes apart"
            raise call.error(UnavailableError, message, hint="set this machine's clock")


@dataclass(frozen=True)
class _Call:
    """One call, and how its answers are read."""

    operation: str
    place: str
    is_repeatable: bool = True

    def error(
        self, kind: type[ServiceError], what: str, *, status: int | None = None, hint: str = ""
    ) -> ServiceError:
        message = f"cannot {self.operation} {self.place}: {what}"
        return kind(message, service=SERVICE, operation=self.operation, status=status, hint=hint)

    def unanswered(self, what: str, *, status: int | None = None) -> ServiceError:
        kind = UnavailableError if self.is_repeatable else OutcomeUnknownError
        return self.error(kind, what, status=status)

    def check(self, response: Response) -> None:
        """Raise what the status of an answer means, unless it is a success in JSON or empty."""
        status = response.status_code
        if status in {UNAUTHORIZED, FORBIDDEN}:
            hint = "check the owner's access level and the consent to vso.pats and vso.pats_manage"
            raise self.error(AccessDeniedError, f"status {status}", status=status, hint=hint)
        if status == TOO_MANY:
            raise self.error(UnavailableError, "too many requests", status=status)
        if status in CLIENT_ERRORS:
            raise RejectedError(
                f"cannot {self.operation} {self.place}: status {status}",
                service=SERVICE,
                operation=self.operation,
                reason=_type_key(response) or f"status-{status}",
            )
        if status == NON_AUTHORITATIVE or status in REDIRECTS:
            hint = "only a signed-in user's token is admitted, never an application's own"
            raise self.error(AccessDeniedError, "asked to sign in", status=status, hint=hint)
        if status not in {OK, NO_CONTENT}:
            raise self.unanswered(f"status {status}", status=status)
        if response.content and not _is_json(response):
            raise self.error(AccessDeniedError, "answered with a page", status=status)

    def json(self, response: Response) -> Json:
        """Read an answer as a JSON object; the value of a token is sealed while it is parsed."""
        self.check(response)
        answer = translated(
            lambda: json.loads(response.content, object_hook=_seal),
            (ValueError,),
            lambda _exc: self.unanswered("the answer is no JSON", status=response.status_code),
        )
        if not isinstance(answer, Mapping):
            raise self.unanswered("the answer is no JSON object", status=response.status_code)
        return answer

    def result(self, answer: Json) -> Json | None:
        """Read a ``PatTokenResult``: refusals come with a 200, and success is called none."""
        word = str(answer.get("patTokenError") or refusal.NONE)
        if word == refusal.NONE:
            found: Json | None = answer.get("patToken")
            return found
        told = str(answer.get("patTokenErrorMessage") or "")
        raise RejectedError(
            f"cannot {self.operation} {self.place}: {word}" + (f" ({told})" if told else ""),
            service=SERVICE,
            operation=self.operation,
            reason=word,
            hint=refusal.hint(word),
        )

    def token(self, item: Json) -> Token:
        """Read a ``PatToken``."""
        return translated(
            lambda: _token(item),
            (KeyError, TypeError, ValueError, AttributeError),
            lambda exc: self.unanswered(
                f"a token in the answer is malformed: {type(exc).__name__}"
            ),
        )


class _Authorization(AuthBase):
    """Sets the header itself, so that no ``.netrc`` of the machine gets a say."""

    def __init__(self, header: TokenValue) -> None:
        self._header = header

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = self._header.reveal()
        return request


def _basic(value: TokenValue) -> TokenValue:
    return TokenValue("Basic " + base64.b64encode(f":{value.reveal()}".encode()).decode())


def _bearer(value: TokenValue) -> TokenValue:
    return TokenValue(f"Bearer {value.reveal()}")


def _seal(found: dict[str, Any]) -> dict[str, Any]:
    if isinstance(found.get("token"), str):
        found["token"] = TokenValue(found["token"])
    return found


def _token(item: Json) -> Token:
    accounts = item.get("targetAccounts")
    return Token(
        authorization_id=str(item["authorizationId"]).lower(),
        display_name=str(item["displayName"]),
        scopes=frozenset(str(item["scope"]).split()),
        valid_from=_instant(item["validFrom"]),
        valid_to=_instant(item["validTo"]),
        target_accounts=None if accounts is None else tuple(str(a).lower() for a in accounts),
    )


def _instant(text: str) -> datetime:
    """Read a date with up to seven digits after the second; without a zone it is UTC."""
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _timestamp(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _is_json(response: Response) -> bool:
    return "json" in response.headers.get("Content-Type", "").lower()


def _type_key(response: Response) -> str:
    try:
        return str(json.loads(response.content)["typeKey"])
    except (ValueError, KeyError, TypeError):
        return ""


def _user_id(data: Json) -> str | None:
    user = data.get("authenticatedUser")
    found = user.get("id") if isinstance(user, Mapping) else None
    return str(found).lower() if found else None
