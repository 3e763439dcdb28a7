"""Holds over every test that nothing leaves the published description of the PAT lifecycle API.

Whatever a test is about: each request that the product's client sends is held against both
versions, and each answer that the sandbox gives against the one that was asked for. A test in which
one is not as described fails. What a fault puts in the place of an answer is nobody's promise, and
is passed over; so is what tests send by hand.

Products and sandboxes that run as processes of their own are not heard.
"""

from __future__ import annotations

import functools
import json
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from requests import Session

from rotation.adapters.patience import PlainSession
from sandbox.https.gate import Gate
from sandbox.https.pat_api import PatFace
from tests.contract.pat_api.schema import VERSIONS, ContractError, PatApi, asked_for
from tests.tally import figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import PreparedRequest
    from requests import Response as Heard

    from sandbox.https.message import Request, Response

PATH = "/_apis/tokens/pats"
OPERATIONS = {
    "list_pats": "Pats_List",
    "get_pat": "Pats_Get",
    "create_pat": "Pats_Create",
    "update_pat": "Pats_Update",
    "revoke_pat": "Pats_Revoke",
}
"""What the sandbox calls the published operations."""
SUCCESSES = (200, 201, 202, 204)
"""Of the others the description says nothing; a 203 is a page to sign in."""
NEWEST = VERSIONS[-1]
TITLE = "held against the published description"


class Recorder:
    """Hears what goes to the API and what comes from it."""

    def __init__(self, counted: dict[str, int]) -> None:
        """Count what is held in ``counted``."""
        self._counted = counted
        self._faults: list[str] = []
        self._lock = threading.Lock()

    def take(self) -> list[str]:
        """Give what was not as described since the last time."""
        with self._lock:
            taken, self._faults = self._faults, []
        return taken

    def hear_request(self, method: str, url: str, body: object) -> None:
        """Hold a request of the client against both versions, whichever it asks for."""
        self._hold("requests", lambda: _check_request(method, url, body))

    def hear_answer(self, operation: str, version: str, status: int, body: object) -> None:
        """Hold an answer against the version that was asked for.

        A version that is not described is held against the newest one. So is a refusal by a word
        that 7.1 does not know yet: the sandbox gives these words whatever is asked for.
        """
        asked, newest = PatApi(version if version in VERSIONS else NEWEST), PatApi(NEWEST)
        word = body.get("patTokenError") if isinstance(body, dict) else None
        api = newest if word in newest.words - asked.words else asked
        self._hold("answers", lambda: api.check_answer(operation, body, status))

    def _hold(self, what: str, check: Callable[[], None]) -> None:
        with self._lock:
            self._counted[what] += 1
        try:
            check()
        except ContractError as exc:
            with self._lock:
                self._faults.append(str(exc))


RECORDER = pytest.StashKey[Recorder]()


@pytest.fixture
def recorder(pytestconfig: pytest.Config) -> Recorder:
    """Give what hears everything."""
    return pytestconfig.stash[RECORDER]


@pytest.fixture(autouse=True)
def as_published(recorder: Recorder) -> Iterator[None]:
    """Fail a test in which something was not as described."""
    yield
    assert recorder.take() == []


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen."""
    recorder = config.stash[RECORDER] = Recorder(figures(config, TITLE))
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    _to_the_client(recorder, patch)
    _to_the_sandbox(recorder, patch)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was held."""
    counted = figures(config, TITLE)
    terminalreporter.write_line(
        f"{TITLE} of the PAT API: {counted['requests']:,} requests of the client, "
        f"{counted['answers']:,} answers of the sandbox"
    )


def _to_the_client(recorder: Recorder, patch: pytest.MonkeyPatch) -> None:
    """Hear each request of the product's own sessions, as it goes to the wire."""
    send = Session.send  # of all sessions: tests that stand in between put theirs there, too

    @functools.wraps(send)
    def sent(session: Session, request: PreparedRequest, **more: Any) -> Heard:  # noqa: ANN401 - handed on
        is_ours = isinstance(session, PlainSession)
        if is_ours and urlsplit(str(request.url)).path.lower().endswith(PATH):
            body = json.loads(request.body) if request.body else None
            recorder.hear_request(str(request.method), _below_its_base(str(request.url)), body)
        return send(session, request, **more)

    patch.setattr(Session, "send", sent)


def _to_the_sandbox(recorder: Recorder, patch: pytest.MonkeyPatch) -> None:
    """Hear each answer that the sandbox means to give, before a fault gets at it."""
    face, call = PatFace.__call__, Gate.call
    asked = threading.local()

    @functools.wraps(face)
    def answered(self: PatFace, request: Request) -> Response:
        asked.version = request.query.get("api-version", "").partition("-")[0]
        return face(self, request)

    @functools.wraps(call)
    def called(  # noqa: PLR0913, PLR0917 - what it stands in for
        gate: Gate,
        service: str,
        operation: str,
        target: str,
        carry_out: Callable[[], Response],
        payer: str = "",
    ) -> Response:
        def carried_out() -> Response:
            response = carry_out()
            if operation in OPERATIONS and response.status in SUCCESSES:
                body = json.loads(response.body) if response.body else None
                recorder.hear_answer(OPERATIONS[operation], asked.version, response.status, body)
            return response

        return call(gate, service, operation, target, carried_out, payer)

    patch.setattr(PatFace, "__call__", answered)
    patch.setattr(Gate, "call", called)


def _below_its_base(url: str) -> str:
    """Give an address without the path under which a look-alike has the whole API."""
    parts = urlsplit(url)
    organization_and_path = "/".join(parts.path.split("/")[-PATH.count("/") - 1 :])
    return parts._replace(path=f"/{organization_and_path}").geturl()


def _check_request(method: str, url: str, body: object) -> None:
    preview = asked_for(url).preview
    for version in VERSIONS:
        api = PatApi(version)
        api.check_request(method, url.replace(preview, api.preview), body)
