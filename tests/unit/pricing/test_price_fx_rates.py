from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from price_book_texts import book_text, load, price_row

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.schema import FX_RATES
from tokencost_pipeline.pricing.check import check_prices
from tokencost_pipeline.pricing.fx import FxRates, load_fx_rates, to_arrow

GOOD = "{currency: EUR, date: '2026-11-02', usd_per_unit: '1.0834'}"


def read(folder: Path, *rates: str, head: str = "schema_version: 1") -> FxRates:
    path = folder / "fx_rates.yaml"
    path.write_text("\n".join([head, "rates:", *(f"- {rate}" for rate in rates)]) + "\n", encoding="utf-8")
    return load_fx_rates(path)


def test_a_rate_holds_to_the_next_one_but_not_longer_than_its_greatest_age(tmp_path: Path):
    fx = read(
        tmp_path,
        GOOD.replace("11-02", "11-20"),
        GOOD,
        GOOD.replace("11-02", "11-05"),
        "{currency: GBP, date: '2026-11-03', usd_per_unit: '1.3', source: bank}",
    )
    table = to_arrow(fx)
    assert table.schema.equals(FX_RATES)
    periods = [(row["currency"], row["valid_from"].day, row["valid_to"].day) for row in table.to_pylist()]
    assert periods == [("EUR", 2, 5), ("EUR", 5, 12), ("EUR", 20, 27), ("GBP", 3, 10)]
    assert table.to_pylist()[0]["usd_per_unit"] == Decimal("1.0834")


def test_the_greatest_age_can_be_set(tmp_path: Path):
    fx = read(tmp_path, GOOD, head="schema_version: 1\nmax_age_days: 1")
    assert to_arrow(fx).to_pylist()[0]["valid_to"] == date(2026, 11, 3)


def test_no_file_means_no_rates(tmp_path: Path):
    table = to_arrow(load_fx_rates(tmp_path / "fx_rates.yaml"))
    assert table.num_rows == 0
    assert table.schema.equals(FX_RATES)


@pytest.mark.parametrize(
    ("rate", "hint"),
    [
        (GOOD.replace("EUR", "EURO"), "ISO 4217"),
        (GOOD.replace("EUR", "USD"), "one USD is one USD"),
        (GOOD.replace("'1.0834'", "1.0834"), "quoted decimal string: '1.0834'"),
        (GOOD.replace("'1.0834'", "'0'"), "what one unit costs"),
        (GOOD.replace("'1.0834'", "'1e-3'"), "0.001"),
        (GOOD.replace("'2026-11-02'", "2026-11-02"), "put it in quotes"),
        (GOOD.replace("2026-11-02", "2026-11-31"), "write a date"),
        (GOOD.replace("2026-11-02", "2026-11-02T00:00:00Z"), "write a date"),
        (GOOD.replace("usd_per_unit", "rate"), "use one of"),
    ],
)
def test_a_bad_rate_is_refused_at_its_line(tmp_path: Path, rate: str, hint: str):
    with pytest.raises(UserError, match=r"fx_rates\.yaml:4") as caught:
        read(tmp_path, GOOD.replace("EUR", "GBP"), rate)
    assert hint in str(caught.value)


def test_a_day_with_two_rates_is_refused_with_both_lines(tmp_path: Path):
    with pytest.raises(UserError, match=r"fx_rates\.yaml:4.*line 3"):
        read(tmp_path, GOOD, GOOD.replace("1.0834", "1.1"))


def test_another_reporting_currency_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"fx_rates\.yaml:2"):
        read(tmp_path, GOOD, head="schema_version: 1\nreporting_currency: EUR")


def test_a_price_in_a_currency_without_a_rate_is_allowed_and_warned_about(tmp_path: Path):
    now = datetime(2026, 11, 21, tzinfo=UTC)
    load(tmp_path, book_text(price_row(currency="EUR")))
    assert any("EUR" in warning for warning in check_prices(tmp_path, now).warnings)
    read(tmp_path, GOOD)
    assert not any("EUR" in warning for warning in check_prices(tmp_path, now).warnings)
