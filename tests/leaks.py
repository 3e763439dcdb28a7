"""Holds over every test that nothing gives a secret value away.

Whatever value a world of the sandbox issues while a test runs, it must not be in anything that is
said meanwhile: output, the output of processes that were started, log records of every logger at
DEBUG whatever its level, errors with their chains and local variables, events, reports, tags. A
test in which it is fails, and is told where; the value is not told.

A world lives no longer than its test, so each test is searched for the values of its own.

Local variables count only where a real process would have them. A sandbox that lives in the same
process, and the tests themselves, hold values by right: their frames are passed over.
"""

from __future__ import annotations

import functools
import logging
import subprocess
import threading
from collections import defaultdict
from itertools import chain
from pathlib import Path
from traceback import TracebackException
from typing import TYPE_CHECKING, Any

import pytest

from rotation import errors, rotator, settler
from rotation.errors import RotationError
from rotation.events import Event
from rotation.fleet import Fleet
from rotation.model import Created, TokenValue
from rotation.report import Outcome, RunReport
from rotation.session import Session
from sandbox.ground import Ground
from sandbox.vault import Vault
from tests.search import FORMS, Search
from tests.tally import figures

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from traceback import StackSummary

ROOT = Path(__file__).parent.parent
HOLDERS = (str(ROOT / "sandbox"), str(ROOT / "tests"))
"""Where frames hold values by right."""
SPEAKERS = (Event, Outcome, RunReport, Fleet, Session, Created, TokenValue)
"""What is shown to people, or may be by accident: the ``repr`` of each that is made is searched."""
TITLE = "leaks"
ENOUGH = 4_000_000
"""So many characters are kept at most until they are searched."""


class Ear:
    """Hears what is said in this process, and knows what must not be."""

    def __init__(self, counted: dict[str, int]) -> None:
        """Count what is searched in ``counted``."""
        self._counted = counted
        self._texts: dict[str, list[str]] = defaultdict(list)
        self._waiting = 0
        self._lock = threading.Lock()
        self._found: set[str] = set()
        self.values: set[str] = set()
        """What must not be said."""

    def begin(self) -> None:
        """Forget the values of the test before; what was said since then counts for this one."""
        self.values.clear()

    def hear(self, where: str, text: str) -> None:
        """Have a text searched.

        Args:
            where: what to call the place where it was said, if it gives a value away.
            text: what was said.
        """
        with self._lock:
            self._texts[where].append(text)
            self._waiting += len(text)
        if self._waiting > ENOUGH:
            self._look()

    def search(self) -> list[str]:
        """Search what was said since the last time, and say what gives a value away, and where."""
        self._look()
        found, self._found = sorted(self._found), set()
        return found

    def _look(self) -> None:
        with self._lock:
            texts, self._texts, self._waiting = self._texts, defaultdict(list), 0
        if not texts:
            return
        search = Search(self.values.copy())
        for where, said in texts.items():
            together = "\n".join(dict.fromkeys(said))  # much is said many times
            self._counted["texts"] += len(said)
            self._counted["characters"] += sum(map(len, said))
            self._found |= {f"{where} ({form})" for form in search.forms_in(together)}


EAR = pytest.StashKey[Ear]()


