"""Retention: attempts older than TOKENCOST_RAW_RETENTION_DAYS go, rollups stay for ever.

Whole local days are closed, oldest first, by a watermark that never moves back: events before it are closed.

| step | killed after it, the next run … |
|---|---|
| 1. the closed rows of the rollups are written to `landing/closed/` | sweeps them |
| 2. the manifest names watermark, archive and the landed files no longer read | builds, and so purges, the marts |
| 3. dbt purges `fct_attempts` and `fct_requests`, and its tests hold rollups against facts | goes on with 4 |
| 4. the marts are exported, older exports go | … |
| 5. the landed files are deleted | sweeps them |

Step 2 is the commit: nothing before it is seen, and what comes after it follows from it. Closed days are never computed
again, neither for another price nor by a full refresh, which reads them from the archive. What recognises an event
again stays, so an old file that is dropped again is made of duplicates. Imports no Dagster.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from tokencost_pipeline.atomic import sync_directory
from tokencost_pipeline.clock import utc_now
from tokencost_pipeline.ingest.closed import ArchivedRows, Retention
from tokencost_pipeline.ingest.crash import crash_point
from tokencost_pipeline.ingest.manifest import (
    CLOSED,
    Manifest,
    TableEntry,
    commit,
    instant_text,
    newest_occurred_at,
    read_manifest,
    sweep,
)
from tokencost_pipeline.pipeline import (
    CLOCK_MODELS,
    GENERATED_PREFIXES,
    build_warehouse,
    plan_build,
    run_context,
)
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.exports import drop_last_generation, export_marts
from tokencost_pipeline.warehouse.read_only import read_only

ARCHIVED = {
    # mart: the rows that closing a day freezes. Hours are archived once; days again, for a change of the time zone may
    # cut a day in two; of the attempts only those stay whose request goes on into open days.
    "agg_hourly": "hour + interval 1 hour <= $closed_before and hour + interval 1 hour > $closed_already",
    "routing_savings_daily": "day <= $last_day",
    "agg_litellm_log": "day <= $last_day",
    "fct_attempts": (
        "occurred_at < $closed_before and request_id in"
        " (select request_id from marts.fct_requests"
        " where first_seen < $closed_before and last_seen >= $closed_before)"
    ),
}
GROWS = {"agg_hourly"}
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)

OLD_ATTEMPTS = """
select
    count(*) as attempts,
    count(*) filter (where regexp_matches(path, $generated)) as generated
from marts.fct_attempts
where occurred_at < $closed_before and occurred_at >= $closed_already
"""

# Closed rows that open ones are numbered or merged with are still read: then their file has to wait.
STILL_READ = """
with closing as (
    select filename, occurred_at, request_id, call_id
    from read_parquet($closing, filename = true, union_by_name = true)
),

open_rows as (
    select request_id, call_id
    from read_parquet($others, union_by_name = true)
    where occurred_at >= $closed_before
),

requests as (
    select distinct request_id from open_rows where request_id in (select request_id from closing)
),

calls as (
    select distinct call_id from open_rows where call_id in (select call_id from closing)
)

select distinct filename
from closing
where occurred_at is null
    or occurred_at >= $closed_before
    or request_id in (select request_id from requests)
    or call_id in (select call_id from calls)
