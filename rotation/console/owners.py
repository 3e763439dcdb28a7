"""How owners, and what depends on them, are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.text import Text

from rotation.console.rows import beside, stacked, width_of, widths_of
from rotation.console.table import date, day, draw, new_table, show_vaults
from rotation.console.terminal import LEAST_PICTURE, results
from rotation.errors import plain
from rotation.fleet import session_state
from rotation.report import VaultFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions

    from rotation.dependents import Dependents
    from rotation.fleet import OwnerFinding
    from rotation.session import Session

HEADS = tuple(Text(name, "bold") for name in ("Owner", "Session", "Signed in", "Act by", "Secrets"))


def show_dependents(owner: str, found: Dependents) -> None:
    """Show what is not renewed any more without an owner's session."""
    if found.secrets:
        results.print(Text(f"Without the session of {owner} nobody renews:"))
        table = new_table("Secret", "Expires (UTC)", "Organization")
        for secret, mandate in zip(found.secrets, found.mandates, strict=True):
            ends_at = date(secret.expires_at) if secret.expires_at else "-"
            table.add_row(escape(str(secret.name)), ends_at, escape(mandate.organization))
        draw(table)
    else:
        results.print(Text(f"No secret depends on {owner}."))
    show_vaults(tuple(VaultFailure(v, e.reason, str(e)) for v, e in found.failures))


def show_owners(owners: Sequence[OwnerFinding]) -> None:
    """Show how the session of each owner stands, and by when somebody must act."""
    draw(_Owners(owners), LEAST_PICTURE)
    for _, why in (found.why for found in owners):
        if why:
            results.print(Text(why, "bold red"), soft_wrap=True)


def connected(session: Session) -> Text:
    """Say in one word how a session stands."""
    return Text(session_state(session), "green" if session.is_working else "bold red")


class _Owners:
    """The table; in a window that is too narrow for it, the words beneath each other."""

    def __init__(self, owners: Sequence[OwnerFinding]) -> None:
        self._owners = owners

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        rows = [HEADS, *map(_row, self._owners)]
        widths = widths_of(rows)
        if width_of(widths) <= options.max_width:
            yield from (beside(row, widths) for row in rows)
            return
        for found in self._owners:
            yield from stacked(console, options.max_width, *_summary(found))


def _row(found: OwnerFinding) -> tuple[Text, ...]:
    session = found.session
    return (
        Text(plain(session.owner)),
        connected(session),
        Text("agent user" if session.is_agent else day(session.signed_in_at)),
        Text(day(found.act_by)),
        Text(str(len(found.secrets))),
    )


def _summary(found: OwnerFinding) -> list[Text]:
    """Say the same as a row, in words that need no head above them."""
    name, state, signed_in, act_by, secrets = _row(found)
    told = [name, state]
    if found.session.is_agent or found.session.signed_in_at:
        told.append(signed_in if found.session.is_agent else Text(f"signed in {signed_in}"))
    if found.act_by:
        told.append(Text(f"act by {act_by}"))
    return [*told, Text(f"{secrets} secret{'' if len(found.secrets) == 1 else 's'}")]