@pytest.fixture
def search_too(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Give a function that has a text searched which nothing here hears: its place, the text."""
    return pytestconfig.stash[EAR].hear


# --- Each test ------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Begin to listen."""
    ear = config.stash[EAR] = Ear(figures(config, TITLE))
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for listen in (_to_the_world, _to_objects, _to_errors, _to_logs, _to_output):
        listen(ear, patch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Search each test for the values of its own."""
    ear = item.config.stash[EAR]
    ear.begin()
    answer = yield
    figures(item.config, TITLE)["values"] += len(ear.values)
    return answer


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that gave values away: after its setup, after itself, after its teardown."""
    report = yield
    ear = item.config.stash[EAR]
    heard = item.stash.get(HEARD, 0)
    for title, text in report.sections[heard:]:
        ear.hear(title, text)
    item.stash[HEARD] = len(report.sections)
    if found := ear.search():
        figures(item.config, TITLE)["leaks"] += len(found)
        said = "\n".join(f"a secret value was given away: {place}" for place in found)
        if report.failed:
            report.sections.append((TITLE, said))
        else:
            report.outcome, report.longrepr = "failed", said
    return report


HEARD = pytest.StashKey[int]()
"""How many of the captured sections of a test were searched."""


@pytest.hookimpl(tryfirst=True)
@pytest.hookimpl(tryfirst=True)  # before the table is printed
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was searched."""
    counted = figures(config, TITLE)
    if table := figures(config):
        table["texts searched for leaks"] += counted["texts"]
        table["leaks"] += counted["leaks"]
    terminalreporter.write_line(
        f"leaks: {counted['leaks']:,} in {counted['texts']:,} texts "
        f"({counted['characters']:,} characters), "
        f"searched for {counted['values']:,} values in {len(FORMS)} forms"
    )


# --- Listening ------------------------------------------------------------------------------------


def _to_the_world(ear: Ear, patch: pytest.MonkeyPatch) -> None:
    """Know every value that is issued; hear what is written beside a value in a vault."""
    issue, set_, update = Ground.issue, Vault.set, Vault.update

    @functools.wraps(issue)
    def issued(ground: Ground, value: str) -> str:
        ear.values.add(value)
        return issue(ground, value)

    @functools.wraps(set_)
    def is_set(vault: Vault, name: str, value: str, *rest: Any, **more: Any) -> object:  # noqa: ANN401 - handed on
        ear.hear("tags", f"{name} {rest} {more}")
        return set_(vault, name, value, *rest, **more)

    @functools.wraps(update)
    def is_updated(vault: Vault, *arguments: Any, **more: Any) -> object:  # noqa: ANN401 - handed on
        ear.hear("tags", f"{arguments} {more}")
        return update(vault, *arguments, **more)

    patch.setattr(Ground, "issue", issued)
    patch.setattr(Vault, "set", is_set)
    patch.setattr(Vault, "update", is_updated)


def _to_objects(ear: Ear, patch: pytest.MonkeyPatch) -> None:
    """Hear how each object shows itself, as soon as it is made."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    for kind in (*SPEAKERS, *kinds):
        if "__init__" in vars(kind):
            patch.setattr(kind, "__init__", _heard(kind, ear))


def _heard(kind: type, ear: Ear) -> Callable[..., None]:
    made: Callable[..., None] = vars(kind)["__init__"]

    @functools.wraps(made)
    def make(self: object, *arguments: Any, **more: Any) -> None:  # noqa: ANN401 - handed on
        made(self, *arguments, **more)
        ear.hear(type(self).__name__, _shown(self))

    return make


def _shown(thing: object) -> str:
    if isinstance(thing, RotationError):
        return f"{thing} {thing!r} {vars(thing)}"
    if isinstance(thing, Event):
        return f"{thing!r} {thing.as_dict()}"
    return repr(thing)


def _to_errors(ear: Ear, patch: pytest.MonkeyPatch) -> None:
    """Hear what a printed stack with local variables would tell of each error of a run."""
    translated = settler.told_of  # every error of a run passes here

    @functools.wraps(translated)
    def tell(exc: Exception) -> RotationError:
        ear.hear(f"{type(exc).__name__} in a run", told_by(exc))
        return translated(exc)

    for module in (rotator, settler):
        patch.setattr(module, "told_of", tell)


def told_by(exc: Exception) -> str:
    """Give what an error tells whoever prints its chain with local variables.

    The words of an error that is not ours may hold a value, and the rotator never tells them: of
    such an error only local variables count, and of these not the ones that hold the error.
    """
    told = TracebackException.from_exception(exc, capture_locals=True)
    stacks = list(_stacks(told))
    for stack in stacks:
        stack[:] = [frame for frame in stack if not frame.filename.startswith(HOLDERS)]
    if isinstance(exc, RotationError):
        return "".join(told.format())
    for frame in chain.from_iterable(stacks):
        shown = (frame.locals or {}).items()
        frame.locals = {name: text for name, text in shown if text != repr(exc)}
    return "".join(chain.from_iterable(stack.format() for stack in stacks))


def _stacks(told: TracebackException) -> Iterator[StackSummary]:
    """Give the stacks of an error and of those that led to it."""
    yield told.stack
    for other in (told.__cause__, told.__context__):
        if other:
            yield from _stacks(other)


def _to_logs(ear: Ear, patch: pytest.MonkeyPatch) -> None:
    """Hear every record of every logger, as the record factory made it.

    Each logger makes records of all levels, and hands on those that it would without us. So no
    test sees more records than it would, and no level keeps a record from being searched.
    """
    is_enabled, handle = logging.Logger.isEnabledFor, logging.Logger.handle
    stacks = logging.Formatter()

    @functools.wraps(handle)
    def handled(logger: logging.Logger, record: logging.LogRecord) -> None:
        stack = stacks.formatException(record.exc_info) if record.exc_info else ""
        ear.hear(f"log of {record.name}", f"{record.getMessage()} {vars(record)} {stack}")
        if is_enabled(logger, record.levelno):
            handle(logger, record)

    patch.setattr(logging.Logger, "isEnabledFor", lambda _logger, _level: True)
    patch.setattr(logging.Logger, "handle", handled)


def _to_output(ear: Ear, patch: pytest.MonkeyPatch) -> None:
    """Hear output that a test takes before pytest sees it: captured, or of another process."""
    readouterr, communicate = pytest.CaptureFixture.readouterr, subprocess.Popen.communicate

    @functools.wraps(readouterr)
    def read(capture: pytest.CaptureFixture[Any]) -> object:
        captured = readouterr(capture)
        ear.hear("stdout", _text(captured.out))
        ear.hear("stderr", _text(captured.err))
        return captured

    @functools.wraps(communicate)
    def communicated(
        process: subprocess.Popen[Any],
        *arguments: Any,  # noqa: ANN401 - handed on
        **more: Any,  # noqa: ANN401 - handed on
    ) -> object:
        said = communicate(process, *arguments, **more)
        for name, text in zip(("stdout", "stderr"), said, strict=True):
            ear.hear(f"{name} of another process", _text(text))
        return said

    patch.setattr(pytest.CaptureFixture, "readouterr", read)
    patch.setattr(subprocess.Popen, "communicate", communicated)


def _text(said: str | bytes | None) -> str:
    return said.decode("latin-1") if isinstance(said, bytes) else said or ""
