"""The errors: the tree that is drawn is the tree that is there."""

from __future__ import annotations

import re
from typing import Final, TypedDict

import pytest

from rotation import errors
from rotation.errors import (
    AccessDeniedError,
    LockHeldError,
    OutcomeUnknownError,
    RejectedError,
    RotationError,
    ServiceError,
    SessionError,
    SettingsError,
    UnavailableError,
    VerificationError,
)


class Where(TypedDict):
    """Where a service error happened."""

    service: str
    operation: str


WHERE: Final[Where] = {"service": "key-vault", "operation": "read"}


def drawn() -> list[tuple[int, str]]:
    """Read the tree in the docstring: how deep each class stands, and its name, from the top."""
    lines = re.findall(r"^    ([│├└─ ]*)(\w+Error) ", str(errors.__doc__), re.MULTILINE)
    return [(len(branch) // 4, name) for branch, name in lines]


def built(root: type[Exception], depth: int = 0) -> list[tuple[int, str]]:
    """Walk the classes in the order in which they are defined."""
    below = [entry for child in root.__subclasses__() for entry in built(child, depth + 1)]
    return [(depth, root.__name__), *below]


def test_the_tree_is_as_drawn() -> None:
    """The docstring's drawing names every class, at its place."""
    ours = {name for name in vars(errors) if name.endswith("Error")}

    assert drawn() == [(depth, name) for depth, name in built(RotationError) if name in ours]
    assert ours == {name for _, name in drawn()}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RotationError("a"), "failed"),
        (SettingsError(("a",)), "misconfigured"),
        (ServiceError("a", **WHERE), "failed"),
        (UnavailableError("a", **WHERE), "unavailable"),
        (AccessDeniedError("a", **WHERE), "access-denied"),
        (RejectedError("a", **WHERE, reason="invalidScope"), "invalidScope"),
        (OutcomeUnknownError("a", **WHERE), "outcome-unknown"),
        (SessionError("a"), "sign-in-needed"),
        (VerificationError("a"), "proof-failed"),
        (LockHeldError("a"), "lock-held"),
    ],
    ids=lambda case: type(case).__name__,
)
def test_every_error_has_its_machine_word(error: RotationError, reason: str) -> None:
    """Events and alerts filter by it."""
    assert error.reason == reason
    assert str(error) == "a"


def test_the_hint_follows_the_message() -> None:
    """A person reads what is wrong, then what to do next."""
    error = SessionError("ada@example.com has no session", hint="ada@example.com must sign in")

    assert str(error) == "ada@example.com has no session; ada@example.com must sign in"
    assert error.hint == "ada@example.com must sign in"


def test_what_a_service_says_is_made_plain() -> None:
    """A message may quote its words, and a terminal must not obey them."""
    error = RejectedError("no:\x1b[2J\r\n\x9b\u202ethen", **WHERE, reason="a\x07b")

    assert (str(error), error.reason) == ("no: [2J    then", "a b")


def test_a_service_error_says_where_it_happened() -> None:
    """The service, its operation and the status, if there was one."""
    error = UnavailableError("no answer", **WHERE, status=503)

    assert (error.service, error.operation, error.status) == ("key-vault", "read", 503)
    assert RejectedError("no", **WHERE, reason="invalidScope").status is None


def test_settings_are_all_complained_of_at_once() -> None:
    """The faults stay apart for lists, and are joined for a line."""
    error = SettingsError(("A is missing", "B is 0"), hint="set them")

    assert error.faults == ("A is missing", "B is 0")
    assert str(error) == "A is missing; B is 0; set them"
