"""The exports as a DuckDB connection, and the SQL files over them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.reports.export_parts import Part
from tokencost_pipeline.reports.model import Row
from tokencost_pipeline.warehouse.look import listed_files

QUERIES = Path(__file__).parent / "queries"
RECENT = ("marts.fct_attempts", "marts.agg_hourly", "marts.agg_daily")
RECENT_DAYS = 62
"""How far `recent.*` reaches back from today: no question about the last days looks further (a month to date is
compared with the month before)."""
_DAYS = re.compile(r"\.([0-9]{4}-[0-9]{2})(-[0-9]{2})?\.[0-9a-f]{16}\.parquet\Z")
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

    A view `recent.*` is the same over the files of the last RECENT_DAYS alone: files are told apart by their names,
    before they are opened, and whoever asks for the last days need not open a year.

    Reads the generation that `exports_dir/current.json` names now. Raises UserError when nothing was
    exported yet or the record is not readable.
    """
    record = exports_dir / "current.json"
    try:
        current = json.loads(record.read_text("utf-8"))
        relations: dict[str, list[str]] = current["relations"]
        since = _recent_since(current)
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
        connection.execute(
            "create schema marts; create schema ingest; create schema recent; create schema exported"
        )
        connection.execute("create table exported.files (relation varchar, file varchar, day date)")
        for relation, files in sorted(relations.items()):
            match = _RELATION.fullmatch(relation)
            if match is None:
                continue  # a relation of another layer (alerts.outbox, ...) is no business of the reports
            schema, name = match.groups()
            paths = [f"{exports_dir}/{file}" for file in files]
            connection.execute(f"create view {schema}.{name} as {_read(paths)}")
            if relation in RECENT:
                days = [last_day(path) for path in paths]
                connection.execute(
                    "insert into exported.files select ?, unnest(?::varchar[]), unnest(?::date[])",
                    [name, paths, days],
                )
                recent = [path for path, day in zip(paths, days, strict=True) if not day or day >= since]
                connection.execute(f"create view recent.{name} as {_read(recent or paths[-1:])}")
    except duckdb.Error as error:
        connection.close()
        raise UserError(
            f"an exported relation can't be read: {error}",
            place=str(record),
            hint="run `tokencost run` again",
        ) from error
    return connection


def choose_days(connection: duckdb.DuckDBPyConnection, name: str, days: Collection[date]) -> None:
    """Make `chosen.<name>` the files of one of RECENT that may have rows of `days`."""
    found = connection.execute(
        "select file from exported.files where relation = ? and (day is null or list_contains(?::date[], day))"
        " union all (select file from exported.files where relation = ? limit 1) order by 1",
        [name, sorted(days), name],
    ).fetchall()
    files = list(dict.fromkeys(file for (file,) in found))
    connection.execute("create schema if not exists chosen")
    connection.execute(f"create or replace view chosen.{name} as {_read(files)}")


def last_day(file: str) -> date | None:
    """The last day of which an export file may have rows, by its name: that of its day or month; None where it says
    nothing of days."""
    found = _DAYS.search(file)
    if found is None:
        return None
    if found[2]:
        return date.fromisoformat(found[1] + found[2])
    return (date.fromisoformat(f"{found[1]}-01") + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def by_month(parts: Iterable[Part]) -> list[list[Part]]:
    """Files of a month together, every other file by itself."""
    months: dict[str, list[Part]] = {}
    for part in parts:
        day = last_day(part.name)
        months.setdefault(f"{day:%Y-%m}" if day else part.key, []).append(part)
    return list(months.values())


def _read(paths: Sequence[str]) -> str:
    return f"from read_parquet({listed_files(paths)}, hive_partitioning = false)"


def _recent_since(current: dict[str, Any]) -> date:
    """The first day of `recent.*`; the first there is where the record does not say what is called now."""
    if not current.get("as_of") or not current.get("timezone"):
        return date.min
    today = datetime.fromisoformat(current["as_of"]).astimezone(ZoneInfo(current["timezone"])).date()
    return today - timedelta(days=RECENT_DAYS)


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
