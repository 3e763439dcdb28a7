"""What the adapters make of a storage account that refuses, is busy, is away, or is a stranger."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError

from rotation.adapters.journal import TableJournal
from rotation.adapters.queues import StorageRequests, TableBacklog
from rotation.adapters.storage import SCOPE, open_queue, open_tables
from rotation.adapters.storage_check import AzureStorageCheck
from rotation.errors import AccessDeniedError, RejectedError, ServiceError, UnavailableError
from rotation.events import Event, Kind
from rotation.model import TokenValue
from rotation.order import Order, Verb
from rotation.storage import Storage
from sandbox.https.message import Response
from sandbox.https.server import Server
from tests.contract.conftest import START
from tests.stage import FEED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.clock import ManualClock
    from sandbox.https import Authority
    from sandbox.https.message import Request

    Fail = Callable[[Callable[[], object]], ServiceError]

EVENT = Event(Kind.SCAN_STARTED, START, "run")
ORDER = Order(Verb.SETTLE, FEED, None, "", START)
TOKEN = "eyJ0eXAiOiJKV1Qi" * 8
KEY = "aGlkZGVuIGtleSBvZiB0aGUgYWNjb3VudA=="


def refusal(status: int, word: str, **headers: str) -> Response:
    """Answer as both services do: the word in a header, and in the body."""
    body = {"odata.error": {"code": word, "message": {"lang": "en-US", "value": f"{TOKEN} said"}}}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response.of_json(body, status, {"x-ms-error-code": word, **more})


@dataclass
class Stranger:
    """Answers in the place of a storage account, with one answer after another."""

    answers: list[Response] = field(default_factory=list, repr=False)
    """The last one is given for ever."""
    asked: list[Request] = field(default_factory=list, repr=False)

    def __call__(self, request: Request) -> Response:
        """Answer."""
        self.asked.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@dataclass
class Identity:
    """Gives tokens, and remembers for what."""

    scopes: list[str] = field(default_factory=list)
    is_lost: bool = False

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:  # noqa: ANN401 - as its kind
        """Give a token."""
        self.scopes += scopes
        if self.is_lost:
            raise ClientAuthenticationError(f"no token, {TOKEN}")
        return AccessToken(TOKEN, 2_000_000_000)


@dataclass(frozen=True)
class Account:
    """The adapters in front of the stranger."""

    journal: TableJournal
    backlog: TableBacklog
    queue: StorageRequests
    check: AzureStorageCheck
    stranger: Stranger
    identity: Identity
    slept: list[float]

    @property
    def calls(self) -> list[Callable[[], object]]:
        """Give one call of each service."""
        return [
            lambda: self.journal.write([EVENT]),
            lambda: [*self.journal.of_secret(FEED)],
            lambda: self.backlog.clear(FEED),
            lambda: self.check.has_table("RotationLocks"),
            lambda: self.queue.put(ORDER),
            self.check.has_queue,
        ]


@pytest.fixture
def trust(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    redacted: object,  # noqa: ARG001 - a signature is a part of each address
) -> Authority:
    """Give an authority whose certificates this process trusts."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.bundle))
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    return authority


@pytest.fixture(params=["by key", "by token", "by signature"])
def account(
    request: pytest.FixtureRequest,
    clock: ManualClock,
    slept: list[float],
    trust: Authority,
) -> Iterator[Account]:
    """Give the adapters in front of a stranger, entered in each of the ways."""
    stranger, identity = Stranger([Response(500)]), Identity()
    with closing(Server(clock, trust.context)) as server:
        server.start(stranger)
        url = f"{server.url}/account"
        key, signature = TokenValue(KEY), TokenValue(f"sv=2024-01-01&sig={quote(KEY)}")
        storage = {
            "by key": Storage(url, url, account="account", key=key),
            "by token": Storage(url, url),
            "by signature": Storage(url, url, signature=signature),
        }[request.param]
        tables = open_tables(storage, identity, clock, slept.append)
        queue = open_queue(storage, identity, clock, slept.append)
        with closing(tables), closing(queue):
            yield Account(
                TableJournal(tables, clock),
                TableBacklog(tables, clock),
                StorageRequests(queue),
                AzureStorageCheck(tables, queue),
                stranger,
                identity,
                slept,
            )


@pytest.fixture(autouse=True)
def secrets(pytestconfig: pytest.Config) -> None:
    """Have everything that is told searched for the key and the token."""
    from tests.leaks import EAR

    pytestconfig.stash[EAR].values |= {KEY, TOKEN}


