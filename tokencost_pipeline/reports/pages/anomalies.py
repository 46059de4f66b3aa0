"""Incidents: what cost more than it should have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tokencost_pipeline.reports.model import Column, CsvFile, Page, Row, Table
from tokencost_pipeline.reports.numbers import window
from tokencost_pipeline.reports.pages.shared import OVERVIEW
from tokencost_pipeline.reports.report import Report

SHORT = (
    Column("window", "Window", "text"),
    Column("severity", "Severity", "text"),
    Column("dimension", "What", "text"),
    Column("entity", "Name", "name", link="entity_page"),
    Column("actual_usd", "Actual", "money"),
    Column("expected_usd", "Expected", "optional_money"),
    Column("excess_usd", "Excess", "optional_money"),
    Column("times", "Times expected", "text"),
)
COLUMNS = (
    *SHORT,
    Column("rule", "Rule", "text"),
    Column("status", "Status", "text"),
    Column("incident_id", "Incident", "text"),
)


def pages(report: Report) -> Iterator[Page]:
    """The one page of incidents."""
    rows = _rows(report)
    settled = [row for row in rows if row["resolved_at"] is not None]
    yield Page(
        path="anomalies",
        title="Anomalies",
        template="anomalies",
        values={
            "open": open_table(report),
            "settled": Table(
                (*COLUMNS, Column("resolved_at", "Resolved", "instant")),
                settled,
                empty="No incident has been resolved yet.",
                csv="anomalies",
            ),
        },
        parents=(OVERVIEW,),
    )


def csv_files(report: Report) -> Iterator[CsvFile]:
    """All incidents."""
    result = report.query("anomalies")
    yield CsvFile("anomalies", result.columns, result.rows)


def open_table(report: Report, columns: Sequence[Column] = COLUMNS) -> Table:
    """Incidents that nobody resolved and that did not pass."""
    rows = [row for row in _rows(report) if row["resolved_at"] is None]
    return Table(columns, rows, empty="No open anomalies.", csv="anomalies")


def _rows(report: Report) -> list[dict[str, Any]]:
    return [_row(row, report) for row in report.query("anomalies")]


def _explained_by(row: Row, report: Report) -> str | None:
    """The page that shows where the cost came from."""
    match row["dimension"]:
        case "feature":
            return report.sitemap.features.get(row["entity"])
        case "tenant":
            return report.sitemap.tenants.get(row["entity"])
        case "model":
            return "models"
        case "total":
            return "features/index"
    return None


def _row(row: Row, report: Report) -> dict[str, Any]:
    page = _explained_by(row, report)
    times = None if row["ratio"] is None else f"{row['ratio']:.2f}×"
    named = {"dimension": None, "entity": "Total"} if row["dimension"] == "total" else {}
    span = window(row["window_from"], row["window_to"], report.zone)
    return {**row, **named, "window": span, "entity_page": page, "times": times}
