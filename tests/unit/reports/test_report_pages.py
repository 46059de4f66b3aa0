"""Tenants, users, models, prices, month to date and coverage: figures against SQL on the facts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import duckdb
import pytest
from sample_exports import Published, ago, build_warehouse, export, local, sample_attempts, scalar, unpriced

from tokencost_pipeline.reports.numbers import age, money, rate
from tokencost_pipeline.reports.pages import models, overview, tenants
from tokencost_pipeline.reports.publish import publish
from tokencost_pipeline.reports.report import Report, open_report
from tokencost_pipeline.reports.sitemap import Limits
from tokencost_pipeline.reports.source import open_exports, query
from tokencost_pipeline.reports.summaries import define
from tokencost_pipeline.reports.text import slug
from tokencost_pipeline.settings import Settings

SINCE = date(2026, 10, 23)
"""The first of the last 30 days."""


@pytest.fixture(scope="module")
def report(published: Published) -> Iterator[Report]:
    with open_exports(published.settings.exports_dir) as connection:
        yield open_report(connection, Limits())


def exact(published: Published, name: str) -> list[dict[str, str]]:
    text = (published.root / "csv" / f"{name}.csv").read_bytes().decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def known(rows: list[dict[str, str]], column: str = "cost_usd") -> Decimal:
    return sum((Decimal(row[column]) for row in rows if row[column]), Decimal(0))


def test_every_tenant_has_a_page_with_its_cost(published: Published) -> None:
    for tenant, cost in published.warehouse.execute(
        "select tenant_id, sum(cost_usd) from marts.fct_attempts group by tenant_id"
    ).fetchall():
        text = published.page(f"tenants/{slug(tenant)}")
        line = [it for it in text.split("## Since")[1].split("##")[0].splitlines() if it.startswith("| ")][2]
        assert line.split(" | ")[0] == f"| {money(cost)}", tenant


def test_users_and_days_of_tenants_add_up_to_the_last_30_days(published: Published) -> None:
    total = scalar(
        published.warehouse, f"select sum(cost_usd) from marts.fct_attempts where day >= '{SINCE}'"
    )
    attempts = scalar(published.warehouse, f"select count(*) from marts.fct_attempts where day >= '{SINCE}'")
    for name in ("tenant_users", "tenant_days"):
        assert known(exact(published, name)) == total, name
        assert known(exact(published, name), "attempts") == attempts, name
    users = scalar(
        published.warehouse,
        f"select count(*) from (select distinct tenant_id, user_id from marts.fct_attempts where day >= '{SINCE}')",
    )
    assert len(exact(published, "tenant_users")) == users


def test_features_of_tenants_add_up_to_everything(published: Published) -> None:
    assert known(exact(published, "tenant_features")) == scalar(
        published.warehouse, "select sum(cost_usd) from marts.fct_attempts"
    )


def test_only_the_dearest_users_are_listed_and_the_page_says_how_many_there_are(published: Published) -> None:
    with open_exports(published.settings.exports_dir) as connection:
        report = open_report(connection, Limits(users_per_tenant=1, tenant_pages=2))
        first, *rest = tenants.pages(report)
    assert first.path == "tenants/index"
    assert len(rest) == 2
    for page in rest:
        assert len(page.values["users"].rows) == 1
    links = [row["page"] for row in first.values["tenants"].rows]
    assert [link is not None for link in links] == [True, True, *[False] * (len(links) - 2)]


def test_a_tenants_chart_has_every_day_of_the_window(report: Report) -> None:
    page = next(page for page in tenants.pages(report) if page.title == "Tenant globex")
    days = page.figures["daily"].draw.args[0]  # type: ignore[attr-defined]
    assert len(days) == tenants.DAYS
    assert sum(row["cost_usd"] for row in days) == page.values["month"]["cost"]
    assert len(page.values["daily"].rows) < tenants.DAYS


def test_models_add_up_to_everything_and_the_free_ones_say_so(published: Published, report: Report) -> None:
    assert known(exact(published, "models")) == scalar(
        published.warehouse, "select sum(cost_usd) from marts.fct_attempts"
    )
    (page,) = models.pages(report)
    badges = {row["model"]: row["badge"] for row in page.values["models"].rows}
    assert badges["qwen2.5-coder:32b"] == "FREE"
    assert badges["claude-opus-4-20250514"] == "PAID"
    assert badges["mystery-1"] == "PAID"


def test_prices_over_time_are_those_of_models_in_use_by_their_name_or_by_what_priced_them(
    published: Published,
) -> None:
    rows = exact(published, "prices")
    assert [(row["price_id"], row["standing"]) for row in rows] == [
        ("opus@new", "IN FORCE"),
        ("opus@old", "PAST"),
        ("opus@soon", "TO COME"),
        ("price-1", "IN FORCE"),
    ]
    text = published.page("models")
    assert "2 in force, 1 past, 1 to come" in text
    (line,) = [it for it in text.splitlines() if "TO COME" in it]
    assert "eu, batch, set hours, from 200,001 prompt tokens | 7.500000001 | – | – | 37.5 | EUR | – |" in line
    (line,) = [it for it in text.splitlines() if "**PAST**" in it]
    assert (
        "2025-05-22 02:00:00 | 2026-11-01 01:00:00 | all calls | 18 | 1.8 | 22.5 | 90 | USD | yes |" in line
    )


def test_how_long_ago_is_told_in_units_people_count_in() -> None:
    assert age(360_000) == "6 min 0 s"
    assert age(59 * 60_000 + 59_000) == "59 min 59 s"
    assert age(43_295_000) == "12 h 1 min"
    assert age(48 * 3_600_000) == "2 days 0 h"
    assert age(1_234 * 86_400_000) == "1,234 days 0 h"


def test_a_rate_is_exact_and_unknown_is_not_nothing() -> None:
    assert rate(Decimal("0.150000000")) == "0.15"
    assert rate(Decimal("1250.000000000")) == "1,250"
    assert rate(Decimal("100")) == "100"
    assert rate(Decimal("0E-9")) == "0"
    assert rate(None) == "–"


def test_month_to_date_and_the_month_before_are_sums_of_their_days(
    published: Published, report: Report
) -> None:
    month = report.query("month_to_date").one()
    for name, bounds in (
        ("cost_usd", "day >= '2026-11-01'"),
        ("before_usd", "day between '2026-10-01' and '2026-10-31'"),
    ):
        assert month[name] == scalar(
            published.warehouse, f"select sum(cost_usd) from marts.fct_attempts where {bounds}"
        )
    assert f"| **{money(month['cost_usd'])}** |" in published.page("index")
    assert f"since 2026-11-01; the month before {money(month['before_usd'])}" in published.page("index")


def test_coverage_counts_days_with_traffic_and_attempts_with_a_cost(
    published: Published, report: Report
) -> None:
    row = report.query("coverage").one()
    assert row["days_with_traffic"] == scalar(
        published.warehouse, "select count(distinct day) from marts.fct_attempts"
    )
    assert row["priced_attempts"] == scalar(
        published.warehouse, "select count(cost_usd) from marts.fct_attempts"
    )
    assert row["days"] == 34
    assert f"{row['days_with_traffic']} of 34 days since 2026-10-19 have traffic." in published.page("index")


def test_page_one_says_plainly_whether_there_are_budgets(published: Published) -> None:
    assert "No budgets are set: there is no `pricing/budgets.yaml`" in published.page("index")
    with open_exports(published.settings.exports_dir) as connection:
        (page,) = overview.pages(open_report(connection, has_budgets=True))
    assert page.values["has_budgets"] is True


def test_open_anomalies_lead_to_what_explains_them(published: Published) -> None:
    (line,) = [it for it in published.page("index").splitlines() if "| 3.12× |" in it]
    assert f"[batch](features/{slug('batch')}.md)" in line
    assert f"](tenants/{slug('a|b')}.md)" not in published.page(
        "anomalies"
    )  # it has no page: nobody of that name


RANKED = """
with placed as (
    select *,
        row_number() over (partition by feature order by last_seen desc, request_id) as by_time,
        row_number() over (partition by feature order by cost_usd desc nulls last, last_seen desc, request_id)
            as by_cost,
        row_number() over (order by cost_usd desc nulls last, last_seen desc, request_id) as place
    from marts.fct_requests
)
select
    feature,
    request_id,
    case when by_time <= $n then by_time end,
    case when by_cost <= $n then by_cost end,
    case when place <= $n then place end
