"""The Functions host in miniature, and the product's function app as a process of its own."""

from __future__ import annotations

import logging
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import azure.functions as func
import pytest
import requests

from sandbox.clock import wall
from sandbox.functions import Functions, FunctionsError
from sandbox.functions_host import FunctionsHost
from sandbox.https.message import Request
from sandbox.https.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import ManualClock
    from sandbox.https import Sandbox
    from sandbox.https.message import Response
    from sandbox.world import World

    Ask = Callable[..., Response]

URL = "https://localhost"
TIMEOUT_SECONDS = 10
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
pages = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="Echo/Twice", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Say what was asked."""
    said = (req.method, req.url, dict(req.params), req.headers.get("X-Word"), req.get_body())
    return func.HttpResponse(repr(said))


@app.route(route="cookies", methods=["GET"])
def cookies(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - as the platform calls it
    """Set two, in one answer."""
    answer = func.HttpResponse(status_code=302, headers={"Location": "/"})
    answer.headers.add("Set-Cookie", "a=x=y/z; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=None")
    answer.headers.add("Set-Cookie", "b=; Max-Age=0")
    return answer


@app.route(route="fail", methods=["GET"])
def fail(req: func.HttpRequest) -> func.HttpResponse:
    """Fail."""
    raise ValueError(req.url)


@pages.route(route="/", methods=["GET"])
def root(req: func.HttpRequest) -> func.HttpResponse:
    """Say who is there."""
    return func.HttpResponse(repr(sorted(req.headers)))


@pages.route(route="things/{kind}/{name}", methods=["GET"])
def thing(req: func.HttpRequest) -> func.HttpResponse:
    """Say what the parts of the address are."""
    return func.HttpResponse(repr(dict(req.route_params)))


@app.timer_trigger(arg_name="timer", schedule="0 0 0 * * *")
def tick(timer: func.TimerRequest) -> None:
    """Do nothing, at no address."""


@pytest.fixture(scope="module")
def host() -> FunctionsHost:
    """Give a host of these functions."""
    return FunctionsHost(app.get_functions(), URL)


def test_a_function_is_told_what_was_asked(host: FunctionsHost) -> None:
    """Method, address, parameters, headers in either case, and body; paths in either case."""
    asked = Request("POST", "/echo/TWICE?b=1&b=2&empty=", {"x-word": "w"}, b"body")

    answer = host(asked)

    said = ("POST", f"{URL}/echo/TWICE?b=1&b=2&empty=", {"b": "1,2"}, "w", b"body")
    assert (answer.status, answer.body.decode()) == (200, repr(said))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/echo/twice"), ("GET", "/echo"), ("GET", "/"), ("GET", "/tick")]
)
def test_what_no_function_is_bound_to_is_not_found(
    host: FunctionsHost, method: str, path: str
) -> None:
    """Another method, another path, a function that has no address."""
    assert host(Request(method, path)).status == 404


@pytest.fixture(scope="module")
def serve_pages() -> Callable[[str | None], FunctionsHost]:
    """Give a function that makes a host of the other functions, with or without a visitor."""
    functions = pages.get_functions()
    return lambda visitor: FunctionsHost(functions, URL, visitor=visitor)


def test_the_root_is_a_route(serve_pages: Callable[[str | None], FunctionsHost]) -> None:
    """It is asked before the host shows a page of its own."""
    host = serve_pages(None)

    assert host(Request("GET", "/")).status == 200
    assert host(Request("GET", "/?a=b")).status == 200
    assert host(Request("POST", "/")).status == 404


def test_parts_of_an_address_are_handed_on(
    serve_pages: Callable[[str | None], FunctionsHost],
) -> None:
    """As they are written; there are as many as there are names for them."""
    host = serve_pages(None)

    answer = host(Request("GET", "/THINGS/Big/%3Cb%3E"))
    assert answer.body.decode() == repr({"kind": "Big", "name": "<b>"})
    assert host(Request("GET", "/things/big")).status == 404
    assert host(Request("GET", "/things/big/one/more")).status == 404


def test_who_is_there_is_told_by_the_platform_alone(
    serve_pages: Callable[[str | None], FunctionsHost],
) -> None:
    """A client's own header is stripped where somebody has signed in at the platform."""
    headers = {"x-ms-client-principal": "forged", "x-ms-client-principal-id": "forged", "x-a": "b"}
    request = Request("GET", "/", headers)

    told = serve_pages("ada@contoso.example")(request).body.decode()
    assert told == repr(["x-a", "x-ms-client-principal", "x-ms-client-principal-name"])
    assert "x-ms-client-principal-id" in serve_pages(None)(request).body.decode()


def test_cookies_are_written_as_the_platform_does(host: FunctionsHost) -> None:
    """Each in a header of its own, encoded, with an empty domain."""
    answer = host(Request("GET", "/cookies"))

    assert (answer.status, answer.headers["Location"]) == (302, "/")
    assert "Set-Cookie" not in answer.headers
    assert answer.cookies == (
        "a=x%3Dy%2Fz; max-age=60; domain=; path=/; samesite=none; secure; httponly",
        "b=; max-age=0; domain=",
    )


def test_every_cookie_reaches_the_client(
    sandbox: Sandbox, host: FunctionsHost, clock: ManualClock
) -> None:
    """Through the server, as two headers."""
    with closing(Server(clock, sandbox.authority.context)) as server:
        server.start(host)
        answer = requests.get(f"{server.url}/cookies", timeout=5, allow_redirects=False)

    assert len(answer.raw.headers.getlist("Set-Cookie")) == 2


def test_a_function_that_fails_is_an_empty_500(
    host: FunctionsHost, caplog: pytest.LogCaptureFixture
) -> None:
    """The platform logs the error with its stack, whatever is in it."""
    answer = host(Request("GET", "/fail"))

    assert (answer.status, answer.body) == (500, b"")
    (record,) = caplog.records
    assert (record.levelno, record.exc_info is None) == (logging.ERROR, False)


@pytest.mark.parametrize("offset", [None, timedelta(days=3)], ids=["asked", "given"])
def test_the_products_pages_live_by_the_sandboxs_time(
    sandbox: Sandbox, world: World, offset: timedelta | None
) -> None:
    """A process of its own, that Entra knows, and whose answers are dated."""
    with Functions(sandbox.environment, offset) as functions:
        answer = requests.get(f"{functions.url}/sign-in", timeout=TIMEOUT_SECONDS)

    assert answer.status_code == 200
    assert world.tenant.redirect_uris == {f"{functions.url}/sign-in/callback"}
    expected = world.clock() if offset is None else wall() + offset
    assert abs(parsedate_to_datetime(answer.headers["Date"]) - expected) < timedelta(minutes=1)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{functions.url}/sign-in", timeout=TIMEOUT_SECONDS)
    assert functions.log == ""


def test_a_process_that_does_not_start_says_why(sandbox: Sandbox) -> None:
    """The sandbox that it names is not there, nor is what it has left in a folder."""
    nowhere = {"SANDBOX_CONTROL": "http://127.0.0.1:9", "SANDBOX_CERTIFICATE": "gone.pem"}

    with pytest.raises(FunctionsError, match="no sandbox answers at"):
        Functions({**sandbox.environment, **nowhere}).start()


def test_nobody_serves_functions_without_a_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says what is missing."""
    monkeypatch.delenv("SANDBOX_CONTROL", raising=False)

    ran = subprocess.run(
        [sys.executable, "-m", "sandbox", "functions"], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 1
    assert "SANDBOX_CONTROL is not set" in ran.stderr
