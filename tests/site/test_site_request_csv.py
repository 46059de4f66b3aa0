"""The attempts of any request as a CSV file, exact to the last digit."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

from tests.site.hostile_names import HOSTILE
from tests.site.site_lab import Site
from tests.site.visit import visiting
from tokencost_pipeline.reports import csvs

FIELDS = (
    "attempt",
    "occurred_at",
    "event_id",
    "model",
    "status",
    "latency_ms",
    "cache_hit",
    "prompt_tokens",
    "price_id",
    "cost_usd",
    "reported_cost_usd",
    "path",
    "line_no",
)


@pytest.mark.parametrize("hostile", [None, HOSTILE[6], HOSTILE[16], HOSTILE[20]])
def test_a_request_is_downloaded_exactly(
    site: Site, browser: Browser, tmp_path: Path, hostile: str | None
) -> None:
    request = hostile or site.one(
        "select request_id from marts.fct_requests where attempts > 1 order by cost_usd desc, request_id limit 1"
    )
    with visiting(browser, 390) as visitor:
        visitor.go(f"{site.folder.as_uri()}/request/index.html?id={quote(request, safe='')}")
        visitor.request_shown()
        with visitor.page.expect_download() as downloading:
            visitor.page.get_by_role("button", name="CSV of request attempts").click()
        assert downloading.value.suggested_filename == "request_attempts.csv"
        downloading.value.save_as(tmp_path / "attempts.csv")
    content = (tmp_path / "attempts.csv").read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    told = site.ask(
        f"select {', '.join(FIELDS)} from marts.fct_attempts where request_id = ? order by attempt", request
    )
    assert [[row[field] for field in FIELDS] for row in rows] == [
        [csvs.cell(value) for value in row] for row in told
    ]
    assert {row["request_id"] for row in rows} == {csvs.cell(request)}
    assert told
    assert sum(Decimal(row["cost_usd"]) for row in rows) == site.one(
        "select cost_usd from marts.fct_requests where request_id = ?", request
    )
