"""Starts the product by the sandbox's time: its command line, or its function app.

The product has no setting that moves its clock: time is an argument of its composition root. So
whoever wants it to live at another time starts it from here.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from sandbox.clock import wall

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

TIMEOUT_SECONDS = 30
VISITOR = "operator@contoso.example"
"""Who has signed in at the platform, whoever asks for a page."""
CERTIFICATE = "SANDBOX_CERTIFICATE"


class ControlError(Exception):
    """The sandbox does not answer, or refuses."""


def launch(arguments: Sequence[str], offset: timedelta) -> int:
    """Run the product's command line with its clock moved by ``offset``.

    Returns:
        Its exit code.
    """
    from rotation import cli

    return cli.main(arguments, clock=lambda: wall() + offset)


def serve_functions(
    control_url: str, offset: timedelta | None, tell: Callable[[str], None]
) -> None:
    """Serve the product's HTTP functions until this process is interrupted.

    Args:
        control_url: of the running sandbox in whose world they live.
        offset: how far their clock is ahead of the machine's; without, the sandbox's own is read.
        tell: is told their address, as soon as they answer there.

    Raises:
        ControlError: the sandbox does not answer.
    """
    import function_app
    from sandbox.functions_host import FunctionsHost
    from sandbox.https.certificate import server_context
    from sandbox.https.server import Server

    def clock() -> datetime:
        return wall() + (read_offset(control_url) if offset is None else offset)

    ask(control_url, "/time")  # before anything else is missing: is it there at all?
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    function_app.clock = clock
    with closing(Server(clock, server_context(Path(os.environ[CERTIFICATE])))) as server:
        os.environ["ROTATION_PUBLIC_URL"] = server.url
        os.environ["WEBSITE_AUTH_ENABLED"] = "True"  # as the platform does: the host stands in
        ask(control_url, "/do", {"words": ["register", f"{server.url}/sign-in/callback"]})
        functions = function_app.app.get_functions()
        server.start(FunctionsHost(functions, server.url, visitor=VISITOR))
        tell(server.url)
        threading.Event().wait()


def work_the_queue(
    control_url: str, offset: timedelta | None, is_over: threading.Event, **settings: timedelta
) -> None:
    """Let the product's function for the queue do what is there, as the Functions host does.

    Args:
        control_url: of the running sandbox in whose world it works.
        offset: how far its clock is ahead of the machine's; without, the sandbox's own is read.
        is_over: ends it.
        settings: of the host, where they are not those of ``host.json``: see ``QueueSettings``.

    Raises:
        ControlError: the sandbox does not answer.
    """
    import function_app
    from sandbox.queue_host import QueueHost, QueueSettings

    def clock() -> datetime:
        return wall() + (read_offset(control_url) if offset is None else offset)

    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    function_app.clock = clock
    (function,) = (
        found for found in function_app.app.get_functions() if found.get_function_name() == "settle"
    )
    QueueHost(function, os.environ, QueueSettings.read(**settings)).listen(is_over)


def read_offset(control_url: str) -> timedelta:
    """Ask a running sandbox how far its clock is ahead of the machine's.

    Raises:
        ControlError: it does not answer.
    """
    return timedelta(seconds=float(str(ask(control_url, "/time")["offset_seconds"])))


def ask(control_url: str, path: str, body: dict[str, object] | None = None) -> dict[str, object]:
    """Put one question to the control endpoint of a running sandbox.

    Args:
        control_url: its address: the variable ``SANDBOX_CONTROL``.
        path: ``/time``, ``/state`` or ``/do``.
        body: for ``/do``: the words.

    Raises:
        ControlError: it does not answer, or says that the words make no sense.
    """
    if not control_url.startswith("http://127.0.0.1:"):
        raise ControlError(f"the control address is {control_url!r}, expected http://127.0.0.1:…")
    request = Request(control_url + path, headers={"Content-Type": "application/json"})  # noqa: S310 - checked above
    if body is not None:
        request.data = json.dumps(body).encode()
    try:
        # No proxy has any business between two programs on this machine.
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_SECONDS) as response:
            answer: dict[str, object] = json.load(response)
    except HTTPError as exc:
        with exc:
            raise ControlError(json.load(exc)["error"]) from None
    except URLError as exc:
        help_ = "start it with `python -m sandbox`, and take the settings that it prints, anew"
        message = f"no sandbox answers at {control_url}: {exc.reason}; {help_}"
        raise ControlError(message) from None
    return answer
