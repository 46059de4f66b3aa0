"""Rows of a rollup as columns: names by number in a dictionary, money as an integer count of 1e-15 USD in text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import orjson

from tokencost_pipeline.reports.shards.lines import money_units

NAMES = ("tenant_id", "feature", "provider", "model")
COUNTS = (
    "attempts",
    "requests",
    "failures",
    "retries",
    "cache_hits",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cache_read_tokens",
    "unpriced_attempts",
    "unpriced_tokens",
    "estimated_attempts",
    "latency_ms_sum",
    "latency_count",
)
MONEY = ("cost_usd", "estimated_cost_usd")
HOURLY_COUNTS = ("attempts", "prompt_tokens", "completion_tokens")


def daily_select(source: str) -> str:
    """One row per day and key of `source` (SQL), in the order of the files."""
    return f"select day::varchar as slot, {_names()}, {_counts(COUNTS)}, {_money()} from {source} {_order()}"


def monthly_select(source: str) -> str:
    """The same by month: the slot is its first day."""
    sums = ", ".join(f"cast(sum({name}) as bigint) as {name}" for name in COUNTS)
    money = ", ".join(f"sum({name}) as {name}" for name in MONEY)
    by_month = f"(select date_trunc('month', day)::date as day, {_names()}, {sums}, {money} from {source} group by all)"
    return daily_select(by_month)


def hourly_select(source: str, where: str) -> str:
    """The same by hour, tokens only; the slot is the instant in ms since 1970."""
    return f"select epoch_ms(hour) as slot, {_names()}, {_counts(HOURLY_COUNTS)} from {source} where {where} {_order()}"


def days_select(source: str) -> str:
    """Day, number of its rows and a digest of them, in order. It is made from a hash of each row, so that rows of which
    nothing changed need not be turned into text."""
    row = f"hash(day, {_names()}, {', '.join((*COUNTS, *MONEY))})"
    digest = f"sha256(string_agg({row}::varchar, ' ' order by {row}))"
    return f"select day::varchar, count(*), {digest} from {source} group by day order by day"


def fetch(connection: duckdb.DuckDBPyConnection, select: str) -> dict[str, list[Any]]:
    """The select's columns as lists."""
    return {name: column.tolist() for name, column in connection.execute(select).fetchnumpy().items()}


def encode(columns: Mapping[str, list[Any]]) -> bytes:
    """Rows as JSON: `slots`, and the place of each row's slot in them; `names`, and places in them by column; the other
    columns as they are. The same rows give the same bytes."""
    content: dict[str, Any] = {"rows": len(columns["slot"]), "names": {}}
    content["slots"], content["slot"] = _coded(columns["slot"])
    for name in NAMES:
        content["names"][name], content[name] = _coded(columns[name])
    for name, values in columns.items():
        if name not in NAMES and name != "slot":
            content[name] = values
    return orjson.dumps(content)


def _coded(values: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """The different values in order (None first), and for each value its place among them."""
    different = sorted(set(values), key=lambda value: (value is not None, value if value is not None else 0))
    place = {value: number for number, value in enumerate(different)}
    return different, [place[value] for value in values]


def _names() -> str:
    return ", ".join(NAMES)


def _counts(names: Sequence[str]) -> str:
    return ", ".join(f"cast({name} as bigint) as {name}" for name in names)


def _money() -> str:
    return ", ".join(f"{money_units(name)} as {name}" for name in MONEY)


def _order() -> str:
    return (
        "order by slot, tenant_id nulls first, feature nulls first, provider nulls first, model nulls first"
    )
