"""What the dashboards ask of the rollups: the six queries of the report, over exports, each on its own.

The installation is real but small; its rollups are then replaced by ones of the size, shape and types that so many
events of `bench/events.py` make: EVENTS_A_MONTH in each month, as a history grows. They are added up straight from the
generator, without building the marts, because only their rows matter here; costs are invented.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from bench.events import Traffic, select_events, write_jsonl
from bench.frame import Benchmark, Measurement, Meter
from bench.installation import AS_OF, build, installation, land_the_rest, read_raw
from tokencost_pipeline.reports.source import open_exports, query
from tokencost_pipeline.warehouse.exports import export_marts

QUERIES = {
    "totals": "overview: totals",
    "daily_cost": "overview: cost by day",
    "feature_daily": "overview: features by day",
    "features": "features: ranking",
    "tenants": "tenants: ranking",
    "hourly_tokens": "overview: tokens by hour",
}
TODAY = date(2026, 10, 30)
DAYS_A_MONTH, EVENTS_A_MONTH = 30, 10_000_000
VALUES = {
    "today": TODAY,
    "last_hour": datetime(2026, 10, 30, 22, tzinfo=ZoneInfo("UTC")),
    "as_of": datetime.fromisoformat(AS_OF),
    "timezone": "UTC",
    "days": 30,
    "hours": 48,
}
WARM, COLD = "queries", "the report's start"
ROUNDS = 9
TARGET_MS, TARGET_GROWTH = 50, 1.5
REFERENCE = 10_000_000


def traffic(events: int) -> Traffic:
    """So many events up to TODAY: a month of them, and as many months as it takes with EVENTS_A_MONTH in each."""
    days = max(DAYS_A_MONTH, events * DAYS_A_MONTH // EVENTS_A_MONTH)
    end = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(days=1)
    return Traffic(events, days=days, start=end - timedelta(days=days))


def prepare(folder: Path, events: int) -> None:
    settings = installation(folder)
    history = traffic(events)
    write_jsonl(settings.raw_dir / "events" / "a.jsonl", replace(history, lines=200))
    read_raw(settings)
    land_the_rest(settings)
    build(settings)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            "delete from marts.agg_hourly; delete from marts.agg_daily;"
            " delete from marts.agg_monthly; delete from marts.agg_all_time"
        )
        connection.execute(f"insert into marts.agg_hourly by name {hourly(history)}")
        connection.execute(f"insert into marts.agg_daily by name {daily(connection)}")
        connection.execute(f"insert into marts.agg_monthly by name {monthly(connection)}")
        connection.execute(f"insert into marts.agg_all_time by name {all_time(connection)}")
    export_marts(settings)


def hourly(traffic: Traffic) -> str:
    """The hourly rollup of the generator's events, at invented prices."""
    return f"""
        select
            date_trunc('hour', timezone('UTC', "timestamp")) as hour,
            cast(min("timestamp") as date) as day,
            tenant_id, feature, provider, model,
            provider = 'ollama' as is_local,
            count(*) as attempts,
            count(*) as requests,
            count(*) filter (where status = 'failure') as failures,
            0 as retries, 0 as cache_hits, 0 as cache_write_5m_tokens, 0 as cache_write_1h_tokens,
            0 as unpriced_attempts, 0 as unpriced_tokens, 0 as estimated_attempts,
            cast(sum(prompt_tokens) as bigint) as prompt_tokens,
            cast(sum(completion_tokens) as bigint) as completion_tokens,
            cast(sum(prompt_tokens + completion_tokens) as bigint) as total_tokens,
            cast(coalesce(sum(cache_read_tokens), 0) as bigint) as cache_read_tokens,
            cast(coalesce(sum(reasoning_tokens), 0) as bigint) as reasoning_tokens,
            cast(sum(prompt_tokens) * 0.00000015 as decimal(38, 15)) as prompt_cost_usd,
            cast(sum(completion_tokens) * 0.0000006 as decimal(38, 15)) as completion_cost_usd,
            prompt_cost_usd + completion_cost_usd as cost_usd,
            cost_usd as list_cost_usd,
            cast(sum(latency_ms) as bigint) as latency_ms_sum,
            count(*) as latency_count
        from ({select_events(traffic)})
        group by all
    """