"""


@dataclass(frozen=True)
class RetentionReport:
    """What one run of the retention did. `closed_before` (UTC) is the watermark in force, None when nothing was ever
    closed; `attempts` and `files` went in this run, `postponed` says why nothing could."""

    days: int | None
    closed_before: datetime | None
    attempts: int = 0
    files: int = 0
    bytes: int = 0
    postponed: str | None = None


def apply_retention(settings: Settings) -> RetentionReport:
    """Close the days that are older than the setting and let their attempts go.

    The marts have to be up to date: what they do not hold yet cannot be rolled up any more afterwards; else nothing
    is done and the report says so. The caller holds the pipeline's lock. Raises CheckFailed when a model or a test
    fails after the purge; the next run then makes everything anew, with the closed days from the archive.
    """
    manifest = read_manifest(settings.landing_dir)
    known = manifest.retention
    already = known.closed_before if known else None
    days = settings.raw_retention_days
    if days is None:
        return RetentionReport(None, already)
    cut = closing_at(latest_now(settings, manifest), days, settings.timezone)
    if already is not None and cut <= already:
        return RetentionReport(days, already)
    if not up_to_date(settings):
        return RetentionReport(days, already, postponed="the marts are not up to date: `tokencost run`")
    attempts, generated = old_attempts(settings, cut, already)
    closing = files_to_close(settings.landing_dir, manifest, cut)
    if generated:
        names = " and ".join(f"{prefix}*" for prefix in GENERATED_PREFIXES)
        return RetentionReport(
            days,
            already,
            postponed=f"{generated} attempts of {names} files would stay in the rollups for ever: "
            "take the files out of raw/ first",
        )
    if not attempts and not closing:
        return RetentionReport(days, already)
    sweep(settings.landing_dir, manifest)  # what was purged before is gone for certain now
    archive = write_archive(settings, known, cut)
    crash_point("after_archive")
    closed = Retention(
        closed_before=cut,
        last_day=last_closed_day(cut, settings.timezone),
        closed_on=utc_now(settings).date(),
        archive=archive,
        purged=manifest.purged | closing,
        removing=closing,
    )
    manifest = replace(manifest, retention=closed)
    commit(settings.landing_dir, manifest)
    build_warehouse(settings).raise_for_failure()
    crash_point("after_purge")
    export_marts(settings)
    drop_last_generation(settings)
    crash_point("before_removal")
    size = sum(place.stat().st_size for file in closing if (place := settings.landing_dir / file).exists())
    sweep(settings.landing_dir, manifest)
    return RetentionReport(days, cut, attempts, len(closing), size)


def latest_now(settings: Settings, manifest: Manifest) -> datetime:
    """The run's now, but no later than the clock and the newest event: a TOKENCOST_AS_OF that looks ahead must
    not delete anything."""
    newest = newest_occurred_at(manifest)
    clock = datetime.now(UTC)
    return min(run_context(settings).as_of, max(clock, newest) if newest else clock)


def closing_at(as_of: datetime, days: int, timezone: str) -> datetime:
    """The instant before which everything is closed: local midnight, `days` days before the day of `as_of`."""
    zone = ZoneInfo(timezone)
    day = as_of.astimezone(zone).date() - timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def last_closed_day(closed_before: datetime, timezone: str) -> date:
    """The local day that ends with the instant."""
    return (closed_before.astimezone(ZoneInfo(timezone)) - timedelta(microseconds=1)).date()


def up_to_date(settings: Settings) -> bool:
    """Whether the marts hold everything that has landed, and the last build was seen to end well."""
    unfinished = settings.dbt_target_dir / "unfinished"
    return not unfinished.exists() and plan_build(settings, forced=False).only == CLOCK_MODELS


def old_attempts(settings: Settings, cut: datetime, already: datetime | None) -> tuple[int, int]:
    """(attempts that would go, how many of them are of sample or demo files)."""
    generated = "(^|/)(" + "|".join(GENERATED_PREFIXES) + ")[^/]*$"
    with read_only(settings) as connection:
        [(attempts, invented)] = connection.execute(
            OLD_ATTEMPTS,
            {"generated": generated, "closed_before": cut, "closed_already": already or BEGINNING},
        ).fetchall()
    return int(attempts), int(invented)


def files_to_close(landing: Path, manifest: Manifest, cut: datetime) -> frozenset[str]:
    """Landed files of attempts, relative to `landing`, that nobody reads any more once `cut` is the watermark."""
    entries = [
        entry
        for batch in manifest.batches
        for entry in batch.tables.values()
        if entry.max_occurred_at is not None and entry.file not in manifest.purged
    ]
    closing = {str(landing / entry.file): entry.file for entry in entries if old(entry, cut)}
    if not closing:
        return frozenset()
    others = [str(landing / entry.file) for entry in entries if not old(entry, cut)]
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        waiting = {
            name
            for (name,) in connection.execute(
                STILL_READ,
                {
                    "closing": sorted(closing),
                    "others": others or [str(landing / "shapes" / "attempts.parquet")],
                    "closed_before": cut,
                },
            ).fetchall()
        }
    return frozenset(file for place, file in closing.items() if place not in waiting)


def old(entry: TableEntry, cut: datetime) -> bool:
    return entry.max_occurred_at is not None and entry.max_occurred_at < cut


def write_archive(
    settings: Settings, known: Retention | None, cut: datetime
) -> Mapping[str, tuple[ArchivedRows, ...]]:
    """Write the closed rows of each mart of ARCHIVED; returns all files of the archive for the manifest. Durable, and
    not in force before the manifest names them."""
    folder = settings.landing_dir / CLOSED
    folder.mkdir(parents=True, exist_ok=True)
    parameters = {
        "closed_before": instant_text(cut),
        "closed_already": instant_text(known.closed_before if known else BEGINNING),
        "last_day": last_closed_day(cut, settings.timezone).isoformat(),
    }
    archive: dict[str, tuple[ArchivedRows, ...]] = {}
    with read_only(settings) as connection:
        for mart, condition in ARCHIVED.items():
            for name, value in parameters.items():
                kind = "date" if name == "last_day" else "timestamptz"
                condition = condition.replace(f"${name}", f"{kind} '{value}'")
            entry = copy_closed(connection, mart, condition, folder, f"{cut:%Y%m%dT%H%M%SZ}-{mart}.parquet")
            before = tuple(known.archive.get(mart, ())) if known and mart in GROWS else ()
            archive[mart] = (*before, *([entry] if entry.rows else []))
    sync_directory(folder)
    sync_directory(settings.landing_dir)
    return archive


def copy_closed(
    connection: duckdb.DuckDBPyConnection, mart: str, condition: str, folder: Path, name: str
) -> ArchivedRows:
    """Copy some rows of a mart. All names are ours, never a user's."""
    place = folder / name
    target = str(place).replace("'", "''")
    [(rows,)] = connection.execute(
        f"copy (select * from marts.{mart} where {condition} order by all) to '{target}'"
        " (format parquet, compression zstd)"
    ).fetchall()
    with place.open("rb") as handle:
        os.fsync(handle.fileno())
    return ArchivedRows(f"{CLOSED}/{name}", int(rows))
