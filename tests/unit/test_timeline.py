"""How lives stand on an axis of time: what the page and the terminal both draw."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from rotation.events import Kind
from rotation.fleet import Fleet, State
from rotation.timeline import axis, when
from rotation.timeline.axis import Axis, Tick
from rotation.timeline.bar import NARROWEST, Bar, axis_of, bar
from rotation.timeline.history import known_by_look
from rotation.timeline.life import life
from rotation.timeline.urgency import by_urgency
from tests.unit.fleets import FEED, finding, fresh, happened, living, one_of, stand
from tests.unit.given import DAY, HOUR, MINUTE, NOW, PREDECESSOR, SETTLED, TOKEN

if TYPE_CHECKING:
    from rotation.decision import Finding
    from rotation.timeline.life import Life


class TestAxis:
    """Where instants stand."""

    AXIS = Axis(NOW, NOW + 10 * DAY)

    @pytest.mark.parametrize(
        ("days", "place"), [(0, 0.0), (5, 50.0), (10, 100.0), (-3, 0.0), (99, 100.0), (1 / 3, 3.33)]
    )
    def test_an_instant_has_its_place(self, days: float, place: float) -> None:
        """In per cent, and one outside stands at the edge."""
        assert self.AXIS.place(NOW + days * DAY) == place

    def test_a_stretch_is_never_narrower_than_nothing(self) -> None:
        """Whatever its ends."""
        assert self.AXIS.span(NOW + 2 * DAY, NOW + 5 * DAY) == (20.0, 30.0)
        assert self.AXIS.span(NOW + 5 * DAY, NOW + 2 * DAY) == (50.0, 0.0)
        assert self.AXIS.span(NOW - 5 * DAY, NOW + 99 * DAY) == (0.0, 100.0)

    @pytest.mark.parametrize(
        ("lives", "horizon"),
        [([], 14), ([-5], 14), ([3], 14), ([29], 30), ([30], 30), ([31], 45), ([4000], 365)],
    )
    def test_it_reaches_as_far_as_nearly_all_lives(self, lives: list[int], horizon: int) -> None:
        """In round numbers, with a little room at both ends."""
        found = axis.ahead((NOW + days * DAY for days in lives), NOW)

        assert found.ends_at - NOW == horizon * DAY * 1.04
        assert NOW - found.starts_at == horizon * DAY * 0.04

    def test_one_long_life_does_not_make_the_others_small(self) -> None:
        """It runs off the picture, and that is drawn."""
        long = finding(living(SETTLED, 360).watched(), FEED)
        shown = by_urgency(Fleet(NOW, (long, *(fresh(f"s{n}") for n in range(40)))))
        found = axis_of(shown, NOW)

        assert axis.days_ahead(found, NOW)[-1].label == "28 days"
        bars = {one.name.name: bar(one, found, NOW) for one in shown}
        assert (bars["feed"].is_beyond, bars["feed"].end) == (True, None)
        assert not bars["s0"].is_beyond

    def test_its_marks_are_few_and_round(self) -> None:
        """Whatever the horizon."""
        for days in (1, 14, 20, 40, 59, 90, 100, 180, 270, 365):
            ticks = axis.days_ahead(axis.ahead([NOW + days * DAY], NOW), NOW)
            assert ticks[0] == Tick(3.7, "today")
            assert 3 <= len(ticks) <= 7
            assert all(0 < tick.place <= 100 for tick in ticks)
        assert [tick.label for tick in axis.days_ahead(Axis(NOW, NOW + 2 * DAY), NOW)] == [
            "today",
            "1 day",
            "2 days",
        ]

    def test_dates_stand_where_days_do(self) -> None:
        """In the same places, and one as wide as the other."""
        found = axis.ahead([NOW + 40 * DAY], NOW)
        days, dates = axis.days_ahead(found, NOW), axis.dates_ahead(found, NOW)

        assert [tick.place for tick in days] == [tick.place for tick in dates]
        assert [tick.label for tick in dates] == ["today", "06 Dec", "20 Dec", "03 Jan"]

    def test_dates_have_a_year_where_they_are_far_apart(self) -> None:
        """And are midnights."""
        told = [tick.label for tick in axis.dates(Axis(NOW, NOW + 3 * DAY))]
        assert told == ["23 Nov", "24 Nov", "25 Nov"]
        assert axis.dates(Axis(NOW, NOW + 600 * DAY))[0].label == "Nov 2026"
        assert axis.dates(Axis(NOW, NOW + 9 * DAY))[1].label == "25 Nov"
        century = Axis(NOW, NOW + 36500 * DAY)
        assert century.step == 3650 * DAY


class TestOrder:
    """The most urgent first."""

    def test_what_one_run_has_renewed_is_in_the_order_of_names(self) -> None:
        """Seconds say nothing; an hour does."""
        at = {"b": 20, "a": 20 + 1 / 86400, "c": 20 - 1 / 24}
        shown = Fleet(NOW, tuple(fresh(name, days) for name, days in at.items()))

        assert [one.name.name for one in by_urgency(shown)] == ["c", "a", "b"]


class TestBars:
    """The life that a token has left."""

    AXIS = Axis(NOW - 4 * DAY, NOW + 96 * DAY)

    def bar(self, found: Finding) -> Bar:
        """Draw it: one per cent is one day, and now is at four."""
        return bar(stand(found), self.AXIS, NOW)

    def test_a_fresh_one_has_a_window_at_its_end(self) -> None:
        """Until its renewal is due, it is calm."""
        bar = self.bar(fresh(days=20))

        assert bar.calm
        assert bar.window
        assert bar.calm[0] == 4
        assert bar.calm[0] + bar.calm[1] == pytest.approx(bar.window[0], abs=0.02)
        assert bar.window[0] + bar.window[1] == pytest.approx(24, abs=0.02)
        assert (bar.end, bar.grace, bar.is_dead) == (24, None, False)

    def test_one_that_is_due_is_all_window(self) -> None:
        """From now on."""
        bar = self.bar(one_of(State.DUE, 0))

        assert (bar.calm, bar.window) == (None, (4, 5))

    def test_one_that_is_watched_has_no_window(self) -> None:
        """Nobody renews it."""
        assert (
            self.bar(one_of(State.WATCHED, 0)).calm,
            self.bar(one_of(State.WATCHED)).window,
        ) == (
            (4, 40),
            None,
        )

    def test_a_predecessor_is_beneath(self) -> None:
        """Until the end of its grace."""
        grace = self.bar(one_of(State.RETIRING)).grace

        assert grace
        assert grace[0] == 4
        assert grace[1] == pytest.approx(1.96, abs=0.01)

    def test_a_dead_one_is_a_point_in_the_past(self) -> None:
        """At the edge, if it is long ago."""
        assert self.bar(finding(living(SETTLED, -2).watched(), FEED)) == Bar(end=2, is_dead=True)
        assert self.bar(finding(living(SETTLED, -50).watched(), FEED)).end == 0

    @pytest.mark.parametrize(
        ("kind", "is_quiet"),
        [(kind, kind in {"watched", "skipped", "rejected", "blocked"}) for kind in State],
    )
    def test_one_that_nobody_renews_is_quiet(self, kind: State, *, is_quiet: bool) -> None:
        """Its renewal window means nothing."""
        assert self.bar(one_of(kind)).is_quiet is is_quiet

    def test_a_last_minute_is_seen(self) -> None:
        """A bar has some width, whatever it is."""
        bar = self.bar(finding(living(SETTLED, 1 / 1440), FEED))

        assert bar.window == (4, NARROWEST)


class TestWhen:
    """How time is said."""

    @pytest.mark.parametrize(
        ("span", "told"),
        [
            (timedelta(0), "less than a minute"),
            (MINUTE, "1 minute"),
            (59 * MINUTE, "59 minutes"),
            (HOUR, "1 hour"),
            (47 * HOUR, "47 hours"),
            (48 * HOUR, "2 days"),
            (400 * DAY, "400 days"),
        ],
    )
    def test_spans(self, span: timedelta, told: str) -> None:
        """Rounded down: nobody is promised more than there is."""
        assert when.span(span) == told

    def test_far_days_have_a_date(self) -> None:
        """And past ones: the name of a day alone means the next one."""
        assert when.soon(NOW + DAY, NOW) == "Monday 07:30 UTC"
        assert when.soon(NOW + 8 * DAY, NOW) == "Monday 30 Nov 2026 07:30 UTC"
        assert when.soon(NOW - DAY, NOW) == "Saturday 21 Nov 2026 07:30 UTC"

    def test_what_is_left(self) -> None:
        """Or since when nothing is."""
        assert when.left(None, NOW) == "no expiry"
        assert when.left(NOW + 12.5 * DAY, NOW) == "12 days"
        assert when.left(NOW, NOW) == "expired less than a minute ago"


class TestLife:
    """The line of life."""

    def life(self, found: Finding, events: list[dict[str, str]]) -> Life:
        """Draw it."""
        drawn = life(events, NOW, known_by_look(stand(found)))
        assert drawn
        return drawn

    def test_each_token_is_a_lane(self) -> None:
        """The oldest first; a former one ends in grace, the current one in its renewal window."""
        drawn = self.life(fresh(), happened(fresh(), 4))

        assert [lane.label for lane in drawn.lanes] == [
            "00000000",
            "00000001",
            "00000002",
            TOKEN.authorization_id[:8],
        ]
        assert [lane.is_current for lane in drawn.lanes] == [False, False, False, True]
        assert all(lane.rest for lane in drawn.lanes)
        for lane in drawn.lanes:
            assert lane.rest
            assert lane.calm[0] + lane.calm[1] == pytest.approx(lane.rest[0], abs=0.02)

    def test_what_happened_is_marked_where_it_happened(self) -> None:
        """Stored and retired on the lane of the token; trouble, once for what is close together."""
        drawn = self.life(fresh(), happened(fresh(), 4))

        kinds = [mark.kind for mark in drawn.marks]
        assert (kinds.count("stored"), kinds.count("retired")) == (4, 3)
        assert kinds.count("failed") == 1
        failed = drawn.marks[-1]
        assert failed.title.startswith("RotationFailed 22 Oct 2026")
        assert failed.lane == len(drawn.lanes)
        assert "4 tokens since 13 Sep 2026; the present one lives until" in drawn.text
        assert "trouble at 1 time." in drawn.text

    def test_an_extension_moves_the_end(self) -> None:
        """It is marked, too."""
        extended = {
            "event": Kind.TOKEN_EXTENDED,
            "time": "2026-11-15T07:30:00Z",
            "authorization_id": TOKEN.authorization_id,
            "expires_at": "2026-12-12T07:30:00Z",
        }
        drawn = self.life(fresh(), [extended])

        assert [mark.kind for mark in drawn.marks] == ["extended"]
        assert len(drawn.lanes) == 1

    def test_a_token_that_was_lost_ends_there(self) -> None:
        """Not where it should have."""
        old = "00000009-4193-4f1d-b995-64144880b7d7"
        rows = [
            {
                "event": Kind.METADATA_REFRESHED,
                "time": "2026-11-02T00:00:00Z",
                "authorization_id": old,
                "expires_at": "2026-12-20T00:00:00Z",
            },
            {"event": Kind.TOKEN_LOST, "time": "2026-11-01T00:00:00Z", "authorization_id": old},
            {
                "event": Kind.TOKEN_STORED,
                "time": "2026-10-20T00:00:00Z",
                "authorization_id": old,
                "expires_at": "2026-11-20T00:00:00Z",
            },
        ]
        drawn = self.life(fresh(), rows)

        lane = drawn.lanes[0]
        assert lane.rest is None
        assert lane.calm[0] + lane.calm[1] < drawn.lanes[1].calm[0]

    def test_without_a_journal_the_living_are_drawn(self) -> None:
        """Current and superseded, as Azure DevOps tells."""
        drawn = self.life(one_of(State.RETIRING), [])

        assert {lane.label for lane in drawn.lanes} == {
            TOKEN.authorization_id[:8],
            PREDECESSOR.authorization_id[:8],
        }

    def test_only_the_youngest_are_drawn(self) -> None:
        """A life may be long."""
        assert len(self.life(fresh(), happened(fresh(), 30)).lanes) == 6

    def test_without_a_look_the_one_stored_last_is_current(self) -> None:
        """With the renewal that its event foresaw; before it was retired, that is."""
        rows = happened(fresh(), 3)

        drawn = life(rows, NOW)
        assert drawn
        assert [lane.is_current for lane in drawn.lanes] == [False, False, True]
        assert drawn.lanes[-1].rest
        due_at = sum(drawn.lanes[-1].calm)
        assert due_at == pytest.approx(drawn.lanes[-1].rest[0], abs=0.02)

        gone = {"event": "TokenRetired", "time": "2026-11-22T07:00:00Z"}
        rows.insert(0, {**gone, "authorization_id": TOKEN.authorization_id})
        drawn = life(rows, NOW)
        assert drawn
        assert [lane.is_current for lane in drawn.lanes] == [False] * 3
        assert "the present one" not in drawn.text

    def test_of_no_events_there_is_no_picture(self) -> None:
        """Nor of such as tell of no token."""
        assert life([], NOW) is None
        assert life([{"event": "OrderReceived", "time": "2026-11-20T07:30:00Z"}], NOW) is None

    @pytest.mark.parametrize(
        "instant",
        ["0002-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"],
    )
    def test_a_year_that_makes_no_sense_does_no_harm(self, instant: str) -> None:
        """As the time of an event, or as what it tells."""
        told = {"event": "TokenStored", "authorization_id": "odd", "next_at": instant}
        rows = [
            {**told, "time": instant},
            {**told, "time": "2026-11-20T07:30:00Z", "expires_at": instant},
        ]

        assert life(rows, NOW) is None

    def test_an_id_is_plain_text(self) -> None:
        """In labels and in titles."""
        rows = [
            {
                "event": "TokenStored",
                "time": "2026-11-20T07:30:00Z",
                "authorization_id": "\x1b[31m\x07",
                "expires_at": "2026-12-20T07:30:00Z",
            }
        ]
        drawn = life(rows, NOW)
        assert drawn
        assert [drawn.lanes[0].label, drawn.marks[0].title] == [
            " [31m ",
            " [31m  stored 20 Nov 2026, 07:30 UTC",
        ]

    def test_rows_that_are_no_events_do_no_harm(self) -> None:
        """Whoever may write to the table may write anything."""
        rows = [
            {},
            {"time": "yesterday", "event": "TokenStored", "authorization_id": "x"},
            {"time": "2026-11-20T07:30:00", "event": "TokenStored", "authorization_id": "x"},
            {"time": "0001-01-01T00:00:00Z", "event": "TokenStored", "authorization_id": "x"},
            {"time": "2026-11-20T07:30:00Z", "event": "nonsense", "authorization_id": "y"},
            {"time": "2026-11-20T07:30:00Z", "event": "TokenRetired", "authorization_id": "z"},
        ]

        assert [lane.label for lane in self.life(fresh(), rows).lanes] == [
            TOKEN.authorization_id[:8]
        ]

    def test_of_nothing_there_is_no_picture(self) -> None:
        """A secret that is only watched has no token that anybody knows of."""
        blank = finding(SETTLED.watched().but(recorded=None, bound=()).tagged(recorded=None), FEED)

        assert life([], NOW, known_by_look(stand(blank))) is None
