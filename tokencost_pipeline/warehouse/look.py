"""Small looks into the exports, for asset metadata, checks and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.exports import read_current


def parquet_files(exports: Path, files: Sequence[str]) -> str:
    """The files of a relation as a list in SQL."""
    # a year has thousands of files: a Path for each takes longer than to open it
    return listed_files(f"{exports}/{file}" for file in files)


def listed_files(paths: Iterable[str]) -> str:
    """Files as a list in SQL."""
    return "[" + ", ".join("'" + path.replace("'", "''") + "'" for path in paths) + "]"


def ask(settings: Settings, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """Rows of one query over the exported marts (`marts.agg_daily` and so on), as dictionaries.

    Raises UserError when nothing has been exported yet.
    """
    current = read_current(settings.exports_dir)
    if current is None:
        raise UserError("nothing has been published yet", hint="run `tokencost run` first")
    connection = duckdb.connect()
    try:
        connection.execute("set TimeZone = 'UTC'")
        for name, files in current["relations"].items():
            schema, relation = name.split(".")
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(
                f"create view {schema}.{relation} as from read_parquet({parquet_files(settings.exports_dir, files)})"
            )
        cursor = connection.execute(sql, list(parameters))
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    finally:
        connection.close()
