"""The costliest requests, and a page for each with one row per attempt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tokencost_pipeline.reports.model import Column, CsvFile, Page, Row, Table
from tokencost_pipeline.reports.numbers import ratio
from tokencost_pipeline.reports.pages.shared import (
    AS_SERVED,
    OVERVIEW,
    REQUEST_COLUMNS,
    REQUESTS,
    UNPRICED,
    request_row,
)
from tokencost_pipeline.reports.report import Report
from tokencost_pipeline.reports.source import Result, choose_days
from tokencost_pipeline.reports.text import label

SUMMARY = (
    Column("attempts", "Attempts", "count"),
    Column("retries", "Retries", "count"),
    Column("cost_usd", "Cost", "money"),
    UNPRICED,
    Column("wasted_cost_usd", "Wasted", "optional_money"),
    Column("prompt_tokens", "Prompt", "count"),
    Column("completion_tokens", "Completion", "count"),
    Column("total_tokens", "Tokens", "count"),
    Column("prompt_share", "Prompt share", "share"),
)
# Names and dates break at their hyphens where a table is too wide: no more columns than fit beside a model name.
ATTEMPTS = (
    Column("attempt", "#", "count"),
    Column("occurred_at", "Time", "clock"),
    Column("cost_usd", "Cost", "money"),
    Column("cost_share", "Share", "share"),
    Column("latency_ms", "Latency", "latency"),
    Column("model", "Model", "name"),
    Column("provider", "Provider", "name"),
    Column("status", "Status", "text"),
    Column("retries", "Retries", "count"),
)
PRICES = (
    Column("attempt", "#", "count"),
    Column("cost_basis", "Cost basis", "text"),
    Column("price_version", "Price version", "text"),
    Column("reported_cost_usd", "Gateway says", "optional_money"),
    Column("asked", "Model asked", "text"),
    Column("region", "Region", "text"),
    Column("prompt_template_id", "Template", "text"),
)
TOKENS = (
    Column("attempt", "#", "count"),
    Column("prompt_tokens", "Prompt", "count"),
    Column("cache_read_tokens", "of it cached", "count"),
    Column("cache_write_5m_tokens", "cache write 5m", "count"),
    Column("cache_write_1h_tokens", "cache write 1h", "count"),
    Column("completion_tokens", "Completion", "count"),
    Column("reasoning_tokens", "of it reasoning", "count"),
    Column("total_tokens", "Total", "count"),
    Column("cache_hit", "Cache hit", "flag"),
)
CSV_COLUMNS = (
    "request_id",
    "feature",
    "tenant_id",
    "user_id",
    "first_seen",
    "last_seen",
    "provider",
    "model",
    "final_status",
    "attempts",
    "retries",
    "unpriced_attempts",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "prompt_share",
    "latency_ms_sum",
    "cost_usd",
    "wasted_cost_usd",
    "place",
)


def pages(report: Report) -> Iterator[Page]:
    """The list of the requests that have a page, then those pages."""
    requests = [request_row(row, report) for row in report.sitemap.request_rows]
    yield Page(
        path="requests/index",
        title="Costliest requests",
        template="requests",
        values={
            "requests": Table(
                (*REQUEST_COLUMNS, Column("feature", "Feature", "name", link="feature_page")),
                requests,
                empty="No requests yet.",
                csv="requests",
            ),
            "limits": report.limits,
            "totals": report.totals,
            "unpriced": report.unpriced,
        },
        parents=(OVERVIEW,),
    )
    yield Page(
        path="request/index",
        title="Request",
        template="request_lookup",
        values={},
        parents=(OVERVIEW, REQUESTS),
        face="html",
    )
    attempts: dict[str, list[Row]] = defaultdict(list)
    for row in _attempts(report):
        attempts[row["request_id"]].append(row)
    for request in requests:
        yield _request_page(request, attempts[request["request_id"]], report.zone)


def csv_files(report: Report) -> Iterator[CsvFile]:
    """The requests that have a page, and their attempts."""
    rows = report.sitemap.request_rows
    yield CsvFile("requests", CSV_COLUMNS, rows)
    attempts = _attempts(report)
    yield CsvFile("request_attempts", attempts.columns, attempts.rows)


def _attempts(report: Report) -> Result:
    days = {
        first + timedelta(days=n)
        for row in report.sitemap.request_rows
        for first, last in [
            [row[seen].astimezone(report.zone).date() for seen in ("first_seen", "last_seen")]
        ]
        for n in range((last - first).days + 1)
    }
    choose_days(report.connection, "fct_attempts", days)
    return report.query("request_attempts", request_ids=tuple(report.sitemap.requests))


def _request_page(request: Row, attempts: list[Row], zone: ZoneInfo) -> Page:
    rows = [_attempt_row(row, request) for row in attempts]
    one_day = len({row["occurred_at"].astimezone(zone).date() for row in rows}) < 2
    columns = (
        ATTEMPTS
        if one_day
        else tuple(replace(c, kind="instant") if c.kind == "clock" else c for c in ATTEMPTS)
    )
    above = [OVERVIEW, REQUESTS]
    if request["feature_page"]:
        above.append((request["feature_page"], f"Feature {label(request['feature'])}"))
    return Page(
        path=request["request_page"],
        title=f"Request {label(request['request_id'])}",
        template="request",
        values={
            "request": request,
            "summary": Table(SUMMARY, [request], empty="", csv="requests"),
            "attempts": Table(columns, rows, empty="No attempts are on record.", csv="request_attempts"),
            "tokens": Table(TOKENS, rows, empty="No attempts are on record."),
            "prices": Table(PRICES, rows, empty="No attempts are on record."),
            "rows": rows,
        },
        parents=tuple(above),
        face="markdown",  # the site opens any request by its id
    )


def _attempt_row(row: Row, request: Row) -> dict[str, Any]:
    asked, served = row["model_requested"], row["model"]
    status = row["status"]
    return {
        **row,
        "cost_share": ratio(row["cost_usd"], request["cost_usd"]),
        "asked": AS_SERVED if asked in (None, served) else label(asked),
        "price_version": (row["price_id"] or "").removeprefix(f"{row['provider']}/{served}@") or None,
        "status": f"{status or 'unknown'} ({row['error_code']})" if row["error_code"] else status,
    }
