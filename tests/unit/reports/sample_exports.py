"""Exports as the warehouse would write them, from a few dozen attempts made by hand.

The facts are typed here; requests and rollups are computed from them in SQL, so that a test can hold the
reports against either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb

from tokencost_pipeline.reports.publish import PublishReport
from tokencost_pipeline.settings import Settings

AS_OF = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
ZONE = "Europe/Berlin"
LONG = "long-" + "x" * 10_000
NASTY = (
    "</script><img src=x onerror=alert(1)>",
    "a|b `code` *bold* [x](javascript:alert(1)) ![i](http://evil.example/i.png)",
    "../../etc/passwd",
    '=HYPERLINK("http://evil.example","x")',
    "two\nlines\r\n# heading",
    "שלום עולם",
    "\u202eevil.exe",
    "🚀👩‍💻 $x$ ~~s~~ <!-- c -->",
    "back\\slash\\",
    "https://evil.example/a_b www.evil.example :smile: &lt;b&gt;",
    "",
    "(none)",
    LONG,
)


@dataclass(frozen=True)
class Attempt:
    """One attempt by hand; `cost` and `baseline` in USD, None = no price."""

    at: datetime
    request: str
    feature: str | None = "support_bot"
    tenant: str | None = "acme"
    provider: str = "anthropic"
    model: str = "claude-opus-4-20250514"
    asked: str | None = None
    attempt: int = 1
    status: str = "success"
    error: str | None = None
    prompt: int = 1_000
    completion: int = 200
    cost: str | None = "0.030000000000001"
    baseline: str | None = None
    latency: int | None = 850
    cache_hit: bool | None = None
    basis: str = "tokens"
    reported: str | None = None


def ago(days: float = 0, hours: float = 0) -> datetime:
    """An instant before AS_OF."""
    return AS_OF - timedelta(days=days, hours=hours)


def sample_attempts() -> Iterator[Attempt]:
    """Five weeks: retries, a cache hit, an unpriced model, local models, names that mean harm."""
    for day in range(0, 35, 3):  # two days in three are without traffic
        cost = f"1.{day:02d}0000000000001"
        yield Attempt(ago(day, 1), f"req-{day:02d}", cost=cost, baseline=cost, prompt=30_000)
        yield local(ago(day, 2), f"local-{day:02d}")
    failed = partial(
        Attempt, request="retried", feature="search", tenant="globex", status="failure", completion=0
    )
    yield failed(ago(1, 0.2), error="429", cost="0.01", baseline="0.01", latency=None)
    yield failed(ago(1, 0.1), error="500", cost="0.01", baseline="0.01", attempt=2)
    yield Attempt(
        ago(1),
        "retried",
        feature="search",
        tenant="globex",
        attempt=3,
        asked="smart",
        provider="bedrock",
        cost="0.05",
        baseline="0.05",
        reported="0.049",
    )
    yield Attempt(
        ago(2),
        "cached",
        feature="search",
        cost="0",
        baseline="0",
        basis="not_billed",
        cache_hit=True,
        latency=12,
    )
    for hour in (1, 5, 30):
        yield unpriced(ago(hours=hour), f"mystery-{hour}")
    yield Attempt(ago(4), "nameless", feature=None, tenant=None, cost="0.002", baseline="0.002")
    yield Attempt(
        ago(5),
        "dear",
        feature="batch",
        tenant="globex",
        cost="7.234567890123456",
        baseline="7.234567890123456",
        prompt=9_000_000,
        completion=120_000,
        latency=95_000,
    )
    for place, name in enumerate(NASTY):
        yield harmful(name, ago(place % 6, 3), f"0.0{place + 1:02d}")
    tiny = "0.0000004"
    yield Attempt(
        ago(hours=0.1),
        "newest",
        feature="summarise",
        tenant="initech",
        cost=tiny,
        baseline=tiny,
        reported=tiny,
    )


def local(at: datetime, request: str) -> Attempt:
    """A free local call that a paid model was asked for."""
    asked = "claude-opus-4-20250514"
    return Attempt(
        at,
        request,
        feature="summarise",
        provider="ollama",
        model="qwen2.5-coder:32b",
        asked=asked,
        cost="0",
        baseline="0.25",
        basis="free",
    )


def unpriced(at: datetime, request: str) -> Attempt:
    """A call of a model that the price book does not know."""
    return Attempt(
        at,
        request,
        feature="search",
        tenant=None,
        provider="mistral",
        model="mystery-1",
        cost=None,
        basis="unpriced",
        reported="0.5",
    )


def harmful(name: str, at: datetime, cost: str) -> Attempt:
    """An attempt whose request, feature, tenant and model all have the name."""
    return Attempt(
        at, name or "no-name", feature=name, tenant=name, model=name or "m", cost=cost, baseline=cost
    )


FACTS = """
create schema marts; create schema ingest;
create table marts.fct_attempts (
    event_id varchar, source varchar, grain varchar, occurred_at timestamptz, hour timestamptz, day date,
    tenant_id varchar, user_id varchar, feature varchar, session_id varchar, request_id varchar,
    call_id varchar,
    attempt bigint, provider varchar, model varchar, model_requested varchar, region varchar,
    service_tier varchar,
    status varchar, error_code varchar, latency_ms bigint, retry_count bigint, retries integer,
    cache_hit boolean,
    prompt_template_id varchar, prompt_tokens bigint, completion_tokens bigint, total_tokens bigint,
    cache_read_tokens bigint, cache_write_5m_tokens bigint, cache_write_1h_tokens bigint,
    reasoning_tokens bigint,
    price_id varchar, cost_basis varchar, cost_usd decimal(38,15), prompt_cost_usd decimal(38,15),
    completion_cost_usd decimal(38,15), reported_cost_usd decimal(38,15), is_local boolean, path varchar,
    line_no bigint, baseline_cost_usd decimal(38,15)
);
"""
INSERT = """
insert into marts.fct_attempts
select
    $event_id, 'events', 'attempt', $at::timestamptz,
    timezone($zone, date_trunc('hour', timezone($zone, $at::timestamptz))),
    timezone($zone, $at::timestamptz)::date,
    $tenant, 'u1', $feature, null, $request, null, $attempt, $provider, $model, coalesce($asked, $model),
    'eu-west-1',
    null, $status, $error, $latency, null, ($attempt > 1)::integer, $cache_hit, 'template-7',
    $prompt, $completion,
    $prompt + $completion, $prompt // 10, 0, 0, $completion // 4, if($basis = 'unpriced', null, 'price-1'), $basis,
    $cost::decimal(38,15), null, null, $reported::decimal(38,15), $provider = 'ollama', 'events/day.jsonl',
    $line_no, $baseline::decimal(38,15)
