"""pandas, as the script that people write first: read_json, drop_duplicates, merge, groupby. Money is a float in it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd

from bench.peers import COSTS, KEYS, NAMES, SUMS, TOKENS, Totals


def work(lines: Path, prices: Path, out: Path) -> Totals:
    events = pd.read_json(lines, lines=True)
    events = events.drop_duplicates("event_id")
    events["timestamp"] = pd.to_datetime(events["timestamp"], utc=True).dt.tz_localize(None)
    book = pd.read_parquet(prices)
    for rate in ("input", "cache_read", "output"):
        book[rate] = book[rate].astype(float)
    facts = events.merge(book, on=["provider", "model"])
    facts = facts[(facts["timestamp"] >= facts["valid_from"]) & (facts["timestamp"] < facts["valid_to"])]
    cached = facts["cache_read_tokens"].fillna(0)
    facts = facts.assign(
        prompt_cost=(facts["prompt_tokens"] - cached) * facts["input"] + cached * facts["cache_read"],
        completion_cost=facts["completion_tokens"] * facts["output"],
        hour=facts["timestamp"].dt.floor("h"),
        day=facts["timestamp"].dt.date,
        failures=facts["status"] == "failure",
        attempts=1,
    ).drop(columns=["input", "cache_read", "output", "valid_from", "valid_to"])
    facts["cost"] = facts["prompt_cost"] + facts["completion_cost"]
    requests = requests_of(facts)
    begun = requests.groupby(["hour", *KEYS], as_index=False).size().rename(columns={"size": "requests"})
    hourly = facts.groupby(["hour", "day", *KEYS], as_index=False)[["attempts", "failures", *SUMS]].sum()
    hourly = hourly.merge(begun, on=["hour", *KEYS], how="left").fillna({"requests": 0})
    measures = ["attempts", "failures", *SUMS, "requests"]
    daily = hourly.groupby(["day", *KEYS], as_index=False)[measures].sum()
    facts.to_parquet(out / "facts.parquet", compression="zstd")
    requests.to_parquet(out / "requests.parquet", compression="zstd")
    hourly.to_parquet(out / "hourly.parquet", compression="zstd")
    daily.to_parquet(out / "daily.parquet", compression="zstd")
    return Totals(
        int(daily["attempts"].sum()),
        int(daily["prompt_tokens"].sum()),
        Decimal(str(daily["cost"].sum())),
        int(daily["requests"].sum()),
        Decimal(str(requests["wasted_cost"].sum())),
        len(hourly),
        len(daily),
    )


def requests_of(facts: pd.DataFrame) -> pd.DataFrame:
    """One row per request: names of its first attempt, status of its last, sums, and what the answer did not need."""
    facts = facts.sort_values(["timestamp", "attempt", "event_id"])
    answered = facts[~facts["failures"]].groupby("request_id")["attempt"].max()
    answered_by = facts["request_id"].map(answered)
    wasted = answered_by.isna() | facts["failures"] | (facts["attempt"] < answered_by)
    facts = facts.assign(wasted_cost=facts["cost"].where(wasted, 0.0), last_seen=facts["timestamp"])
    return (
        facts.groupby("request_id", as_index=False)
        .agg(
            {
                **dict.fromkeys(["timestamp", "hour", *NAMES], "first"),
                **dict.fromkeys(["last_seen", "status"], "last"),
                **dict.fromkeys(
                    ["attempts", "failures", *TOKENS, "latency_ms", *COSTS, "wasted_cost"], "sum"
                ),
            }
        )
        .rename(columns={"timestamp": "first_seen", "status": "final_status"})
    )
