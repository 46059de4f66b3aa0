"""A warehouse of any number of requests over twelve months, for the benchmark of the site.

The installation is real but small; its facts and rollups are then replaced by generated ones with the real types, for
only their rows matter here. Costs are invented. One request in six was tried twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from bench.events import Traffic, select_events, write_jsonl
from bench.installation import build, installation, land_the_rest, read_raw
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.exports import export_marts
from tokencost_pipeline.warehouse.stale import Stale, note_stale

DAYS = 365
END = datetime(2026, 11, 21, 11, tzinfo=UTC)
"""The last generated hour ends here; the new hour begins here."""

MARTS = ("fct_attempts", "fct_requests", "agg_hourly", "agg_daily", "agg_all_time")
ADDED = """sum(attempts)::bigint as attempts, sum(requests)::bigint as requests, sum(failures)::bigint as failures,
    sum(retries)::bigint as retries, 0 as cache_hits, sum(prompt_tokens)::bigint as prompt_tokens,
    sum(completion_tokens)::bigint as completion_tokens, sum(total_tokens)::bigint as total_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens, 0 as cache_write_5m_tokens, 0 as cache_write_1h_tokens,
    sum(reasoning_tokens)::bigint as reasoning_tokens, 0 as unpriced_attempts, 0 as unpriced_tokens,
    0 as estimated_attempts, sum(latency_ms_sum)::bigint as latency_ms_sum, sum(latency_count)::bigint as latency_count,
    sum(cost_usd)::decimal(38,15) as cost_usd, sum(cost_usd)::decimal(38,15) as list_cost_usd,
    sum(prompt_cost_usd)::decimal(38,15) as prompt_cost_usd,
    sum(completion_cost_usd)::decimal(38,15) as completion_cost_usd"""


def past(requests: int) -> Traffic:
    return Traffic(requests, days=DAYS, start=END - timedelta(days=DAYS), tenants=40, duplicate_every=0)


def an_hour(requests: int, number: int) -> Traffic:
    """One hour of the same traffic; the first begins where the past ends."""
    lines = max(1, requests // (DAYS * 24))
    return Traffic(lines, seed=100 + number, days=1, start=END, tenants=40, duplicate_every=0)


def prepare(folder: Path, requests: int) -> None:
    """An installation with so many requests, exported."""
    settings = installation(folder)
    write_jsonl(settings.raw_dir / "events" / "a.jsonl", replace(past(requests), lines=200))
    read_raw(settings)
    land_the_rest(settings)
    build(settings)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for mart in MARTS:
            connection.execute(f"delete from marts.{mart}")
        add(connection, past(requests), squeeze=1)
    export_marts(settings)


def one_more_hour(settings: Settings, requests: int, number: int) -> int:
    """Add an hour to the warehouse and export it; returns the number of its requests."""
    hour = an_hour(requests, number)
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        add(connection, hour, squeeze=24)
    note_stale(settings, Stale(frozenset({f"{END:%Y-%m-%d}"})))
    export_marts(settings)
    return hour.events


def add(connection: duckdb.DuckDBPyConnection, traffic: Traffic, squeeze: int) -> None:
    """Insert the traffic into facts and rollups; `squeeze` makes a day of it last 1/squeeze of a day."""
    start = traffic.start.astimezone(UTC).replace(tzinfo=None)
    connection.execute(
        f"""
        create or replace temp table drawn as
        select *, hash(request_id) % 6 = 0 as retried,
            timezone('UTC', timestamp '{start}' + to_microseconds(
                cast(epoch_us("timestamp") - epoch_us(timestamp '{start}') as bigint) // {squeeze})) as moment
        from ({select_events(traffic)});
        create or replace temp table tried as
        select * exclude (retried), false as gave_up, retried as again from drawn
        union all by name
        select
            * exclude (retried) replace (
                event_id || '-1' as event_id, moment - interval 2 second as moment, 0 as completion_tokens,
                'failure' as status
            ),
            true as gave_up, false as again
        from drawn where retried;
        create or replace temp table added as
        select event_id, 'events' as source, 'attempt' as grain, moment as occurred_at,
            date_trunc('hour', moment) as hour, cast(timezone('UTC', moment) as date) as day,
            tenant_id, user_id, feature, session_id, request_id, 1 + again::bigint as attempt,
            provider, model, model_requested, service_tier, provider = 'ollama' as is_local,
            status, status = 'failure' as is_failure, case when gave_up then '429' end as error_code,
            latency_ms, again::bigint as retries, false as cache_hit, prompt_template_id,
            prompt_tokens, completion_tokens, prompt_tokens + completion_tokens as total_tokens,
            coalesce(cache_read_tokens, 0) as cache_read_tokens, coalesce(reasoning_tokens, 0) as reasoning_tokens,
            provider || '/' || model || '@2026-01-01' as price_id, 'USD' as price_currency, 'tokens' as cost_basis,
            prompt_tokens * 0.000000150000001::decimal(20,15) as prompt_cost_usd,
            completion_tokens * 0.000000600000007::decimal(20,15) as completion_cost_usd,
            prompt_cost_usd + completion_cost_usd as cost_usd, cost_usd as list_cost_usd, 0 as unit_cost_usd,
            'events/' || strftime(moment, '%Y-%m-%d') || '.jsonl' as path,
            (hash(event_id) % 100000)::bigint as line_no
        from tried;
        insert into marts.fct_attempts by name select * from added;
        insert into marts.fct_requests by name
        select request_id, min(occurred_at) as first_seen, max(occurred_at) as last_seen, min(hour) as first_hour,
            max(hour) as last_hour, min(day) as day,
            any_value(feature) as feature, any_value(tenant_id) as tenant_id, any_value(user_id) as user_id,
            any_value(session_id) as session_id, any_value(provider) as provider, any_value(model) as model,
            any_value(feature) as first_feature, any_value(tenant_id) as first_tenant_id,
            any_value(is_local) as first_is_local,
            arg_max(status, occurred_at) as final_status, count(*) as attempts, sum(retries)::bigint as retries,
            count(*) filter (where is_failure) as failures, 0 as cache_hits, sum(latency_ms)::bigint as latency_ms_sum,
            sum(prompt_tokens)::bigint as prompt_tokens, sum(completion_tokens)::bigint as completion_tokens,
            sum(total_tokens)::bigint as total_tokens, 0.75 as prompt_share, sum(cost_usd) as cost_usd,
            coalesce(sum(cost_usd) filter (where is_failure), 0) as wasted_cost_usd, 0 as unpriced_attempts
        from added group by request_id;
        create or replace temp table hours as
        select hour, day, tenant_id, feature, provider, model, is_local, count(*) as attempts,
            count(*) filter (where attempt = 1) as requests, count(*) filter (where is_failure) as failures,
            sum(retries) as retries, sum(prompt_tokens) as prompt_tokens, sum(completion_tokens) as completion_tokens,
            sum(total_tokens) as total_tokens, sum(cache_read_tokens) as cache_read_tokens,
            sum(reasoning_tokens) as reasoning_tokens,
            sum(latency_ms) as latency_ms_sum, count(latency_ms) as latency_count, sum(cost_usd) as cost_usd,
            sum(prompt_cost_usd) as prompt_cost_usd, sum(completion_cost_usd) as completion_cost_usd
        from added group by all;
        insert into marts.agg_hourly by name
        select hour, day, tenant_id, feature, provider, model, is_local, {ADDED} from hours group by all;
        create or replace temp table days as
        select day, tenant_id, feature, provider, model, is_local, {ADDED} from marts.agg_hourly
        where day in (select day from hours) group by all;
        delete from marts.agg_daily where day in (select day from days);
        insert into marts.agg_daily by name select * from days;
        create or replace temp table ever as
        select tenant_id, feature, provider, model, is_local, min(day) as first_day, max(day) as last_day, {ADDED}
        from marts.agg_daily group by all;
        delete from marts.agg_all_time;
        insert into marts.agg_all_time by name select * from ever
        """
    )
