"""The files that filters read: rollups by day and by month, hourly ones of the last days, and an index of them.

A month whose export did not change is taken from the cache, and has the same name as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.reports.data_scripts import named, packed_script
from tokencost_pipeline.reports.export_parts import Part, current_parts
from tokencost_pipeline.reports.site_data.columns import (
    NAMES,
    daily_select,
    encode,
    fetch,
    hourly_select,
    monthly_select,
)
from tokencost_pipeline.reports.source import by_month, last_day
from tokencost_pipeline.warehouse.look import parquet_files

FORMAT = 2
DAILY, HOURLY, ALL_TIME = "marts.agg_daily", "marts.agg_hourly", "marts.agg_all_time"
TREND_HOURS = 72
ROWS_PER_FILE = 8_000
"""About 200 KB; a month with more is cut again between days."""
CHOICES = 500
"""Names that a filter offers, dearest first. Others work by URL."""


@dataclass(frozen=True)
class Rollups:
    """`files` is path below the site -> content, all in force; `index` is the path of the one that names the others."""

    files: dict[str, bytes]
    index: str


@dataclass(frozen=True)
class Piece:
    """One data file: daily, monthly or hourly; first and last day that it has rows of (both inclusive), its path and
    content."""

    kind: str
    first: str
    last: str
    path: str
    content: bytes


def rollup_files(exports: Path, cache: Path | None, last_hour: datetime, zone: ZoneInfo) -> Rollups:
    """All rollup files for the exports as they are now.

    `last_hour` is the start of the hour called now (`Report.last_hour`): hourly files reach TREND_HOURS back from its
    end. `cache` is a folder for what was made before; the same exports give the same bytes with and without. Raises
    UserError when nothing was exported yet.
    """
    with closing(duckdb.connect(":memory:")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        daily = list(_daily(connection, exports, current_parts(exports, (DAILY,)), cache))
        hourly = list(_hourly(connection, exports, current_parts(exports, (HOURLY,)), last_hour, zone))
        choices = _choices(connection, exports, current_parts(exports, (ALL_TIME,)))
    pieces = sorted((*daily, *hourly), key=lambda piece: (piece.first, piece.path))
    index = {
        **{
            kind: [[piece.first, piece.last, piece.path] for piece in pieces if piece.kind == kind]
            for kind in ("daily", "monthly", "hourly")
        },
        "last_hour": int(last_hour.astimezone(UTC).timestamp()) * 1000,
        "hours": TREND_HOURS,
        "choices": choices,
    }
    content = packed_script("rollups", orjson.dumps(index))
    path = named("rollups", content)
    return Rollups({**{piece.path: piece.content for piece in pieces}, path: content}, path)


def _daily(
    connection: duckdb.DuckDBPyConnection, exports: Path, parts: tuple[Part, ...], cache: Path | None
) -> Iterator[Piece]:
    kept = set()
    for month in by_month(parts):
        key = sha256("\n".join(sorted(part.key for part in month)).encode()).hexdigest()[:32]
        kept.add(key)
        pieces = _remembered(cache, key)
        if pieces is None:
            source = f"read_parquet({parquet_files(exports, [part.path for part in month])})"
            pieces = list(_month(connection, source))
            _remember(cache, key, pieces)
        yield from pieces
    _forget(cache, kept)


def _month(connection: duckdb.DuckDBPyConnection, source: str) -> Iterator[Piece]:
    """The days of an export file, and its months in one row per key: who asks for a year need not load its days."""
    columns = fetch(connection, daily_select(source))
    days = columns["slot"]
    for rows in cuts(days, ROWS_PER_FILE):
        yield _piece("daily", columns, rows, (days[rows][0], days[rows][-1]))
    months = fetch(connection, monthly_select(source))
    for month in dict.fromkeys(months["slot"]):
        rows = slice(months["slot"].index(month), len(months["slot"]) - months["slot"][::-1].index(month))
        mine = [day for day in days if day[:7] == month[:7]]
        yield _piece("monthly", months, rows, (mine[0], mine[-1]))


def _hourly(
    connection: duckdb.DuckDBPyConnection,
    exports: Path,
    parts: tuple[Part, ...],
    last_hour: datetime,
    zone: ZoneInfo,
) -> Iterator[Piece]:
    """A file a local day of the trend's window. Days are the zone's; slots are instants, so nothing shifts."""
    first = last_hour - timedelta(hours=TREND_HOURS - 1)
    near = first.astimezone(zone).date() - timedelta(days=1)  # the warehouse's days may be another zone's
    parts = tuple(part for part in parts if not (made := last_day(part.name)) or made >= near)
    source = f"read_parquet({parquet_files(exports, [part.path for part in parts])})" if parts else None
    day = first.astimezone(zone).date()
    while source is not None and day <= last_hour.astimezone(zone).date():
        start, end = (_midnight(it, zone) for it in (day, day + timedelta(days=1)))
        start = max(start, first)
        columns = fetch(
            connection,
            hourly_select(
                source,
                f"hour >= timestamptz '{start.isoformat()}' and hour < timestamptz '{end.isoformat()}'",
            ),
        )
        if columns["slot"]:
            content = packed_script(f"hourly-{day}", encode(columns, slice(None)))
            yield Piece("hourly", f"{day}", f"{day}", named(f"hourly-{day}", content), content)
        day += timedelta(days=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def cuts(slots: list[Any], limit: int) -> Iterator[slice]:
    """Cut sorted rows between days, so that a file has `limit` rows or one day."""
    start, day_start = 0, 0
    for row in range(1, len(slots) + 1):
        if row == len(slots) or slots[row] != slots[day_start]:
            if day_start > start and row - start > limit:
                yield slice(start, day_start)
                start = day_start
            day_start = row
    if start < len(slots):
        yield slice(start, len(slots))


def _piece(kind: str, columns: dict[str, list[Any]], rows: slice, days: tuple[str, str]) -> Piece:
    name = f"{kind}-{columns['slot'][rows][0]}"
    content = packed_script(name, encode(columns, rows))
    return Piece(kind, *days, named(name, content), content)


def _choices(
    connection: duckdb.DuckDBPyConnection, exports: Path, parts: tuple[Part, ...]
) -> dict[str, list[str | None]]:
    """By column the names there are, dearest first."""
    if not parts:
        return {name: [] for name in NAMES}
    source = f"read_parquet({parquet_files(exports, [part.path for part in parts])})"
    found: dict[str, list[str | None]] = {}
    for name in NAMES:
        rows = connection.execute(
            f"select {name} from {source} group by {name}"
            f" order by sum(cost_usd) desc nulls last, sum(attempts) desc, {name} nulls last limit {CHOICES}"
        ).fetchall()
        found[name] = [row[0] for row in rows]
    return found


def _remembered(cache: Path | None, key: str) -> list[Piece] | None:
    if cache is None:
        return None
    try:
        found = orjson.loads((cache / f"{key}.json").read_bytes())
        if found["format"] != [FORMAT, ROWS_PER_FILE]:
            return None
        return [
            Piece(
                piece["kind"], piece["first"], piece["last"], piece["path"], piece["content"].encode("ascii")
            )
            for piece in found["pieces"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _remember(cache: Path | None, key: str, pieces: list[Piece]) -> None:
    """Keep a month's files for the next run. Not being able to costs time only."""
    if cache is None:
        return
    told = [
        {
            "kind": it.kind,
            "first": it.first,
            "last": it.last,
            "path": it.path,
            "content": it.content.decode("ascii"),
        }
        for it in pieces
    ]
    try:
        atomic.write_bytes(
            cache / f"{key}.json", orjson.dumps({"format": [FORMAT, ROWS_PER_FILE], "pieces": told})
        )
    except OSError:
        return


def _forget(cache: Path | None, kept: set[str]) -> None:
    if cache is not None and cache.is_dir():
        for path in cache.iterdir():
            if path.name.removesuffix(".json") not in kept:
                path.unlink(missing_ok=True)
