"""The sliding window, against every span of the calls that it lets through."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rotation.window import Limit, Window

LIMIT = Limit(3, 10.0)


def _pass(window: Window, now: float, kept: int = 0) -> float:
    at = window.free_at(now, kept)
    window.let_through(at)
    return at


def test_calls_come_free_one_by_one() -> None:
    """Each call makes room for another one when it is older than the span."""
    window = Window(LIMIT)

    assert [_pass(window, now) for now in (0, 1, 4, 4, 5, 30)] == [0, 1, 4, 10, 11, 30]


def test_a_place_that_is_kept_is_left_free() -> None:
    """Who would take a place that another one keeps must wait until there is one more."""
    window = Window(LIMIT)
    window.let_through(0)
    window.let_through(2)

    assert [window.free_at(5, kept) for kept in range(5)] == [5, 10, 12, 15, 15]


@given(
    waits=st.lists(st.floats(0, 20), max_size=60),
    calls=st.integers(1, 5),
    seconds=st.floats(0.5, 20),
)
def test_no_span_holds_more_than_the_limit(waits: list[float], calls: int, seconds: float) -> None:
    """Whenever callers come, no window of the span lets through more, and nobody waits in vain."""
    window, now, through = Window(Limit(calls, seconds)), 0.0, list[float]()
    for wait in waits:
        now += wait
        at = _pass(window, now)
        assert at >= now
        assert at == now or at == through[-calls] + seconds
        through.append(at)

    assert through == sorted(through)
    assert all(
        late - early >= seconds * (1 - 1e-12)
        for early, late in zip(through, through[calls:], strict=False)
    )


def test_a_share_is_a_part_of_the_calls() -> None:
    """A part of the limit, rounded down; below one call, one in a span that is as much longer."""
    assert Limit(300, 10).share(0.8) == Limit(240, 10)
    assert Limit(300, 10).share(0.8 / 7) == Limit(34, 10)
    assert Limit(300, 10).share(1 / 1200) == Limit(1, 40)


@given(calls=st.integers(1, 5000), callers=st.integers(1, 1000))
def test_all_shares_together_are_no_more_than_the_whole(calls: int, callers: int) -> None:
    """However many there are: calls a second, all together."""
    share = Limit(calls, 10).share(1 / callers)

    assert share.calls >= 1
    assert share.calls / share.seconds * callers <= calls / 10 * (1 + 1e-9)
