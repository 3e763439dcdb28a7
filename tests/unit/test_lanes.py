"""Lanes take turns, and one that rests lets the others pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rotation.lanes import Lanes

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=10)


def _lanes(*things: str) -> Lanes[str]:
    return Lanes(things, lambda thing: thing[0])


def _taken(lanes: Lanes[str], now: datetime = NOW) -> list[str]:
    taken = []
    while thing := lanes.take(now):
        taken.append(thing)
    return taken


def test_the_lanes_take_turns() -> None:
    """One of each, in their order, until the last thing of the longest is done."""
    things = ("a1", "a2", "a3", "b1", "c1", "c2")

    assert _taken(_lanes(*things)) == [*_lanes(*things)] == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_a_lane_that_rests_lets_the_others_pass() -> None:
    """What is put back is the first of its lane when that goes on; nothing is lost."""
    lanes = _lanes("a1", "a2", "b1", "b2")
    assert lanes.take(NOW) == "a1"
    lanes.put_back("a1", LATER)

    assert _taken(lanes) == ["b1", "b2"]
    assert (lanes.are_left, lanes.next_at(NOW)) == (True, LATER)
    assert _taken(lanes, LATER) == ["a1", "a2"]
    assert (lanes.are_left, lanes.next_at(LATER)) == (False, LATER)


def test_the_last_thing_of_a_lane_can_be_put_back() -> None:
    """Also when nothing else is in that lane, and more than once."""
    lanes = _lanes("a1", "b1")
    for _ in range(2):
        assert "a1" in (lanes.take(LATER), lanes.take(LATER))
        lanes.put_back("a1", LATER)
        lanes.put_back("b1", NOW)

    assert lanes.next_at(NOW) == NOW
    assert _taken(lanes) == ["b1"]
    assert _taken(lanes, LATER) == ["a1"]


def test_the_first_to_go_on_is_the_one_that_is_waited_for() -> None:
    """Of several that rest, the shortest rest counts; none where one does not rest."""
    lanes = _lanes("a1", "b1", "c1")
    for thing, until in (("a1", LATER), ("b1", LATER - timedelta(seconds=3))):
        lanes.take(NOW)
        lanes.put_back(thing, until)
    assert lanes.next_at(NOW) == NOW
    lanes.take(NOW)

    assert lanes.next_at(NOW) == LATER - timedelta(seconds=3)