def daily(connection: duckdb.DuckDBPyConnection) -> str:
    return f"select day, {summed(connection)} from marts.agg_hourly group by all"


def monthly(connection: duckdb.DuckDBPyConnection) -> str:
    days = "date_trunc('month', day)::date as month, min(day) as first_day, max(day) as last_day"
    return f"select {days}, {summed(connection)} from marts.agg_daily group by all"


def all_time(connection: duckdb.DuckDBPyConnection) -> str:
    days = "min(first_day) as first_day, max(last_day) as last_day"
    return f"select {days}, {summed(connection)} from marts.agg_monthly group by all"


def summed(connection: duckdb.DuckDBPyConnection) -> str:
    """The names of a cell, and the sums of its measures."""
    keys = ["tenant_id", "feature", "provider", "model", "is_local"]
    described = connection.execute("describe marts.agg_daily").fetchall()
    sums = [f"sum({name}) as {name}" for name, *_ in described if name not in {"day", *keys}]
    return ", ".join([*keys, *sums])


def run(case: str, folder: Path, events: int, meter: Meter) -> None:
    exports = installation(folder).exports_dir
    if case == COLD:
        with meter.step("open, and ask all six once", rows=1):
            connection = open_exports(exports)
            for name in QUERIES:
                query(connection, name, **VALUES)
        return
    connection = open_exports(exports)
    [(hours, days, attempts)] = connection.execute(
        "select (select count(*) from marts.agg_hourly), count(*), sum(attempts)::bigint from marts.agg_daily"
    ).fetchall()
    if attempts != events:
        raise AssertionError(f"{attempts} attempts in the rollups, {events} asked for")
    for name, what in QUERIES.items():
        query(connection, name, **VALUES)
        rows = hours if name == "hourly_tokens" else days

        def ask(name: str = name) -> str:
            return f"{len(query(connection, name, **VALUES))} rows"

        meter.rounds(what, ask, rows=rows, times=ROUNDS)
    connection.close()


def findings(measurements: Sequence[Measurement]) -> list[str]:
    told = []
    for events in sorted({it.events for it in measurements}):
        asked = [it for it in measurements if (it.case, it.events) == (WARM, events)]
        slowest = max(asked, key=lambda it: it.wall_seconds)
        told.append(
            f"Rollups of {events:,} events ({max(it.rows for it in asked):,} rows by hour,"
            f" {min(it.rows for it in asked):,} by day), ms CPU / ms by the clock: "
            + ", ".join(f"{it.step} {it.cpu_seconds * 1e3:.0f} / {it.wall_seconds * 1e3:.0f}" for it in asked)
            + f". The slowest takes {slowest.wall_seconds * 1e3:.0f} ms (target: {TARGET_MS})."
        )
    return [*told, *grown(measurements)]


def grown(measurements: Sequence[Measurement]) -> list[str]:
    """How many times as long each query takes at the largest size as at REFERENCE, or at the smallest."""
    sizes = sorted({it.events for it in measurements})
    small, large = REFERENCE if REFERENCE in sizes else sizes[0], sizes[-1]
    taken = {(it.step, it.events): it.cpu_seconds for it in measurements if it.case == WARM}
    if small >= large:
        return []
    factors = {what: taken[what, large] / max(taken[what, small], 0.0001) for what in QUERIES.values()}
    return [
        f"{large:,} events beside {small:,}, CPU: "
        + ", ".join(f"{what} {factor:.2f}" for what, factor in factors.items())
        + f" times as long (target: {TARGET_GROWTH})."
    ]


BENCHMARK = Benchmark(
    name="dashboards",
    title="Dashboards: the six queries from rollups",
    sizes=(1_000_000, 10_000_000),
    cases=lambda events: [WARM, COLD],
    run=run,
    prepare=prepare,
    findings=findings,
)
