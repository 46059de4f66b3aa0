"""The one way to read what dbt has built, whichever engine holds it.

Most readers need not come here: they read the exports (`look.ask`). What does come here names relations as dbt's layers
do (`marts.agg_daily`) and writes SQL that both engines take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb

from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.read_only import read_only


class Store(Protocol):
    """A warehouse, open for reading. Instants come back as datetimes in UTC, amounts as Decimal."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of one query."""
        ...

    def dicts(self, sql: str) -> list[dict[str, Any]]:
        """The rows of one query by column."""
        ...

    def tables(self, layers: Sequence[str]) -> list[str]:
        """`layer.name` of the relations of some layers, in order."""
        ...

    def row_counts(self) -> dict[str, int]:
        """Rows of every table, about, by `layer.name`."""
        ...

    def copy(self, select: str, order: str, target: Path) -> None:
        """Write the rows of a query to a Parquet file, in the order of the columns `order` ('' = any)."""
        ...


@dataclass(frozen=True)
class DuckStore:
    """warehouse.duckdb."""

    connection: duckdb.DuckDBPyConnection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def dicts(self, sql: str) -> list[dict[str, Any]]:
        cursor = self.connection.execute(sql)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def tables(self, layers: Sequence[str]) -> list[str]:
        found = self.connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where list_contains(?, table_schema) order by 1",
            [list(layers)],
        ).fetchall()
        return [name for (name,) in found]

    def row_counts(self) -> dict[str, int]:
        return dict(self.rows("select schema_name || '.' || table_name, estimated_size from duckdb_tables()"))

    def copy(self, select: str, order: str, target: Path) -> None:
        copy_ordered(self.connection, select, order, target)


def copy_ordered(connection: duckdb.DuckDBPyConnection, select: str, order: str, target: Path) -> None:
    """A query of DuckDB to a Parquet file. All SQL is ours, never a user's."""
    place = str(target).replace("'", "''")
    by = f" order by {order}" if order else ""
    connection.execute(f"copy ({select}{by}) to '{place}' (format parquet, compression zstd)")


@contextmanager
def open_store(settings: Settings, *, patience_seconds: float = 15.0) -> Iterator[Store]:
    """The warehouse of the settings' target. Raises UserError when there is none yet, Busy when somebody holds it for
    longer than `patience_seconds`."""
    if settings.target == "clickhouse":
        from tokencost_pipeline.warehouse.clickhouse.store import open_clickhouse

        with open_clickhouse(settings) as store:
            yield store
        return
    with read_only(settings, patience_seconds=patience_seconds) as connection:
        yield DuckStore(connection)


def store_exists(settings: Settings) -> bool:
    """Whether dbt has built a warehouse for the settings' target."""
    if settings.target == "clickhouse":
        from tokencost_pipeline.warehouse.clickhouse.store import holds_marts

        return holds_marts(settings)
    return settings.warehouse_path.exists()


def store_place(settings: Settings) -> str:
    """Where it is, for an error."""
    if settings.target == "clickhouse":
        from tokencost_pipeline.warehouse.clickhouse.connect import where

        return where(settings)
    return str(settings.warehouse_path)
