"""Models by cost, and what their prices have been over time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from tokencost_pipeline.reports.model import Column, CsvFile, Page, Row, Table
from tokencost_pipeline.reports.pages.shared import (
    OVERVIEW,
    UNPRICED,
    UNPRICED_MODELS,
    unpriced_row,
    usage_row,
)
from tokencost_pipeline.reports.report import Report
from tokencost_pipeline.reports.source import Result

DAYS = 30
MODELS = (
    Column("model", "Model", "name"),
    Column("provider", "Provider", "name"),
    Column("badge", "Paid or free", "badge"),
    Column("cost_usd", "Cost", "money"),
    Column("cost_share", "Share of cost", "share"),
    Column("cost_7d_usd", "Last 7 days", "money"),
    UNPRICED,
    Column("requests", "Requests", "count"),
    Column("attempts", "Attempts", "count"),
    Column("prompt_tokens", "Prompt tokens", "count"),
    Column("completion_tokens", "Completion tokens", "count"),
    Column("average_latency_ms", "Average latency", "latency"),
    Column("failures", "Failures", "count"),
)
VERSIONS = (
    Column("model", "Model", "name"),
    Column("provider", "Provider", "name"),
    Column("standing", "Standing", "badge"),
    Column("effective_from", "From", "instant"),
    Column("effective_to", "Until", "instant"),
    Column("holds_for", "Holds for", "text"),
    Column("input_rate", "Input", "rate"),
    Column("cache_read_rate", "Cached input", "rate"),
    Column("cache_write_5m_rate", "Cache write", "rate"),
    Column("output_rate", "Output", "rate"),
    Column("currency", "Currency", "text"),
    Column("is_verified", "Checked", "flag"),
)


def pages(report: Report) -> Iterator[Page]:
    """The one page of models and prices."""
    versions = _versions(report)
    yield Page(
        path="models",
        title="Models and prices",
        template="models",
        values={
            "models": Table(
                MODELS,
                [_model_row(row, report) for row in report.query("models")],
                empty="No attempts yet, so no model has a cost.",
                csv="models",
            ),
            "versions": Table(
                VERSIONS,
                [_version_row(row) for row in versions],
                empty="The price book has no model that is in use.",
                csv="prices",
            ),
            "in_force": sum(row["standing"] == "IN FORCE" for row in versions),
            "past": sum(row["standing"] == "PAST" for row in versions),
            "to_come": sum(row["standing"] == "TO COME" for row in versions),
            "unpriced_models": Table(
                UNPRICED_MODELS,
                [unpriced_row(row) for row in report.unpriced_models],
                empty="Every attempt has a cost.",
                csv="unpriced",
            ),
            "totals": report.totals,
            "unpriced": report.unpriced,
        },
        parents=(OVERVIEW,),
    )


def csv_files(report: Report) -> Iterator[CsvFile]:
    """All models in use, and each version of their prices."""
    models, versions = report.query("models"), _versions(report)
    yield CsvFile("models", models.columns, models.rows)
    yield CsvFile("prices", versions.columns, versions.rows)


def _versions(report: Report) -> Result:
    return report.query("price_versions", days=DAYS)


def _model_row(row: Row, report: Report) -> dict[str, Any]:
    return {**usage_row(row, report), "badge": "PAID" if row["is_paid"] else "FREE"}


def _version_row(row: Row) -> dict[str, Any]:
    return {**row, "holds_for": _holds_for(row), "is_verified": _verified(row["source"])}


def _holds_for(row: Row) -> str:
    """Region, tier, time of day and context that a price is for, as far as it is not for all. The CSV file has the
    hours."""
    parts = [
        row["region"] if row["region"] not in (None, "default") else None,
        row["service_tier"] if row["service_tier"] not in (None, "standard") else None,
        row["price_window"] and "set hours",
        f"from {row['min_context_tokens']:,} prompt tokens" if row["min_context_tokens"] else None,
        f"below {row['max_context_tokens']:,} prompt tokens" if row["max_context_tokens"] else None,
    ]
    return ", ".join(part for part in parts if part) or "all calls"


def _verified(source: str | None) -> bool | None:
    """What the price book says about where a price is from: whether somebody checked it. None where it says nothing."""
    try:
        told = orjson.loads(source or "null")
    except orjson.JSONDecodeError:
        return None
    return told.get("verified") if isinstance(told, dict) else None
