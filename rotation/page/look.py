"""Somebody comes by to look at the fleet: who may, and what they are shown, whatever happens.

Only those whom the platform's sign-in has let in are shown anything. That it is switched on is
looked at first: without it, the header that tells who is there could be anybody's own.

What is logged is logged in the thread of the invocation: the host drops lines of other threads. The
look itself logs nothing.
"""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from rotation.errors import RotationError, SettingsError
from rotation.page import fleet_view, wanted
from rotation.page.accept import prefers_json
from rotation.page.page import Look, Page, common_headers, render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotation.lookout import Lookout

    Open = Callable[[], Lookout]
    """Gives what looks; reads the settings, so it may refuse."""

LOGGER = logging.getLogger("rotation.page")

WIDE = Look(("style.css", "status.css"), form_action="'self'")
"""Of the pages of the fleet; their only form asks for other rows of the same page."""
SWITCH, PRINCIPAL = "WEBSITE_AUTH_ENABLED", "X-MS-CLIENT-PRINCIPAL"
"""The variable that the platform sets where its sign-in is on, and the header with which it then
tells who has signed in; it strips a client's own (App Service documentation, *Work with user
identities*)."""
VARY = {"Vary": "Accept"}
GOOD, FORBIDDEN, NOT_FOUND, DEFECT, UNAVAILABLE = 200, 403, 404, 500, 503


@dataclass(frozen=True)
class Request:
    """What a browser sends, as far as it counts here."""

    headers: Mapping[str, str]
    """Their names are found in either case."""
    parameters: Mapping[str, str]
    switch: str | None
    """The value of the variable ``SWITCH``."""

    @property
    def is_for_json(self) -> bool:
        """Whether a program asks, and no browser."""
        return prefers_json(self.headers.get("Accept", ""))


@dataclass(frozen=True)
class Refusal:
    """Why nothing is shown, and what helps."""

    status: int
    """Of HTTP."""
    reason: str
    heading: str
    message: str
    hint: str


def show_fleet(request: Request, open_lookout: Open) -> Page:
    """Answer with the page of the fleet, or the same as JSON."""

    def show() -> Page:
        fleet = open_lookout().fleet()
        if request.is_for_json:
            return _json(GOOD, fleet.status())
        return _page("fleet.html", fleet_view.view(fleet, wanted.read(request.parameters)))

    return _answer(request, show)


def _answer(request: Request, show: Callable[[], Page]) -> Page:
    if refusal := _refusal(request):
        return _refused(request, refusal)
    try:
        return show()
    except SettingsError as exc:
        LOGGER.warning("a look was refused: %s: %s", exc.reason, exc)
        # Whoever comes by may read this page; the settings are the administrator's.
        message = "this rotator is not set up completely, so there is nothing to see yet"
        hint = "an administrator finds each faulty setting in the log of the function app"
        refusal = Refusal(UNAVAILABLE, exc.reason, "Not set up yet", message, hint)
        return _refused(request, refusal)
    except RotationError as exc:
        LOGGER.warning("a look failed: %s", exc.reason)
        message, hint = str(exc.args[0]), exc.hint
        refusal = Refusal(UNAVAILABLE, exc.reason, "Nothing can be shown now", message, hint)
        return _refused(request, refusal)
    except Exception as exc:  # noqa: BLE001 - whatever it is, people get a page without it
        place = traceback.extract_tb(exc.__traceback__)[-1]
        where = f"{PurePath(place.filename).name}:{place.lineno}"
        LOGGER.error("unexpected %s in %s; please report it", type(exc).__name__, where)  # noqa: TRY400 - its words may hold a value
        message = "this is a defect of the app, and nothing that you did"
        hint = "an administrator finds its place in the log of the function app"
        return _refused(request, Refusal(DEFECT, "defect", "Something went wrong", message, hint))


def _refusal(request: Request) -> Refusal | None:
    """Tell why somebody is not let in; None if they have signed in at the platform."""
    if (request.switch or "").lower() != "true":
        return Refusal(
            UNAVAILABLE,
            "sign-in-off",
            "Nothing is shown without a sign-in",
            "the built-in authentication of this function app is switched off, so nobody can tell "
            "who you are",
            "an administrator switches it on: docs/status-page.md tells how",
        )
    if not request.headers.get(PRINCIPAL):
        return Refusal(
            FORBIDDEN,
            "not-signed-in",
            "Sign in first",
            "the platform did not say who you are",
            "open the page in a browser and sign in; if that does not help, an administrator looks "
            "at the paths that are excluded from the built-in authentication",
        )
    return None


def _refused(request: Request, refusal: Refusal) -> Page:
    if request.is_for_json:
        told = {"reason": refusal.reason, "message": refusal.message, "hint": refusal.hint}
        return _json(refusal.status, told)
    return render(refusal.status, "not_shown.html", refusal=refusal)


def _page(template: str, view: object) -> Page:
    page = render(GOOD, template, look=WIDE, view=view)
    return Page(page.status, page.body, {**page.headers, **VARY})


def _json(status: int, told: object) -> Page:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Page(status, json.dumps(told), {**common_headers(WIDE), **kind, **VARY})
