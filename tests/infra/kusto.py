"""Two judges of queries: Microsoft's own parser, and an engine that is not ours and runs them.

The engine is duckdb-kql, whose answers are measured against Microsoft's Kusto Emulator; what it
does not know it refuses.
"""

from __future__ import annotations

import functools
import json
import subprocess
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import duckdb_kql
import pytest

from sandbox.azurite import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection
    from duckdb_kql import TranslationResult

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

    def ask(
        self, query: str, now: datetime, window: datetime | None = None
    ) -> list[dict[str, Any]]:
        """Run a query as it would be answered at ``now``.

        Args:
            query: the whole text.
            now: the instant that ``now()`` and ``ago()`` go by.
            window: rows that were generated before are not seen, as with a rule of Azure Monitor.
        """
        connection = _connection()
        for table, columns in TABLES.items():
            connection.execute(f'DELETE FROM "{table}"')  # noqa: S608 - a name of ours
            seen = [row for row in self.rows[table] if not window or _at(row) >= window]
            for row in seen:
                if not columns.keys() >= row.keys():
                    raise KeyError(f"{table} has no {row.keys() - columns.keys()}")
            _insert(connection, table, seen)
        translated = _translated(query)
        # The only parameter of a query that declares none is the instant that it goes by.
        answer = connection.sql(
            translated, params=dict.fromkeys(translated.parameters, _plain(now))
        )
        return [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]


@functools.cache
def _translated(query: str) -> TranslationResult:
    """Translate a query once: that takes far longer than running it."""
    schema = {name: list(columns) for name, columns in TABLES.items()}
    return duckdb_kql.to_sql(query, schema=schema, query_now=datetime(2026, 1, 1, tzinfo=UTC))


@functools.cache
def _connection() -> DuckDBPyConnection:
    connection = duckdb_kql.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for table, columns in TABLES.items():
        listed = ", ".join(f'"{name}" {TYPES[kind]}' for name, kind in columns.items())
        connection.execute(f'CREATE TABLE "{table}" ({listed})')
    return connection


def _at(row: Mapping[str, Any]) -> datetime:
    at: datetime = row["TimeGenerated"]
    return at


def _insert(connection: DuckDBPyConnection, table: str, rows: list[Mapping[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join(f"({', '.join('?' for _ in names)})" for _ in rows)
    values = [_plain(row.get(name)) for row in rows for name in names]
    connection.execute(f'INSERT INTO "{table}" ({columns}) VALUES {marks}', values)  # noqa: S608


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return json.dumps(value)
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
