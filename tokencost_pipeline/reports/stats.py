"""The figures in a few lines, for machines: `api/stats.json` and `tokencost stats --json`."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import duckdb

from tokencost_pipeline.pricing.suggest import Suggest, nothing_to_suggest
from tokencost_pipeline.reports import exact_json
from tokencost_pipeline.reports.numbers import ratio
from tokencost_pipeline.reports.report import Report, open_report
from tokencost_pipeline.reports.text import NONE

PERCENT_STEP = Decimal("0.0001")


def read_stats(
    connection: duckdb.DuckDBPyConnection, suggest: Suggest = nothing_to_suggest
) -> dict[str, Any]:
    """The warehouse in figures, over everything in it.

    `connection` is what `source.open_exports` gives. Money is USD as Decimal, exact; None where no cost is
    known. `hypothetical_cost` is what the same traffic would have cost at the baseline models: actual cost
    plus what routing saved, so that attempts without a price are in neither. `unpriced_models` has a row for each
    provider, model and reason; `proposal` is the nearest known price (USD per 1,000,000 tokens) as `suggest` knows it
    and never used for a cost. Use `exact_json.dumps` to
    write it: Decimals become JSON numbers digit for digit.
    """
    return report_stats(open_report(connection, suggest=suggest))


def report_stats(report: Report) -> dict[str, Any]:
    """`read_stats` for a report that is open already."""
    totals, unpriced, freshness = report.totals, report.unpriced, report.freshness
    hypothetical, percent = savings_against(totals["cost_usd"], report.savings["saved_usd"])
    models = report.query("stats_models").rows
    return {
        "actual_cost": totals["cost_usd"],
        "hypothetical_cost": hypothetical,
        "total_saved": report.savings["saved_usd"],
        "savings_percent": percent,
        "total_requests": totals["requests"],
        "anthropic_requests": totals["anthropic_requests"],
        "local_requests": totals["local_requests"],
        "unpriced_requests": unpriced["requests"],
        "estimated": {"attempts": totals["estimated_attempts"], "cost": totals["estimated_cost_usd"]},
        "attempts": totals["attempts"],
        "unpriced": {
            "attempts": unpriced["attempts"],
            "tokens": unpriced["tokens"],
            "models": {_name(row): row["unpriced_attempts"] for row in models if row["unpriced_attempts"]},
        },
        "unpriced_models": [
            {
                "provider": row["provider"],
                "model": row["model"],
                "why": row["why"],
                "attempts": row["attempts"],
                "tokens": row["tokens"],
                "proposal": row["proposal"].figures if row["proposal"] else None,
            }
            for row in report.unpriced_models
        ],
        "quarantined": report.query("ingest_totals").one()["quarantined"],
        "models": {
            _name(row): {
                "count": row["count"],
                "requests": row["requests"],
                "cost": row["cost"],
                "is_paid": row["is_paid"],
            }
            for row in models
        },
        "window": {"from": freshness["first_event"], "to": freshness["newest_event"]},
        "timezone": report.zone.key,
        "last_updated": report.as_of,
    }


def savings_against(actual: Decimal | None, saved: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """(hypothetical cost, saved percent of it), None where the actual cost is not known."""
    if actual is None:
        return None, None
    part = ratio(saved, actual + saved)
    return actual + saved, Decimal(0) if part is None else (part * 100).quantize(
        PERCENT_STEP, ROUND_HALF_EVEN
    )


def render(stats: dict[str, Any]) -> str:
    """The stats as JSON text with exact numbers."""
    return exact_json.dumps(stats) + "\n"


def _name(row: Any) -> str:
    return NONE if row["model"] is None else row["model"]
