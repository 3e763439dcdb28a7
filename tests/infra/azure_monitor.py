"""What Azure Monitor does with a rule: it looks at the window, and tells for whom it fires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.infra.kusto import Workspace
from tests.infra.log import NOW
from tests.infra.rules import RULES

if TYPE_CHECKING:
    from datetime import datetime

    from tests.infra.log import Row


def fired(
    name: str, *rows: Row, table: str = "AppTraces", now: datetime = NOW, **parameters: int | str
) -> list[tuple[str, ...]]:
    """Look as the deployed rule does, and tell for which values of its dimensions it fires."""
    workspace, rule = Workspace(), RULES[name]
    workspace.add(table, *rows)
    answer = workspace.ask(rule.query(**parameters), now, now - rule.window)
    return sorted(tuple(row[dimension] for dimension in rule.dimensions) for row in answer)
