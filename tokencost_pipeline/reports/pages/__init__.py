"""The pages, one module each: `pages(report)` yields its pages, `csv_files(report)` the CSV files of their
tables."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from tokencost_pipeline.reports.pages import (
    anomalies,
    features,
    models,
    overview,
    quality,
    requests,
    routing,
    tenants,
)
from tokencost_pipeline.reports.report import Report

MODULES: tuple[ModuleType, ...] = (
    overview,
    features,
    requests,
    tenants,
    models,
    routing,
    quality,
    anomalies,
)

NAVIGATION = (
    ("index", "Overview"),
    ("features/index", "Features"),
    ("requests/index", "Requests"),
    ("tenants/index", "Tenants"),
    ("models", "Models and prices"),
    ("routing", "Routing savings"),
    ("data_quality", "Data quality"),
    ("anomalies", "Anomalies"),
)


def on_every_page(report: Report, late: str | None) -> dict[str, Any]:
    """What the templates of both faces say on each page. `late`: which runs failed before this one."""
    return {
        "as_of": report.as_of,
        "today": report.today,
        "zone": report.zone.key,
        "is_sample": report.is_sample,
        "late": late,
        "freshness": report.freshness,
        "navigation": NAVIGATION,
    }
