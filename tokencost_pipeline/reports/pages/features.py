"""Features by cost, and a page for each with its days and its requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from posixpath import basename

from tokencost_pipeline.reports.charts import definitions as charts
from tokencost_pipeline.reports.model import Column, CsvFile, Figure, Page, Row, Table
from tokencost_pipeline.reports.numbers import money
from tokencost_pipeline.reports.pages.shared import (
    ALL_USAGE_COLUMNS,
    DAY_COLUMNS,
    FEATURES,
    OVERVIEW,
    REQUEST_COLUMNS,
    USAGE_COLUMNS,
    known_sum,
    request_row,
    usage_row,
)
from tokencost_pipeline.reports.report import Report
from tokencost_pipeline.reports.sitemap import among
from tokencost_pipeline.reports.text import label

DAYS = 30


def pages(report: Report) -> Iterator[Page]:
    """The ranking, then a page per feature."""
    yield Page(
        path="features/index",
        title="Features",
        template="features",
        values={
            "features": ranking(report, ALL_USAGE_COLUMNS),
            "totals": report.totals,
            "unpriced": report.unpriced,
        },
        parents=(OVERVIEW,),
    )
    days = _by_feature(report.query("feature_daily", days=DAYS))
    requests = _by_feature(report.sitemap.listed)
    for row in report.features:
        if row["feature"] in report.sitemap.features:
            yield _feature_page(report, row, days[row["feature"]], requests[row["feature"]])


def csv_files(report: Report) -> Iterator[CsvFile]:
    """All features, their days, and the requests that their pages list."""
    yield CsvFile("features", report.features.columns, report.features.rows)
    for name, result in (
        ("feature_days", report.query("feature_daily", days=DAYS)),
        ("feature_requests", report.sitemap.listed),
    ):
        yield CsvFile(name, result.columns, result.rows)


def ranking(report: Report, columns: Sequence[Column] = USAGE_COLUMNS) -> Table:
    """All features, dearest first, each with a link to its page."""
    return Table(
        columns=(Column("feature", "Feature", "name", link="page"), *columns),
        rows=[
            {**usage_row(row, report), "page": report.sitemap.features.get(row["feature"])}
            for row in report.features
        ],
        empty="No attempts yet, so no feature has a cost.",
        csv="features",
    )


def _feature_page(report: Report, feature: Row, days: list[Row], requests: list[Row]) -> Page:
    path = report.sitemap.features[feature["feature"]]
    name = label(feature["feature"])
    month = known_sum(row["cost_usd"] for row in days if row["attempts"])
    newest = [row for row in requests if row["place_by_time"]]
    costliest = sorted(
        (row for row in requests if among(row["place_by_cost"], report.limits.requests_per_list)),
        key=lambda row: row["place_by_cost"],
    )
    return Page(
        path=path,
        title=f"Feature {name}",
        template="feature",
        values={
            "summary": Table(USAGE_COLUMNS, [usage_row(feature, report)], empty="", csv="features"),
            "feature": feature,
            "limits": report.limits,
            "month": {"cost": month, "unpriced": sum(row["unpriced_attempts"] for row in days), "days": DAYS},
            "daily": _daily_table([row for row in days if row["attempts"]]),
            "newest": _requests_table(report, newest),
            "costliest": _requests_table(report, costliest),
        },
        figures={
            "daily": Figure(
                f"feature-{basename(path)}",
                f"Cost of feature {name} on each of the last {DAYS} days, {money(month)} in all.",
                partial(charts.daily_cost_of_many, days, so_far=report.today, made=report.charts),
            )
        },
        parents=(OVERVIEW, FEATURES),
    )


def _daily_table(rows: list[Row]) -> Table:
    return Table(
        columns=DAY_COLUMNS,
        rows=rows,
        empty=f"No attempts in the last {DAYS} days.",
        csv="feature_days",
    )


def _requests_table(report: Report, rows: list[Row]) -> Table:
    return Table(
        columns=REQUEST_COLUMNS,
        rows=[request_row(row, report) for row in rows],
        empty="No requests yet.",
        csv="feature_requests",
        markdown_rows=report.limits.requests_in_markdown,
    )


def _by_feature(rows: Iterable[Row]) -> dict[str | None, list[Row]]:
    grouped: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["feature"]].append(row)
    return grouped
