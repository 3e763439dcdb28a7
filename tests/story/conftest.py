"""Every story is told twice: its owners are people, and then agent users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.story.owner import Owner, Owners

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the kinds of owners.

    What is marked ``people`` is about a person's session; what is marked ``exhaustive`` is told
    with agent users only in the full form of the proof.
    """
    has_mark = metafunc.definition.get_closest_marker
    is_short = has_mark("exhaustive") and not metafunc.config.getoption("--proof")
    kinds = [Owner.PERSON] if has_mark("people") or is_short else [*Owner]
    metafunc.parametrize("owner_kind", kinds, indirect=True, scope="module")


@pytest.fixture(autouse=True, scope="module")
def owner_kind(request: pytest.FixtureRequest) -> Iterator[Owner]:
    """Let worlds be made with owners of this kind."""
    Owners.kind = request.param
    yield request.param
    Owners.kind = Owner.PERSON
