"""Text from outside, as the commands show it: it plays no tricks on a terminal or in a log."""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING

import pytest

from rotation import cli
from sandbox.fault import Answer, Fault
from sandbox.furniture import VAULT, Placement, place
from tests.story.attack import CONTROL, TAGS
from tests.story.disguise import ORGANIZATIONS

if TYPE_CHECKING:
    from sandbox.clock import ManualClock
    from sandbox.world import World

pytestmark = pytest.mark.usefixtures("sandbox")

DUE = timedelta(days=25)
LONG = "x" * 10_000
LONGEST_LINE = 1500


@pytest.fixture
def strange(world: World) -> World:
    """Give a world full of strange texts: in tags, in display names, and in what is answered."""
    for tag in TAGS:
        name = f"odd-{tag.replace('_', '-')}"
        place(world, Placement(name, tags={f"pat-{tag.replace('_', '-')}": CONTROL}))
    for number, organization in enumerate(ORGANIZATIONS):
        place(world, Placement(f"org-{number}", tags={"pat-organization": organization}))
    for name, text in {"controlled": CONTROL, "long": LONG}.items():
        called = f"{text} [{VAULT}/{name}]"
        place(world, Placement(name, age=DUE, display_name=called))
        place(world, Placement(f"{name}-foreign", age=DUE, display_name=text))
    return world


def refuse(world: World) -> None:
    """Refuse whatever is to be made, with strange words."""
    refusal = {"patToken": None, "patTokenError": CONTROL, "patTokenErrorMessage": CONTROL + LONG}
    answer = Answer(200, json.dumps(refusal))
    world.faults.add(Fault(answer, "azure-devops", "create_pat", times=None))


@pytest.mark.parametrize("is_refusing", [False, True])
@pytest.mark.parametrize("arguments", [*product(["status", "plan", "run"], ["table", "json"])])
def test_only_plain_text_is_written(
    strange: World,
    clock: ManualClock,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, str],
    *,
    is_refusing: bool,
) -> None:
    """Results, events and complaints: no control character gets through, and no endless line."""
    command, output = arguments
    if is_refusing:
        refuse(strange)

    cli.main([command, "--output", output], clock=clock)

    out, err = capsys.readouterr()
    assert "odd-owner" in out
    lines = [*out.split("\n"), *err.split("\n")]
    assert [line for line in lines if not line.isprintable()] == []
    assert max(map(len, lines)) < LONGEST_LINE
    assert strange.leaks_in(out + err) == 0


def test_strange_words_of_a_service_are_said_plainly(
    strange: World, clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal keeps what can be read of its words, and the end of the name that was asked for."""
    refuse(strange)

    cli.main(["run", "--output", "json"], clock=clock)

    found = {each["secret"]: each for each in json.loads(capsys.readouterr().out)["secrets"]}
    assert "[2J ]0;x" in found["controlled"]["message"]
    assert f"xxx [{VAULT}/long]' of" in found["long"]["message"]
    for text in (each[key] for each in found.values() for key in ("reason", "message")):
        assert text.isprintable()
