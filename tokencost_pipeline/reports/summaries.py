"""What pages ask of every attempt and request there ever was, from what is remembered of files that did not change.

Each relation of the schema `summary` is a small query over a large mart, of which the answers for several files can be
put together. `define` makes it a view over the mart, which reads everything. `remember` keeps the answer for each month
(for the newest one also of its days) and makes it a view over these: a run reads the files that are new. Both give the
same rows to the queries over them. A file is known by its content, so nothing has to be noted when it changes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from os import SEEK_END
from pathlib import Path

import duckdb

from tokencost_pipeline.reports.export_parts import current_parts
from tokencost_pipeline.reports.sitemap import Limits
from tokencost_pipeline.reports.source import by_month, last_day, sql_text
from tokencost_pipeline.warehouse.look import parquet_files

FORMAT = 1
_END = b"PAR1"


@dataclass(frozen=True)
class Summary:
    """`summary.<name>`: queries/summary_<name>.sql over `relation`. The answers for several files are put together by
    asking the same of all their rows where it `ranks`, and by taking all rows elsewhere."""

    name: str
    relation: str
    ranks: bool = False

    def select(self, source: str, limits: Limits) -> str:
        """The query over `source` (SQL of a relation)."""
        return sql_text(f"summary_{self.name}").format(
            source=source, newest=limits.requests_per_list, costliest=limits.costliest_per_list
        )


SUMMARIES = (
    Summary("calls", "marts.fct_attempts"),
    Summary("days", "marts.agg_daily"),
    Summary("hours", "marts.agg_hourly"),
    Summary("unpriced_requests", "marts.fct_requests"),
    Summary("listed_requests", "marts.fct_requests", ranks=True),
)


def define(connection: duckdb.DuckDBPyConnection, limits: Limits) -> None:
    """Views over the marts of `connection` (see `source.open_exports`)."""
    connection.execute("create schema if not exists summary")
    for summary in SUMMARIES:
        _view(connection, summary, summary.select(summary.relation, limits))


def remember(connection: duckdb.DuckDBPyConnection, exports: Path, cache: Path, limits: Limits) -> None:
    """Views over what is kept in the folder `cache`, brought up to the current exports.

    Not being able to keep it costs time only: then the views stay what they were.
    """
    kept: set[str] = set()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for summary in SUMMARIES:
            files = _months(connection, exports, cache, summary, limits)
            kept |= files
            if files:
                listed = parquet_files(cache, sorted(file for file in files if file.startswith("month-")))
                _view(connection, summary, f"from read_parquet({listed})")
        for path in cache.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)
    except (OSError, duckdb.Error):
        define(connection, limits)


def _months(
    connection: duckdb.DuckDBPyConnection, exports: Path, cache: Path, summary: Summary, limits: Limits
) -> set[str]:
    """The files in the cache that belong to the current exports, those that were missing made."""
    kept = set()
    months = by_month(current_parts(exports, (summary.relation,)))
    newest = max((last_day(parts[-1].name) or date.min for parts in months), default=date.min)
    for parts in months:
        days = {_name("day", summary, limits, [part.key]): part for part in parts}
        month = cache / _name("month", summary, limits, days)
        kept.add(month.name)
        grows = (last_day(parts[-1].name) or date.min) == newest
        if grows:
            kept |= days.keys()
        if _whole(month):
            continue
        if not grows:
            files = parquet_files(exports, [part.path for part in parts])
            _write(connection, summary.select(_rows(files), limits), month)
            continue
        for name, part in days.items():
            if not _whole(cache / name):
                source = _rows(parquet_files(exports, [part.path]))
                _write(connection, summary.select(source, limits), cache / name)
        together = _rows(parquet_files(cache, sorted(days)))
        _write(connection, summary.select(together, limits) if summary.ranks else f"from {together}", month)
    return kept


def _rows(files: str) -> str:
    return f"read_parquet({files}, hive_partitioning = false)"


def _name(kind: str, summary: Summary, limits: Limits, made_from: Iterable[str]) -> str:
    """A file's name, made from all that its content depends on."""
    told = [FORMAT, summary.select("source", limits), *sorted(made_from)]
    digest = sha256("\n".join(map(str, told)).encode()).hexdigest()[:32]
    return f"{kind}-{summary.name}-{digest}.parquet"


def _whole(path: Path) -> bool:
    """Whether the file is there to its end: a Parquet file ends as it begins."""
    try:
        with path.open("rb") as file:
            file.seek(-len(_END), SEEK_END)
            return file.read() == _END
    except OSError:
        return False


def _write(connection: duckdb.DuckDBPyConnection, select: str, path: Path) -> None:
    building = path.parent / f".{path.name}.{secrets.token_hex(4)}"
    place = str(building).replace("'", "''")
    connection.execute(f"copy ({select}) to '{place}' (format parquet)")
    building.replace(path)


def _view(connection: duckdb.DuckDBPyConnection, summary: Summary, select: str) -> None:
    connection.execute(f"create or replace view summary.{summary.name} as {select}")
