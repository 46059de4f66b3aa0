"""What routing saved: what the same traffic would have cost at the baseline models."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from tokencost_pipeline.reports.charts import definitions as charts
from tokencost_pipeline.reports.model import Column, CsvFile, Figure, Page, Row, Table
from tokencost_pipeline.reports.numbers import money
from tokencost_pipeline.reports.pages.shared import AS_SERVED, OVERVIEW, UNPRICED
from tokencost_pipeline.reports.report import Report
from tokencost_pipeline.reports.stats import savings_against

DAYS = 30


def pages(report: Report) -> Iterator[Page]:
    """The one savings page."""
    daily = report.query("savings_daily", days=DAYS).rows
    saved, actual = report.savings["saved_usd"], report.totals["cost_usd"]
    hypothetical, percent = savings_against(actual, saved)
    yield Page(
        path="routing",
        title="Routing savings",
        template="routing",
        values={
            "savings": {**report.savings, "actual": actual, "hypothetical": hypothetical, "percent": percent},
            "models": _models_table(report),
            "daily": _daily_table(
                [row for row in daily if row["baseline_cost_usd"] or row["actual_cost_usd"]]
            ),
            "days": DAYS,
        },
        figures={
            "daily": Figure(
                "routing_savings",
                f"What was paid and what routing saved on each of the last {DAYS} days, "
                f"{money(sum(row['saved_usd'] for row in daily))} saved in all.",
                partial(charts.savings, daily, so_far=report.today),
            )
        },
        parents=(OVERVIEW,),
    )


def csv_files(report: Report) -> Iterator[CsvFile]:
    """Savings by model and by day."""
    for name, result in (
        ("savings", report.query("savings_models")),
        ("savings_days", report.query("savings_daily", days=DAYS)),
    ):
        yield CsvFile(name, result.columns, result.rows)


def _models_table(report: Report) -> Table:
    return Table(
        columns=(
            Column("model", "Model that served", "name"),
            Column("provider", "Provider", "name"),
            Column("badge", "Paid or free", "badge"),
            Column("requests", "Requests", "count"),
            Column("attempts", "Attempts", "count"),
            UNPRICED,
            Column("actual_cost_usd", "Actual cost", "money"),
            Column("baseline_cost_usd", "At the baseline", "money"),
            Column("saved_usd", "Saved", "money"),
            Column("baseline_models", "Baseline model", "text"),
        ),
        rows=[_model_row(row) for row in report.query("savings_models")],
        empty="No attempts yet, so nothing to compare.",
        csv="savings",
    )


def _model_row(row: Row) -> dict[str, Any]:
    own = row["baseline_models"] == f"{row['provider']}/{row['model']}"
    return {
        **row,
        "badge": "PAID" if row["is_paid"] else "FREE",
        "baseline_models": AS_SERVED if own else row["baseline_models"],
    }


def _daily_table(rows: list[Row]) -> Table:
    return Table(
        columns=(
            Column("day", "Day", "day"),
            Column("actual_cost_usd", "Actual cost", "money"),
            Column("baseline_cost_usd", "At the baseline", "money"),
            Column("saved_usd", "Saved", "money"),
            UNPRICED,
        ),
        rows=rows,
        empty=f"No attempts in the last {DAYS} days.",
        csv="savings_days",
    )
