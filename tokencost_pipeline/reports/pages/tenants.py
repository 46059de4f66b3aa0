"""Tenants by cost, and a page for each with its days, its features and its users."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from posixpath import basename

from tokencost_pipeline.reports.charts import definitions as charts
from tokencost_pipeline.reports.model import Column, CsvFile, Figure, Page, Row, Table
from tokencost_pipeline.reports.numbers import money
from tokencost_pipeline.reports.pages.shared import (
    ALL_USAGE_COLUMNS,
    DAY_COLUMNS,
    OVERVIEW,
    SPEND_COLUMNS,
    TENANTS,
    UNPRICED,
    USAGE_COLUMNS,
    known_sum,
    usage_row,
)
from tokencost_pipeline.reports.report import Report
from tokencost_pipeline.reports.source import Result
from tokencost_pipeline.reports.text import label

DAYS = 30
FEATURES = (
    Column("feature", "Feature", "name", link="page"),
    Column("cost_usd", "Cost", "money"),
    Column("cost_7d_usd", "Last 7 days", "money"),
    UNPRICED,
    Column("requests", "Requests", "count"),
    Column("attempts", "Attempts", "count"),
    Column("total_tokens", "Tokens", "count"),
)
USERS = (
    Column("user_id", "User", "name"),
    Column("cost_usd", "Cost", "money"),
    UNPRICED,
    Column("requests", "Requests", "count"),
    Column("attempts", "Attempts", "count"),
    Column("total_tokens", "Tokens", "count"),
    Column("last_seen", "Last seen", "instant"),
)
NO_DAY = {"cost_usd": Decimal(0), "requests": 0, "attempts": 0, "unpriced_attempts": 0}


def pages(report: Report) -> Iterator[Page]:
    """The ranking, then a page per tenant."""
    yield Page(
        path="tenants/index",
        title="Tenants",
        template="tenants",
        values={
            "tenants": ranking(report, ALL_USAGE_COLUMNS),
            "totals": report.totals,
            "unpriced": report.unpriced,
        },
        parents=(OVERVIEW,),
    )
    days = _by_tenant(report.query("tenant_daily", days=DAYS))
    features = _by_tenant(report.query("tenant_features"))
    users = _by_tenant(_users(report))
    for row in report.tenants:
        name = row["tenant_id"]
        if name in report.sitemap.tenants:
            yield _tenant_page(report, row, days[name], features[name], users[name])


def csv_files(report: Report) -> Iterator[CsvFile]:
    """All tenants; their days with traffic, features and dearest users."""
    yield CsvFile("tenants", report.tenants.columns, report.tenants.rows)
    for name, result in (
        ("tenant_days", report.query("tenant_daily", days=DAYS)),
        ("tenant_features", report.query("tenant_features")),
        ("tenant_users", _users(report)),
    ):
        yield CsvFile(name, result.columns, result.rows)


def ranking(report: Report, columns: Sequence[Column] = SPEND_COLUMNS, rows: int | None = None) -> Table:
    """Tenants, dearest first; the first `rows` of them, each with a link to its page."""
    return Table(
        columns=(Column("tenant_id", "Tenant", "name", link="page"), *columns),
        rows=[
            {**usage_row(row, report), "page": report.sitemap.tenants.get(row["tenant_id"])}
            for row in report.tenants.rows[:rows]
        ],
        empty="No attempts yet, so no tenant has a cost.",
        csv="tenants",
    )


def _tenant_page(report: Report, tenant: Row, busy: list[Row], features: list[Row], users: list[Row]) -> Page:
    path = report.sitemap.tenants[tenant["tenant_id"]]
    name = label(tenant["tenant_id"])
    by_day = {row["day"]: row for row in busy}
    window = [report.today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    days = [by_day.get(day, {"day": day, **NO_DAY}) for day in window]
    month = known_sum(row["cost_usd"] for row in busy)
    return Page(
        path=path,
        title=f"Tenant {name}",
        template="tenant",
        values={
            "summary": Table(USAGE_COLUMNS, [usage_row(tenant, report)], empty="", csv="tenants"),
            "tenant": tenant,
            "month": {"cost": month, "unpriced": sum(row["unpriced_attempts"] for row in busy), "days": DAYS},
            "daily": Table(
                DAY_COLUMNS, busy, empty=f"No attempts in the last {DAYS} days.", csv="tenant_days"
            ),
            "features": Table(
                FEATURES,
                [{**row, "page": report.sitemap.features.get(row["feature"])} for row in features],
                empty="No attempts yet.",
                csv="tenant_features",
            ),
            "users": Table(
                USERS,
                users,
                empty=f"No attempts in the last {DAYS} days.",
                csv="tenant_users",
                markdown_rows=report.limits.users_in_markdown,
            ),
            "limits": report.limits,
            "user_count": users[0]["users"] if users else 0,
        },
        figures={
            "daily": Figure(
                f"tenant-{basename(path)}",
                f"Cost of tenant {name} on each of the last {DAYS} days, {money(month)} in all.",
                partial(charts.daily_cost_of_many, days, so_far=report.today, made=report.charts),
                face="html",  # hundreds of pictures that change with every run would be dear, and the table is there
            )
        },
        parents=(OVERVIEW, TENANTS),
    )


def _users(report: Report) -> Result:
    return report.query("tenant_users", days=DAYS, rows=report.limits.users_per_tenant)


def _by_tenant(rows: Iterable[Row]) -> dict[str | None, list[Row]]:
    grouped: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row["tenant_id"]].append(row)
    return grouped
