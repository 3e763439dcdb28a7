"""The long run in its shortest form, and the parts of it that must not be wrong in silence."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.azurite import is_installable
from tests.soak.clock import LeapingClock
from tests.soak.plan import EVERY_SECONDS, plan
from tests.soak.watch import BOUNDS, ENOUGH, Holding, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

MINUTES = "0.2"
HOLDING = Holding(memory=70.0, handles=40, threads=8)


@pytest.mark.proof
def test_a_short_run_keeps_every_promise(tally: Callable[[str, int], None]) -> None:
    """Hosts that are killed, bad weather, orders: all promises hold, at every second and after it.

    It is lived through in a process of its own: this one searches every report for leaks.
    """
    if not is_installable():
        pytest.skip("needs npm")

    lived = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--minutes", MINUTES, "--seed", "1"],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )

    assert lived.returncode == 0, lived.stdout + lived.stderr
    rows = dict(line.rsplit(maxsplit=1) for line in lived.stdout.split("\n\n")[0].splitlines())
    for what in ("kill a host", "calls that failed", "uses of a value", "tokens: create"):
        assert int(rows[what]) > 0, lived.stdout
    tally("processes killed", int(rows["kill a host"]))


def test_one_seed_makes_one_plan() -> None:
    """Each thing happens about as often as it is said, and at the same moments every time."""
    seconds = 1800.0
    planned = plan(1, seconds)

    assert planned == plan(1, seconds)
    assert planned != plan(2, seconds)
    assert planned == sorted(planned)
    for what, mean in EVERY_SECONDS.items():
        count = sum(happens == what for _, happens in planned)
        assert 0.5 < count * mean / seconds < 1.5


def test_processes_share_a_clock(tmp_path: Path) -> None:
    """A leap of one is a leap of all, and of those that start later."""
    one, other = LeapingClock(tmp_path / "clock"), LeapingClock(tmp_path / "clock")

    one.advance(timedelta(hours=1))

    later = LeapingClock(tmp_path / "clock")
    assert one.offset == other.offset == later.offset == timedelta(hours=1)


@pytest.mark.parametrize("what", BOUNDS)
def test_what_grows_is_found(what: str) -> None:
    """However slowly, if it is more than twice the bound over the time that was watched."""
    watch, step = watched(300), BOUNDS[what] * 2.2 / 200

    watch.samples = [
        replace(sample, **{what: getattr(sample, what) + step * number})
        for number, sample in enumerate(watch.samples)
    ]

    assert [found.what for found in watch.growth() if not found.is_steady] == [what]


def test_what_breathes_does_not_grow() -> None:
    """Neither warming up nor a moment in which much is open is growth."""
    watch = watched(300)
    watch.samples[:90] = [replace(HOLDING, memory=40.0, handles=10)] * 90
    watch.samples[150:190] = [replace(HOLDING, memory=90.0, handles=90, threads=40)] * 40

    assert all(found.is_steady for found in watch.growth())


def test_a_short_watch_tells_nothing() -> None:
    """Less than some minutes is warming up."""
    assert not watched(ENOUGH - 1).is_long_enough
    assert watched(ENOUGH).is_long_enough


def watched(count: int) -> Watch:
    """Give a watch with so many samples, all alike."""
    return Watch(0, [HOLDING] * count)
