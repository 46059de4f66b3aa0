"""The least that any way of doing the work costs: DuckDB reads the lines with known types and adds them up once.

Nothing is checked, deduplicated, priced or kept. End-to-end benchmarks are told as multiples of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from bench.events import Traffic, write_jsonl
from bench.frame import Benchmark, Measurement, Meter

LINES = "events.jsonl"
WHOLE = (
    *("prompt_tokens", "completion_tokens", "cache_read_tokens", "reasoning_tokens"),
    *("attempt", "latency_ms"),
)
TEXTS = (
    *("event_id", "request_id", "provider", "model", "model_requested", "tenant_id", "user_id"),
    *("feature", "session_id", "status", "service_tier", "prompt_template_id"),
)
COLUMNS = {
    "timestamp": "TIMESTAMPTZ",
    **dict.fromkeys(TEXTS, "VARCHAR"),
    **dict.fromkeys(WHOLE, "BIGINT"),
}
COUNT_ALL, ROLL_UP = "parse every field", "parse and add up by hour"


def prepare(folder: Path, events: int) -> None:
    write_jsonl(folder / LINES, Traffic(events))


def run(case: str, folder: Path, events: int, meter: Meter) -> None:
    path = folder / LINES
    with duckdb.connect() as connection:
        meter.rounds(
            case,
            lambda: f"{answer(connection, path, case)} rows, {path.stat().st_size:,} bytes read",
        )


def answer(connection: duckdb.DuckDBPyConnection, path: Path, case: str) -> int:
    """Read the lines and answer the case's question into a table in memory; returns its rows.

    The answer stays in the engine: making Python objects of it would cost more than the work.
    """
    connection.execute("set TimeZone = 'UTC'")
    lines = connection.read_json(str(path), columns=COLUMNS, format="newline_delimited")
    lines.create_view("lines", replace=True)
    if case == COUNT_ALL:
        select = ", ".join(f'count("{name}") as "{name}"' for name in COLUMNS)
        question = f"select {select} from lines"
    else:
        sums = ", ".join(f"sum({name}) as {name}" for name in WHOLE)
        question = (
            "select date_trunc('hour', \"timestamp\") as hour, tenant_id, feature, provider, model,"
            f" count(*) as n, {sums} from lines group by all"
        )
    connection.execute(f"create or replace temp table answer as {question}")
    [(rows,)] = connection.execute("select count(*) from answer").fetchall()
    return int(rows)


def findings(measurements: Sequence[Measurement]) -> list[str]:
    return [
        f"{it.events:,} events: {it.cpu_us_per_row:.2f} µs CPU an event to {it.case}." for it in measurements
    ]


BENCHMARK = Benchmark(
    name="floor",
    title="The floor: DuckDB reading the same lines and adding them up",
    sizes=(1_000_000,),
    cases=lambda events: [COUNT_ALL, ROLL_UP],
    run=run,
    prepare=prepare,
    findings=findings,
)
