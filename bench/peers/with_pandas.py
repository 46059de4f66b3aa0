"""pandas, as the script that people write first: read_json, drop_duplicates, merge, groupby. Money is a float in it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd

from bench.peers import KEYS, SUMS, Totals


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
        cost=(facts["prompt_tokens"] - cached) * facts["input"]
        + cached * facts["cache_read"]
        + facts["completion_tokens"] * facts["output"],
        hour=facts["timestamp"].dt.floor("h"),
        day=facts["timestamp"].dt.date,
        failures=facts["status"] == "failure",
        attempts=1,
    ).drop(columns=["input", "cache_read", "output", "valid_from", "valid_to"])
    measures = ["attempts", "failures", *SUMS, "cost"]
    hourly = facts.groupby(["hour", "day", *KEYS], as_index=False)[measures].sum()
    daily = hourly.groupby(["day", *KEYS], as_index=False)[measures].sum()
    facts.to_parquet(out / "facts.parquet", compression="zstd")
    hourly.to_parquet(out / "hourly.parquet", compression="zstd")
    daily.to_parquet(out / "daily.parquet", compression="zstd")
    return Totals(
        int(daily["attempts"].sum()),
        int(daily["prompt_tokens"].sum()),
        Decimal(str(daily["cost"].sum())),
        len(hourly),
        len(daily),
    )
