"""How a run, a plan and a status are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.text import Text

from rotation.console.table import coloured, date, day, draw, new_table, show_vaults
from rotation.console.terminal import results
from rotation.fleet import Actor, acts_next, alert, expires_at, next_at, session_state, state

if TYPE_CHECKING:
    from rotation.decision import Finding
    from rotation.fleet import Fleet, OwnerFinding
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
    """Show how every secret and every owner stands."""
    now = fleet.checked_at
    table = new_table("Secret", "State", "Days left", "Next (UTC)", "Why")
    for finding in fleet.findings:
        s, decision = finding.snapshot, finding.decision
        table.add_row(
            escape(str(s.secret.name)),
            coloured(state(finding, now)),
            _days_left(finding, fleet),
            _next(finding, fleet),
            escape(decision.message if decision else str(finding.error)),
        )
    draw(table)
    show_vaults(fleet.vault_failures)
    _show_owners(fleet.owners)


def _days_left(finding: Finding, fleet: Fleet) -> Text:
    """Say how long a token still lives, loudly where somebody should know."""
    ends_at, now = expires_at(finding.snapshot), fleet.checked_at
    days = f"{(ends_at - now).total_seconds() / 86400:.1f}" if ends_at else "-"
    return Text(days, "bold red" if alert(finding, now, fleet.alert_before) else "")


def _next(finding: Finding, fleet: Fleet) -> str:
    """Say when the rotator does something next, or for whom it waits."""
    now = fleet.checked_at
    actor = acts_next(finding, alert(finding, now, fleet.alert_before))
    return date(next_at(finding, now)) if actor in {Actor.ROTATOR, Actor.NOBODY} else actor


def _show_lost(sessions: tuple[Session, ...]) -> None:
    """Show the owners whose sessions do not work, if there are any."""
    lost = [session for session in sessions if not session.is_working]
    if not lost:
        return
    table = new_table("Owner", "Session", "Signed in (UTC)", "Why")
    for session in lost:
        signed_in = date(session.signed_in_at)
        table.add_row(
            escape(session.owner), _connected(session), signed_in, escape(session.message)
        )
    draw(table)


def _show_owners(owners: tuple[OwnerFinding, ...]) -> None:
    table = new_table("Owner", "Session", "Signed in", "Act by", "Secrets")
    for found in owners:
        session = found.session
        table.add_row(
            escape(session.owner),
            _connected(session),
            "agent user" if session.is_agent else day(session.signed_in_at),
            day(found.act_by),
            str(len(found.secrets)),
        )
    draw(table)
    for _, why in (found.why for found in owners):
        if why:
            results.print(Text(why, "bold red"), soft_wrap=True)


def _connected(session: Session) -> str:
    style = "green" if session.is_working else "bold red"
    return f"[{style}]{session_state(session)}[/]"
