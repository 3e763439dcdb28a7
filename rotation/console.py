"""What the commands show: tables on stdout; progress, events and complaints on stderr.

Colour and progress only where the stream is a terminal; text from outside is never markup.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager, suppress
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from rotation.doctor import Severity
from rotation.fleet import State, expires_at, next_at, session_state, state
from rotation.report import Ending, VaultFailure
from rotation.schedule import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from rotation.dependents import Dependents
    from rotation.doctor import Diagnosis
    from rotation.fleet import Fleet, OwnerFinding
    from rotation.report import RunReport
    from rotation.session import Session

SEVERITIES = {
    Severity.FINE: "green",
    Severity.WARNING: "yellow",
    Severity.ERROR: "bold red",
}
STYLES = {
    State.FRESH: "green",
    State.RETIRING: "green",
    State.DUE: "yellow",
    State.WATCHED: "cyan",
    State.SKIPPED: "dim",
    State.FAILING: "bold red",
    State.BLOCKED: "bold red",
    State.REJECTED: "bold red",
    State.EXPIRED: "bold red",
    Ending.SETTLED: "green",
    Ending.LOCKED: "yellow",
    Ending.FAILED: "bold red",
}

LEAST = 16
"""Columns that are left for sentences, however long the names are."""
LEAST_WIDTH = 80
"""A narrower terminal breaks the lines; nothing is cut off."""
UNLIMITED = 10_000
"""Columns where no terminal sets a limit: a line that another program reads is not folded."""


def _width() -> int:
    """Give the width to draw in: that of the terminal, or of the variable COLUMNS."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return UNLIMITED
    return max(get_terminal_size().columns, LEAST_WIDTH)


class _Remarks(Console):
    """Writes to stderr; when nobody listens there any more, stdout is still worth writing."""

    def on_broken_pipe(self) -> None:
        """Fall silent."""
        self.quiet = True


results = Console(highlight=False, width=_width())
remarks = _Remarks(stderr=True, highlight=False)


class LogLines(logging.Handler):
    """Writes log records to stderr as they are, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record on one line; that nobody listens any more stops nothing."""
        with suppress(Exception):
            remarks.print(Text(record.getMessage()), soft_wrap=True)


@contextmanager
def progress(verb: str) -> Iterator[Callable[[int, int], None]]:
    """Show progress while a block runs, if a person is watching.

    Args:
        verb: what is being done.

    Yields:
        What to tell how many secrets of how many are done.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=remarks, transient=True, disable=not remarks.is_terminal
    ) as bar:
        task = bar.add_task(verb, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show that something is waited for while a block runs, if a person is watching."""
    if not remarks.is_terminal:
        complain(what)
        yield
        return
    with remarks.status(escape(what)):
        yield


