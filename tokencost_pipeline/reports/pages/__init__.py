"""The pages, one module each: `pages(report)` yields its pages, `csv_files(report)` the CSV files of their
tables."""

from __future__ import annotations

from types import ModuleType

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
