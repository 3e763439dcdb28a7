"""How orders are shown: before they are given, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from rotation.console.table import coloured, date, draw, new_table, remark_table, show_vaults
from rotation.console.terminal import remark, results
from rotation.fleet import expires_at, state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rotation.decision import Finding
    from rotation.fleet import Fleet
    from rotation.model import SecretName
    from rotation.report import VaultFailure

STYLES = {"done": "green", "queued": "cyan", "waiting": "yellow", "unsent": "yellow"}


def show_planned(fleet: Fleet, planned: Iterable[tuple[SecretName, Finding | None, str]]) -> None:
    """Show on stderr, before a question, what would be ordered.

    Args:
        fleet: the look at all secrets.
        planned: each secret, how it was found, and in words what would be ordered.
    """
    table = new_table("Secret", "Now", "Expires (UTC)", "Order")
    for name, finding, order in planned:
        table.add_row(
            Text(str(name)),
            coloured(state(finding, fleet.checked_at)) if finding else "-",
            date(expires_at(finding.snapshot)) if finding else "-",
            Text(order),
        )
    remark_table(table)
    for failure in fleet.vault_failures:
        remark(f"vault {failure.vault} could not be listed: {failure.message}")


def show_ordered(
    ordered: Sequence[Mapping[str, str]], failures: tuple[VaultFailure, ...], *, is_remote: bool
) -> None:
    """Show what became of orders, in their stable form.

    Args:
        ordered: each order.
        failures: the vaults that could not be looked through.
        is_remote: whether a journal tells what becomes of those that have not ended.
    """
    if not ordered:
        results.print("There is nothing to order.")
        show_vaults(failures)
        return
    table = new_table("Secret", "Order", "Outcome", "Why")
    for told in ordered:
        outcome = told["outcome"]
        table.add_row(
            Text(f"{told['vault']}/{told['secret']}"),
            told["order"],
            Text(outcome, STYLES.get(outcome, "bold red")),
            Text(told["message"] or told["reason"] or "-"),
        )
    draw(table)
    show_vaults(failures)
    waiting = [told for told in ordered if told["outcome"] in {"queued", "waiting"}]
    if waiting and is_remote:
        name = f"{waiting[0]['vault']}/{waiting[0]['secret']}"
        what, where = ("it", f"--secret {name}") if len(waiting) == 1 else ("them", "--follow")
        results.print(Text(f"What becomes of {what}: rotation events {where}"), soft_wrap=True)
