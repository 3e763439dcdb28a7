"""Many things of one kind in little memory. Pure.

A scan meets every secret and every token of a tenant, and must remember a little of each until its
end. A few strings in an object of Python's own take about a kilobyte; here, a string takes its
bytes and four, and finding a thing by its key takes twelve.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence


class Texts:
    """Strings that are only ever added."""

    def __init__(self) -> None:
        """Start with none."""
        self._bytes = bytearray()
        self._ends = array("I", [0])

    def append(self, text: str) -> None:
        """Add one."""
        self._bytes += text.encode(errors="surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> str:
        start, end = self._ends[number], self._ends[number + 1]
        return self._bytes[start:end].decode(errors="surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return map(self.__getitem__, range(len(self)))


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
