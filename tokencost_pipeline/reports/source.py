"""The exports as a DuckDB connection, and the SQL files over them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.reports.model import Row
from tokencost_pipeline.warehouse.look import parquet_files

QUERIES = Path(__file__).parent / "queries"
_PARAMETER = re.compile(r"\$([a-z_]+)")
_RELATION = re.compile(r"(marts|ingest)\.([a-z][a-z0-9_]*)")


@dataclass(frozen=True)
class Result:
    """A query's answer. `columns` is known also when there are no rows."""

    columns: tuple[str, ...]
    rows: list[Row]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def one(self) -> Row:
        """The only row. Raises ValueError when there are none or several."""
        (row,) = self.rows
        return row


def open_exports(exports_dir: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB with a view for each exported relation (`marts.agg_daily`, `ingest.files`, ...),
    in UTC.

    Reads the generation that `exports_dir/current.json` names now. Raises UserError when nothing was
    exported yet or the record is not readable.
    """
    record = exports_dir / "current.json"
    try:
        relations: dict[str, list[str]] = json.loads(record.read_text("utf-8"))["relations"]
    except FileNotFoundError:
        raise UserError(
            "nothing has been exported yet", place=str(record), hint="run `tokencost run` first"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"is not a record of exports: {error}",
            place=str(record),
            hint="run `tokencost run` to write it anew",
        ) from error
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("set TimeZone = 'UTC'; set parquet_metadata_cache = true")
        connection.execute("create schema marts; create schema ingest")
        for relation, files in sorted(relations.items()):
            match = _RELATION.fullmatch(relation)
            if match is None:
                continue  # a relation of another layer (alerts.outbox, ...) is no business of the reports
            schema, name = match.groups()
            listed = parquet_files(exports_dir, files)
            connection.execute(
                f"create view {schema}.{name} as from read_parquet({listed}, hive_partitioning = false)"
            )
    except duckdb.Error as error:
        connection.close()
        raise UserError(
            f"an exported relation can't be read: {error}",
            place=str(record),
            hint="run `tokencost run` again",
        ) from error
    return connection


@cache
def sql_text(name: str) -> str:
    """The text of queries/<name>.sql."""
    return (QUERIES / f"{name}.sql").read_text("utf-8")


def query(connection: duckdb.DuckDBPyConnection, name: str, **values: Any) -> Result:
    """Run queries/<name>.sql with the bound parameters it names; values it does not name are left aside.

    Raises KeyError when the file names a parameter that was not given.
    """
    text = sql_text(name)
    code = "\n".join(line.split("--")[0] for line in text.splitlines())
    wanted = {parameter: _bound(values[parameter]) for parameter in _PARAMETER.findall(code)}
    cursor = connection.execute(text, wanted)
    columns = tuple(item[0] for item in cursor.description or ())
    return Result(columns, [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()])


def _bound(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value  # a tuple would be bound as a struct
