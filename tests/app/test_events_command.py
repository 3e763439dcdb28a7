"""The command ``events``: the journal, for people and for scripts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rotation import cli
from rotation.events import Kind
from tests.app.desk import DAY, HOUR, MINUTE, PAGE, Desk, KeptJournal, Office, event
from tests.app.test_commands import Said
from tests.story.attack import CONTROL

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.clock import ManualClock
    from sandbox.world import World

pytestmark = pytest.mark.usefixtures("sandbox")

FEED, WIKI = "kv-build/feed", "kv-web/wiki"
TOKEN = "0a1b2c3d-0000-4000-8000-000000000001"


@pytest.fixture
def journal() -> KeptJournal:
    """Give a journal without any events."""
    return KeptJournal()


@pytest.fixture
def office(world: World, journal: KeptJournal) -> Office:
    """Give the product with this journal."""
    return Office(Desk(world, journal), journal)


@pytest.fixture
def rotation(
    clock: ManualClock, office: Office, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Give the program, by the world's clock."""

    def rotation(*arguments: str) -> Said:
        code = cli.main(arguments, clock=clock, open_service=office.open)
        return Said(code, *capsys.readouterr())

    return rotation


@pytest.fixture
def past(journal: KeptJournal, clock: ManualClock) -> None:
    """Fill the journal with a few days."""
    now = clock()
    journal.write(
        [
            event(Kind.TOKEN_CREATED, now - 9 * DAY, authorization_id=TOKEN),
            event(Kind.TOKEN_STORED, now - 9 * DAY, authorization_id=TOKEN),
            event(Kind.ROTATION_FAILED, now - 30 * HOUR, WIKI, reason="unavailable"),
            event(Kind.SCAN_STARTED, now - 2 * HOUR, None),
            event(Kind.SESSION_REFRESHED, now - 2 * HOUR, None, owner="ada@contoso.example"),
            event(Kind.TOKEN_RETIRED, now - HOUR, authorization_id=TOKEN),
        ]
    )


def kinds(said: Said) -> list[str]:
    """Give the kinds of the events on stdout, in their order there."""
    return [row["event"] for row in lines(said)]


def lines(said: Said) -> list[dict[str, Any]]:
    """Give the JSON of each line on stdout."""
    return [json.loads(line) for line in said.out.splitlines()]


# --- What is shown --------------------------------------------------------------------------------


@pytest.mark.usefixtures("past")
def test_the_last_day_is_shown_the_newest_event_first(rotation: Callable[..., Said]) -> None:
    """Without anything else said: all secrets, since a day ago."""
    said = rotation("events", "--output", "json")

    assert (said.code, said.err) == (0, "")
    assert kinds(said) == ["TokenRetired", "SessionRefreshed", "ScanStarted"]


@pytest.mark.usefixtures("past")
def test_of_one_secret_everything_is_shown(rotation: Callable[..., Said]) -> None:
    """However long ago, and whatever way its name is written."""
    said = rotation("events", "--secret", "KV-Build/Feed", "--output", "json")

    assert kinds(said) == ["TokenRetired", "TokenStored", "TokenCreated"]


@pytest.mark.parametrize(
    ("since", "count"),
    [
        ("30m", 0),
        ("1h", 1),
        ("120m", 3),
        ("2d", 4),
        ("2w", 6),
        ("99999w", 6),
        ("2026-11-22", 3),
        ("2026-11-21", 4),
        ("2026-11-22T06:00", 1),
        ("2026-11-22T06:00:01", 0),
        ("2026-11-22T06:00:00Z", 1),
        ("2026-11-22T07:00+01:00", 1),
        ("0001-01-01", 6),
    ],
)
@pytest.mark.parametrize("secret", [(), ("--secret", FEED)], ids=["all", "one"])
@pytest.mark.usefixtures("past")
def test_how_far_back_is_said_as_a_span_or_a_time(
    rotation: Callable[..., Said],
    journal: KeptJournal,
    secret: tuple[str, ...],
    since: str,
    count: int,
) -> None:
    """What is that old is shown; an instant is in UTC unless it says otherwise."""
    said = rotation("events", "--since", since, "--output", "json", *secret)

    newest = sorted(journal.rows, key=lambda row: row["time"])[len(journal.rows) - count :]
    wanted = [row for row in newest if not secret or row.get("secret") == "feed"]
    assert len(lines(said)) == len(wanted)


