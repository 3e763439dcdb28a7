"""Pictures in the terminal: the same as on the status page, in characters, in any window."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from rotation.console import strip, terminal
from rotation.console.layout import GAP, LEAST_BAR, LEAST_WHY, MOST_BAR, Layout, layout, packed
from rotation.console.life import LifeLine
from rotation.console.owners import show_owners
from rotation.console.standing import Standings
from rotation.console.strip import GLYPHS, Part, head, of_bar, of_life, parts_of
from rotation.console.terminal import results
from rotation.decision import Action, Decision, Finding
from rotation.errors import AccessDeniedError
from rotation.fleet import ALERT_BEFORE, Fleet, OwnerFinding, State
from rotation.model import SecretName
from rotation.page import fleet_view, secret_view, wanted
from rotation.page.secret_view import Past
from rotation.session import Session
from rotation.timeline.axis import Tick, dates_ahead, days_ahead
from rotation.timeline.bar import Bar, axis_of, bar
from rotation.timeline.life import life
from rotation.timeline.urgency import by_urgency
from tests.story.attack import CONTROL
from tests.unit import drawings, fleets
from tests.unit.drawings import ENCODINGS, KEPT, NAMES, WIDTHS, draw, pictures
from tests.unit.fleets import ADA, BOB, finding, fresh, happened, living, one_of
from tests.unit.given import DAY, NOW, OWNER, SETTLED

if TYPE_CHECKING:
    from pathlib import Path

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
COLOURED = re.compile(r"\x1b\[([0-9;]+)m(.)")


def glyphs(*parts: Part | None, number: int = 0) -> str:
    """Write some parts."""
    return "".join(GLYPHS[part][number] if part else " " for part in parts)


def written(cells: strip.Cells) -> str:
    """Write a row of a picture."""
    return glyphs(*cells)


class TestBars:
    """The life that a token has left, in columns."""

    @pytest.mark.parametrize(
        ("bar", "row"),
        [
            (Bar(), "          "),
            (Bar(calm=(10, 40), window=(50, 30), end=80), " ━━━━╍╍╍┫ "),
            (Bar(window=(10, 30), end=40), " ╍╍╍┫     "),
            (Bar(calm=(10, 70), end=80, is_quiet=True), " ───────┫ "),
            (Bar(calm=(10, 40), window=(50, 30), end=80, is_quiet=True), " ───────┫ "),
            (Bar(calm=(10, 40), window=(50, 30), grace=(10, 20), end=80), " ══━━╍╍╍┫ "),
            (Bar(calm=(10, 40), window=(50, 50), is_beyond=True), " ━━━━╍╍╍╍▸"),
            (Bar(end=0, is_dead=True), "●         "),
            (Bar(calm=(10, 0.1), window=(10.1, 0.1), grace=(10, 0.1), end=30), " ═ ┫      "),
            (Bar(end=100), "         ┫"),
        ],
    )
    def test_each_part_has_its_columns(self, bar: Bar, row: str) -> None:
        """Those of its places; what is there at all is seen."""
        assert written(of_bar(bar, 10)) == row

    def test_without_columns_there_is_none(self) -> None:
        """Nor the words of its axis."""
        assert of_bar(Bar(calm=(0, 50), end=50), 0) == ()
        assert head([Tick(0, "today")], 0) == ""

    def test_each_part_has_a_character_of_its_own(self) -> None:
        """In one picture no two are alike, with or without Unicode, and none takes two columns."""
        assert GLYPHS.keys() == {*Part}
        for words, number in product((strip.OF_FLEET, strip.OF_LIFE), (0, 1)):
            drawn = [GLYPHS[part][number] for part in words]
            assert len(set(drawn)) == len(drawn)
            assert all(len(glyph) == 1 for glyph in drawn)
        assert all(pair[1].isascii() for pair in GLYPHS.values())
        assert {*strip.OF_FLEET, *strip.OF_LIFE} == {*Part}


class TestWords:
    """Where the words of a picture go."""

    @pytest.mark.parametrize(
        ("ticks", "line"),
        [
            ([], ""),
            ([Tick(0, "today"), Tick(50, "06 Dec")], "today     06 Dec"),
            ([Tick(10, "today"), Tick(39.9, "29 Nov"), Tick(50, "06 Dec")], "  today   06 Dec"),
            ([Tick(0, "today"), Tick(90, "20 Dec")], "today"),
        ],
    )
    def test_what_has_no_room_is_left_out(self, ticks: list[Tick], line: str) -> None:
        """Each begins at its mark, and none runs into another one or off the edge."""
        assert head(ticks, 20) == line

    @pytest.mark.parametrize(
        ("widths", "room", "lines"),
        [
            ([], 20, []),
            ([5, 5], 12, [[0, 1]]),
            ([5, 5], 11, [[0], [1]]),
            ([30, 5, 5], 20, [[0], [1, 2]]),
        ],
    )
    def test_things_are_packed_into_lines(
        self, widths: list[int], room: int, lines: list[list[int]]
    ) -> None:
        """None is broken, be it longer than a line."""
        assert packed(widths, room) == lines


class TestLayout:
    """Words first, then bars."""

    def test_a_wide_window_has_all_on_one_line(self) -> None:
        """The bar takes what it can use, and the sentence the rest."""
        assert layout(60, 10_000) == Layout(MOST_BAR, 10_000 - 60 - MOST_BAR - 2 * GAP)

    def test_no_row_is_wider_than_the_window(self) -> None:
        """Bars shrink, sentences go beneath, then the words do; at last there is no bar."""
        for row, room in product((30, 60, 200), range(10, 300)):
            form = layout(row, room)
            assert form.bar == 0 or LEAST_BAR <= form.bar <= MOST_BAR
            assert form.why == 0 or form.why >= LEAST_WHY
            taken = [part for part in (form.bar, form.why) if part]
            whole = sum(taken) + GAP * len(taken) + (0 if form.is_stacked else row)
            assert whole <= room
            assert form.is_stacked is (room < row + GAP + LEAST_BAR)

    def test_in_the_narrowest_window_there_is_no_bar(self) -> None:
        """It would tell nothing."""
        assert layout(60, 11) == Layout(0, is_stacked=True)
        assert layout(60, 12) == Layout(10, is_stacked=True)


class TestKept:
    """The pictures of a small fleet are those that are kept."""

    FILES = tuple(drawings.files())

    @pytest.mark.parametrize(("path", "text"), FILES, ids=[path.stem for path, _ in FILES])
    def test_a_picture_is_as_it_was(self, path: Path, text: str) -> None:
        """At 100, 80, 60 and 40 columns, in Unicode and in ASCII."""
        assert text == path.read_text(encoding="utf-8")
        assert "ascii" not in path.stem or text.isascii()

    def test_no_other_is_kept(self) -> None:
        """Nobody looks at a file that no test knows."""
        assert {*KEPT.iterdir()} == {path for path, _ in self.FILES}

    @pytest.mark.parametrize("width", WIDTHS)
    @pytest.mark.parametrize("name", ["status", "life"])
    def test_colour_adds_nothing_that_is_not_there_without_it(self, name: str, width: int) -> None:
        """Taken out, it leaves the very same characters."""
        picture = pictures()[name]
        coloured = draw(picture, width, is_colourful=True)

        assert ESCAPES.sub("", coloured) == draw(picture, width)
        assert coloured != draw(picture, width)

    def test_parts_have_the_colours_of_the_page(self) -> None:
        """Green is calm, amber the window, blue a grace; grey is not renewed, red is dead."""
        text = draw(pictures()["status"], 100, is_colourful=True)
        told = {glyph: colour for colour, glyph in COLOURED.findall(text)}

        assert {glyph: told[glyph] for glyph in "━╍═─┫●"} == {
            "━": "32",
            "╍": "33",
            "═": "34",
            "─": "2",
            "┫": "1",
            "●": "1;31",
        }

    @pytest.mark.parametrize("width", [*range(30, 140, 3), 10_000])
    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_no_word_is_cut(self, width: int, encoding: str) -> None:
        """Whatever the width: no line is wider, and none ends in blanks."""
        text = draw(pictures()["status"], width, encoding)

        lines = text.splitlines()
        assert max(map(len, lines)) <= width
        assert [line for line in lines if line != line.rstrip() or not line] == []
        words = set(text.split())
        assert [name for name in NAMES.values() if len(name) <= width and name not in words] == []
        for sentence in ("its last renewal failed", "tag pat-organization is missing"):
            assert sentence in " ".join(text.split()) or width > 40

    def test_a_line_of_life_without_room_is_a_sentence(self) -> None:
        """It says the same."""
        text = draw(pictures()["life"], 32)

        assert " ".join(text.split()).endswith("07:30 UTC; trouble at 1 time.")
        assert "┊" not in text


class TestPipe:
    """What a program reads has one line for each secret."""

    def test_a_row_is_one_line_with_all_its_words(self) -> None:
        """Its name first, then its state, the days left, and what is next, each where it was."""
        lines = draw(pictures()["status"], terminal.UNLIMITED).splitlines()

        rows = {line.split()[0]: line for line in lines[1:-1]}
        assert {*rows} == {*NAMES.values()}
        assert rows["kv-build/deploy"].split()[:5] == [
            "kv-build/deploy",
            "failing",
            "5.0",
            "2026-11-22",
            "10:25",
        ]
        assert rows["kv-web/portal"].split()[:4] == ["kv-web/portal", "watched", "43.0", "-"]
        for found in drawings.fleet().findings:
            assert found.decision
            name = str(found.snapshot.secret.name)
            assert rows[name].endswith(found.decision.message)

    def test_the_width_does_not_change_with_the_fleet(self) -> None:
        """A bar has so many columns where nothing limits it."""
        lines = draw(Standings(fleets.fleet(40)), terminal.UNLIMITED).splitlines()

        assert {line.index("Why") for line in lines if "Why" in line} == {105}


class TestAgreement:
    """The page and the terminal draw the same."""

    def test_secrets_come_in_the_same_order(self) -> None:
        """The most urgent first."""
        shown = fleets.fleet(60)
        page = fleet_view.view(shown, wanted.read({}))
        lines = draw(Standings(shown), terminal.UNLIMITED).splitlines()[1:61]

        assert [line.split()[0] for line in lines] == [f"{r.vault}/{r.name}" for r in page.rows]

    def test_bars_stand_on_the_same_axis(self) -> None:
        """With the same parts at the same places."""
        shown = fleets.fleet(60)
        page = fleet_view.view(shown, wanted.read({}))
        standings = by_urgency(shown)
        axis = axis_of(standings, NOW)

        assert [bar(one, axis, NOW) for one in standings] == [row.bar for row in page.rows]
        assert [tick.place for tick in dates_ahead(axis, NOW)] == [
            tick.place for tick in page.ticks
        ]
        assert page.ticks == days_ahead(axis, NOW)

    def test_a_line_of_life_is_the_same_by_its_events_alone(self) -> None:
        """What a look knows beside them is where the current token's renewal is due."""
        found = finding(living(SETTLED, 20), SecretName("kv-build", "feed"))
        rows = happened(found, 4)
        page = secret_view.view(found, Past(events=rows), NOW, ALERT_BEFORE).life
        told = life(rows, NOW)
        assert page
        assert told

        assert (told.ticks, told.now, told.marks, told.text) == (
            page.ticks,
            page.now,
            page.marks,
            page.text,
        )
        assert told.lanes[:-1] == page.lanes[:-1]
        assert (told.lanes[-1].label, told.lanes[-1].is_current) == (page.lanes[-1].label, True)

    def test_each_token_is_a_row_and_trouble_is_the_last(self) -> None:
        """Marks stand on the token to which they happened, and now is in each."""
        told = life(happened(fresh(), 5), NOW)
        assert told
        rows = of_life(told, 72)

        assert len(rows) == len(told.lanes) + 1
        for lane, cells in enumerate(rows):
            kinds = {str(mark.kind) for mark in told.marks if mark.lane == lane}
            assert kinds == {str(p) for p in parts_of([cells])} & {
                Part.STORED,
                Part.EXTENDED,
                Part.RETIRED,
                Part.FAILED,
            }
        assert [Part.NOW in cells for cells in rows] == [True] * 4 + [False, True]


