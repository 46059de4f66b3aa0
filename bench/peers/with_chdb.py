"""ClickHouse in this process (chdb): MergeTree tables on disk, exact decimals, join with conditions on the interval."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from chdb.session import Session

from bench.peers import COSTS, KEYS, NAMES, SUMS, TEXTS, TOKENS, WHOLE, Totals

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
                status = 'failure' as failed,
                (assumeNotNull(prompt_tokens) - ifNull(cache_read_tokens, 0)) * p.input
                    + ifNull(cache_read_tokens, 0) * p.cache_read as prompt_cost,
                assumeNotNull(completion_tokens) * p.output as completion_cost,
                prompt_cost + completion_cost as cost
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
        turn = "(timestamp, attempt, event_id)"
        named = ", ".join(f"argMin(facts.{name}, {turn}) as {name}" for name in (*NAMES, "hour"))
        totals = ", ".join(f"sum(facts.{name}) as {name}" for name in (*TOKENS, "latency_ms", *COSTS))
        run(
            f"""
            create table bench.requests engine = MergeTree order by request_id as
            select request_id, min(timestamp) as first_seen, max(timestamp) as last_seen, {named},
                argMax(status, {turn}) as final_status, count() as attempts, countIf(failed) as failures, {totals},
                maxIf(attempt, not failed) as answered_by,
                -- what failed, or came before the answer: summed by attempt number, for the answer is known last
                arraySum(arrayMap(
                    (number, failure, money) -> if(failure or answered_by is null or number < answered_by, money, 0),
                    groupArray(attempt), groupArray(failed), groupArray(facts.cost)
                )) as wasted_cost
            from bench.facts as facts group by request_id
            """
        )
        run(
            f"""
            create table bench.hourly engine = MergeTree order by ({keys}, hour) as
            select summed.*, begun.requests as requests
            from (
                select hour, min(day) as day, {keys}, count() as attempts, countIf(failed) as failures, {sums}
                from bench.facts group by hour, {keys}
            ) as summed
            left join (
                select hour, {keys}, count() as requests from bench.requests group by hour, {keys}
            ) as begun using (hour, {keys})
            """
        )
        measures = ", ".join(f"sum({name}) as {name}" for name in ("attempts", "failures", *SUMS, "requests"))
        run(
            f"""
            create table bench.daily engine = MergeTree order by ({keys}, day) as
            select day, {keys}, {measures} from bench.hourly group by day, {keys}
            """
        )
        answer = session.query(
            "select toString(sum(attempts)), toString(sum(prompt_tokens)), toString(sum(cost)),"
            " toString(sum(requests)), toString((select sum(wasted_cost) from bench.requests)),"
            " toString((select count() from bench.hourly)), toString(count()) from bench.daily",
            "JSONCompactEachRow",
        )
        events, prompt, cost, requests, wasted, hours, days = json.loads(str(answer))
    finally:
        session.close()
    return Totals(
        int(events), int(prompt), Decimal(cost), int(requests), Decimal(wasted), int(hours), int(days)
    )