@pytest.mark.parametrize("spelling", ["RotationFailed", "rotationfailed"])
@pytest.mark.usefixtures("past")
def test_only_some_kinds_are_shown(rotation: Callable[..., Said], spelling: str) -> None:
    """Those that are named, in whatever case."""
    said = rotation(
        "events", "--since", "1w", "--kind", spelling, "--kind", "ScanStarted", "--output", "json"
    )

    assert kinds(said) == ["ScanStarted", "RotationFailed"]


def test_json_is_the_event_as_it_is_kept(
    rotation: Callable[..., Said], journal: KeptJournal, clock: ManualClock
) -> None:
    """One object a line, with all its keys, and those of another version, too."""
    journal.write([event(Kind.TOKEN_STORED, clock(), expires_at=clock() + 30 * DAY)])
    journal.rows.append({"event": "SomethingNewer", "time": "2026-11-22T07:00:00Z", "odd": "é"})

    said = rotation("events", "--output", "json")

    assert sorted(lines(said), key=str) == sorted(journal.rows, key=str)
    assert said.out.isascii()


@pytest.mark.parametrize("columns", ["80", "200"])
def test_a_table_says_when_what_and_of_which_secret(
    rotation: Callable[..., Said],
    journal: KeptJournal,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
) -> None:
    """Ids are short; nothing that matters is cut off, and no line is wider than the terminal."""
    monkeypatch.setenv("COLUMNS", columns)
    now = clock()
    name = "kv-build/feed-token"
    asked = {"order": "retire --now", "requested_by": "bob@contoso.example"}
    told = {"reason": "due", "message": "the renewal time has come"}
    ends_at = now + 30 * DAY
    journal.write(
        [
            event(Kind.ORDER_DONE, now - MINUTE, name, **asked),
            event(
                Kind.UNCLAIMED_TOKEN_FOUND,
                now,
                name,
                authorization_id=TOKEN,
                expires_at=ends_at,
                **told,
            ),
            event(Kind.SCAN_STARTED, now - HOUR, None),
            event(Kind.SESSION_SIGNED_IN, now - HOUR, None, owner="ada@contoso.example"),
        ]
    )

    said = rotation("events")

    assert max(map(len, said.out.splitlines())) <= int(columns)
    assert said.words.startswith("Time (UTC) Event Secret What 2026-11-22 07:00:00")
    together = "".join(said.out.split())
    for text in (
        "UnclaimedTokenFound",
        name,
        "0a1b2c3d",
        "due:",
        "until2026-12-22",
        "ada@contoso.example",
    ):
        assert text in together
    assert TOKEN not in together
    if columns == "200":
        assert "retire --now for bob@contoso.example" in said.out


@pytest.mark.parametrize("asked", [(), ("--secret", FEED)])
@pytest.mark.usefixtures("past")
def test_a_narrow_window_has_what_happened_beneath_the_time(
    rotation: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...]
) -> None:
    """No word is cut, and no line is wider than the window."""
    monkeypatch.setenv("COLUMNS", "40")

    said = rotation("events", "--since", "2w", *asked)

    lines = said.out.splitlines()
    begin = lines.index("2026-11-22 06:00:00  TokenRetired")
    secret = [] if asked else [f"  {FEED}"]
    assert lines[begin + 1 : begin + len(secret) + 2] == [*secret, "  token 0a1b2c3d"]
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize(("output", "out"), [("json", ""), ("table", "Nothing happened.\n")])
def test_an_empty_journal_is_fine(rotation: Callable[..., Said], output: str, out: str) -> None:
    """0: nothing has happened."""
    said = rotation("events", "--output", output)

    assert (said.code, said.out, said.err) == (0, out, "")