class TestWordsOfOthers:
    """Whatever is written in tags and events, a terminal shows it as it is."""

    @pytest.mark.parametrize("width", [40, 80, 140])
    def test_strange_words_are_said_plainly(self, width: int) -> None:
        """No control character, and no markup."""
        odd = SecretName("kv", f"[red]{CONTROL}[/nope]")
        told = Decision(Action.REJECT, "mis-tagged", f"tag is [bold]{CONTROL}")
        found = Finding(finding(living(SETTLED, 20), odd).snapshot, told)

        text = draw(Standings(Fleet(NOW, (found,))), width)

        assert [line for line in text.splitlines() if not line.isprintable()] == []
        assert "[red]" in text
        assert "[bold]" in text

    @pytest.mark.parametrize("width", [40, 80])
    def test_strange_ids_are_said_plainly(self, width: int) -> None:
        """In the line of life, too; wide letters keep the columns."""
        rows = []
        for token_id in (CONTROL, "[red]1234", "漢字漢字漢字漢字"):
            told = {"authorization_id": token_id, "expires_at": "2026-12-20T00:00:00Z"}
            rows.append({"event": "TokenStored", "time": "2026-11-01T00:00:00Z", **told})

        drawn = life(rows, NOW)
        assert drawn
        text = draw(LifeLine(drawn), width)

        assert [line for line in text.splitlines() if not line.isprintable()] == []
        assert "[red]123" in text


