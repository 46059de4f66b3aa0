"""Whether the figures can be trusted: what was read, refused, left without a price, and what the gateway
says."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from tokencost_pipeline.reports.model import Column, CsvFile, Page, Row, Table
from tokencost_pipeline.reports.pages.shared import OVERVIEW, UNPRICED_MODELS, unpriced_row
from tokencost_pipeline.reports.report import Report

_ALL_ROWS = 1_000_000  # a quarantine beyond this is a broken export, not a list to read

_RESTATEMENTS_SHOWN = 100

_COUNTERS = ("events", "duplicates", "conflicts", "quarantined", "ignored")
SOURCES = (
    Column("source", "Format", "text"),
    Column("files", "Files", "count"),
    Column("lines", "Lines", "count"),
    *(Column(name, name.capitalize(), "count") for name in _COUNTERS),
    Column("bytes_read", "Bytes read", "count"),
    Column("last_read_at", "Last read", "instant"),
)
FILES = (
    Column("path", "File", "text"),
    Column("source", "Format", "text"),
    Column("lines", "Lines", "count"),
    *(Column(name, name.capitalize(), "count") for name in _COUNTERS),
    Column("bytes_read", "Bytes read", "count"),
    Column("last_read_at", "Last read", "instant"),
)
UNKNOWN_FIELDS = (
    Column("source", "Format", "text"),
    Column("field", "Field", "text"),
    Column("records", "Records", "count"),
)
OBSERVATIONS = {
    "http_request": "client request",
    "provider_attempt": "call of the router",
    "ccproxy_panel": "routed by ccproxy",
}
PLAIN_LOGS = (
    Column("what", "What the log shows", "text"),
    Column("entity", "Path or model", "text"),
    Column("provider", "Provider", "text"),
    Column("outcome", "Outcome", "text"),
    Column("observations", "Lines", "count"),
)
QUARANTINE = (
    Column("path", "File", "text"),
    Column("line_no", "Line", "count"),
    Column("byte_offset", "Byte offset", "count"),
    Column("reason", "Why", "text"),
)
UNPRICED_COLUMNS = (
    *UNPRICED_MODELS,
    Column("first_seen", "First seen", "instant"),
    Column("last_seen", "Last seen", "instant"),
)
REPORTED = (
    Column("model", "Model", "name"),
    Column("provider", "Provider", "name"),
    Column("attempts", "Attempts", "count"),
    Column("compared_attempts", "Compared", "count"),
    Column("computed_usd", "We compute", "optional_money"),
    Column("reported_usd", "Gateway says", "optional_money"),
    Column("gap_usd", "Gap", "optional_money"),
    Column("only_computed_attempts", "Only we have a cost", "count"),
    Column("only_reported_attempts", "Only the gateway has a cost", "count"),
)
RESTATEMENTS = (
    Column("restated_at", "Restated", "instant"),
    Column("day", "Day", "day"),
    Column("tenant_id", "Tenant", "name"),
    Column("model", "Model", "name"),
    Column("attempts", "Attempts", "count"),
    Column("before_usd", "Published", "optional_money"),
    Column("after_usd", "Now", "optional_money"),
    Column("difference_usd", "Difference", "optional_money"),
    Column("why", "Why", "text"),
)
RECONCILIATION = (
    Column("provider", "Provider", "name"),
    Column("model", "Model", "text"),
    Column("cause_label", "Cause", "text"),
    Column("days", "Days", "count"),
    Column("first_day", "First day", "day"),
    Column("last_day", "Last day", "day"),
    Column("invoiced_usd", "Invoiced", "optional_money"),
    Column("computed_usd", "We compute", "optional_money"),
    Column("gap_usd", "Gap", "optional_money"),
    Column("unpriced_attempts", "Unpriced attempts", "count"),
)
CAUSES = {
    "none": "agrees",
    "unpriced_models": "attempts without a price",
    "missing_traffic": "billed, never seen here",
    "price_difference": "another price",
    "unexplained": "unexplained",
    "other_currency": "not in USD, not compared",
}


def pages(report: Report) -> Iterator[Page]:
    """The one data quality page."""
    files = report.query("files").rows
    totals = report.query("ingest_totals").one()
    quarantine = report.query("quarantine", rows=report.limits.quarantine_rows).rows
    reported = report.query("reported_vs_computed").rows
    differing = [row for row in reported if not _agrees(row)]
    reconciliation = report.query("reconciliation").rows
    restated = report.query("restatements").rows
    yield Page(
        path="data_quality",
        title="Data quality",
        template="data_quality",
        values={
            "ingest": {**totals, **{name: sum(row[name] for row in files) for name in ("lines", *_COUNTERS)}},
            "refused": totals["quarantined"],
            "files": Table(FILES, files, empty="No file has been read yet.", csv="files"),
            "sources": Table(
                SOURCES, report.query("sources").rows, empty="No file has been read yet.", csv="sources"
            ),
            "unknown_fields": Table(
                UNKNOWN_FIELDS,
                report.query("unknown_fields").rows,
                empty="Every field is one of its format.",
                csv="unknown_fields",
            ),
            "plain_logs": Table(
                PLAIN_LOGS,
                [
                    {**row, "what": OBSERVATIONS[row["observation"]]}
                    for row in report.query("plain_logs").rows
                ],
                empty="No plain log has been read.",
                csv="plain_logs",
            ),
            "quarantine": Table(QUARANTINE, quarantine, empty="Nothing was refused.", csv="quarantine"),
            "listed": len(quarantine),
            "unpriced": report.unpriced,
            "totals": report.totals,
            "unpriced_models": Table(
                UNPRICED_COLUMNS,
                [unpriced_row(row) for row in report.unpriced_models],
                empty="Every attempt has a cost.",
                csv="unpriced",
            ),
            "reported": Table(
                REPORTED,
                differing,
                empty="No model differs." if reported else "No source reports a cost of its own.",
                csv="reported_vs_computed",
            ),
            "invoiced": _invoiced(reconciliation),
            "reconciliation": Table(
                RECONCILIATION,
                [{**row, "cause_label": CAUSES.get(row["cause"], row["cause"])} for row in reconciliation],
                empty="No invoices: put cost exports of OpenAI or Anthropic into `raw/invoices/` to compare.",
                csv="reconciliation",
            ),
            "restated": sum((row["difference_usd"] for row in restated), Decimal(0)) if restated else None,
            "restatements": Table(
                RESTATEMENTS,
                restated[:_RESTATEMENTS_SHOWN],
                empty="No published cost has been changed.",
                csv="restatements",
            ),
            "restatements_left": max(0, len(restated) - _RESTATEMENTS_SHOWN),
            "agreeing": len(reported) - len(differing),
        },
        parents=(OVERVIEW,),
    )


def _agrees(row: Row) -> bool:
    """Whether there is nothing to look into: no gap, and no attempt that only the gateway has a cost for."""
    return row["gap_usd"] == 0 and not row["only_reported_attempts"]


def _invoiced(rows: list[Row]) -> dict[str, Decimal] | None:
    """Sums over everything that is compared, exact. None when nothing is."""
    compared = [row for row in rows if row["cause"] != "other_currency"]
    names = ("invoiced_usd", "gap_usd")
    return {name: sum((row[name] for row in compared), Decimal(0)) for name in names} if compared else None


def csv_files(report: Report) -> Iterator[CsvFile]:
    """Files, quarantine, attempts without a price by model, reported and invoiced against computed cost, and
    what was restated."""
    for name, result in (
        ("files", report.query("files")),
        ("quarantine", report.query("quarantine", rows=_ALL_ROWS)),
        ("reported_vs_computed", report.query("reported_vs_computed")),
        ("reconciliation", report.query("reconciliation")),
        ("restatements", report.query("restatements")),
        ("sources", report.query("sources")),
        ("unknown_fields", report.query("unknown_fields")),
        ("plain_logs", report.query("plain_logs")),
    ):
        yield CsvFile(name, result.columns, result.rows)
    yield _unpriced_csv(report)


def _unpriced_csv(report: Report) -> CsvFile:
    columns = (*report.query("unpriced_models").columns, "nearest_price", "nearest_model", "nearest_source")
    return CsvFile("unpriced", columns, [unpriced_row(row) for row in report.unpriced_models])
