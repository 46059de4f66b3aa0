"""Two engines, one landing zone: are the published relations the same, column by column and row by row?"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.clickhouse.store import ClickHouseStore
from tokencost_pipeline.warehouse.exports import INTERNAL, SCHEMAS
from tokencost_pipeline.warehouse.store import open_store

ALONE = "select count(*) from (select * from {} except all select * from {})"


@dataclass(frozen=True)
class Compared:
    """Rows of a relation in DuckDB, and those that one engine alone has."""

    rows: int
    duckdb_alone: int
    clickhouse_alone: int

    @property
    def equal(self) -> bool:
        return self.duckdb_alone == self.clickhouse_alone == 0


def compare(settings: Settings, other: Settings) -> dict[str, Compared]:
    """relation -> what differs, between DuckDB (`settings`) and ClickHouse (`other`).

    Raises AssertionError when the engines have other relations, columns or types. Published relations alone, and the
    ledgers of what was applied.
    """
    found: dict[str, Compared] = {}
    with open_store(other) as store, duckdb.connect() as connection:
        assert isinstance(store, ClickHouseStore)
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{settings.warehouse_path}' as duck (read_only)")
        names = [name for name in store.tables(SCHEMAS) if "__dbt_" not in name]
        known = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
            " where table_catalog = 'duck' and list_contains(?, table_schema) order by 1",
            [list(SCHEMAS)],
        ).fetchall()
        assert names == [name for (name,) in known], "the engines hold other relations"
        assert set(names) >= INTERNAL
        for name in names:
            found[name] = compare_relation(connection, store, name)
    return found


def compare_relation(connection: duckdb.DuckDBPyConnection, store: ClickHouseStore, name: str) -> Compared:
    """Bring ClickHouse's rows over piece by piece, and take each side from the other."""
    pieces = store.client.query_arrow_stream(store.qualified(f"select * from {name}"), use_strings=True)
    connection.execute("drop table if exists theirs")
    with pieces as blocks:
        for block in blocks:
            connection.register("block", block)
            connection.execute(
                "insert into theirs from block"
                if has(connection, "theirs")
                else "create table theirs as from block"
            )
    if not has(connection, "theirs"):  # no rows, so no block
        connection.register("block", store.client.query_arrow(store.qualified(f"select * from {name}")))
        connection.execute("create table theirs as from block")
    columns = [row[:2] for row in connection.execute(f"describe duck.{name}").fetchall()]
    theirs = [row[:2] for row in connection.execute("describe theirs").fetchall()]
    assert columns == theirs, f"{name} has other columns or types: {set(columns) ^ set(theirs)}"
    counts = [
        connection.execute(sql).fetchall()[0][0]
        for sql in (
            f"select count(*) from duck.{name}",
            ALONE.format(f"duck.{name}", "theirs"),
            ALONE.format("theirs", f"duck.{name}"),
        )
    ]
    return Compared(*counts)


def has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    found = connection.execute(
        "select 1 from duckdb_tables() where table_name = ? and not temporary", [table]
    )
    return found.fetchone() is not None
