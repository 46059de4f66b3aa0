"""Chart definitions: every day and hour is there, colours come from the theme, the same rows give one SVG."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from tokencost_pipeline.reports.charts import definitions as charts
from tokencost_pipeline.reports.charts.svg import svg
from tokencost_pipeline.reports.charts.theme import DARK, LIGHT, THEMES, Theme
from tokencost_pipeline.reports.model import Draw, Row

DAYS = [date(2026, 11, 15) + timedelta(days=n) for n in range(7)]
DAILY: list[Row] = [{"day": day, "cost_usd": Decimal(n % 3)} for n, day in enumerate(DAYS)]
FEATURES: list[Row] = [
    {"day": day, "feature": name, "cost_usd": Decimal(place)}
    for day in DAYS
    for place, name in enumerate(["a", "b", None, "(none)", "<b>&", "e", "f", "g"])
]
HOURS: list[Row] = [
    {
        "hour": datetime(2026, 3, 27, tzinfo=UTC) + timedelta(hours=n),
        "prompt_tokens": n,
        "completion_tokens": 0,
    }
    for n in range(72)
]
SAVINGS: list[Row] = [
    {"day": day, "actual_cost_usd": Decimal(1), "saved_usd": Decimal(n - 3)} for n, day in enumerate(DAYS)
]
TENANTS: list[Row] = [{"tenant_id": "same", "cost_usd": Decimal(2)}, {"tenant_id": None, "cost_usd": None}]
DRAWINGS: dict[str, Draw] = {
    "daily": partial(charts.daily_cost, DAILY),
    "features": partial(charts.cost_by_feature, FEATURES),
    "hours": partial(charts.hourly_tokens, HOURS, ZoneInfo("Europe/Berlin")),
    "savings": partial(charts.savings, SAVINGS),
    "tenants": partial(charts.ranked_cost, TENANTS, "tenant_id"),
    "nothing": partial(charts.daily_cost, [{**row, "cost_usd": Decimal(0)} for row in DAILY]),
    "no features": partial(charts.cost_by_feature, []),
    "unknown": partial(charts.daily_cost, [{**row, "cost_usd": None} for row in DAILY]),
}


def texts(image: str) -> list[str]:
    return [
        "".join(node.itertext())
        for node in ElementTree.fromstring(image).iter()
        if node.tag.endswith("}text")
    ]


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("name", DRAWINGS)
def test_a_chart_draws_in_both_themes_and_the_same_way_twice(name: str, theme: Theme) -> None:
    image = svg(DRAWINGS[name], theme)
    assert theme.background in image
    assert image == svg(DRAWINGS[name], theme)
    assert "NaN" not in image


def test_themes_differ_in_colour_only() -> None:
    light, dark = svg(DRAWINGS["daily"], LIGHT), svg(DRAWINGS["daily"], DARK)
    assert light != dark
    assert texts(light) == texts(dark)
    assert LIGHT.accent in light
    assert DARK.accent in dark


def test_every_day_has_a_label_and_the_axis_a_unit() -> None:
    shown = texts(svg(DRAWINGS["daily"], LIGHT))
    assert {f"Nov {n}" for n in range(15, 22)} <= set(shown)
    assert "Cost (USD)" in shown


def test_a_chart_of_nothing_still_has_its_days_and_a_zero_line() -> None:
    shown = texts(svg(DRAWINGS["nothing"], LIGHT))
    assert {f"Nov {n}" for n in range(15, 22)} <= set(shown)
    assert "$0" in shown


def test_the_dearest_features_have_a_name_and_the_rest_share_one() -> None:
    shown = texts(svg(DRAWINGS["features"], LIGHT))
    assert {"g", "f", "e", "<b>&", "(none)", "all others"} <= set(shown)
    assert "a" not in shown
    order, _, shares = charts._stack(FEATURES, "feature")
    assert order == ["g", "f", "e", "<b>&", "(none)", "(none) #6", "all others"]
    others = [share.amount for share in shares if share.name == "all others"]
    assert others == [Decimal(1)] * len(DAYS)  # one block a day, not one for each feature


def test_what_names_no_feature_is_never_pooled_and_has_a_shade_of_its_own() -> None:
    rows = [row for row in FEATURES if row["feature"] != "(none)"] + [
        {"day": DAYS[0], "feature": "h", "cost_usd": Decimal(100)}
    ]
    order, nobody, shares = charts._stack(rows, "feature")
    assert order == ["h", "g", "f", "e", "<b>&", "(none)", "all others"]
    assert sum(share.amount for share in shares if share.name == "(none)") == 2 * len(DAYS)
    for theme in THEMES:
        shades = charts._shades(order, nobody, theme)
        assert len(set(shades)) == len(order)
        assert shades[order.index("(none)")] == theme.muted


def test_the_day_that_is_not_over_says_so_and_no_other() -> None:
    for draw in (
        partial(charts.daily_cost, DAILY, so_far=DAYS[-1]),
        partial(charts.cost_by_feature, FEATURES, so_far=DAYS[-1]),
        partial(charts.savings, SAVINGS, so_far=DAYS[-1]),
    ):
        shown = texts(svg(draw, LIGHT))
        assert [text for text in shown if "so far" in text] == ["Nov 21(so far)"]  # two lines of one label
        assert "Nov 20" in shown


def test_labels_of_bars_are_the_amounts_of_the_table() -> None:
    rows = [
        {"tenant_id": "a", "cost_usd": Decimal("26.415")},
        {"tenant_id": "b", "cost_usd": Decimal("0.6755")},
    ]
    assert {"$26.42", "$0.6755"} <= set(texts(svg(partial(charts.ranked_cost, rows, "tenant_id"), LIGHT)))


def test_hours_are_labelled_on_the_local_clock_across_a_change_of_it() -> None:
    shown = texts(svg(DRAWINGS["hours"], LIGHT))
    assert {"Mar 28, 00:00", "Mar 29, 12:00"} <= set(shown)
    # 12:00 on 29 March is 10:00 UTC, after the clock went forward: the 58th hour of the window
    assert charts._clock(HOURS[58]["hour"], ZoneInfo("Europe/Berlin")) == "Mar 29, 12:00"