from placed where by_time <= $n or by_cost <= $n
"""


@pytest.mark.parametrize("most", [1, 2, 5, 1000])
def test_the_lists_of_requests_are_what_ranking_all_of_them_gives(most: int) -> None:
    """Also with equal costs and instants, without any cost, and for features with fewer requests than the list."""
    same = [local(ago(1), f"same-{n}") for n in (3, 1, 2)]
    dull = [replace(unpriced(ago(hours=n), f"dull-{n}"), feature=None) for n in range(4)]
    warehouse = build_warehouse([*sample_attempts(), *same, *dull])
    listed = _query(warehouse, most)
    ranked = warehouse.execute(RANKED, {"n": most}).fetchall()
    assert sorted(listed, key=str) == sorted(ranked, key=str)
    warehouse.close()


def _query(warehouse: duckdb.DuckDBPyConnection, most: int) -> list[tuple[object, ...]]:
    define(warehouse, Limits(requests_per_list=most, costliest_requests=most, requests_per_feature=most))
    rows = query(warehouse, "feature_requests", newest=most, costliest=most)
    names = ("feature", "request_id", "place_by_time", "place_by_cost", "place")
    return [tuple(row[name] for name in names) for row in rows]


def test_nothing_at_all_has_every_page_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("empty")
    settings = Settings(data_dir=folder / "data", reports_dir=folder / "out")
    warehouse = build_warehouse(list(sample_attempts())[:1])
    for relation in ("fct_attempts", "fct_requests", "agg_hourly", "agg_daily", "routing_savings_daily"):
        warehouse.execute(f"delete from marts.{relation}")
    export(warehouse, settings.exports_dir)
    publish(settings)
    for path in (
        "index",
        "models",
        "tenants/index",
        "features/index",
        "requests/index",
        "routing",
        "data_quality",
    ):
        assert "2026-11-21 11:30:00" in (folder / "out" / "site" / f"{path}.html").read_text("utf-8")
    warehouse.close()
