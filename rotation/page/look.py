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
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING

from rotation.errors import RotationError, SettingsError
from rotation.model import SecretName
from rotation.page import event_view, fleet_view, secret_view, wanted
from rotation.page.accept import prefers_json
from rotation.page.event_view import EventsView
from rotation.page.page import Look, Page, common_headers, render
from rotation.page.secret_view import Past
from rotation.page.wanted import page_in
from rotation.timeline.life import EVENTS

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
RECENT, FEW = timedelta(days=7), 10
"""The events that are shown beside the fleet: how old they may be, and how many."""
PERIOD = timedelta(days=31)
"""How far the page of the events reaches back; the command ``events`` shows all."""
NO_JOURNAL = "there is no journal: ROTATION_STORAGE is not set; the log has every event"
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
        lookout = open_lookout()
        fleet = lookout.fleet()
        if request.is_for_json:
            return _json(GOOD, fleet.status())
        seen = fleet_view.view(fleet, wanted.read(request.parameters))
        recent = _events(lookout, RECENT, "", 1, FEW)
        return _page("fleet.html", view=seen, events=recent)

    return _answer(request, show)


def show_secret(request: Request, vault: str, name: str, open_lookout: Open) -> Page:
    """Answer with the page of one secret, or its part of the status as JSON."""

    def show() -> Page:
        lookout = open_lookout()
        fleet = lookout.fleet()
        asked = SecretName(vault, name).folded
        found = [f for f in fleet.findings if f.snapshot.secret.name.folded == asked]
        if not found:
            message = "there is no managed secret of this name in the watched vaults"
            hint = "whoever has just made or tagged it waits a minute, and looks again"
            refusal = Refusal(NOT_FOUND, "unknown-secret", "No such secret", message, hint)
            return _refused(request, refusal)
        if request.is_for_json:
            return _json(GOOD, replace(fleet, findings=(found[0],)).status()["secrets"][0])
        past = _past(lookout, found[0].snapshot.secret.name)
        seen = secret_view.view(found[0], past, fleet.checked_at, fleet.alert_before)
        return _page("secret.html", view=seen)

    return _answer(request, show)


def show_events(request: Request, open_lookout: Open) -> Page:
    """Answer with a page of the journal, or the same events as JSON."""
    only, number = request.parameters.get("only", ""), page_in(request.parameters)

    def show() -> Page:
        lookout = open_lookout()
        if request.is_for_json:
            return _events_for_a_program(request, lookout)
        events = _events(lookout, PERIOD, only, number, event_view.ROWS)
        return _page("events.html", view=events, days=PERIOD.days)

    return _answer(request, show)


def _events_for_a_program(request: Request, lookout: Lookout) -> Page:
    try:
        rows = islice(lookout.journal.since(lookout.clock() - PERIOD), event_view.ROWS)
        return _json(GOOD, [dict(row) for row in rows])
    except SettingsError as exc:
        refusal = Refusal(UNAVAILABLE, "no-journal", "No journal", NO_JOURNAL, exc.hint)
        return _refused(request, refusal)


def _events(lookout: Lookout, period: timedelta, only: str, page: int, size: int) -> EventsView:
    """Read events from the journal; why that is not possible is told in their place."""
    try:
        rows = lookout.journal.since(lookout.clock() - period)
        return event_view.view(rows, only, page, size)
    except RotationError as exc:
        return EventsView(note=_note(exc))


def _past(lookout: Lookout, name: SecretName) -> Past:
    """Ask for what has happened to a secret; what cannot be told does not hide the rest."""
    past = Past()
    try:
        past = replace(past, events=tuple(islice(lookout.journal.of_secret(name), EVENTS)))
    except RotationError as exc:
        past = replace(past, events_note=_note(exc))
    try:
        return replace(past, versions=lookout.versions(name))
    except RotationError as exc:
        return replace(past, versions_note=_note(exc))


def _note(error: RotationError) -> str:
    if isinstance(error, SettingsError):
        return NO_JOURNAL
    LOGGER.warning("a part of a page is missing: %s", error.reason)
    return str(error)


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


def _page(template: str, **data: object) -> Page:
    page = render(GOOD, template, (), WIDE, **data)
    return Page(page.status, page.body, {**page.headers, **VARY})


def _json(status: int, told: object) -> Page:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Page(status, json.dumps(told), {**common_headers(WIDE), **kind, **VARY})
