"""Each table and tile that follows the filters says what SQL says of the same days and names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser

from tests.site.hostile_names import HOSTILE
from tests.site.site_lab import AS_OF, ZONE, Site
from tests.site.visit import Visitor, visiting
from tokencost_pipeline.reports.numbers import average, count, latency, money, ratio, share
from tokencost_pipeline.reports.text import label

TODAY = "2026-11-06"
COLUMNS = {"tenant": "tenant_id", "feature": "feature", "model": "model"}
USAGE = (
    "sum(cost_usd), sum(unpriced_attempts)::bigint, sum(requests)::bigint, sum(attempts)::bigint,"
    " sum(prompt_tokens)::bigint, sum(completion_tokens)::bigint, sum(latency_ms_sum)::bigint,"
    " sum(latency_count)::bigint, sum(retries)::bigint, sum(cache_hits)::bigint"
)
Filter = dict[str, str | None]


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    with visiting(browser, 1440) as found:
        yield found


def open_filtered(site: Site, visitor: Visitor, page: str, asked: Filter) -> None:
    """Names are in the address as they are; "~" stands for none, and is doubled in front of a name."""
    query = {key: "~" if value is None else value for key, value in asked.items()}
    visitor.go(f"{site.folder.as_uri()}/{page}.html?{urlencode(query)}")
    visitor.page.wait_for_selector("html.filtered [data-filters]:not([aria-busy])")
    visitor.settled()


def where(asked: Filter) -> tuple[str, list[Any]]:
    tests, values = ["day between ? and ?"], [asked.get("from", "0001-01-01"), asked.get("to", TODAY)]
    for key, column in COLUMNS.items():
        if key in asked:
            tests.append(f"{column} is not distinct from ?")
            values.append(asked[key])
    return " and ".join(tests), values


def usage(site: Site, asked: Filter, *names: str) -> dict[tuple[Any, ...], dict[str, str]]:
    """Names -> the cells that a row of sums shows."""
    test, values = where(asked)
    keys = ", ".join(names)
    rows = site.ask(f"select {keys}, {USAGE} from marts.agg_daily where {test} group by {keys}", *values)
    whole = site.ask(f"select sum(cost_usd) from marts.agg_daily where {test}", *values)[0][0]
    found = {}
    for row in rows:
        cost, unpriced, requests, attempts, prompt, completion, waited, timed, retries, hits = row[
            len(names) :
        ]
        found[row[: len(names)]] = {
            "cost_usd": money(cost),
            "cost_share": share(ratio(cost, whole)),
            "unpriced_attempts": count(unpriced),
            "requests": count(requests),
            "attempts": count(attempts),
            "prompt_tokens": count(prompt),
            "completion_tokens": count(completion),
            "average_latency_ms": latency(average(waited, timed)),
            "retries": count(retries),
            "cache_hits": count(hits),
        }
    return found


def shown_alike(shown: dict[str, str], told: dict[str, str]) -> None:
    assert shown == {**told, **{key: text for key, text in shown.items() if key not in told}}


FILTERS: list[Filter] = [
    {"from": "2026-10-25", "to": "2026-11-02"},
    {"tenant": "acme"},
    {"tenant": HOSTILE[6], "from": "2026-11-01"},
    {"feature": "summarise", "to": "2026-11-05"},
]


@pytest.mark.parametrize("asked", FILTERS, ids=["days", "tenant", "hostile", "feature"])
@pytest.mark.parametrize(
    ("page", "table", "names"),
    [
        ("features/index", "features", ("feature",)),
        ("tenants/index", "tenants", ("tenant_id",)),
        ("models", "models", ("model", "provider")),
    ],
)
def test_a_ranking_is_what_sql_says(
    site: Site, visitor: Visitor, page: str, table: str, names: tuple[str, ...], asked: Filter
) -> None:
    open_filtered(site, visitor, page, asked)
    told = {tuple(label(name) for name in key): cells for key, cells in usage(site, asked, *names).items()}
    rows = {tuple(row[name] for name in names): row for row in visitor.rows(table)}
    assert told
    assert rows.keys() == told.keys()
    for key, cells in told.items():
        shown = rows[key]
        shown_alike(shown, {name: text for name, text in cells.items() if name in shown})


def test_the_last_seven_days_of_a_ranking_end_with_the_last_day_asked_for(
    site: Site, visitor: Visitor
) -> None:
    asked: Filter = {"tenant": "acme", "to": "2026-11-03"}
    open_filtered(site, visitor, "features/index", asked)
    told = dict(
        site.ask(
            "select feature, sum(cost_usd) from marts.agg_daily where tenant_id = 'acme'"
            " and day between date '2026-10-28' and date '2026-11-03' group by 1"
        )
    )
    shown = {row["feature"]: row["cost_7d_usd"] for row in visitor.rows("features")}
    assert told
    assert {label(name): money(cost) for name, cost in told.items()}.items() <= shown.items()


def test_the_days_of_the_overview_are_those_asked_for(site: Site, visitor: Visitor) -> None:
    first, last = date(2026, 10, 26), date(2026, 11, 2)
    asked: Filter = {"tenant": "acme", "from": f"{first}", "to": f"{last}"}
    open_filtered(site, visitor, "index", asked)
    told = {f"{key[0]}": cells for key, cells in usage(site, asked, "day").items()}
    rows = visitor.rows("daily")
    assert [row["day"] for row in rows] == [f"{first + timedelta(days=step)}" for step in range(8)]
    for row in rows:
        shown_alike(row, {key: text for key, text in told[row["day"]].items() if key in row})

    matrix = visitor.rows("by_feature")
    week = [f"{last - timedelta(days=step)}" for step in range(6, -1, -1)]
    assert [key for key in matrix[0] if key.startswith("2026")] == week
    by_feature = site.ask(
        "select feature, day::varchar, sum(cost_usd) from marts.agg_daily where tenant_id = 'acme'"
        " and day between date '2026-10-27' and date '2026-11-02' group by all"
    )
    cells = {(label(name), day): money(cost) for name, day, cost in by_feature}
    for row in matrix:
        assert [row[day] for day in week] == [cells.get((row["feature"], day), "$0") for day in week]


def test_the_hours_of_the_overview_are_those_of_the_tenant(site: Site, visitor: Visitor) -> None:
    open_filtered(site, visitor, "index", {"tenant": "acme"})
    told = site.ask(
        "select strftime(timezone(?, hour), '%Y-%m-%d %H:%M:%S'), sum(prompt_tokens)::bigint,"
        " sum(completion_tokens)::bigint from marts.agg_hourly where tenant_id = 'acme'"
        " and hour > date_trunc('hour', ?::timestamptz) - interval 72 hour group by hour order by hour desc",
        ZONE,
        AS_OF,
    )
    rows = visitor.rows("hours")
    assert len(rows) == 72
    shown = [(row["hour"], row["prompt_tokens"], row["completion_tokens"]) for row in rows]
    assert [row for row in shown if row[1] != "0"] == [
        (hour, count(prompt), count(completion)) for hour, prompt, completion in told
    ]
    assert told


def test_what_has_no_name_can_be_asked_for(site: Site, visitor: Visitor) -> None:
    asked: Filter = {"tenant": None}
    open_filtered(site, visitor, "features/index", asked)
    told = usage(site, asked, "feature")
    assert {row["feature"] for row in visitor.rows("features") if row["feature"] != "Nothing matches."} == {
        label(name) for (name,) in told
    }


def test_clearing_in_the_middle_leaves_the_page_as_it_came(site: Site, visitor: Visitor) -> None:
    visitor.go(f"{site.folder.as_uri()}/features/index.html")
    before = visitor.rows("features")
    visitor.page.wait_for_selector('select[name="tenant"] option[value="=acme"]', state="attached")
    visitor.page.evaluate(
        """async () => {
          const form = document.querySelector("form.filters");
          form.elements.tenant.value = "=acme";
          form.dispatchEvent(new Event("change"));
          form.querySelector("button").click();
          const { file } = tokencost.rollups;
          const index = await file(document.querySelector("[data-filters]").dataset.rollups);
          await Promise.all([...index.monthly, ...index.daily].map(([, , path]) => file(path)));
          await new Promise((done) => setTimeout(done));
        }"""
    )
    assert visitor.rows("features") == before
    assert visitor.page.locator("[data-filters][aria-busy], html.filtered").count() == 0
    assert "?" not in visitor.page.url


def test_a_name_that_nobody_has_costs_nothing(site: Site, visitor: Visitor) -> None:
    open_filtered(site, visitor, "features/index", {"tenant": "nobody at all"})
    assert visitor.page.locator(".filters-note").inner_text().startswith("$0 in 0 attempts")
    assert "Nothing matches." in visitor.page.locator('table[data-table="features"]').inner_text()


def test_days_in_the_wrong_order_are_said_to_be(site: Site, visitor: Visitor) -> None:
    visitor.go(f"{site.folder.as_uri()}/features/index.html?from=2026-11-05&to=2026-11-01")
    visitor.page.locator(".filters-note", has_text="after the last one").wait_for()
    assert len(visitor.rows("features")) > 1


def test_a_day_that_is_none_is_left_aside(site: Site, visitor: Visitor) -> None:
    visitor.go(f"{site.folder.as_uri()}/features/index.html?from=2026-02-31&to=soon")
    visitor.page.wait_for_selector('select[name="tenant"] option:nth-child(3)', state="attached")
    assert not visitor.page.locator("html.filtered").count()


def test_nothing_but_the_month_is_loaded_for_a_month(site: Site, visitor: Visitor) -> None:
    """Who asks for all days gets months, who asks for a few gets those days."""
    open_filtered(site, visitor, "features/index", {"tenant": "acme", "from": "2026-11-01", "to": TODAY})
    loaded = {url.rsplit("/", 1)[-1] for url in visitor.loaded if "/data/" in url}
    assert any(name.startswith("monthly-2026-11") for name in loaded)
    assert not any("2026-10" in name for name in loaded if name.startswith("monthly"))
