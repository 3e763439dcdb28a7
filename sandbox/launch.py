"""Starts the product's command line by the sandbox's time.

The product has no setting that moves its clock: time is an argument of its composition root. So
whoever wants it to live at another time starts it from here.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from sandbox.clock import wall

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

TIMEOUT_SECONDS = 30


class ControlError(Exception):
    """The sandbox does not answer, or refuses."""


def launch(arguments: Sequence[str], offset: timedelta) -> int:
    """Run the product's command line with its clock moved by ``offset``.

    Returns:
        Its exit code.
    """
    from rotation import cli

    def clock() -> datetime:
        return wall() + offset

    return cli.main(arguments, clock=clock)


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
        message = f"no sandbox answers at {control_url}: {exc.reason}; start it: python -m sandbox"
        raise ControlError(message) from None
    return answer
