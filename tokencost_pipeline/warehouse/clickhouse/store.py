"""What dbt has built in ClickHouse, through the interface of `warehouse/store.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.clickhouse.connect import connect, is_embedded, where

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

LAYER = re.compile(r"\b(staging|intermediate|marts|ingest|alerts)\.(?=[a-z_])")


@dataclass(frozen=True)
class ClickHouseStore:
    """The databases `<prefix>_<layer>`."""

    client: Client
    prefix: str

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        found = self.client.query(self.qualified(sql)).result_rows
        return [tuple(in_utc(value) for value in row) for row in found]

    def dicts(self, sql: str) -> list[dict[str, Any]]:
        found = self.client.query(self.qualified(sql))
        return [
            {name: in_utc(value) for name, value in zip(found.column_names, row, strict=True)}
            for row in found.result_rows
        ]

    def tables(self, layers: Sequence[str]) -> list[str]:
        return [name for name in self._known() if name.split(".")[0] in layers]

    def row_counts(self) -> dict[str, int]:
        return {name: rows for name, rows in self._known().items() if rows is not None}

    def _known(self) -> dict[str, int | None]:
        found = self.client.query(
            "select database, name, total_rows from system.tables"
            f" where startsWith(database, '{self.prefix}_') order by database, name"
        ).result_rows
        return {f"{database.removeprefix(self.prefix + '_')}.{name}": rows for database, name, rows in found}

    def copy(self, select: str, order: str, target: Path) -> None:
        """ClickHouse answers, DuckDB writes: that way a file has the columns, types and bytes of one that was written
        from warehouse.duckdb."""
        from tokencost_pipeline.warehouse.store import copy_ordered

        answer = self.client.query_arrow(self.qualified(select), use_strings=True)
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.register("answer", answer)
            copy_ordered(connection, "select * from answer", order or "all", target)

    def qualified(self, sql: str) -> str:
        """Our layers are databases here, with a prefix. All SQL is ours, never a user's."""
        return LAYER.sub(rf"{self.prefix}_\1.", sql)


def in_utc(value: Any) -> Any:
    """Instants with the zone that they are in."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


@contextmanager
def open_clickhouse(settings: Settings) -> Iterator[ClickHouseStore]:
    """Raises UserError when nobody answers or nothing was built yet."""
    if is_embedded(settings) and not settings.clickhouse_path.exists():
        raise UserError("there is no warehouse yet", place=where(settings), hint="run `tokencost run` first")
    client = connect(settings)
    try:
        yield ClickHouseStore(client, settings.clickhouse_database)
    finally:
        client.close()


def holds_marts(settings: Settings) -> bool:
    """Whether a run has got as far as the facts."""
    if is_embedded(settings) and not settings.clickhouse_path.exists():
        return False
    with open_clickhouse(settings) as store:
        return "marts.fct_attempts" in store.tables(["marts"])
