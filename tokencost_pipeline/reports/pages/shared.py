"""Columns and rows that several pages show alike."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tokencost_pipeline.reports.model import Column, Row
from tokencost_pipeline.reports.numbers import average, ratio
from tokencost_pipeline.reports.report import Report

OVERVIEW = ("index", "Overview")
FEATURES = ("features/index", "Features")
TENANTS = ("tenants/index", "Tenants")
REQUESTS = ("requests/index", "Requests")

AS_SERVED = "as served"
"""Stands for a model that the row names already."""

UNPRICED = Column("unpriced_attempts", "Unpriced", "count")

USAGE_COLUMNS = (
    Column("cost_usd", "Cost", "money"),
    Column("cost_7d_usd", "Last 7 days", "money"),
    UNPRICED,
    Column("requests", "Requests", "count"),
    Column("attempts", "Attempts", "count"),
    Column("prompt_tokens", "Prompt tokens", "count"),
    Column("completion_tokens", "Completion tokens", "count"),
    Column("average_latency_ms", "Average latency", "latency"),
    Column("retries", "Retries", "count"),
    Column("cache_hits", "Cache hits", "count"),
)
"""What the overview's ranking shows of each name."""

ALL_USAGE_COLUMNS = (
    *USAGE_COLUMNS[:1],
    Column("cost_share", "Share of cost", "share"),
    *USAGE_COLUMNS[1:],
    Column("failures", "Failures", "count"),
)
"""The same with all there is, for pages of their own."""

SPEND_COLUMNS = (
    Column("cost_usd", "Cost", "money"),
    Column("cost_share", "Share of cost", "share"),
    Column("cost_7d_usd", "Last 7 days", "money"),
    UNPRICED,
    Column("requests", "Requests", "count"),
    Column("attempts", "Attempts", "count"),
    Column("total_tokens", "Tokens", "count"),
)
"""Who pays how much, in short."""

DAY_COLUMNS = (
    Column("day", "Day", "day"),
    Column("cost_usd", "Cost", "money"),
    UNPRICED,
    Column("requests", "Requests", "count"),
    Column("attempts", "Attempts", "count"),
)
"""A day of one name."""

UNPRICED_MODELS = (
    Column("model", "Model", "name"),
    Column("provider", "Provider", "name"),
    Column("cost_basis", "Cost basis", "text"),
    Column("attempts", "Attempts", "count"),
    Column("tokens", "Tokens", "count"),
    Column("why", "Why", "text"),
    Column("nearest_price", "Nearest known price", "text"),
    Column("nearest_model", "Of", "text"),
    Column("nearest_source", "According to", "text"),
)
"""What has no cost, and the price to look at first."""

REQUEST_COLUMNS = (
    Column("request_id", "Request", "request", link="request_page"),
    Column("last_seen", "Last seen", "instant"),
    Column("cost_usd", "Cost", "money"),
    Column("attempts", "Attempts", "count"),
    UNPRICED,
    Column("prompt_tokens", "Prompt tokens", "count"),
    Column("completion_tokens", "Completion tokens", "count"),
    Column("latency_ms_sum", "Latency", "latency"),
    Column("model", "Model", "name"),
    Column("final_status", "Status", "text"),
    Column("tenant_id", "Tenant", "name", link="tenant_page"),
)


def usage_row(row: Row, report: Report) -> dict[str, Any]:
    """A row of features.sql or tenants.sql with what is worked out for the eye: average latency and share
    of cost."""
    return {
        **row,
        "average_latency_ms": average(row["latency_ms_sum"], row["latency_count"]),
        "cost_share": ratio(row["cost_usd"], report.totals["cost_usd"]),
    }


def unpriced_row(row: Row) -> dict[str, Any]:
    """A row of `Report.unpriced_models` with its proposal in words; None where there is none."""
    nearest = row["proposal"]
    return {
        **row,
        "nearest_price": nearest and nearest.price,
        "nearest_model": nearest and f"{nearest.provider}/{nearest.model}",
        "nearest_source": nearest and nearest.origin,
    }


def request_row(row: Row, report: Report) -> dict[str, Any]:
    """A request with the pages to link, where they exist."""
    return {
        **row,
        "request_page": report.sitemap.requests.get(row["request_id"]),
        "feature_page": report.sitemap.features.get(row["feature"]),
        "tenant_page": report.sitemap.tenants.get(row["tenant_id"]),
    }


def known_sum(values: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of the known amounts: None when there are amounts and not one is known, 0 when there are none
    at all."""
    amounts = list(values)
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known or not amounts else None
