"""Rows of a rollup as columns: names by number in a dictionary, money as an integer count of 1e-15 USD in text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import duckdb

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


def fetch(connection: duckdb.DuckDBPyConnection, select: str) -> dict[str, list[Any]]:
    """The select's columns as lists."""
    result = connection.execute(select)
    names = [item[0] for item in result.description or ()]
    rows = result.fetchall()
    if not rows:
        return {name: [] for name in names}
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def encode(columns: dict[str, list[Any]], rows: slice) -> bytes:
    """Some rows as JSON: `slots`, and the place of each row's slot in them; `names`, and places in them by column; the
    other columns as they are. The same rows give the same bytes."""
    content: dict[str, Any] = {"rows": len(columns["slot"][rows]), "names": {}}
    content["slots"], content["slot"] = _coded(columns["slot"][rows])
    for name in NAMES:
        content["names"][name], content[name] = _coded(columns[name][rows])
    for name, values in columns.items():
        if name not in NAMES and name != "slot":
            content[name] = values[rows]
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


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
