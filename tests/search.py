"""Finds secret values in texts: in one pass, however many values there are, and mere parts of them.

A value is looked for by its pieces. A text that has a piece of sixteen characters gives the value
away, even if the rest was cut off or broken over two lines: any 31 characters of a value hold one.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FORMS = ("plain", "base64", "base64url", "URL-encoded", "JSON-escaped", "by its shape")
"""The forms in which a value is found. A Basic credential is one in base64."""
PIECE = 16
"""Chance does not make the same sixteen characters twice."""

_WORD = re.compile(rf"[A-Za-z0-9+/_.~%-]{{{PIECE},}}")
"""What can hold a piece. All else, most of any text, is passed over at once."""
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{70,}")
"""What may be a token in base64: 52 characters take 70."""
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9])[a-z0-9]{52}(?![A-Za-z0-9])"  # as they were until 2024
    r"|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"  # as they are today
)
_SHORTEST_SHAPE = 52


class Search:
    """A search for some values."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        """Look for these values; for tokens by their published shapes in any case."""
        self._pieces: dict[str, str] = {}
        self._odd: dict[str, str] = {}
        for value in values:
            pieces, odd = _cut(value)
            self._pieces.update(pieces)
            self._odd.update(odd)

    def forms_in(self, text: str) -> set[str]:
        """Give the forms in which any of the values, or anything like a token, is in a text."""
        found = {form for odd, form in self._odd.items() if odd in text}
        for word in set(_WORD.findall(text)):
            windows = (word[i : i + PIECE] for i in range(len(word) - PIECE + 1))
            found.update(self._pieces[w] for w in windows if w in self._pieces)
            if len(word) >= _SHORTEST_SHAPE and any(map(_SHAPES.search, _readings(word))):
                found.add("by its shape")
        return found


@lru_cache(maxsize=4096)  # worlds of one seed hand out the same values, test after test
def _cut(value: str) -> tuple[dict[str, str], dict[str, str]]:
    """Give the pieces of all forms of a value; and what is no word, so must be found whole."""
    pieces: dict[str, str] = {}
    odd: dict[str, str] = {}
    for text, form in _written(_secret_part(value)):
        if _WORD.fullmatch(text):
            for i in range(0, len(text) - PIECE + 1, PIECE):
                pieces.setdefault(text[i : i + PIECE], form)
        else:
            odd.setdefault(text, form)
    return pieces, odd


def _secret_part(value: str) -> str:
    """Give the signature of a JSON web token: what comes before it is no secret, nor is it rare."""
    return value.rpartition(".")[2] if value.startswith("eyJ") else value


def _written(value: str) -> Iterator[tuple[str, str]]:
    """Write a value in every form: the plain one first, so that its name wins where two agree."""
    yield value, "plain"
    yield quote(value, safe=""), "URL-encoded"
    yield json.dumps(value)[1:-1], "JSON-escaped"
    for before in range(3):
        inner = _inner_base64(value.encode(errors="surrogatepass"), before)
        yield inner, "base64"
        yield inner.translate(str.maketrans("+/", "-_")), "base64url"


def _inner_base64(raw: bytes, before: int) -> str:
    """Give the characters of a base64 text that depend on nothing but ``raw``.

    Args:
        raw: a part of what is encoded.
        before: how many bytes come before it, modulo three: none for the value by itself, one for
            the colon of a Basic credential. So all that there can be is covered by three texts.
    """
    encoded = base64.b64encode(bytes(before) + raw).decode()
    # The first and last characters share their six bits with the neighbours, or are padding.
    first, last = (0, 2, 3)[before], (0, 3, 2)[(before + len(raw)) % 3]
    return encoded[first : len(encoded) - last]


def _readings(word: str) -> Iterator[str]:
    """Give a word as it stands, and what its parts say if they are base64, in either alphabet."""
    yield word
    for part in _BASE64.findall(word):
        with suppress(binascii.Error):
            yield base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("latin-1")
