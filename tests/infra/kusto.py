"""Two judges of queries: Microsoft's own parser, and an engine that is not ours and runs them.

The engine is duckdb-kql, whose answers are measured against Microsoft's Kusto Emulator; what it
does not know it refuses.
"""

from __future__ import annotations

import json
import subprocess
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import duckdb_kql
import pytest

from sandbox.azurite import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

HERE = Path(__file__).parent
QUERIES = HERE.parents[1] / "infra" / "queries"
TEXTS = {path.stem: path.read_text() for path in sorted(QUERIES.glob("*.kql"))}
"""Every query by its name."""
TABLES: dict[str, dict[str, str]] = tomllib.loads((HERE / "tables.toml").read_text())
TYPES = {
    "bool": "BOOLEAN",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
    "int": "INTEGER",
    "real": "DOUBLE",
    "string": "VARCHAR",
}
"""The engine's own names of Kusto's types."""


@dataclass(frozen=True)
class Verdict:
    """What Microsoft's parser says of one query."""

    findings: list[str]
    columns: dict[str, str]
    """The types of the columns that it gives, by their names."""


def judge(queries: Mapping[str, str]) -> dict[str, Verdict]:
    """Have Microsoft's parser judge queries against the declared tables."""
    if which("npm") is None:
        pytest.skip("needs npm")
    done = subprocess.run(
        ["node", str(HERE / "parse.cjs"), str(FOLDER)],  # noqa: S607 - the one on the PATH
        input=json.dumps({"tables": TABLES, "queries": dict(queries)}),
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: Verdict(**found) for name, found in json.loads(done.stdout).items()}


@dataclass
class Workspace:
    """The tables, filled by hand. Instants are aware, as everywhere."""

    rows: dict[str, list[Mapping[str, Any]]] = field(
        default_factory=lambda: {name: [] for name in TABLES}
    )

    def add(self, table: str, *rows: Mapping[str, Any]) -> None:
        """Add rows, in the order in which they are ingested."""
        self.rows[table] += rows

    def ask(self, query: str, now: datetime, window: datetime | None = None) -> list[dict[str, Any]]:
        """Run a query as it would be answered at ``now``.

        Args:
            query: the whole text.
            now: the instant that ``now()`` and ``ago()`` go by.
            window: rows that were generated before are not seen, as with a rule of Azure Monitor.
        """
        with duckdb_kql.connect() as connection:
            for table, columns in TABLES.items():
                listed = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in columns.items())
                connection.execute(f'CREATE TABLE "{table}" ({listed})')
                for row in self.rows[table]:
                    if not columns.keys() >= row.keys():
                        raise KeyError(f"{table} has no {row.keys() - columns.keys()}")
                    if window is None or row["TimeGenerated"] >= window:
                        _insert(connection, table, row)
            answer = duckdb_kql.query(connection, query, query_now=now)
            return [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]


def _insert(connection: Any, table: str, row: Mapping[str, Any]) -> None:  # noqa: ANN401
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" for _ in row)
    values = [
        json.dumps(value)
        if isinstance(value, dict)
        else value.replace(tzinfo=None)
        if TABLES[table][name] == "datetime"
        else value
        for name, value in row.items()
    ]
    connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', values)  # noqa: S608
