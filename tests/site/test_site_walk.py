"""The way down, by clicking: overview, feature, request, attempt. Every figure is what SQL says of the warehouse."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser

from tests.site.hostile_names import HOSTILE
from tests.site.site_lab import Site
from tests.site.site_server import served
from tests.site.visit import Theme, Visitor, visiting
from tokencost_pipeline.reports.numbers import count, latency, money, share

FEATURE = "summarise"
TOTALS = """
select sum(cost_usd), sum(attempts)::bigint, sum(requests)::bigint, sum(unpriced_attempts)::bigint from marts.agg_daily
"""


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    """Over HTTP below a path that is not the root."""
    with served(site.lab.settings.reports_dir, "/finance/costs/") as url:
        yield url


def where(site: Site, address: str, kind: str) -> str:
    return address if kind == "http" else f"{site.folder.as_uri()}/"


@pytest.mark.parametrize(
    ("kind", "width", "theme"),
    [
        ("http", 1440, "dark"),
        ("http", 390, "light"),
        ("file", 1440, "light"),
        ("file", 390, "dark"),
    ],
)
def test_from_the_overview_to_the_attempt(
    site: Site, address: str, browser: Browser, kind: str, width: int, theme: Theme
) -> None:
    with visiting(browser, width, theme) as visitor:
        page = visitor.page
        visitor.go(where(site, address, kind) + "index.html")
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        overview_is_right(site, visitor)
        looks = f"{theme}-{'phone' if width == 390 else 'desk'}"
        visitor.picture(f"site-overview-{looks}")

        visitor.follow(f'table[data-table="features"] tbody a:text-is("{FEATURE}")')
        assert "/features/" in page.url
        assert FEATURE in page.locator("h1").inner_text()
        feature_is_right(site, visitor)
        visitor.picture(f"site-feature-{looks}")

        [(dearest, *_)] = site.ask(
            "select request_id from marts.fct_requests where feature = ? order by cost_usd desc, request_id limit 1",
            FEATURE,
        )
        visitor.follow(f'table[data-table="costliest"] a:text-is("{dearest}")')
        visitor.request_shown()
        assert parse_qs(urlsplit(page.url).query)["id"] == [dearest]
        request_is_right(site, visitor, dearest)
        visitor.picture(f"site-request-{looks}")

        visitor.follow('a:text-is("Back to the feature")')
        assert "/features/" in page.url
        visitor.follow("header a.brand")
        assert page.locator("h1").inner_text() == "LLM spend overview"


def overview_is_right(site: Site, visitor: Visitor) -> None:
    cost, attempts, requests, unpriced = site.ask(TOTALS)[0]
    told = visitor.page.locator(".tiles").inner_text()
    assert money(cost) in told
    assert count(requests) in told
    assert count(attempts) in told
    assert count(unpriced) in told
    expected = site.ask(
        "select feature, sum(cost_usd), sum(attempts)::bigint from marts.agg_daily group by 1"
    )
    rows = {row["feature"]: row for row in visitor.rows("features")}
    for name, dollars, calls in expected:
        if name in rows:
            assert (rows[name]["cost_usd"], rows[name]["attempts"]) == (money(dollars), count(calls))
    assert FEATURE in rows


def feature_is_right(site: Site, visitor: Visitor) -> None:
    [(cost, requests, prompt)] = site.ask(
        "select sum(cost_usd), sum(requests)::bigint, sum(prompt_tokens)::bigint from marts.agg_daily"
        " where feature = ?",
        FEATURE,
    )
    [summary] = visitor.rows("feature_summary")
    assert summary["cost_usd"] == money(cost)
    assert summary["requests"] == count(requests)
    assert summary["prompt_tokens"] == count(prompt)
    newest = [
        name
        for (name,) in site.ask(
            "select request_id from marts.fct_requests where feature = ? order by last_seen desc, request_id limit 20",
            FEATURE,
        )
    ]
    assert {row["request_id"] for row in visitor.rows("newest")} >= set(newest)


def request_is_right(site: Site, visitor: Visitor, request: str) -> None:
    [(cost, attempts, retries, prompt)] = site.ask(
        "select cost_usd, attempts, retries, prompt_tokens from marts.fct_requests where request_id = ?",
        request,
    )
    [summary] = visitor.rows("The request in short")
    assert summary["Cost"] == money(cost)
    assert (summary["Attempts"], summary["Retries"]) == (count(attempts), count(retries))
    assert summary["Prompt tokens"] == count(prompt)
    expected = [
        {
            "#": count(number),
            "Cost": money(dollars),
            "Share": share(dollars / cost),
            "Latency": latency(milliseconds),
            "Model": model,
            "Provider": provider,
            "Status": status,
        }
        for number, dollars, milliseconds, model, provider, status in site.ask(
            "select attempt, cost_usd, latency_ms, model, provider, status from marts.fct_attempts"
            " where request_id = ? order by attempt",
            request,
        )
    ]
    shown = [{name: row[name] for name in expected[0]} for row in visitor.rows("Attempts")]
    assert shown == expected
    exact = [Decimal(row["Exact cost, USD"]) for row in visitor.rows("Price of each attempt")]
    assert sum(exact) == cost


def test_a_retried_request_shows_each_attempt_and_what_was_wasted(
    site: Site, address: str, browser: Browser
) -> None:
    [(request, wasted)] = site.ask(
        "select request_id, wasted_cost_usd from marts.fct_requests where retries > 0 and wasted_cost_usd > 0"
        " and tenant_id = 'acme' order by cost_usd desc, request_id limit 1"
    )
    with visiting(browser, 390) as visitor:
        visitor.go(f"{address}request/index.html?id={quote(request, safe='')}")
        visitor.request_shown()
        [summary] = visitor.rows("The request in short")
        assert summary["Wasted"] == money(wasted)
        assert len(visitor.rows("Attempts")) > 1


def test_a_request_that_is_not_there_is_said_to_be_missing(
    site: Site, address: str, browser: Browser
) -> None:
    with visiting(browser, 390) as visitor:
        visitor.go(f"{address}request/index.html?id=no-such-request")
        visitor.page.wait_for_function(
            "() => !/Looking/.test(document.querySelector('[data-request]').textContent)"
        )
        assert "no-such-request" in visitor.page.locator("[data-request]").inner_text()
        visitor.page.locator("[data-open-request] input[name=id]").fill("r0")
        visitor.page.locator("[data-open-request] button").first.click()
        visitor.page.wait_for_url("**/request/index.html?id=r0")


FILTERED = """
select sum(cost_usd), sum(attempts)::bigint, sum(unpriced_attempts)::bigint from marts.agg_daily
where day between ? and ? and tenant_id = ?
"""


@pytest.mark.parametrize(("kind", "tenant"), [("http", "acme"), ("file", HOSTILE[0])])
def test_filters_by_day_and_tenant_sum_up_to_what_sql_says(
    site: Site, address: str, browser: Browser, tmp_path: Path, kind: str, tenant: str
) -> None:
    first, last = ("2026-10-28", "2026-11-03") if kind == "http" else ("2026-10-25", "2026-11-06")
    cost, attempts, unpriced = site.ask(FILTERED, first, last, tenant)[0]
    assert attempts
    with visiting(browser, 1440) as visitor:
        page = visitor.page
        visitor.go(where(site, address, kind) + "features/index.html")
        unfiltered = visitor.rows("features")
        page.get_by_label("From").fill(first)
        page.get_by_label("To", exact=True).fill(last)
        page.get_by_label("Tenant").select_option(f"={tenant}")
        told = f"{money(cost)} in {count(attempts)} attempt"
        page.locator(".filters-note", has_text=told).wait_for()
        visitor.settled()
        assert f"({count(unpriced)} without a price)" in page.locator(".filters-note").inner_text()
        features_are_right(site, visitor, first, last, tenant)

        with page.expect_download() as downloading:
            page.locator('a[data-csv="features"]').click()
        saved = tmp_path / "features.csv"
        downloading.value.save_as(saved)
        rows = list(csv.DictReader(io.StringIO(saved.read_text("utf-8"), newline="")))
        assert sum(Decimal(row["cost_usd"]) for row in rows if row["cost_usd"]) == cost
        assert sum(int(row["attempts"]) for row in rows) == attempts
        assert not [row["feature"] for row in rows if row["feature"].startswith(("=", "+", "-", "@", "\t"))]

        query = parse_qs(urlsplit(page.url).query)
        assert query == {"from": [first], "to": [last], "tenant": [tenant]}
        pasted = page.url
        visitor.go("about:blank")
        visitor.go(pasted)
        page.locator(".filters-note", has_text=told).wait_for()
        features_are_right(site, visitor, first, last, tenant)
        page.get_by_role("button", name="Clear").click()
        page.wait_for_function("() => !document.documentElement.classList.contains('filtered')")
        assert visitor.rows("features") == unfiltered


def features_are_right(site: Site, visitor: Visitor, first: str, last: str, tenant: str) -> None:
    expected = {
        name: (money(cost), count(attempts), count(prompt))
        for name, cost, attempts, prompt in site.ask(
            "select feature, sum(cost_usd), sum(attempts)::bigint, sum(prompt_tokens)::bigint from marts.agg_daily"
            " where day between ? and ? and tenant_id = ? group by 1",
            first,
            last,
            tenant,
        )
    }
    shown = {
        row["feature"]: (row["cost_usd"], row["attempts"], row["prompt_tokens"])
        for row in visitor.rows("features")
    }
    assert shown == expected


def test_the_overview_follows_the_filters_too(site: Site, address: str, browser: Browser) -> None:
    with visiting(browser, 1440) as visitor:
        visitor.go(f"{address}index.html?from=2026-10-28&to=2026-11-03&tenant=acme")
        cost, attempts, _ = site.ask(FILTERED, "2026-10-28", "2026-11-03", "acme")[0]
        visitor.page.locator(".filters-note", has_text=money(cost)).wait_for()
        visitor.settled()
        assert money(cost) in visitor.page.locator(".tiles").inner_text()
        assert count(attempts) in visitor.page.locator(".tiles").inner_text()
        visitor.follow('nav[aria-label="Pages"] a:text-is("Features")')
        visitor.page.locator(".filters-note", has_text=money(cost)).wait_for()
        features_are_right(site, visitor, "2026-10-28", "2026-11-03", "acme")


def test_an_unfiltered_csv_is_the_published_one(
    site: Site, address: str, browser: Browser, tmp_path: Path
) -> None:
    with visiting(browser, 1440) as visitor:
        visitor.go(f"{address}tenants/index.html")
        with visitor.page.expect_download() as downloading:
            visitor.page.locator('a[data-csv="tenants"]').first.click()
        downloading.value.save_as(tmp_path / "tenants.csv")
    saved = (tmp_path / "tenants.csv").read_bytes()
    assert saved == (site.lab.settings.reports_dir / "csv" / "tenants.csv").read_bytes()
    rows = list(csv.DictReader(io.StringIO(saved.decode(), newline="")))
    assert sum(Decimal(row["cost_usd"]) for row in rows if row["cost_usd"]) == site.ask(TOTALS)[0][0]