"""
DERIVED = """
create table marts.fct_requests as
select
    request_id, min(occurred_at) as first_seen, max(occurred_at) as last_seen,
    arg_min(hour, attempt) as first_hour, min(day) as day,
    arg_min(coalesce(feature, chr(0)), attempt) as feature_or_zero,
    nullif(arg_min(coalesce(feature, chr(0)), attempt), chr(0)) as feature,
    nullif(arg_min(coalesce(tenant_id, chr(0)), attempt), chr(0)) as tenant_id,
    any_value(user_id) as user_id, arg_min(provider, attempt) as provider, arg_min(model, attempt) as model,
    arg_max(status, attempt) as final_status, count(*) as attempts, sum(retries)::bigint as retries,
    count(*) filter (where cost_usd is null) as unpriced_attempts,
    sum(latency_ms)::bigint as latency_ms_sum,
    sum(prompt_tokens)::bigint as prompt_tokens, sum(completion_tokens)::bigint as completion_tokens,
    sum(total_tokens)::bigint as total_tokens, sum(cost_usd) as cost_usd,
    coalesce(sum(cost_usd) filter (where status <> 'success'), 0) as wasted_cost_usd,
    0.900000::decimal(9,6) as prompt_share
from marts.fct_attempts group by request_id;
alter table marts.fct_requests drop column feature_or_zero;

