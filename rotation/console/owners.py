"""How what depends on an owner is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.text import Text

from rotation.console.table import date, draw, new_table, show_vaults
from rotation.console.terminal import results
from rotation.report import VaultFailure

if TYPE_CHECKING:
    from rotation.dependents import Dependents


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
