"""What a browser brings back: one cookie and the fields of one form. Nothing else of it is read.

A form may hold a code. Whoever prints a stack with local variables must not see it: what is read is
asked for where it is needed, is given in what does not show it, and no error leaves with a frame
that knew it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from rotation.errors import SignInError
from rotation.model import Hidden
from rotation.page.sign_in import COOKIES

if TYPE_CHECKING:
    from collections.abc import Callable

LARGEST = 64 * 1024
"""Bytes; an answer of Entra has a few thousand."""
MOST_FIELDS = 32
FORM = "application/x-www-form-urlencoded"


def read_cookie(header: str) -> str:
    """Give the value of the first cookie of ``COOKIES`` that is there exactly once; or nothing.

    Args:
        header: ``Cookie``, or nothing.
    """
    pairs = [pair.strip().partition("=") for pair in header.split(";")]
    for ours in COOKIES:
        found = [value for name, _, value in pairs if name == ours]
        if len(found) == 1:
            return found[0]
    return ""


def read_form(content_type: str, body: Callable[[], bytes]) -> Hidden:
    """Give the fields of a form (WHATWG *URL*, "application/x-www-form-urlencoded parsing").

    Args:
        content_type: of the body.
        body: gives it.

    Raises:
        SignInError: it is none, or too large, or cannot be read in one way only.
    """
    try:
        return _fields(content_type, body())
    except SignInError as exc:
        error = exc
    raise error.with_traceback(None)


def _fields(content_type: str, body: bytes) -> Hidden:
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise _unreadable("it is no form")
    if len(body) > LARGEST:
        raise _unreadable(f"it has more than {LARGEST // 1024} kB")
    pairs = None
    with suppress(ValueError):  # not the context of another error: it holds the body
        pairs = parse_qsl(
            body.decode(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    if pairs is None:
        raise _unreadable("its fields cannot be read")
    if not pairs:
        raise _unreadable("it is empty")
    fields = Hidden(pairs)
    if len(fields) != len(pairs):
        raise _unreadable("a field is there twice")
    return fields


def _unreadable(why: str) -> SignInError:
    return SignInError(
        f"the answer that the browser brought back is not one of Microsoft's: {why}",
        reason="unreadable-answer",
    )