create table marts.agg_hourly as
select
    hour, any_value(day) as day, tenant_id, feature, provider, model, is_local, count(*) as attempts,
    count(*) filter (where attempt = 1) as requests, sum(prompt_tokens)::bigint as prompt_tokens,
    sum(completion_tokens)::bigint as completion_tokens, sum(total_tokens)::bigint as total_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens, sum(cost_usd) as cost_usd,
    count(*) filter (where cost_usd is null) as unpriced_attempts,
    sum(retries)::bigint as retries,
    count(*) filter (where cache_hit) as cache_hits,
    count(*) filter (where status <> 'success') as failures,
    coalesce(sum(total_tokens) filter (where cost_usd is null), 0)::bigint as unpriced_tokens,
    count(*) filter (where cost_basis = 'estimate_per_request') as estimated_attempts,
    sum(cost_usd) filter (where cost_basis = 'estimate_per_request') as estimated_cost_usd,
    sum(latency_ms)::bigint as latency_ms_sum, count(latency_ms) as latency_count
from marts.fct_attempts group by hour, tenant_id, feature, provider, model, is_local;

create table marts.agg_daily as
select
    day, tenant_id, feature, provider, model, is_local, sum(attempts)::bigint as attempts,
    sum(requests)::bigint as requests, sum(prompt_tokens)::bigint as prompt_tokens,
    sum(completion_tokens)::bigint as completion_tokens, sum(total_tokens)::bigint as total_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens, sum(cost_usd) as cost_usd,
    sum(unpriced_attempts)::bigint as unpriced_attempts, sum(unpriced_tokens)::bigint as unpriced_tokens,
    sum(estimated_attempts)::bigint as estimated_attempts, sum(estimated_cost_usd) as estimated_cost_usd,
    sum(retries)::bigint as retries,
    sum(cache_hits)::bigint as cache_hits, sum(failures)::bigint as failures,
    sum(latency_ms_sum)::bigint as latency_ms_sum, sum(latency_count)::bigint as latency_count
from marts.agg_hourly group by day, tenant_id, feature, provider, model, is_local;

create view marts.agg_all_time as
select
    tenant_id, feature, provider, model, is_local, min(day) as first_day, max(day) as last_day,
    sum(attempts)::bigint as attempts,
    sum(requests)::bigint as requests, sum(prompt_tokens)::bigint as prompt_tokens,
    sum(completion_tokens)::bigint as completion_tokens, sum(total_tokens)::bigint as total_tokens,
    sum(cache_read_tokens)::bigint as cache_read_tokens, sum(cost_usd) as cost_usd,
    sum(unpriced_attempts)::bigint as unpriced_attempts, sum(unpriced_tokens)::bigint as unpriced_tokens,
    sum(estimated_attempts)::bigint as estimated_attempts, sum(estimated_cost_usd) as estimated_cost_usd,
    sum(retries)::bigint as retries,
    sum(cache_hits)::bigint as cache_hits, sum(failures)::bigint as failures,
    sum(latency_ms_sum)::bigint as latency_ms_sum, sum(latency_count)::bigint as latency_count
from marts.agg_daily group by tenant_id, feature, provider, model, is_local;

create table marts.routing_savings_daily as
select
    day, model, provider, not is_local as is_paid, count(*) as attempts,
    count(*) filter (where attempt = 1) as requests,
    count(*) filter (where cost_usd is null) as unpriced_attempts,
    coalesce(sum(cost_usd) filter (where baseline_cost_usd is not null), 0) as actual_cost_usd,
    coalesce(sum(baseline_cost_usd) filter (where cost_usd is not null), 0) as baseline_cost_usd,
    coalesce(sum(baseline_cost_usd - cost_usd), 0) as saved_usd,
    any_value(case when is_local then 'claude-opus-4-20250514' else model end) as baseline_model
from marts.fct_attempts group by day, model, provider, is_local;