class TestOddFleets:
    """What has no life, no end or no name."""

    def test_an_empty_fleet_has_a_head(self) -> None:
        """And no legend."""
        assert draw(Standings(Fleet(NOW, ())), 80).split()[:2] == ["Secret", "State"]
        assert len(draw(Standings(Fleet(NOW, ())), 80).splitlines()) == 1
        assert draw(Standings(Fleet(NOW, ())), 40).split() == ["today", "29", "Nov"]

    @pytest.mark.parametrize(
        ("found", "told"),
        [
            (fresh(), "fresh, 20 days left, next 2026-12-02 03:27 UTC"),
            (one_of(State.EXPIRED, 2), "expired 3 days ago, waits for its keeper"),
            (
                finding(SETTLED.watched().kept(expires_at=None).tagged(recorded=None), fleets.FEED),
                "watched, no expiry",
            ),
            (
                Finding(
                    one_of(State.DUE).snapshot,
                    None,
                    AccessDeniedError("no", service="key-vault", operation="read"),
                ),
                "failing, 7 days left, waits for an administrator",
            ),
            (finding(living(SETTLED, -3).disabled(), fleets.FEED), "skipped, expired 3 days ago"),
        ],
    )
    def test_a_stacked_row_tells_the_same(self, found: Finding, told: str) -> None:
        """The state, how long it lives, and what is next, in words that need no head."""
        text = draw(Standings(Fleet(NOW, (found,))), 56)

        assert told in " ".join(text.split())

    def test_a_look_that_failed_without_words_has_a_row(self) -> None:
        """Nothing is demanded of a message."""
        told = Decision(Action.NOTHING, "fresh", "")
        text = draw(Standings(Fleet(NOW, (Finding(fresh().snapshot, told),))), 140)

        assert text.splitlines()[1].startswith("kv-build/feed  fresh  20.0")

    def test_a_name_that_is_wider_than_the_window_is_broken_not_cut(self) -> None:
        """All of it is there."""
        name = SecretName("kv-build", "feed-" * 20 + "end")
        text = draw(Standings(Fleet(NOW, (finding(living(SETTLED, 20), name),))), 40)

        assert str(name) in "".join(text.split())

    def test_a_secret_without_an_end_has_no_line_for_a_bar(self) -> None:
        """Nothing stands empty."""
        endless = finding(
            SETTLED.watched().kept(expires_at=None).tagged(recorded=None), fleets.FEED
        )

        assert "" not in draw(Standings(Fleet(NOW, (endless,))), 40).splitlines()


