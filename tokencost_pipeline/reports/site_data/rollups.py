"""The files that filters read: rollups by day and by month, hourly ones of the last days, and an index of them.

What did not change is known by what it was made from, and is left as it is: a month by its export file, the files of a
month by their days.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import orjson

from tokencost_pipeline.reports.data_scripts import named, packed_script
from tokencost_pipeline.reports.export_parts import Part, current_parts
from tokencost_pipeline.reports.site_data.columns import NAMES, fetch, hourly_select
from tokencost_pipeline.reports.site_data.made import Months, read_made, write_made
from tokencost_pipeline.reports.site_data.pieces import Piece, by_rows, month_pieces, write_piece
from tokencost_pipeline.reports.site_files import File
from tokencost_pipeline.reports.site_publish import SiteWriter
from tokencost_pipeline.reports.source import by_month, last_day
from tokencost_pipeline.warehouse.look import parquet_files

DAILY, HOURLY, ALL_TIME = "marts.agg_daily", "marts.agg_hourly", "marts.agg_all_time"
TREND_HOURS = 72
CHOICES = 500
"""Names that a filter offers, dearest first. Others work by URL."""


@dataclass(frozen=True)
class Rollups:
    """`index` is the path of the file that names the others, `files` are all in force."""

    files: tuple[File, ...]
    index: str


def rollup_files(
    exports: Path, writer: SiteWriter, cache: Path | None, last_hour: datetime, zone: ZoneInfo
) -> Rollups:
    """Add the rollup files of the exports as they are now that are not there yet; the caller publishes them.

    `last_hour` is the start of the hour called now (`Report.last_hour`): hourly files reach TREND_HOURS back from its
    end. `cache` is a folder for what the next run needs to make only what changed; without it, or when it does not fit
    what is in the site, everything is made from the exports, which gives the same bytes. Raises UserError when nothing
    was exported yet.
    """
    with closing(duckdb.connect(":memory:")) as connection:
        connection.execute("set TimeZone = 'UTC'")
        daily = _daily(connection, exports, current_parts(exports, (DAILY,)), writer, cache)
        hourly = list(
            _hourly(connection, exports, current_parts(exports, (HOURLY,)), last_hour, zone, writer)
        )
        choices = _choices(connection, exports, current_parts(exports, (ALL_TIME,)))
    pieces = sorted((*daily, *hourly), key=lambda piece: (piece.first, piece.file.path))
    index = {
        **{
            kind: [[piece.first, piece.last, piece.file.path] for piece in pieces if piece.kind == kind]
            for kind in ("daily", "monthly", "hourly")
        },
        "last_hour": int(last_hour.astimezone(UTC).timestamp()) * 1000,
        "hours": TREND_HOURS,
        "choices": choices,
    }
    content = packed_script("rollups", orjson.dumps(index))
    file = writer.add_file(named("rollups", content), content)
    return Rollups((*(piece.file for piece in pieces), file), file.path)


def _daily(
    connection: duckdb.DuckDBPyConnection,
    exports: Path,
    parts: tuple[Part, ...],
    writer: SiteWriter,
    cache: Path | None,
) -> list[Piece]:
    before = read_made(cache) if cache else {}
    there = by_rows(piece for pieces in before.values() for piece in pieces if writer.has(piece.file))
    months: Months = {}
    for month in by_month(parts):
        key = sha256("\n".join(sorted(part.key for part in month)).encode()).hexdigest()[:32]
        pieces = before.get(key)
        if pieces is None or any(piece.made_from not in there for piece in pieces):
            source = f"read_parquet({parquet_files(exports, [part.path for part in month])})"
            pieces = tuple(month_pieces(connection, source, there, writer))
        months[key] = pieces
    if cache and months != before:
        writer.make_durable()  # what is remembered must outlive a power cut
        write_made(cache, months)
    return [piece for pieces in months.values() for piece in pieces]


def _hourly(
    connection: duckdb.DuckDBPyConnection,
    exports: Path,
    parts: tuple[Part, ...],
    last_hour: datetime,
    zone: ZoneInfo,
    writer: SiteWriter,
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
            yield write_piece("hourly", columns, (f"{day}", f"{day}"), "", writer, f"hourly-{day}")
        day += timedelta(days=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


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
