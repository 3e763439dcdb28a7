"""Many things of one kind in little memory. Pure.

A scan meets every secret and every token of a tenant, and must remember a little of each until its
end. A few strings in an object of Python's own take about a kilobyte; here, a string takes its
bytes and four, or sixteen if it is a GUID, and finding a thing by its key takes twelve.

What is packed never grows: a long array that does leaves holes where it was before.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

BLOCK = 64
"""Things that are packed together."""
GUID = 16
"""Bytes of one."""


class Guids:
    """GUIDs as they are mostly written: lower case, hyphens, no braces."""

    __slots__ = ("_bytes",)

    def __init__(self, texts: Iterable[str]) -> None:
        """Pack them.

        Raises:
            ValueError: one is none, or is written in another way.
        """
        guids = [(bytes.fromhex(text.replace("-", "")), text) for text in texts]
        if any(len(guid) != GUID or _written(guid) != text for guid, text in guids):
            message = "not a GUID as it is mostly written"
            raise ValueError(message)
        self._bytes = b"".join(guid for guid, _ in guids)

    def __getitem__(self, number: int) -> str:
        return _written(self._bytes[number * GUID : (number + 1) * GUID])


def _written(guid: bytes) -> str:
    digits = guid.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class Strings:
    """Any strings."""

    __slots__ = ("_bytes", "_ends")

    def __init__(self, texts: Iterable[str]) -> None:
        """Pack them."""
        parts = [text.encode(errors="surrogatepass") for text in texts]
        self._bytes = b"".join(parts)
        self._ends = array("I", accumulate(map(len, parts)))

    def __getitem__(self, number: int) -> str:
        start = self._ends[number - 1] if number else 0
        return self._bytes[start : self._ends[number]].decode(errors="surrogatepass")


class Names:
    """Strings that are only ever added."""

    def __init__(self) -> None:
        """Start with none."""
        self._blocks: list[Strings] = []
        self._last: list[str] = []

    def append(self, name: str) -> None:
        """Add one."""
        self._last.append(name)
        if len(self._last) == BLOCK:
            self._blocks.append(Strings(self._last))
            self._last = []

    def __len__(self) -> int:
        return len(self._blocks) * BLOCK + len(self._last)

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks:
            yield from map(block.__getitem__, range(BLOCK))
        yield from self._last


class Index:
    """Where in a sequence the things with a key are."""

    def __init__(self, keys: Iterable[Hashable]) -> None:
        """Take the key of each thing, in their order."""
        hashes = array("q", map(hash, keys))
        order = sorted(range(len(hashes)), key=hashes.__getitem__)
        self._hashes = array("q", map(hashes.__getitem__, order))
        self._positions = array("I", order)

    def find(self, key: Hashable) -> Sequence[int]:
        """Give the positions, in their order; another key with the same hash is taken for it."""
        wanted = hash(key)
        first = last = bisect_left(self._hashes, wanted)
        while last < len(self._hashes) and self._hashes[last] == wanted:
            last += 1
        return self._positions[first:last]
