"""Which pages there are: decided once, so that every link knows whether its target exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import duckdb

from tokencost_pipeline.reports.model import Row
from tokencost_pipeline.reports.source import Result, query
from tokencost_pipeline.reports.text import slug


@dataclass(frozen=True)
class Limits:
    """How many pages and rows a report has; everything else is in the CSV files and the warehouse.

    `requests_per_list` is how many newest and costliest requests of a feature are listed; the Markdown face shows the
    first `requests_in_markdown` of them.
    """

    costliest_requests: int = 50
    requests_per_feature: int = 5
    feature_pages: int = 200
    tenant_pages: int = 200
    requests_per_list: int = 200
    requests_in_markdown: int = 50
    users_per_tenant: int = 50
    users_in_markdown: int = 10
    tenants_on_overview: int = 10
    unpriced_on_overview: int = 10
    quarantine_rows: int = 200

    @property
    def costliest_per_list(self) -> int:
        """How many of a feature's costliest requests have to be known, so that the costliest of all are among them."""
        return max(self.requests_per_list, self.costliest_requests, self.requests_per_feature)


@dataclass(frozen=True)
class SiteMap:
    """Page paths (without suffix) by feature, tenant and request id; the rows of the requests that have a page, and
    the newest and costliest requests of each feature."""

    features: Mapping[str | None, str]
    tenants: Mapping[str | None, str]
    requests: Mapping[str, str]
    request_rows: tuple[Row, ...]
    listed: Result


def _costliest_first(row: Row) -> tuple[bool, Decimal, float, str]:
    """The order of feature_requests.sql by cost."""
    cost = row["cost_usd"]
    return cost is None, -(cost or Decimal(0)), -row["last_seen"].timestamp(), row["request_id"]


def among(place: int | None, first: int) -> bool:
    """Whether something stands among the first ones of its list."""
    return place is not None and place <= first


def plan(
    connection: duckdb.DuckDBPyConnection, features: list[Row], tenants: list[Row], limits: Limits
) -> SiteMap:
    """Choose the pages: the dearest features and tenants, and the costliest requests overall and of each feature."""
    listed = query(
        connection,
        "feature_requests",
        newest=limits.requests_per_list,
        costliest=limits.costliest_per_list,
    )
    requests = sorted(
        (
            row
            for row in listed
            if among(row["place"], limits.costliest_requests)
            or among(row["place_by_cost"], limits.requests_per_feature)
        ),
        key=_costliest_first,
    )
    return SiteMap(
        features={
            row["feature"]: f"features/{slug(row['feature'])}" for row in features[: limits.feature_pages]
        },
        tenants={
            row["tenant_id"]: f"tenants/{slug(row['tenant_id'])}" for row in tenants[: limits.tenant_pages]
        },
        requests={row["request_id"]: f"requests/{slug(row['request_id'])}" for row in requests},
        request_rows=tuple(requests),
        listed=listed,
    )