create table marts.anomalies (
    incident_id varchar, opened_at timestamptz, resolved_at timestamptz, status varchar, dimension varchar,
    entity varchar, rule varchar, actual_usd decimal(38,15), expected_usd decimal(38,15),
    excess_usd decimal(38,15), score decimal(18,6), severity varchar, day date, window_from timestamptz,
    window_to timestamptz, ratio decimal(18,6)
);
create table marts.reconciliation (
    provider varchar, day date, model varchar, cause varchar, currency varchar, invoiced_amount decimal(38,15),
    computed_usd decimal(38,15), invoiced_usd decimal(38,15), gap_usd decimal(38,15), reported_usd decimal(38,15),
    attempts bigint, unpriced_attempts bigint
);
create table marts.restatements (
    restated_at timestamptz, day date, tenant_id varchar, provider varchar, model varchar, attempts bigint,
    before_usd decimal(38,15), after_usd decimal(38,15), difference_usd decimal(38,15), unpriced_before bigint,
    unpriced_after bigint, why varchar
);
create table marts.dim_prices (
    price_id varchar, provider varchar, model varchar, region varchar, service_tier varchar, currency varchar,
    min_context_tokens bigint, max_context_tokens bigint, effective_from timestamptz, effective_to timestamptz,
    price_window varchar, input_rate decimal(18,9), cache_read_rate decimal(18,9), cache_write_5m_rate decimal(18,9),
    output_rate decimal(18,9), request_fee decimal(38,15), request_per bigint, source varchar
);
create table ingest.files (
    file_id varchar, path varchar, source varchar, generation bigint, bytes_read bigint, lines bigint,
    events bigint,
    duplicates bigint, conflicts bigint, quarantined bigint, ignored bigint, last_read_at timestamptz
);
create table ingest.quarantine (
    source varchar, path varchar, line_no bigint, byte_offset bigint, reason varchar,
    body_sha256 varchar, body varchar
);
create table marts.agg_litellm_log (
    path varchar, observation varchar, day date, provider varchar, model varchar, model_requested varchar,
    status varchar, error_code varchar, http_method varchar, http_path varchar, http_status varchar,
    observations bigint
);
create table ingest.unknown_fields (source varchar, field varchar, records bigint);
create table ingest.conflicts (event_id varchar, path varchar, line_no bigint, body varchar);
create table ingest.run_context (as_of timestamptz, is_sample boolean, timezone varchar);
"""
EXTRAS = """
insert into marts.anomalies values
    ('inc-1', '2026-11-21 09:00:00Z', null, 'open', 'feature', 'batch', 'daily_cost_vs_mean', 12.5, 4,
    8.5, 3.1,
     'ERROR', '2026-11-21', '2026-11-20 23:00:00Z', '2026-11-21 09:00:00Z', 3.125),
    ('inc-2', '2026-11-20 09:00:00Z', '2026-11-21 01:00:00Z', 'resolved', 'tenant', 'a|b',
    'daily_cost_vs_mean', 5, 2,
     3, 2.5, 'WARN', '2026-11-20', '2026-11-19 23:00:00Z', '2026-11-20 09:00:00Z', 2.5);
insert into marts.reconciliation values
    ('anthropic', '2026-11-19', 'a|b', 'price_difference', 'USD', 11, 10, 11, 1, null, 4, 0),
    ('anthropic', '2026-11-20', 'a|b', 'price_difference', 'USD', 22, 20, 22, 2, null, 6, 0),
    ('anthropic', '2026-11-20', 'gone', 'missing_traffic', 'USD', 0.000000000000001, 0, 0.000000000000001,
     0.000000000000001, null, 0, 0),
    ('openai', '2026-11-20', null, 'other_currency', 'EUR', 5, null, null, null, null, null, null);
insert into marts.dim_prices values
    ('opus@old', 'anthropic', 'claude-opus-4-20250514', 'default', 'standard', 'USD', 0, null, '2025-05-22 00:00:00Z',
     '2026-11-01 00:00:00Z', null, 18, 1.8, 22.5, 90, null, null, '{"verified": true}'),
    ('opus@new', 'anthropic', 'claude-opus-4-20250514', 'default', 'standard', 'USD', 0, null, '2026-11-01 00:00:00Z',
     '9999-12-31 00:00:00Z', null, 15, 1.5, 18.75, 75, null, null, '{"verified": false}'),
    ('opus@soon', 'anthropic', 'claude-opus-4-20250514', 'eu', 'batch', 'EUR', 200001, null, '2026-12-01 00:00:00Z',
     '9999-12-31 00:00:00Z', 'night', 7.500000001, null, null, 37.5, null, null, 'no JSON <b>'),
    ('other', 'openai', 'never-used', 'default', 'standard', 'USD', 0, null, '2025-05-22 00:00:00Z',
     '9999-12-31 00:00:00Z', null, 1, null, null, 1, null, null, null),
    ('price-1', 'mistral', 'mystery-book-name', 'default', 'standard', 'USD', 0, 200001, '2025-05-22 00:00:00Z',
     '9999-12-31 00:00:00Z', null, 1, null, null, 1, null, null, '{}');
