"""Numbers for the eye and numbers for machines."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokencost_pipeline.reports import exact_json, numbers

DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**22), max_value=10**22, places=15
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1234.567", "$1,234.57"),
        ("12.345", "$12.34"),
        ("0.99995", "$1.00"),
        ("0.996", "$0.9960"),
        ("0.0099995", "$0.0100"),
        ("0.0099994", "$0.009999"),
        ("0.0123456", "$0.0123"),
        ("0.00012345", "$0.000123"),
        ("0.0000001", "<$0.000001"),
        ("-0.0000001", "-<$0.000001"),
        ("-5", "-$5.00"),
        ("0", "$0"),
        ("123456789.5", "$123,456,789.50"),
    ],
)
def test_money_has_the_digits_it_needs(value: str, text: str) -> None:
    assert numbers.money(Decimal(value)) == text


def test_unknown_money_is_not_nothing() -> None:
    assert numbers.money(None) == "unknown"
    assert numbers.optional_money(None) == "–"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 retries"), (1, "1 retry"), (Decimal(1), "1 retry"), (1_234, "1,234 retries")]
)
def test_one_is_singular_and_everything_else_plural(number: int | Decimal, text: str) -> None:
    assert numbers.counted(number, "retry", "retries") == text


def test_a_window_says_its_day_once() -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 11, 20, 23, tzinfo=UTC)
    for hours, text in (
        (10, "2026-11-21 00:00 – 10:00"),
        (24, "2026-11-21 00:00 – 24:00"),
        (25, "2026-11-21 00:00 – 2026-11-22 01:00"),
        (48, "2026-11-21 00:00 – 2026-11-23 00:00"),
    ):
        assert numbers.window(start, start + timedelta(hours=hours), zone) == text


def test_latencies_have_units() -> None:
    assert [numbers.latency(value) for value in (0, 850, 1_250, 125_000, None)] == [
        "0 ms",
        "850 ms",
        "1.25 s",
        "2 min 5 s",
        "–",
    ]


def test_shares_and_changes() -> None:
    assert numbers.share(Decimal("0.1234")) == "12.3%"
    assert numbers.share(Decimal("0.0001")) == "<0.1%"
    assert numbers.share(None) == "–"
    assert numbers.ratio(Decimal(1), Decimal(0)) is None
    assert numbers.change(Decimal(3), Decimal(2)) == "+50.0%"
    assert numbers.change(Decimal(1), Decimal(2)) == "-50.0%"
    assert numbers.change(Decimal(1), Decimal(0)) == "no earlier cost to compare with"


def test_an_average_of_nothing_is_not_zero() -> None:
    assert numbers.average(None, None) is None
    assert numbers.average(0, 0) is None
    assert numbers.average(0, 2) == 0


@given(DECIMALS)
def test_json_numbers_are_exact_and_plain(value: Decimal) -> None:
    text = exact_json.dumps({"cost": value})
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal)["cost"] == value
    assert "E" not in text
    assert "e" not in text.replace("cost", "")


def test_json_takes_what_stats_hold_and_refuses_floats() -> None:
    value = {"a": None, "b": [True, 1, "x\u2028<"], "c": {}, "d": datetime(2026, 1, 2, tzinfo=UTC)}
    assert json.loads(exact_json.dumps(value)) == {**value, "d": "2026-01-02T00:00:00Z"}
    with pytest.raises(TypeError, match="float"):
        exact_json.dumps({"cost": 0.1})
