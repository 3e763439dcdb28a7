"""The command that shows the journal."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

import click

from rotation.cli.following import Follower
from rotation.cli.frame import FINE, JSON, output_option, with_service, write
from rotation.cli.parameter import SECRET
from rotation.cli.since import Since, resolve
from rotation.cli.teaching import Command
from rotation.console.events import line_of, show_events, show_life
from rotation.console.terminal import complain, remark
from rotation.errors import UnavailableError
from rotation.events import Kind
from rotation.timeline.life import EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rotation.cli.frame import Surroundings
    from rotation.cli.since import When
    from rotation.model import SecretName
    from rotation.ports import Journal
    from rotation.wiring import Service

    Row = Mapping[str, str]

BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
"""There is no older event."""
A_DAY = timedelta(days=1)
PAUSE = timedelta(seconds=5)
"""Between two looks into the journal."""
AT_MOST = 200


class AnyKind(click.Choice[str]):
    """The name of an event, in whatever case."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's own
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """Give the name as it is written in the journal."""
        known = {name.lower(): name for name in self.choices}
        return str(super().convert(known.get(str(value).lower(), value), param, ctx))


@dataclass(frozen=True)
class Query:
    """What is asked of the journal, and how it is shown."""

    secret: SecretName | None
    since: When | None
    kinds: tuple[str, ...]
    limit: int
    follow: bool
    output: str

    def start(self, now: datetime) -> datetime:
        """Tell how far back to look at the instant ``now``."""
        if self.since is None:
            return BEGINNING if self.secret else now - A_DAY
        return max(resolve(self.since, now), BEGINNING)

    def read(self, journal: Journal, start: datetime) -> Iterator[Row]:
        """Give the events since an instant, the newest first, page by page as they are taken."""
        if self.secret:
            rows = journal.of_secret(self.secret)

            def is_since(row: Row) -> bool:
                return datetime.fromisoformat(row["time"]) >= start

            found: Iterator[Row] = takewhile(is_since, rows)
        else:
            found = journal.since(start)
        return (row for row in found if not self.kinds or row["event"] in self.kinds)


@click.command(
    cls=Command,
    examples=[
        ("rotation events", "what happened since yesterday, the newest first"),
        (
            "rotation events --secret kv-build/feed-token",
            "all that happened to one secret",
        ),
        ("rotation events --since 7d --kind RotationFailed", "what failed in a week"),
        ("rotation events --since 2026-11-20T07:00", "since an instant, in UTC"),
        ("rotation events --follow", "the last day, then whatever happens, as it happens"),
        ("rotation events --since 1w --output json", "one JSON object a line"),
    ],
)
@click.option("--secret", type=SECRET, metavar="VAULT/NAME", help="Only of this secret.")
@click.option(
    "--since",
    type=Since(),
    metavar="WHEN",
    help="Nothing older: a span (90m, 12h, 2d, 1w), a date, or an instant, in UTC.  "
    "[default: 1d; with --secret, everything]",
)
@click.option(
    "--kind",
    "kinds",
    type=AnyKind([str(kind) for kind in Kind]),
    multiple=True,
    metavar="KIND",
    help="Only events of this kind, such as TokenStored; may be given again.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=AT_MOST,
    show_default=True,
    metavar="NUMBER",
    help="So many events at most, the newest ones.",
)
@click.option(
    "--follow", is_flag=True, help="Go on until Ctrl-C; everything is in the order of time."
)
@output_option
@click.pass_obj
def events(around: Surroundings, /, **asked: Any) -> int:  # noqa: ANN401 - the options
    """Show what happened, from the journal.

    The newest event comes first; with --follow, it comes last. With --secret, the line of life of
    that secret stands above: each of its last tokens, from its creation to its end.
    """
    query = Query(**asked)

    def work(service: Service) -> int:
        journal, now = service.journal, around.now()
        if query.secret and query.output != JSON:
            past = [*islice(journal.of_secret(query.secret), EVENTS)]
            write(lambda: show_life(past, now))
        start = query.start(now)
        rows = query.read(journal, start)
        shown = islice(rows, query.limit)
        if query.follow:
            with suppress(KeyboardInterrupt):  # somebody has seen enough
                begun = _shown_first(shown, rows, start, query.output)
                follower = Follower(lambda instant: query.read(journal, instant), *begun)
                _follow(around, query.output, follower)
            return FINE
        if query.output == JSON:
            _write_lines(JSON, shown)
        else:
            found = [*shown]
            write(lambda: show_events(found, is_of_one=query.secret is not None))
        if next(rows, None) is not None:
            told = f"there are more than these {query.limit}"
            remark(f"{told}; --limit shows more, --since and --kind fewer")
        return FINE

    return with_service(around, work)


def _shown_first(
    shown: Iterable[Row], rows: Iterator[Row], start: datetime, output: str
) -> tuple[datetime, list[Row]]:
    """Show what there is already, the oldest first; give what a follower begins with."""
    found = [*shown]
    if (is_cut := next(rows, None) is not None) and found:
        start = datetime.fromisoformat(found[-1]["time"])
    if is_cut:
        remark(f"there are older events than these {len(found)}; --limit shows more")
    _write_lines(output, reversed(found))
    return start, found


def _follow(around: Surroundings, output: str, follower: Follower) -> None:
    """Show what is new, every few seconds, for ever."""
    is_away = False
    while True:
        around.sleep(PAUSE.total_seconds())
        try:
            _write_lines(output, follower.news())
            is_away = False
        except UnavailableError as exc:
            if not is_away:
                complain(str(exc.args[0]), hint="it is tried again until it answers")
            is_away = True


def _write_lines(output: str, rows: Iterable[Row]) -> None:
    draw: Callable[[Row], str] = line_of
    if output == JSON:
        draw = _as_json
    for row in rows:
        line = draw(row)
        write(lambda line=line: click.echo(line))  # type: ignore[misc]


def _as_json(row: Row) -> str:
    return json.dumps(dict(row))
