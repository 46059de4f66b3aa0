"""Which pages there are: decided once, so that every link knows whether its target exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from tokencost_pipeline.reports.model import Row
from tokencost_pipeline.reports.source import query
from tokencost_pipeline.reports.text import slug


@dataclass(frozen=True)
class Limits:
    """How many pages and rows a report has; everything else is in the CSV files and the warehouse."""

    costliest_requests: int = 50
    requests_per_feature: int = 5
    feature_pages: int = 200
    requests_per_list: int = 50
    tenants_on_overview: int = 10
    unpriced_on_overview: int = 10
    quarantine_rows: int = 200


@dataclass(frozen=True)
class SiteMap:
    """Page paths (without suffix) by feature and by request id, and the rows of the requests that have a
    page."""

    features: Mapping[str | None, str]
    requests: Mapping[str, str]
    request_rows: tuple[Row, ...]


def plan(connection: duckdb.DuckDBPyConnection, features: list[Row], limits: Limits) -> SiteMap:
    """Choose the pages: the dearest features, and the costliest requests overall and of each feature."""
    requests = query(
        connection,
        "request_pages",
        overall=limits.costliest_requests,
        per_feature=limits.requests_per_feature,
    ).rows
    return SiteMap(
        features={
            row["feature"]: f"features/{slug(row['feature'])}" for row in features[: limits.feature_pages]
        },
        requests={row["request_id"]: f"requests/{slug(row['request_id'])}" for row in requests},
        request_rows=tuple(requests),
    )
