"""The overview: how much, who, where, and whether something is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from tokencost_pipeline.reports.charts import definitions as charts
from tokencost_pipeline.reports.model import Column, CsvFile, Figure, Page, Row, Table
from tokencost_pipeline.reports.numbers import average, day_label, money, ratio
from tokencost_pipeline.reports.pages import anomalies, features, tenants
from tokencost_pipeline.reports.pages.shared import UNPRICED, UNPRICED_MODELS, known_sum, unpriced_row
from tokencost_pipeline.reports.report import Report
from tokencost_pipeline.reports.stats import savings_against

DAYS = 7
HOURS = 72
HOUR_COLUMNS = (
    Column("hour", "Hour", "instant"),
    Column("prompt_tokens", "Prompt tokens", "count"),
    Column("completion_tokens", "Completion tokens", "count"),
    Column("attempts", "Attempts", "count"),
)
"""Only the HTML face has room for the table: folded."""


def pages(report: Report) -> Iterator[Page]:
    """The one overview page."""
    daily = report.query("daily_cost", days=DAYS).rows
    by_feature = report.query("feature_daily", days=DAYS).rows
    hourly = report.query("hourly_tokens", hours=HOURS).rows
    totals, unpriced = report.totals, report.unpriced
    week = known_sum(row["cost_usd"] for row in daily if row["attempts"])
    hypothetical, percent = savings_against(totals["cost_usd"], report.savings["saved_usd"])
    yield Page(
        path="index",
        title="LLM spend overview",
        template="overview",
        values={
            "week": {
                "cost": week,
                "unpriced": unpriced["attempts_7d"],
                "unpriced_tokens": unpriced["tokens_7d"],
            },
            "before": report.query("week_before").one(),
            "month": report.query("month_to_date").one(),
            "coverage": _coverage(report),
            "has_budgets": report.has_budgets,
            "totals": {**totals, "latency": average(*_latency(report))},
            "unpriced": unpriced,
            "unpriced_models": _unpriced_table(report),
            "unpriced_count": len(report.unpriced_models),
            "retries_inside": report.query("retries_inside").one()["retries"],
            "savings": {
                "saved": report.savings["saved_usd"],
                "hypothetical": hypothetical,
                "percent": percent,
            },
            "daily": _daily_table(daily),
            "tenants": tenants.ranking(report, rows=report.limits.tenants_on_overview),
            "tenant_count": len(report.tenants),
            "shown_tenants": min(len(report.tenants), report.limits.tenants_on_overview),
            "by_feature": _by_feature_table(by_feature, report),
            "hourly": {
                key: sum(row[key] for row in hourly) for key in ("prompt_tokens", "completion_tokens")
            },
            "hours": HOURS,
            "hours_table": Table(HOUR_COLUMNS, hourly[::-1], empty="No hours to show.", csv="hourly_tokens"),
            "features": features.ranking(report),
            "anomalies": anomalies.open_table(report, anomalies.SHORT),
            "lag_ms": _lag(report),
        },
        figures={
            "daily": Figure(
                "daily_cost",
                f"Cost of each of the last {DAYS} days, {money(week)} in all; figures in the table below.",
                partial(charts.daily_cost, daily, so_far=report.today),
            ),
            "tenants": Figure(
                "top_tenants",
                "The tenants with the highest cost, dearest first; figures in the table below.",
                partial(
                    charts.ranked_cost, report.tenants.rows[: report.limits.tenants_on_overview], "tenant_id"
                ),
            ),
            "by_feature": Figure(
                "cost_by_feature",
                f"Cost of each of the last {DAYS} days, stacked by feature; figures in the table below.",
                partial(charts.cost_by_feature, by_feature, so_far=report.today),
            ),
            "hourly": Figure(
                "hourly_tokens",
                f"Prompt and completion tokens in each of the last {HOURS} hours; figures in the CSV file.",
                partial(charts.hourly_tokens, hourly, report.zone),
            ),
        },
    )


def csv_files(report: Report) -> Iterator[CsvFile]:
    """Daily cost, cost by feature and day, hourly tokens."""
    for name, result in (
        ("daily_cost", report.query("daily_cost", days=DAYS)),
        ("cost_by_feature", report.query("feature_daily", days=DAYS)),
        ("hourly_tokens", report.query("hourly_tokens", hours=HOURS)),
    ):
        yield CsvFile(name, result.columns, result.rows)


def _unpriced_table(report: Report) -> Table:
    rows = report.unpriced_models[: report.limits.unpriced_on_overview]
    return Table(
        columns=[column for column in UNPRICED_MODELS if column.key != "cost_basis"],
        rows=[unpriced_row(row) for row in rows],
        empty="Every attempt has a cost.",
        csv="unpriced",
    )


def _daily_table(rows: list[Row]) -> Table:
    return Table(
        columns=(
            Column("day", "Day", "day"),
            Column("cost_usd", "Cost", "money"),
            UNPRICED,
            Column("requests", "Requests", "count"),
            Column("attempts", "Attempts", "count"),
            Column("prompt_tokens", "Prompt tokens", "count"),
            Column("completion_tokens", "Completion tokens", "count"),
        ),
        rows=rows,
        empty="No days to show.",
        csv="daily_cost",
    )


def _by_feature_table(rows: list[Row], report: Report) -> Table:
    """One row per feature and one column per day, features that cost or asked for anything in the window
    only."""
    by_feature: dict[str | None, list[Row]] = {}
    for row in rows:
        by_feature.setdefault(row["feature"], []).append(row)
    days = list(dict.fromkeys(row["day"] for row in rows))
    busy = [
        item["feature"]
        for item in report.features
        if any(row["attempts"] for row in by_feature[item["feature"]])
    ]
    lines = [
        {
            "feature": feature,
            "feature_page": report.sitemap.features.get(feature),
            **{f"{row['day']:%Y-%m-%d}": row["cost_usd"] for row in by_feature[feature]},
            "cost_usd": known_sum(row["cost_usd"] for row in by_feature[feature] if row["attempts"]),
            "unpriced_attempts": sum(row["unpriced_attempts"] for row in by_feature[feature]),
        }
        for feature in busy
    ]
    lines.sort(key=lambda line: -(line["cost_usd"] or 0))
    return Table(
        columns=(
            Column("feature", "Feature", "name", link="feature_page"),
            *(Column(f"{day:%Y-%m-%d}", day_label(day, report.today), "money") for day in days),
            Column("cost_usd", "7 days", "money"),
            UNPRICED,
        ),
        rows=lines,
        empty=f"No feature made an attempt in the last {DAYS} days.",
        csv="cost_by_feature",
    )


def _coverage(report: Report) -> dict[str, Any]:
    """Days with traffic among the days since the first, and attempts with a cost among all."""
    row = report.query("coverage").one()
    return {**row, "priced_share": ratio(row["priced_attempts"], row["attempts"])}


def _latency(report: Report) -> tuple[int, int]:
    rows = report.features.rows
    return sum(row["latency_ms_sum"] or 0 for row in rows), sum(row["latency_count"] or 0 for row in rows)


def _lag(report: Report) -> int | None:
    """Milliseconds between the newest event and as_of; None without events, and when there is less than a
    second between them or events lie after as_of."""
    newest = report.freshness["newest_event"]
    lag = 0 if newest is None else int((report.as_of - newest).total_seconds() * 1000)
    return lag if lag >= 1000 else None
