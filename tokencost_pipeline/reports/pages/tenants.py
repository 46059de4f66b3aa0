"""Tenants by cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokencost_pipeline.reports.model import Column, CsvFile, Page, Table
from tokencost_pipeline.reports.pages.shared import ALL_USAGE_COLUMNS, OVERVIEW, SPEND_COLUMNS, usage_row
from tokencost_pipeline.reports.report import Report


def pages(report: Report) -> Iterator[Page]:
    """The one page of all tenants."""
    yield Page(
        path="tenants",
        title="Tenants",
        template="tenants",
        values={
            "tenants": ranking(report, ALL_USAGE_COLUMNS),
            "totals": report.totals,
            "unpriced": report.unpriced,
        },
        parents=(OVERVIEW,),
    )


def csv_files(report: Report) -> Iterator[CsvFile]:
    """All tenants."""
    yield CsvFile("tenants", report.tenants.columns, report.tenants.rows)


def ranking(report: Report, columns: Sequence[Column] = SPEND_COLUMNS, rows: int | None = None) -> Table:
    """Tenants, dearest first; the first `rows` of them."""
    return Table(
        columns=(Column("tenant_id", "Tenant", "name"), *columns),
        rows=[usage_row(row, report) for row in report.tenants.rows[:rows]],
        empty="No attempts yet, so no tenant has a cost.",
        csv="tenants",
    )
