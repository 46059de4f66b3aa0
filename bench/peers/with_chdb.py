"""ClickHouse in this process (chdb): MergeTree tables on disk, exact decimals, join with conditions on the interval."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from chdb.session import Session

from bench.peers import KEYS, SUMS, TEXTS, WHOLE, Totals

SETTINGS = "settings session_timezone = 'UTC', date_time_input_format = 'best_effort'"


def work(lines: Path, prices: Path, out: Path) -> Totals:
    texts = [f"{name} String" for name in TEXTS if name != "timestamp"]
    fields = ["timestamp DateTime64(6)", *texts, *(f"{name} Nullable(Int64)" for name in WHOLE)]
    keys = ", ".join(KEYS)
    sums = ", ".join(f"sum({name}) as {name}" for name in SUMS)
    session = Session(str(out / "clickhouse"))

    def run(sql: str) -> None:
        session.query(f"{sql} {SETTINGS}")

    try:
        run("create database if not exists bench")
        run(
            f"""
            create table bench.facts engine = MergeTree order by (tenant_id, timestamp) as
            select
                events.*,
                toStartOfHour(timestamp) as hour,
                toDate(timestamp) as day,
                (assumeNotNull(prompt_tokens) - ifNull(cache_read_tokens, 0)) * p.input
                    + ifNull(cache_read_tokens, 0) * p.cache_read
                    + assumeNotNull(completion_tokens) * p.output as cost
            from (
                select * from file('{lines}', JSONEachRow, '{", ".join(fields)}') limit 1 by event_id
            ) as events
            inner join (
                select
                    provider, model, valid_from, valid_to,
                    toDecimal64(input, 12) as input,
                    toDecimal64(cache_read, 12) as cache_read,
                    toDecimal64(output, 12) as output
                from file('{prices}', Parquet)
            ) as p
                on events.provider = p.provider and events.model = p.model
                and events.timestamp >= p.valid_from and events.timestamp < p.valid_to
            """
        )
        run(
            f"""
            create table bench.hourly engine = MergeTree order by ({keys}, hour) as
            select hour, min(day) as day, {keys}, count() as attempts, countIf(status = 'failure') as failures,
                {sums}, sum(cost) as cost
            from bench.facts group by hour, {keys}
            """
        )
        measures = ", ".join(f"sum({name}) as {name}" for name in ("attempts", "failures", *SUMS, "cost"))
        run(
            f"""
            create table bench.daily engine = MergeTree order by ({keys}, day) as
            select day, {keys}, {measures} from bench.hourly group by day, {keys}
            """
        )
        answer = session.query(
            "select toString(sum(attempts)), toString(sum(prompt_tokens)), toString(sum(cost)),"
            " toString((select count() from bench.hourly)), toString(count()) from bench.daily",
            "JSONCompactEachRow",
        )
        events, prompt, cost, hours, days = json.loads(str(answer))
    finally:
        session.close()
    return Totals(int(events), int(prompt), Decimal(cost), int(hours), int(days))
