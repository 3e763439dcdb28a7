"""What the libraries log: who spoke, how seriously, and nothing of what was said."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import pytest

from rotation.redaction import LIBRARIES, install

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "h7mzq2x4-this-is-a-token-value-nobody-may-see"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leave logging as it was: other tests run in this process, too."""
    factory = logging.getLogRecordFactory()
    loggers = [logging.getLogger(name) for name in LIBRARIES]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    logging.setLogRecordFactory(factory)
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers = handlers


def said(name: str) -> str:
    """Let a library complain of a token in every way, and give what a handler wrote."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        raise_with_a_value()
    except ValueError:
        logger.exception("cannot parse %s", SECRET, stack_info=True)
    logger.removeHandler(handler)
    return stream.getvalue()


def raise_with_a_value() -> None:
    """Raise as a parser does that quotes what it was given."""
    raise ValueError(SECRET)


@pytest.mark.parametrize("name", [*LIBRARIES, "azure.identity._internal", "msal.oauth2"])
def test_a_library_is_not_quoted(name: str) -> None:
    """No message, argument, exception or stack of it reaches any handler."""
    install()

    text = said(name)

    assert SECRET not in text
    assert text == f"ERROR {name} (a message of {name} is withheld: it may quote a token)\n"


@pytest.mark.parametrize("name", ["rotation.events", "azurelike", "tests"])
def test_others_speak_freely(name: str) -> None:
    """Our own lines, and those of strangers, stay whole."""
    install()

    assert f"ERROR {name} cannot parse {SECRET}\n" in said(name)


def test_twice_is_once() -> None:
    """A process in which functions run again and again installs it at each run."""
    install()
    factory = logging.getLogRecordFactory()
    handlers = logging.getLogger("azure").handlers[:]
    install()

    assert logging.getLogRecordFactory() is factory
    assert logging.getLogger("azure").handlers == handlers


def test_what_is_mere_detail_is_not_even_made() -> None:
    """The libraries' own loggers let warnings through, and nothing below."""
    install()

    assert logging.getLogger("azure.core").getEffectiveLevel() == logging.WARNING