@pytest.mark.parametrize("arguments", [(), ("--secret", FEED)])
@pytest.mark.parametrize("output", ["json", "table"])
def test_no_more_than_the_limit_is_read(
    rotation: Callable[..., Said],
    journal: KeptJournal,
    clock: ManualClock,
    arguments: tuple[str, ...],
    output: str,
) -> None:
    """200 without another: that there is more is said on stderr, and is not read.

    The line of life of one secret takes a page of its events, of a thousand.
    """
    journal.write([event(Kind.TOKEN_STORED, clock() - n * MINUTE) for n in range(1000)])

    said = rotation("events", "--output", output, *arguments)

    heads = 1 if output == "table" else 0
    is_drawn = bool(arguments) and output == "table"
    assert len(said.out.splitlines()) == 200 + heads
    assert said.err == (
        "there are more than these 200; --limit shows more, --since and --kind fewer\n"
    )
    assert journal.pages == (5 + 1000 // PAGE if is_drawn else 5)

    said = rotation("events", "--output", output, "--limit", "1000", *arguments)

    assert (len(said.out.splitlines()), said.err) == (1000 + heads, "")


@pytest.mark.parametrize("follow", [False, True])
def test_text_from_a_message_plays_no_tricks(
    rotation: Callable[..., Said],
    journal: KeptJournal,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    follow: bool,
) -> None:
    """Who asked is what somebody says of themselves: no control character, and no markup."""
    asked = {"order": "rotate", "requested_by": f"[red]{CONTROL}[/nope]"}
    journal.write([event(Kind.ORDER_RECEIVED, clock(), **asked)])
    interrupt(monkeypatch)

    said = rotation("events", *(["--follow"] if follow else []))

    assert said.code == 0
    assert "[red]" in said.out
    assert [line for line in said.out.split("\n") if not line.isprintable()] == []


# --- The line of life -----------------------------------------------------------------------------


@pytest.fixture
def renewed(journal: KeptJournal, clock: ManualClock) -> None:
    """Fill the journal with a renewal and the end of a grace."""
    now = clock()
    for number, at in enumerate((now - 22 * DAY, now - 2 * DAY)):
        told: dict[str, Any] = {
            "authorization_id": f"{number}{TOKEN[1:]}",
            "expires_at": at + 30 * DAY,
            "next_at": at + 20 * DAY,
        }
        former = {"previous_authorization_id": TOKEN} if number else {}
        journal.write(
            [
                event(Kind.TOKEN_CREATED, at, **told),
                event(Kind.TOKEN_STORED, at, **told, **former),
            ]
        )
    journal.write([event(Kind.TOKEN_RETIRED, now - HOUR, authorization_id=TOKEN)])


@pytest.mark.usefixtures("renewed")
def test_the_line_of_life_of_one_secret_stands_above_its_events(
    rotation: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its tokens; then a blank line, and the table as ever."""
    monkeypatch.setenv("COLUMNS", "100")
    said = rotation("events", "--secret", FEED)

    line, table = said.out.split("\n\n")
    assert said.code == 0
    assert line.startswith("2 tokens since 31 Oct 2026; the present one lives until 20 Dec 2026")
    rows = {row.split()[0]: row for row in line.splitlines()[1:]}
    assert {"0a1b2c3d", "1a1b2c3d"} <= rows.keys()
    assert rows["0a1b2c3d"].rstrip("┊ ")[-1] == "○"
    assert "━╍" in rows["1a1b2c3d"]
    assert table.startswith("Time (UTC)")
    assert len(table.splitlines()) == 6


@pytest.mark.parametrize("asked", [(), ("--secret", FEED, "--output", "json")])
@pytest.mark.usefixtures("renewed")
def test_otherwise_there_is_none(
    rotation: Callable[..., Said], journal: KeptJournal, asked: tuple[str, ...]
) -> None:
    """Neither above the events of all secrets, nor for a script; nothing is read for it, either."""
    said = rotation("events", *asked)

    assert "tokens since" not in said.out
    assert journal.pages == 1


@pytest.mark.parametrize(
    "asked", [("--kind", "RotationFailed"), ("--since", "1m"), ("--limit", "1")]
)
@pytest.mark.usefixtures("renewed")
def test_it_is_that_of_the_whole_life(
    rotation: Callable[..., Said], asked: tuple[str, ...]
) -> None:
    """Whichever events are asked for below it."""
    whole = rotation("events", "--secret", FEED).out.partition("\n\n")[0]

    assert rotation("events", "--secret", FEED, *asked).out.partition("\n\n")[0] == whole


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.usefixtures("renewed")
def test_who_follows_sees_it_once_at_the_beginning(
    rotation: Callable[..., Said],
    journal: KeptJournal,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
) -> None:
    """Then the events, one on a line, as ever."""
    is_drawn = output == "table"

    def happen() -> None:
        journal.write([event(Kind.ORDER_RECEIVED, clock(), order="rotate")])

    interrupt(monkeypatch, happen, happen)

    said = rotation("events", "--secret", FEED, "--follow", "--output", output)

    assert said.out.count("tokens since") == is_drawn
    assert said.out.startswith("2 tokens since") is is_drawn
    events = said.out.partition("\n\n")[2] if is_drawn else said.out
    assert len(events.splitlines()) == 6
    assert "OrderReceived" in events.splitlines()[-1]


# --- What is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--since", "yesterday"), "expected a span such as 90m, 12h, 2d or 1w"),
        (("--since", "2"), "expected a span"),
        (("--since", "2 d"), "expected a span"),
        (("--since", "-2d"), "expected a span"),
        (("--since", "999999d"), "expected a span"),
        (("--since", ""), "expected a span"),
        (("--since", "20261120"), "expected a span"),
        (("--since", "2026-11-20 07:00"), "expected a span"),
        (("--since", "2026-02-30"), "there is no such date or time"),
        (("--since", "2026-11-20T25:00"), "there is no such date or time"),
        (("--since", "0001-01-01T00:00+14:00"), "there is no such date or time"),
        (("--secret", "feed"), "expected VAULT/NAME"),
        (("--secret", "kv/feed/2"), "expected VAULT/NAME"),
        (("--secret", "kv_1/feed"), "expected VAULT/NAME"),
        (("--kind", "Everything"), "'TokenStored'"),
        (("--limit", "0"), "x>=1"),
        (("--output", "csv"), "table"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_touched(
    rotation: Callable[..., Said], office: Office, arguments: tuple[str, ...], what: str
) -> None:
    """2: what was expected."""
    said = rotation("events", *arguments)

    assert (said.code, said.out, office.is_open) == (2, "", False)
    assert what in said.err
    assert "Usage: rotation events" in said.err


def test_without_storage_there_is_no_journal(
    clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    """2: which setting is missing, by the real composition root."""
    code = cli.main(["events"], clock=clock)

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert "rotation: ROTATION_STORAGE is missing\n" in err


@pytest.mark.parametrize("output", ["json", "table"])
def test_a_journal_that_is_away_is_told(
    rotation: Callable[..., Said], journal: KeptJournal, output: str
) -> None:
    """1: one sentence."""
    journal.is_away = True

    said = rotation("events", "--output", output)

    assert (said.code, said.out) == (1, "")
    assert said.err == "rotation: cannot read the table RotationEvents: no answer\n"


# --- Following ------------------------------------------------------------------------------------


def interrupt(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], None]) -> list[float]:
    """Do one step at each pause, and press Ctrl-C at the one after; give the pauses."""
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) > len(steps):
            raise KeyboardInterrupt
        steps[len(naps) - 1]()

    monkeypatch.setattr("time.sleep", sleep)
    return naps


@pytest.mark.parametrize("secret", [(), ("--secret", FEED)], ids=["all", "one"])
@pytest.mark.usefixtures("past")
def test_following_shows_what_is_new_in_the_order_of_time(
    rotation: Callable[..., Said],
    journal: KeptJournal,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    secret: tuple[str, ...],
) -> None:
    """Once each, whoever wrote it late; and Ctrl-C is its proper end: 0."""

    def create() -> None:
        clock.advance(MINUTE)
        journal.write([event(Kind.TOKEN_CREATED, clock()), event(Kind.TOKEN_STORED, clock())])

    def tell_late() -> None:
        journal.write([event(Kind.PROOF_FAILED, clock() - 5 * MINUTE)])

    naps = interrupt(monkeypatch, create, lambda: None, tell_late)

    said = rotation("events", "--follow", "--output", "json", "--since", "1d", *secret)

    before = ["TokenRetired"] if secret else ["ScanStarted", "SessionRefreshed", "TokenRetired"]
    assert (said.code, said.err) == (0, "")
    assert kinds(said) == [*before, "TokenCreated", "TokenStored", "ProofFailed"]
    assert naps == [5, 5, 5, 5]


def test_two_events_that_are_alike_are_two(
    rotation: Callable[..., Said],
    journal: KeptJournal,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the same second, with the same words."""
    row = event(Kind.METADATA_REFRESHED, clock()).as_dict()
    interrupt(monkeypatch, lambda: journal.rows.append(row), lambda: journal.rows.append(row))

    said = rotation("events", "--follow", "--output", "json")

    assert kinds(said) == ["MetadataRefreshed"] * 2


@pytest.mark.usefixtures("past")
def test_following_begins_with_the_newest_ones(
    rotation: Callable[..., Said],
    journal: KeptJournal,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No more than the limit, which is said; nothing older comes later."""
    interrupt(monkeypatch, lambda: journal.write([event(Kind.SCAN_COMPLETED, clock(), None)]))

    said = rotation("events", "--follow", "--since", "1w", "--limit", "1")

    first, second = said.out.splitlines()
    assert first.startswith("2026-11-22 06:00:00  TokenRetired         kv-build/feed  token 0a1b")
    assert second == "2026-11-22 07:00:00  ScanCompleted        -"
    assert said.err == "there are older events than these 1; --limit shows more\n"


def test_only_some_kinds_are_followed(
    rotation: Callable[..., Said],
    journal: KeptJournal,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that are named."""
    both = [event(Kind.TOKEN_CREATED, clock()), event(Kind.TOKEN_STORED, clock())]
    interrupt(monkeypatch, lambda: journal.write(both))

    said = rotation("events", "--follow", "--kind", "TokenStored", "--output", "json")

    assert kinds(said) == ["TokenStored"]


def test_a_journal_that_goes_away_is_waited_for(
    rotation: Callable[..., Said],
    journal: KeptJournal,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is said once each time, and what happened meanwhile is shown when it is back."""

    def go() -> None:
        journal.is_away = True

    def come() -> None:
        clock.advance(timedelta(seconds=5))
        journal.is_away = False
        journal.write([event(Kind.TOKEN_STORED, clock())])

    interrupt(monkeypatch, go, lambda: None, come, go)

    said = rotation("events", "--follow", "--output", "json")

    assert (said.code, kinds(said)) == (0, ["TokenStored"])
    assert said.err.count("no answer") == 2
    assert said.err.count("hint: it is tried again until it answers") == 2


def test_years_before_the_first_rotator_are_not_asked_for() -> None:
    """A day of the journal is a query: nobody waits for two thousand years of them."""
    query = cli.events.Query(
        None, datetime(1, 1, 1, tzinfo=UTC), (), 1, follow=False, output="json"
    )

    assert query.start(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2020, 1, 1, tzinfo=UTC)
