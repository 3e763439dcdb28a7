"""How a run, a plan and a status are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from rotation.console.owners import connected, show_owners
from rotation.console.standing import Standings
from rotation.console.table import coloured, date, draw, new_table, show_vaults
from rotation.console.terminal import LEAST_PICTURE, results
from rotation.fleet import next_at

if TYPE_CHECKING:
    from rotation.fleet import Fleet
    from rotation.report import RunReport
    from rotation.session import Session


def show_run(report: RunReport) -> None:
    """Show what a run did."""
    table = new_table("Secret", "Outcome", "Done", "Why")
    for outcome in report.outcomes:
        done = ", ".join(outcome.actions) or "-"
        table.add_row(
            escape(str(outcome.name)), coloured(outcome.ending), done, escape(outcome.message)
        )
    draw(table)
    show_vaults(report.vault_failures)
    _show_lost(report.sessions)
    results.print(escape(f"Run {report.run_id}: {report.summary}."))


def show_plan(fleet: Fleet) -> None:
    """Show what a run would do."""
    table = new_table("Secret", "Action", "Next (UTC)", "Why")
    for finding in fleet.findings:
        decision = finding.decision
        table.add_row(
            escape(str(finding.snapshot.secret.name)),
            decision.action if decision else "[bold red]fail[/]",
            date(next_at(finding, fleet.checked_at)),
            escape(decision.message if decision else str(finding.error)),
        )
    draw(table)
    show_vaults(fleet.vault_failures)


def show_status(fleet: Fleet) -> None:
    """Show how every secret and every owner stands, the most urgent secret first."""
    draw(Standings(fleet), LEAST_PICTURE)
    show_vaults(fleet.vault_failures)
    show_owners(fleet.owners)


def _show_lost(sessions: tuple[Session, ...]) -> None:
    """Show the owners whose sessions do not work, if there are any."""
    lost = [session for session in sessions if not session.is_working]
    if not lost:
        return
    table = new_table("Owner", "Session", "Signed in (UTC)", "Why")
    for session in lost:
        signed_in = date(session.signed_in_at)
        table.add_row(escape(session.owner), connected(session), signed_in, escape(session.message))
    draw(table)
