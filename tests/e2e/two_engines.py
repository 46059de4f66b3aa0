"""One laboratory, two engines: the same landed files built by DuckDB and by the embedded ClickHouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
from pipeline_lab import Lab

from tokencost_pipeline.pipeline import build_warehouse
from tokencost_pipeline.reprice import RepriceReport, reprice
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.clickhouse.store import ClickHouseStore
from tokencost_pipeline.warehouse.exports import SCHEMAS, relations
from tokencost_pipeline.warehouse.store import open_store


@dataclass
class Twins:
    """`lab` is the laboratory of DuckDB; ClickHouse reads the same landing zone."""

    lab: Lab

    @property
    def clickhouse(self) -> Settings:
        return self.lab.settings.model_copy(update={"target": "clickhouse"})

    def run(self, **options: Any) -> None:
        """What a run does up to the marts, in both engines."""
        self.lab.run(**options)
        build_warehouse(self.clickhouse, **options).raise_for_failure()

    def reprice(self, since: datetime, book_as_of: datetime | None = None) -> list[RepriceReport]:
        return [reprice(settings, since, book_as_of=book_as_of) for settings in (self.lab.settings, self.clickhouse)]

    def differences(self) -> dict[str, tuple[int, int, int]]:
        """relation -> (rows of DuckDB, rows that DuckDB alone has, rows that ClickHouse alone has), with types."""
        found: dict[str, tuple[int, int, int]] = {}
        with open_store(self.clickhouse) as store, duckdb.connect() as connection:
            assert isinstance(store, ClickHouseStore)
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"attach '{self.lab.settings.warehouse_path}' as duck (read_only)")
            names = [name for name in store.tables(SCHEMAS) if "__dbt_" not in name]
            ours = connection.execute(
                "select table_schema || '.' || table_name from information_schema.tables"
                " where table_catalog = 'duck' and list_contains(?, table_schema) order by 1", [list(SCHEMAS)]
            ).fetchall()
            assert names == [name for (name,) in ours]
            assert relations(store)
            for name in names:
                theirs = store.client.query_arrow(store.qualified(f"select * from {name}"))
                connection.register("theirs", theirs)
                columns = connection.execute(f"describe duck.{name}").fetchall()
                assert [row[:2] for row in columns] == [
                    row[:2] for row in connection.execute("describe theirs").fetchall()
                ], f"{name} has other columns or types"
                mine, alone = f"select * from duck.{name}", "select count(*) from ({} except all {})"
                [(rows,)] = connection.execute(f"select count(*) from duck.{name}").fetchall()
                [(here,)] = connection.execute(alone.format(mine, "select * from theirs")).fetchall()
                [(there,)] = connection.execute(alone.format("select * from theirs", mine)).fetchall()
                found[name] = (rows, here, there)
        return found

    def equal(self) -> dict[str, int]:
        """Rows of every relation, once they are the same in both engines."""
        found = self.differences()
        wrong = {name: counts for name, counts in found.items() if counts[1:] != (0, 0)}
        assert wrong == {}, f"(rows of DuckDB, DuckDB alone, ClickHouse alone): {wrong}"
        return {name: counts[0] for name, counts in found.items()}