insert into marts.restatements values
    ('2026-11-21 08:00:00Z', '2026-11-19', 'a|b', 'anthropic', 'a|b', 4, 10, 7.5, -2.5, 0, 0,
     'price row old -> new'),
    ('2026-11-21 08:00:00Z', '2026-11-20', null, 'anthropic', 'gone', 1, null, 0.000000000000001,
     0.000000000000001, 1, 0, 'price row (none) -> new');
insert into marts.agg_litellm_log values
    ('litellm_log/litellm.log', 'http_request', null, null, null, null, 'success', null, 'POST', '/v1/messages', '200',
     30),
    ('litellm_log/litellm.log', 'provider_attempt', null, 'openai', 'a|b', null, 'failure', 'RateLimitError', null,
     null, null, 2);
insert into ingest.unknown_fields values ('events', 'experiment', 12);
insert into ingest.files values
    ('f1', 'events/day.jsonl', 'events', 1, 40000, 70, 66, 1, 1, 2, 0, '2026-11-21 10:29:00Z'),
    ('f2', 'events/a|<b>.jsonl', 'events', 1, 10, 0, 0, 0, 0, 0, 0, '2026-11-21 10:29:00Z');
insert into ingest.quarantine values
    ('events', 'events/day.jsonl', 7, 3120, 'timestamp has no offset', 'aa', '{"prompt": "secret words"}'),
    ('events', 'events/day.jsonl', 9, 4010, 'not JSON: <b>|', 'bb', null);
insert into ingest.conflicts values ('e-1', 'events/day.jsonl', 12, '{}');
"""


def build_warehouse(
    attempts: list[Attempt], *, extras: bool = True, is_sample: bool = False
) -> duckdb.DuckDBPyConnection:
    """An in-memory warehouse with the relations the reports read."""
    connection = duckdb.connect(":memory:")
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(FACTS)
    for number, item in enumerate(attempts, start=1):
        values = {**item.__dict__, "event_id": f"e-{number}", "line_no": number, "zone": ZONE}
        connection.execute(INSERT, values)
    connection.execute(DERIVED)
    if extras:
        connection.execute(EXTRAS)
    connection.execute("insert into ingest.run_context values (?, ?, ?)", [AS_OF, is_sample, ZONE])
    return connection


def export(connection: duckdb.DuckDBPyConnection, exports_dir: Path, generation: str = "g1") -> None:
    """Write every relation as Parquet and the record that names them."""
    (exports_dir / generation).mkdir(parents=True)
    relations = {}
    names = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables order by 1"
    ).fetchall()
    for (name,) in names:
        file = f"{generation}/{name}.parquet"
        connection.execute(f"copy (from {name}) to '{exports_dir / file}' (format parquet)")
        relations[name] = [file]
    record = {"generation": generation, "relations": relations, "as_of": AS_OF.isoformat(), "timezone": ZONE}
    (exports_dir / "current.json").write_text(json.dumps(record), "utf-8")


def scalar(connection: duckdb.DuckDBPyConnection, sql: str) -> Decimal | int | None:
    """The single value a query gives."""
    row = connection.execute(sql).fetchone()
    assert row is not None
    value: Decimal | int | None = row[0]
    return value


@dataclass(frozen=True)
class Published:
    """A report on disk, and the warehouse its exports came from."""

    root: Path
    warehouse: duckdb.DuckDBPyConnection
    result: PublishReport
    settings: Settings

    def page(self, path: str) -> str:
        return (self.root / "markdown" / f"{path}.md").read_text("utf-8")

    def pages(self) -> list[Path]:
        return sorted((self.root / "markdown").rglob("*.md"))
