"""What is told of an error that nobody foresaw: its type and its place, never its words.

The words of a strange error, and the local variables of its frames, may hold a value; its type, and
the files, lines and functions it came through, cannot.
"""

from __future__ import annotations

from pathlib import Path, PurePath
from traceback import walk_tb
from typing import TYPE_CHECKING

from rotation.errors import RotationError, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

PACKAGE = Path(__file__).parents[1]


def place_of(exc: BaseException) -> str:
    """Tell where an error came from: the last line of ours that it passed, or else of anybody's."""
    frames = list(walk_tb(exc.__traceback__))
    ours = [found for found in frames if _is_ours(found[0].f_code.co_filename)]
    for frame, line in (ours or frames)[-1:]:
        return f"{_shown(frame.f_code.co_filename)}:{line}"
    return "an unknown place"


def stack_of(exc: BaseException) -> Iterator[str]:
    """Give the lines of a stack, what happened last at the end; causes come before.

    Frames are a file, a line and a function; of errors only the type is told, and the words only of
    our own.
    """
    yield from _stack_of(exc, set())


def _stack_of(exc: BaseException, told: set[int]) -> Iterator[str]:
    told.add(id(exc))
    cause = exc.__cause__ or (None if exc.__suppress_context__ else exc.__context__)
    if cause and id(cause) not in told:
        yield from _stack_of(cause, told)
        yield "which led to:"
    yield from _frames_of(exc.__traceback__)
    words = f": {exc}" if isinstance(exc, RotationError) else ""
    yield plain(f"{type(exc).__qualname__}{words}")
    if isinstance(exc, BaseExceptionGroup):
        for number, each in enumerate(exc.exceptions, start=1):
            yield f"of which number {number}:"
            yield from _stack_of(each, told)


def _frames_of(traceback: TracebackType | None) -> Iterator[str]:
    for frame, line in walk_tb(traceback):
        code = frame.f_code
        yield plain(f"  {_shown(code.co_filename)}:{line} in {code.co_qualname}")


def _is_ours(filename: str) -> bool:
    return PurePath(filename).is_relative_to(PACKAGE)


def _shown(filename: str) -> str:
    """Name a file by its place in the package that it belongs to."""
    path = PurePath(filename)
    for root in (PACKAGE.parent, *(up for up in path.parents if up.name == "site-packages")):
        if path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts:
            return path.relative_to(root).as_posix()
    return path.name
