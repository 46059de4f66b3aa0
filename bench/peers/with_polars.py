"""Polars: one lazy plan, its streaming engine, costs as whole pico-dollars (10⁻¹² USD) in 64 bits."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl

from bench.peers import COSTS, KEYS, NAMES, SUMS, TEXTS, TOKENS, WHOLE, Totals


def work(lines: Path, prices: Path, out: Path) -> Totals:
    schema = {**dict.fromkeys(TEXTS, pl.String), **dict.fromkeys(WHOLE, pl.Int64)}
    events = (
        pl.scan_ndjson(lines, schema=schema)
        .unique(subset="event_id", keep="any")
        .with_columns(pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us"))
    )
    pico = pl.scan_parquet(prices).with_columns(
        (pl.col("input", "cache_read", "output").cast(pl.Decimal(38, 12)) * 10**12).cast(pl.Int64)
    )
    cached = pl.col("cache_read_tokens").fill_null(0)
    facts = (
        events.join(pico, on=["provider", "model"])
        .filter(pl.col("timestamp") >= pl.col("valid_from"), pl.col("timestamp") < pl.col("valid_to"))
        .with_columns(
            prompt_cost=(pl.col("prompt_tokens") - cached) * pl.col("input") + cached * pl.col("cache_read"),
            completion_cost=pl.col("completion_tokens") * pl.col("output"),
            failed=pl.col("status") == "failure",
            hour=pl.col("timestamp").dt.truncate("1h"),
            day=pl.col("timestamp").dt.date(),
        )
        .with_columns(cost=pl.col("prompt_cost") + pl.col("completion_cost"))
        .drop("input", "cache_read", "output", "valid_from", "valid_to")
        .collect(engine="streaming")
    )
    answered = pl.col("attempt").filter(~pl.col("failed")).max()
    wasted = answered.is_null() | pl.col("failed") | (pl.col("attempt") < answered)
    requests = (
        facts.lazy()
        .sort("timestamp", "attempt", "event_id")
        .group_by("request_id")
        .agg(
            pl.col("timestamp").min().alias("first_seen"),
            pl.col("timestamp").max().alias("last_seen"),
            pl.col("hour").first(),
            pl.col(*NAMES).first(),
            pl.col("status").last().alias("final_status"),
            pl.len().alias("attempts"),
            pl.col("failed").sum().alias("failures"),
            pl.col(*TOKENS, "latency_ms", *COSTS).sum(),
            pl.col("cost").filter(wasted).sum().alias("wasted_cost"),
        )
        .collect(engine="streaming")
    )
    begun = requests.group_by("hour", *KEYS).agg(pl.len().alias("requests"))
    hourly = (
        facts.group_by("hour", "day", *KEYS)
        .agg(pl.len().alias("attempts"), pl.col("failed").sum().alias("failures"), pl.col(*SUMS).sum())
        .join(begun, on=["hour", *KEYS], how="left")
        .with_columns(pl.col("requests").fill_null(0))
    )
    measures = ("attempts", "failures", *SUMS, "requests")
    daily = hourly.group_by("day", *KEYS).agg(pl.col(*measures).sum())
    requests.write_parquet(out / "requests.parquet", compression="zstd")
    facts.write_parquet(out / "facts.parquet", compression="zstd")
    hourly.write_parquet(out / "hourly.parquet", compression="zstd")
    daily.write_parquet(out / "daily.parquet", compression="zstd")
    return Totals(
        int(daily["attempts"].sum()),
        int(daily["prompt_tokens"].sum()),
        Decimal(int(daily["cost"].sum())).scaleb(-12),
        int(daily["requests"].sum()),
        Decimal(int(requests["wasted_cost"].sum())).scaleb(-12),
        len(hourly),
        len(daily),
    )
