"""A browser comes by: what it sends goes in, and a page comes out, whatever happens.

Of a refusal only its reason is logged: what people type, and what strangers send, is nobody's
business. Of a defect its kind and its place are, since its words may hold a value.
"""

from __future__ import annotations

import logging
import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rotation.errors import RotationError, SettingsError, SignInError
from rotation.page import sign_in
from rotation.page.posted import read_cookie, read_form

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rotation.page.page import Page
    from rotation.sign_in import SignIn

    Open = Callable[[], SignIn]
    """Gives what carries out a sign-in; reads the settings, so it may refuse."""

LOGGER = logging.getLogger("rotation.page")


def enter(url: str, parameters: Mapping[str, str], open_sign_in: Open) -> Page:
    """Answer who comes to sign in: the page that explains it, or its beginning.

    A function app may have several names, and a browser keeps a cookie for one of them: whoever
    begins at another one than Entra sends them back to is first sent to that one. There the name is
    not looked at again, as a proxy may have put another one in its place.

    Args:
        url: of the request. It is compared, and never told to anybody.
        parameters: of its query.
        open_sign_in: what carries it out; opened for a beginning only.
    """
    start = parameters.get("start")

    def begin() -> Page:
        opened = open_sign_in()
        if start == sign_in.NOW and _is_elsewhere(url, opened.public_url):
            return sign_in.elsewhere(opened.public_url)
        return sign_in.redirect(opened.begin())

    return _page(begin if start in {sign_in.NOW, sign_in.HERE} else sign_in.welcome)


def _is_elsewhere(url: str, public_url: str) -> bool:
    return bool(public_url) and urlsplit(url).hostname != urlsplit(public_url).hostname


def come_back(
    method: str, headers: Mapping[str, str], body: Callable[[], bytes], open_sign_in: Open
) -> Page:
    """Answer a browser that Entra has sent back.

    Args:
        method: of HTTP.
        headers: of the request, whose names are found in either case.
        body: gives that of the request: what it holds is in no variable here.
        open_sign_in: what carries it out; opened for a form and a cookie only.
    """

    def finish() -> Page:
        if method != "POST":
            message = "this address only takes what Microsoft's sign-in page sends"
            raise SignInError(message, reason="no-answer")
        form = read_form(headers.get("Content-Type", ""), body)
        sealed = read_cookie(headers.get("Cookie", ""))
        if not sealed:
            message = "no sign-in was begun in this browser in the last ten minutes"
            hint = "begin again, and let this site keep its cookie until you are back"
            raise SignInError(message, reason="not-begun", hint=hint)
        return sign_in.connected(open_sign_in().finish(sealed, form))

    return _page(finish)


def _page(answer: Callable[[], Page]) -> Page:
    try:
        return answer()
    except SettingsError as exc:
        LOGGER.warning("a sign-in was refused: %s: %s", exc.reason, exc)
        return sign_in.refused(exc)
    except RotationError as exc:
        LOGGER.warning("a sign-in was refused: %s", exc.reason)
        return sign_in.refused(exc)
    except Exception as exc:  # noqa: BLE001 - whatever it is, people get a page without it
        place = traceback.extract_tb(exc.__traceback__)[-1]
        where = f"{PurePath(place.filename).name}:{place.lineno}"
        LOGGER.error("unexpected %s in %s; please report it", type(exc).__name__, where)  # noqa: TRY400 - its words may hold a value
        return sign_in.failed()
