"""What is told of an error that nobody foresaw: where it came from, and no word of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from rotation import cli
from rotation.cli import since
from rotation.cli.debugging import place_of, stack_of
from rotation.errors import RotationError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime

SECRET = "a-refresh-token-that-must-not-be-said"
ERRORS: dict[str, Callable[[], Exception]] = {
    "ValueError": lambda: ValueError(SECRET),
    "KeyError": lambda: KeyError(SECRET),
    "OSError": lambda: OSError(5, SECRET, SECRET),
    "UnicodeEncodeError": lambda: UnicodeEncodeError("ascii", SECRET, 0, 1, SECRET),
    "ExceptionGroup": lambda: ExceptionGroup(SECRET, [ValueError(SECRET), RotationError("ours")]),
}
DEBUG, PLAIN = ("--debug",), ()


def failing(exc: Exception) -> Callable[[], datetime]:
    """Give a clock that raises this error; its notes and its frames hold the secret, too."""
    exc.add_note(SECRET)
    times: dict[str, datetime] = {}

    def clock() -> datetime:
        value = SECRET
        try:
            return times[value]
        except KeyError:
            raise exc  # noqa: B904 - what came before must not be told either

    return clock


pytestmark = pytest.mark.usefixtures("loggers")  # a command makes them its own


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give settings that lead nowhere: the clock is asked before anything is."""
    for name, value in {
        "VAULTS": "kv-build",
        "SESSION_VAULT": "kv-sessions",
        "OWNERS": "ada@contoso.example",
        "TENANT_ID": "00000000-0000-4000-8000-000000000000",
        "CLIENT_ID": "00000000-0000-4000-8000-000000000001",
    }.items():
        monkeypatch.setenv(f"ROTATION_{name}", value)


@pytest.mark.parametrize("options", [PLAIN, DEBUG], ids=["plain", "debug"])
@pytest.mark.parametrize("kind", ERRORS)
def test_a_strange_error_is_told_by_type_and_place(
    capsys: pytest.CaptureFixture[str], kind: str, options: tuple[str, ...]
) -> None:
    """1: in one sentence; neither its words, nor its notes, nor its frames' variables are told."""
    code = cli.main([*options, "rotate", "kv/feed"], clock=failing(ERRORS[kind]()))

    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert f"rotation: unexpected {kind} in rotation/cli/" in err
    assert err.count("; please report it\n") == 1
    assert SECRET not in err
    assert "Traceback" not in err
    assert ("hint: rotation --debug" in err) is not bool(options)
    assert ("in failing.<locals>.clock" in err) is bool(options)


def test_a_stack_tells_files_lines_functions_and_types() -> None:
    """What led to it first; of the words only those of our own errors."""
    exc: Exception = RuntimeError("never")
    try:
        try:
            failing(ValueError(SECRET))()
        except ValueError as cause:
            raise RotationError("the vault is away", hint="wait") from cause
    except RotationError as raised:
        exc = raised

    told = [*stack_of(exc)]

    types = [line for line in told if not line.startswith("  ")]
    assert types == [
        "KeyError",
        "which led to:",
        "ValueError",
        "which led to:",
        "RotationError: the vault is away; wait",
    ]
    frames = [line for line in told if line.startswith("  ")]
    assert len(frames) == 4
    assert all(" in " in line and ".py:" in line for line in frames)
    assert any(line.endswith("failing.<locals>.clock") for line in frames)


def test_the_members_of_a_group_are_told() -> None:
    """Each with its own stack."""
    told = [*stack_of(ERRORS["ExceptionGroup"]())]

    assert told == [
        "ExceptionGroup",
        "of which number 1:",
        "ValueError",
        "of which number 2:",
        "RotationError: ours",
    ]


def test_a_circle_of_causes_ends() -> None:
    """An error that is its own cause is told once."""
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first

    assert [*stack_of(first)] == ["KeyError", "which led to:", "ValueError"]


def test_a_cause_that_was_put_aside_is_not_told() -> None:
    """``raise … from None``."""
    exc = ValueError()
    exc.__context__, exc.__suppress_context__ = KeyError(), True

    assert [*stack_of(exc)] == ["ValueError"]


def test_an_error_without_a_stack_came_from_nowhere() -> None:
    """Nothing is made up."""
    assert place_of(ValueError()) == "an unknown place"


def test_the_place_is_ours_if_it_came_through_us() -> None:
    """The last line of ours, whatever it called; of what never was here, the last line at all."""
    with pytest.raises(ValueError, match="Expecting") as there:
        json.loads("{")
    with pytest.raises(TypeError) as here:
        since.read(cast("str", 1))
    assert place_of(there.value).startswith("decoder.py:")
    assert place_of(here.value).startswith("rotation/")


@pytest.mark.parametrize(
    ("exc", "code"),
    [
        (RotationError("the vault is away", hint="wait"), 1),
        (SettingsError(("ROTATION_X is missing", "ROTATION_Y is missing")), 2),
    ],
)
def test_our_own_errors_keep_their_words(
    capsys: pytest.CaptureFixture[str], exc: RotationError, code: int
) -> None:
    """With the way that they came, where that is asked for."""

    def open_service(*_: object) -> AbstractContextManager[object]:
        raise exc

    assert cli.main(["--debug", "status"], open_service=open_service) == code  # type: ignore[arg-type]
    told = capsys.readouterr().err
    assert f"{type(exc).__name__}: {exc}" in told
    assert "  rotation/cli/frame.py:" in told
    assert cli.main(["status"], open_service=open_service) == code  # type: ignore[arg-type]
    assert capsys.readouterr().err.startswith("rotation: ")


def test_the_option_stands_before_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """2: after it, it is none."""
    assert cli.main(["status", "--debug"]) == 2
    assert "No such option" in capsys.readouterr().err