def is_confirmed(question: str) -> bool:
    """Ask on stderr whether to go on; nobody who could answer is a no."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        remarks.print()
        return False


def complain(*faults: str, hint: str = "") -> None:
    """Say on stderr what is wrong, each fault on a line, and what to do next."""
    for fault in faults:
        remarks.print(Text(f"rotation: {fault}"), soft_wrap=True)
    if hint:
        remarks.print(Text(f"hint: {hint}"), soft_wrap=True)


def show_run(report: RunReport) -> None:
    """Show what a run did."""
    table = _table("Secret", "Outcome", "Done", "Why")
    for outcome in report.outcomes:
        done = ", ".join(outcome.actions) or "-"
        table.add_row(
            escape(str(outcome.name)), _coloured(outcome.ending), done, escape(outcome.message)
        )
    results.print(table)
    _show_vaults(report.vault_failures)
    _show_lost(report.sessions)
    results.print(escape(f"Run {report.run_id}: {report.summary}."))


def show_plan(fleet: Fleet) -> None:
    """Show what a run would do."""
    table = _table("Secret", "Action", "Next (UTC)", "Why")
    for finding in fleet.findings:
        decision = finding.decision
        table.add_row(
            escape(str(finding.snapshot.secret.name)),
            decision.action if decision else "[bold red]fail[/]",
            _date(next_at(finding, fleet.checked_at)),
            escape(decision.message if decision else str(finding.error)),
        )
    results.print(table)
    _show_vaults(fleet.vault_failures)


def show_status(fleet: Fleet) -> None:
    """Show how every secret and every owner stands."""
    now = fleet.checked_at
    table = _table("Secret", "State", "Days left", "Next (UTC)", "Why")
    for finding in fleet.findings:
        s, decision = finding.snapshot, finding.decision
        ends_at = expires_at(s)
        table.add_row(
            escape(str(s.secret.name)),
            _coloured(state(finding, now)),
            f"{(ends_at - now).total_seconds() / 86400:.1f}" if ends_at else "-",
            _date(next_at(finding, now)),
            escape(decision.message if decision else str(finding.error)),
        )
    results.print(table)
    _show_vaults(fleet.vault_failures)
    _show_owners(fleet.owners)


def show_diagnoses(found: Sequence[Diagnosis]) -> None:
    """Show what came of each trial, and what to do about it: one line each."""
    for diagnosis in found:
        line = Text(f"{diagnosis.severity:8}", SEVERITIES[diagnosis.severity])
        told = "; ".join(filter(None, (diagnosis.message, diagnosis.fix)))
        results.print(
            line.append(f" {diagnosis.finding}: {diagnosis.subject}: {told}", "none"),
            soft_wrap=True,
        )


def show_dependents(owner: str, found: Dependents) -> None:
    """Show what is not renewed any more without an owner's session."""
    if found.secrets:
        results.print(Text(f"Without the session of {owner} nobody renews:"))
        table = _table("Secret", "Expires (UTC)", "Organization")
        for secret, mandate in zip(found.secrets, found.mandates, strict=True):
            ends_at = _date(secret.expires_at) if secret.expires_at else "-"
            table.add_row(escape(str(secret.name)), ends_at, escape(mandate.organization))
        results.print(table)
    else:
        results.print(Text(f"No secret depends on {owner}."))
    _show_vaults(tuple(VaultFailure(v, e.reason, str(e)) for v, e in found.failures))


def _show_lost(sessions: tuple[Session, ...]) -> None:
    """Show the owners whose sessions do not work, if there are any."""
    lost = [session for session in sessions if not session.is_working]
    if not lost:
        return
    table = _table("Owner", "Session", "Signed in (UTC)", "Why")
    for session in lost:
        signed_in = _date(session.signed_in_at)
        table.add_row(
            escape(session.owner), _connected(session), signed_in, escape(session.message)
        )
    results.print(table)


def _show_owners(owners: tuple[OwnerFinding, ...]) -> None:
    table = _table("Owner", "Session", "Signed in", "Act by", "Secrets")
    for found in owners:
        session = found.session
        table.add_row(
            escape(session.owner),
            _connected(session),
            "agent user" if session.is_agent else _day(session.signed_in_at),
            _day(found.act_by),
            str(len(found.secrets)),
        )
    results.print(table)
    for _, why in (found.why for found in owners):
        if why:
            results.print(Text(why, "bold red"), soft_wrap=True)


def _connected(session: Session) -> str:
    style = "green" if session.is_working else "bold red"
    return f"[{style}]{session_state(session)}[/]"


def _show_vaults(failures: tuple[VaultFailure, ...]) -> None:
    for failure in failures:
        text = Text(f"vault {failure.vault} could not be listed: {failure.message}", "bold red")
        results.print(text)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        is_last = column == columns[-1]
        table.add_column(
            column, overflow="fold", no_wrap=not is_last, min_width=LEAST if is_last else None
        )
    return table


def _coloured(word: State | Ending) -> str:
    style = STYLES.get(word, "bold red")
    return f"[{style}]{word}[/]"


def _date(instant: datetime | None) -> str:
    return shown(instant).removesuffix(" UTC") if instant else "-"


def _day(instant: datetime | None) -> str:
    return _date(instant)[:10]
