"""The pages of a sign-in. Pure: data in, a page out.

The cookie carries what is known of a sign-in until the browser comes back. The way back is a form
that Entra's page makes the browser post, from another site: only a cookie with ``SameSite=None`` is
sent along (MDN, *Set-Cookie*; Entra documentation, *Handle SameSite cookie changes in Chrome
browser*).

It is sent under two names. ``__Host-`` ties it to this very host, so that no neighbour can put one
of its own in its place (MDN, the same: "Cookie prefixes"). But a browser drops such a cookie if it
has a domain, and the Functions host may write the name of the app into it as one
(Azure/azure-functions-python-worker, issue 1902). ``__Secure-`` may have a domain; it counts only
where the first is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rotation.errors import OutcomeUnknownError, SettingsError, SignInError
from rotation.page.page import Page, common_headers, render
from rotation.session import SIGN_IN_PERIOD, SOON
from rotation.sign_in import PATIENCE

if TYPE_CHECKING:
    from rotation.errors import RotationError
    from rotation.sign_in import Begun, Connected

COOKIES = ("__Host-pat-rotation-sign-in", "__Secure-pat-rotation-sign-in")
"""The names of the cookie; the first that a browser brings back counts."""
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=None"
NO_COOKIES = tuple(f"{name}=; Max-Age=0; {_ATTRIBUTES}" for name in COOKIES)
"""Take the cookie back: it is good for one answer."""

WELCOME = "/sign-in"
NOW, HERE = "now", "here"
"""How a sign-in may start: at the configured address, or wherever the browser is."""
START, START_HERE = f"{WELCOME}?start={NOW}", f"{WELCOME}?start={HERE}"

NOT_CONNECTED = "You are not connected"
NOTHING_SAVED = "Nothing was saved; a session that worked before still works."
STILL_WORKS = "A session that worked before still works."
NOTHING_TO_FINISH = "Nothing to finish here"
NOTHING_CHANGED = "Nothing has changed; if you were connected a moment ago, you still are."

FOUND, GOOD, BAD_REQUEST, FORBIDDEN, DEFECT, UNAVAILABLE = 302, 200, 400, 403, 500, 503
STRANGERS = frozenset({"not-an-owner", "somebody-else"})
"""Refusals of people who are who they say, and may not."""
FINISHED = frozenset({"not-begun", "replayed"})
"""Refusals of an answer whose sign-in may have come to a good end: a page that is loaded again."""


def welcome() -> Page:
    """Say what a sign-in is for and what it gives away, before it begins."""
    days = SIGN_IN_PERIOD.days
    return render(GOOD, "sign_in.html", start=START, days=days, reminder=SOON.days)


def elsewhere(public_url: str) -> Page:
    """Send the browser to where the pages are, to begin there."""
    return Page(FOUND, "", {**common_headers(), "Location": f"{public_url}{START_HERE}"})


def redirect(begun: Begun) -> Page:
    """Send the browser to Entra, with what it must bring back."""
    kept = f"{begun.sealed}; Max-Age={int(PATIENCE.total_seconds())}; {_ATTRIBUTES}"
    cookies = tuple(f"{name}={kept}" for name in COOKIES)
    return Page(FOUND, "", {**common_headers(), "Location": begun.url}, cookies)


def connected(found: Connected) -> Page:
    """Say who is connected now, where it works, where not and why, and until when."""
    return render(GOOD, "connected.html", NO_COOKIES, connected=found, reminder=SOON.days)


def refused(error: RotationError) -> Page:
    """Say why nothing came of it, and what to do."""
    message, hint = str(error.args[0]), error.hint
    heading, kept = NOT_CONNECTED, NOTHING_SAVED
    if isinstance(error, SettingsError):
        # Whoever comes by may read this page; the settings are the administrator's.
        message = "this rotator is not set up completely, so nobody can sign in yet"
        hint = "an administrator finds each faulty setting in the log of the function app"
    if isinstance(error, OutcomeUnknownError):
        kept = STILL_WORKS
    if error.reason in FINISHED:
        heading, kept = NOTHING_TO_FINISH, NOTHING_CHANGED
    return render(
        _status(error),
        "refused.html",
        NO_COOKIES,
        heading=heading,
        message=message,
        hint=hint,
        kept=kept,
        reason=error.reason,
        again=WELCOME,
    )


def failed() -> Page:
    """Say that something went wrong that nobody has foreseen, and nothing else."""
    return render(
        DEFECT,
        "refused.html",
        NO_COOKIES,
        heading="Something went wrong",
        message="this is a defect of the app, and nothing that you did",
        hint="an administrator finds its place in the log of the function app",
        kept=STILL_WORKS,
        reason="defect",
        again=WELCOME,
    )


def _status(error: RotationError) -> int:
    if not isinstance(error, SignInError):
        return UNAVAILABLE
    return FORBIDDEN if error.reason in STRANGERS else BAD_REQUEST
