"""A long list, cut into pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some items of a list, and where the next page starts."""

    items: tuple[T, ...]
    next_start: int | None
    """The position of the first item of the next page; None on the last page."""


def cut(items: Sequence[T], start: int, size: int) -> Page[T]:
    """Give at most ``size`` of the ``items``, from the position ``start`` on."""
    end = start + size
    return Page(tuple(items[start:end]), end if end < len(items) else None)
