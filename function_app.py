"""The functions, as the Azure Functions host finds them (Python programming model v2).

Thin: it wires and calls. Nothing heavy is imported, and no setting is read, before a function runs:
on Flex Consumption the code starts in a warm process whose environment is replaced later.
"""

from __future__ import annotations

import atexit
import logging
import os
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from rotation.lookout import Lookout
    from rotation.page.look import Request
    from rotation.page.page import Page
    from rotation.ports import Clock
    from rotation.sign_in import SignIn
    from rotation.wiring import Service

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

LOGGER = logging.getLogger("rotation")

_GUARD = Lock()

clock: Clock | None = None
"""Tells the present instant; the real one if None. No setting moves it: whoever starts this app in
another way than the platform does may put another one here, before a function runs."""


def _service() -> Service:
    """Give the product, put together once in a process: connections and sessions stay warm."""
    with _GUARD:  # several functions may be the first at once
        return _opened()


@cache
def _opened() -> Service:
    from rotation import settings, wiring
    from rotation.clock import now

    LOGGER.setLevel(logging.INFO)
    for name in settings.unknown_names():
        LOGGER.warning("%s is not a setting of this version and has no effect", name)
    chosen = settings.load()
    opened = ExitStack()
    atexit.register(opened.close)
    return opened.enter_context(wiring.open_service(chosen, clock or now))


class RunFailedError(Exception):
    """Something failed in a run; everything else was done before."""


@app.timer_trigger(arg_name="timer", schedule="%ROTATION_SCHEDULE%", use_monitor=True)
def scan(timer: func.TimerRequest) -> None:
    """Scan all vaults and settle what needs it.

    A run in which something failed ends as a failed invocation, so that the platform's own failure
    count tells; wrong settings fail it, too, before anything is touched.
    """
    if timer.past_due:
        LOGGER.warning("this run is late; nothing is lost by that")
    from rotation.relay import relayed

    service, last = _service(), _last(timer)
    report = relayed(LOGGER, lambda: service.rotator.run(scanned_at=last, fan_out=service.fan_out))
    if report.has_failures:
        message = f"run {report.run_id}: {report.summary}; the log names each failure"
        raise RunFailedError(message)


@app.queue_trigger(
    arg_name="message", queue_name="rotation-requests", connection="ROTATION_STORAGE"
)
def settle(message: func.QueueMessage) -> None:
    """Do what one message asks for: settle one secret, or carry out an operator's order.

    A message that is no order fails: the platform delivers it a few times more, and then puts it
    into the poison queue.
    """
    worker = _service().worker
    if worker is None:
        raise RunFailedError("ROTATION_STORAGE is not set for this process")
    worker.handle(message.get_body().decode(errors="replace"))


def _last(timer: func.TimerRequest) -> datetime | None:
    """Tell when the timer ran before, as the platform remembers it; None if it does not."""
    try:
        status = getattr(timer, "schedule_status", {})  # not in the declared type
        last = datetime.fromisoformat(str(status.get("Last")))
    except ValueError:
        return None
    return last.astimezone(UTC) if last.tzinfo and last.year > 1 else None


@app.route(route="health", methods=["GET"])
def health(req: func.HttpRequest) -> func.HttpResponse:
    """Say that the process answers. Nothing about secrets, and no detail."""
    return func.HttpResponse("ok\n", mimetype="text/plain", headers={"Cache-Control": "no-store"})


@app.route(route="sign-in", methods=["GET"])
def sign_in(req: func.HttpRequest) -> func.HttpResponse:
    """Show an owner what a sign-in is, or begin one."""
    from rotation.page import visit

    return _shown(visit.enter(req.url, req.params, _sign_in))


@app.route(route="sign-in/callback", methods=["GET", "POST"])
def sign_in_callback(req: func.HttpRequest) -> func.HttpResponse:
    """Finish a sign-in: Entra makes the browser post its answer here."""
    from rotation.page import visit

    return _shown(visit.come_back(req.method, req.headers, req.get_body, _sign_in))


@app.route(route="/", methods=["GET"])
def status(req: func.HttpRequest) -> func.HttpResponse:
    """Show how everything stands, to whom the platform's sign-in has let in."""
    from rotation.page import look

    return _shown(look.show_fleet(_seen(req), _lookout))


@app.route(route="secrets/{vault}/{name}", methods=["GET"])
def status_secret(req: func.HttpRequest) -> func.HttpResponse:
    """Show one secret: its life, why it stands as it does, and what can be ordered."""
    from rotation.page import look

    asked = req.route_params
    return _shown(look.show_secret(_seen(req), asked["vault"], asked["name"], _lookout))


@app.route(route="events", methods=["GET"])
def status_events(req: func.HttpRequest) -> func.HttpResponse:
    """Show what happened, the newest first."""
    from rotation.page import look

    return _shown(look.show_events(_seen(req), _lookout))


def _seen(req: func.HttpRequest) -> Request:
    from rotation.page.look import SWITCH, Request

    return Request(req.headers, req.params, os.environ.get(SWITCH))


def _lookout() -> Lookout:
    return _service().lookout


def _sign_in() -> SignIn:
    return _service().sign_in


def _shown(page: Page) -> func.HttpResponse:
    answer = func.HttpResponse(page.body, status_code=page.status, headers=page.headers)
    for cookie in page.cookies:
        answer.headers.add("Set-Cookie", cookie)
    return answer