@pytest.mark.parametrize("call", range(6))
class TestAnswers:
    """Each answer is one of our errors, whichever call got it."""

    @pytest.mark.parametrize("status", [500, 503])
    def test_a_busy_service_is_waited_for(
        self, account: Account, fail: Fail, call: int, status: int
    ) -> None:
        """Four tries; after that it is left to the next run."""
        account.stranger.answers = [refusal(status, "ServerBusy")]

        error = fail(account.calls[call])

        assert isinstance(error, UnavailableError)
        assert (error.service, error.status) == ("storage", status)
        assert len(account.stranger.asked) == 4
        assert len(account.slept) <= 3

    def test_it_is_waited_for_as_long_as_it_asks(self, account: Account, call: int) -> None:
        """By its header, as the other services are."""
        missing = refusal(404, "ResourceNotFound")
        account.stranger.answers = [*[refusal(503, "ServerBusy", Retry_After="7")] * 2, missing]

        if call in {1, 2, 3, 5}:
            account.calls[call]()
            assert account.slept == [7, 7]

    def test_but_not_for_an_hour(self, account: Account, fail: Fail, call: int) -> None:
        """What asks for more patience than a run has is left to the next run."""
        account.stranger.answers = [refusal(503, "ServerBusy", Retry_After="3600")]

        error = fail(account.calls[call])

        assert isinstance(error, UnavailableError)
        assert "asked to wait for 3600 seconds" in str(error)
        assert account.slept == []

    @pytest.mark.parametrize(
        ("word", "hint"),
        [
            ("AuthorizationPermissionMismatch", "grant the identity the role Storage"),
            ("AuthorizationFailure", "open the firewall"),
            ("KeyBasedAuthenticationNotPermitted", "the account takes no keys"),
            ("AuthenticationFailed", "check the key in ROTATION_STORAGE"),
            ("SomethingNew", "grant the identity the role Storage"),
            (f"{TOKEN}", "grant the identity the role Storage"),
            ("two words", "grant the identity the role Storage"),
        ],
    )
    def test_a_refusal_says_who_can_help(
        self, account: Account, fail: Fail, call: int, word: str, hint: str
    ) -> None:
        """The service's word, if it is one, and what to do about it."""
        account.stranger.answers = [refusal(403, word)]

        error = fail(account.calls[call])

        assert isinstance(error, AccessDeniedError)
        assert error.status == 403
        assert hint in error.hint
        assert "{}" not in error.hint
        assert (word in str(error)) is (word.isalpha() and len(word) < 60)
        assert len(account.stranger.asked) == 1

    def test_a_conflict_passes(self, account: Account, fail: Fail, call: int) -> None:
        """A table or a queue that is being deleted is there again soon."""
        account.stranger.answers = [refusal(409, "TableBeingDeleted")]

        assert isinstance(fail(account.calls[call]), UnavailableError)

    def test_a_clear_no_is_one(self, account: Account, fail: Fail, call: int) -> None:
        """Asking again does not help."""
        account.stranger.answers = [refusal(400, "InvalidInput")]

        error = fail(account.calls[call])

        assert isinstance(error, RejectedError)
        assert error.reason == "invalidinput"

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_no_redirect_is_followed(
        self, account: Account, fail: Fail, call: int, status: int
    ) -> None:
        """It would carry the token to a host that nobody has named."""
        elsewhere = {"Location": "https://localhost:1/elsewhere"}
        account.stranger.answers = [Response(status, headers=elsewhere)]

        assert isinstance(fail(account.calls[call]), UnavailableError)
        assert len(account.stranger.asked) == 1

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"{", b'{"value": 3}', b"\xff\xfe", b"[" * 9999]
    )
    @pytest.mark.parametrize("status", [200, 403, 500])
    def test_an_answer_that_makes_no_sense(
        self, account: Account, call: int, status: int, body: bytes
    ) -> None:
        """It is one of our errors, or none; never the library's own."""
        headers = {"Content-Type": "application/json"}
        account.stranger.answers = [Response(status, body, headers)]

        try:
            account.calls[call]()
        except ServiceError as exc:
            assert TOKEN not in str(exc)  # noqa: PT017 - it may well come to nothing


@pytest.mark.parametrize("account", ["by token"], indirect=True)
class TestTokens:
    """The managed identity's tokens are for Storage, and for nothing else."""

    @pytest.mark.parametrize("call", [3, 5])
    def test_a_challenge_does_not_choose_the_resource(
        self, account: Account, fail: Fail, call: int
    ) -> None:
        """A strange host must not get a token with which it could read a vault."""
        challenge = (
            "Bearer authorization_uri=https://login.microsoftonline.com/evil/oauth2/authorize "
            "resource_id=https://vault.azure.net"
        )
        account.stranger.answers = [
            refusal(401, "InvalidAuthenticationInfo", WWW_Authenticate=challenge)
        ]

        assert isinstance(fail(account.calls[call]), AccessDeniedError)
        assert set(account.identity.scopes) == {SCOPE}

    @pytest.mark.parametrize("call", [0, 4])
    def test_without_a_token_nothing_is_sent(self, account: Account, fail: Fail, call: int) -> None:
        """That is said as what it is, without the words of the library."""
        account.identity.is_lost = True

        error = fail(account.calls[call])

        assert isinstance(error, AccessDeniedError)
        assert "no token of the identity" in str(error)
        assert "ROTATION_STORAGE__clientId" in error.hint
        assert account.stranger.asked == []


@pytest.mark.parametrize("account", ["by key"], indirect=True)
def test_after_an_answer_of_whatever_kind_it_is_asked_again(account: Account, fail: Fail) -> None:
    """Only what cannot be reached at all is left alone for a while."""
    account.stranger.answers = [refusal(503, "ServerBusy")]
    for calls in (1, 2):
        fail(account.calls[0])
        assert len(account.stranger.asked) == 4 * calls