class TestOwners:
    """The owners below them."""

    AGENT = Session("agent@example.com", is_working=True, is_agent=True)

    @pytest.mark.parametrize(
        ("columns", "lines"),
        [
            (
                "80",
                [
                    "Owner              Session         Signed in   Act by      Secrets",
                    f"{OWNER}    connected       2026-11-02  2027-01-31  1",
                    "bob@example.com    sign-in-needed  2026-08-26  -           0",
                    "agent@example.com  connected       agent user  -           0",
                ],
            ),
            (
                "40",
                [
                    OWNER,
                    "  connected, signed in 2026-11-02",
                    "  act by 2027-01-31, 1 secret",
                    "bob@example.com",
                    "  sign-in-needed, signed in 2026-08-26",
                    "  0 secrets",
                    "agent@example.com",
                    "  connected, agent user, 0 secrets",
                ],
            ),
        ],
    )
    def test_they_are_told_in_any_window(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        columns: str,
        lines: list[str],
    ) -> None:
        """In a table, or beneath each other."""
        monkeypatch.setenv("COLUMNS", columns)
        secrets = {ADA: (fresh(),)}
        show_owners(
            [
                OwnerFinding(session, secrets.get(session, ()), NOW)
                for session in (replace(ADA), BOB, self.AGENT)
            ]
        )

        out = capsys.readouterr().out.splitlines()
        assert out[: len(lines)] == lines
        assert out[len(lines) :] == [BOB.message]


class TestConsole:
    """The width is that of the console, and the characters those of its encoding."""

    def test_a_window_without_unicode_has_ascii(self) -> None:
        """Whatever its encoding is called."""
        for encoding in ("ascii", "iso-8859-1", "cp1252"):
            assert draw(pictures()["status"], 80, encoding).isascii()

    def test_neither_colour_is_needed_nor_a_terminal(self) -> None:
        """NO_COLOR and TERM=dumb leave the characters."""
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            console = Console(
                width=100, height=25, force_terminal=True, _environ=environment, highlight=False
            )
            with console.capture() as capture:
                console.print(pictures()["status"], highlight=False)
            colours = {sgr for sgr, _ in COLOURED.findall(capture.get())}
            assert not {"31", "32", "33", "34"} & {
                code for sgr in colours for code in sgr.split(";")
            }
            assert ESCAPES.sub("", capture.get()) == draw(pictures()["status"], 100)

    def test_a_narrow_window_is_believed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """For pictures down to thirty columns; for tables, as ever, down to eighty."""
        monkeypatch.setenv("COLUMNS", "33")
        assert terminal.width(results.file, terminal.LEAST_PICTURE) == 33  # type: ignore[arg-type]
        assert terminal.width(results.file) == 80  # type: ignore[arg-type]
        monkeypatch.setenv("COLUMNS", "3")
        assert terminal.width(results.file, terminal.LEAST_PICTURE) == 30  # type: ignore[arg-type]


def test_days_are_days() -> None:
    """A bar of the fleet is as long as the table says: a column of forty is about one day."""
    standings = by_urgency(Fleet(NOW, (fresh(days=30),)))
    axis = axis_of(standings, NOW)
    cells = of_bar(bar(standings[0], axis, NOW), MOST_BAR)

    length = (axis.ends_at - axis.starts_at) / DAY / MOST_BAR
    assert sum(cell is not None for cell in cells) == pytest.approx(30 / length, abs=1.5)
