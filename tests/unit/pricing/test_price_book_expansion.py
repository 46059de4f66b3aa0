from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from price_book_texts import alias_row, book_text, load, price_row

from tokencost_pipeline.ingest.schema import ALIASES, PRICES, REQUEST_ESTIMATES
from tokencost_pipeline.pricing.expand import expand, to_arrow
from tokencost_pipeline.pricing.read_book import load_price_book

REFERENCE_BOOKS = Path(__file__).parents[2] / "data" / "pricing"
LATER = "'2026-02-01T00:00:00Z'"


def expanded(folder: Path, *rows: str, aliases: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return expand(load(folder, book_text(*rows, aliases=aliases))).prices


@pytest.mark.parametrize(
    ("name", "versions"),
    [("price_book_example.yaml", 11), ("price_book_oracle.yaml", 378), ("price_book_scd.yaml", 257)],
)
def test_the_reference_books_load_and_fit_the_landing_schema(name: str, versions: int):
    book = load_price_book(REFERENCE_BOOKS / name)
    tables = to_arrow(expand(book))
    assert len(book.prices) == versions
    assert tables["prices"].schema == PRICES
    assert tables["price_aliases"].schema == ALIASES
    assert tables["request_estimates"].schema == REQUEST_ESTIMATES
    assert tables["prices"].num_rows >= versions


def test_bands_become_half_open_rows_that_share_the_id(tmp_path: Path):
    bands = (
        "bands: [{min_context_tokens: 0, rates: {input: '3', output: '15'}},"
        " {min_context_tokens: 200001, rates: {input: '6', output: '22.5'}}]"
    )
    low, high = expanded(tmp_path, price_row(rest=bands))
    assert (low["min_context_tokens"], low["max_context_tokens"]) == (0, 200001)
    assert (high["min_context_tokens"], high["max_context_tokens"]) == (200001, None)
    assert low["price_id"] == high["price_id"] == "one"
    assert low["row_hash"] != high["row_hash"]


def test_an_omitted_rate_stays_unknown_and_a_written_zero_stays_zero(tmp_path: Path):
    (row,) = expanded(
        tmp_path, price_row(rest="bands: [{min_context_tokens: 0, rates: {input: '0.02', output: '0'}}]")
    )
    assert row["output_rate"] == 0
    assert row["cache_read_rate"] is None


def test_multipliers_make_rows_for_tokens_only(tmp_path: Path):
    row = price_row(
        multipliers="[{region: us, factor: '1.1'}, {region: us, service_tier: fast, factor: '2.2'}]",
        rest="bands: [{min_context_tokens: 0, rates: {input: '3', output: '15'}}],"
        " unit_fees: {web_search: {price: '10', per: 1000}}",
    )
    rows = {row["price_id"]: row for row in expanded(tmp_path, row)}
    assert set(rows) == {"one", "one|region=us", "one|region=us|tier=fast"}
    assert rows["one|region=us"]["input_rate"] == Decimal("3.3")
    assert rows["one|region=us|tier=fast"]["output_rate"] == Decimal(33)
    assert (rows["one|region=us|tier=fast"]["region"], rows["one|region=us|tier=fast"]["service_tier"]) == (
        "us",
        "fast",
    )
    assert {(row["web_search_fee"], row["web_search_per"]) for row in rows.values()} == {(Decimal(10), 1000)}


@pytest.mark.parametrize(
    ("status", "effective_from"), [("retracted", "'2026-01-01T00:00:00Z'"), ("ended", LATER)]
)
def test_what_closes_a_row_closes_what_its_multipliers_made(tmp_path: Path, status: str, effective_from: str):
    base = price_row(multipliers="[{region: us, factor: '1.1'}]")
    closing = price_row("closing", rest="", status=status, effective_from=effective_from, recorded_at=LATER)
    closed = [row for row in expanded(tmp_path, base, closing) if row["status"] == status]
    assert [(row["price_id"], row["region"]) for row in closed] == [
        ("closing", "default"),
        ("closing|region=us", "us"),
    ]
    assert all(row["input_rate"] is None for row in closed)


def test_an_end_does_not_reopen_a_question_that_a_later_row_settled(tmp_path: Path):
    base = price_row(multipliers="[{region: us, factor: '1.1'}]")
    plain = price_row("plain", effective_from=LATER)
    us = price_row("us", region="us", effective_from=LATER)
    end = price_row("end", rest="", status="ended", effective_from="'2026-03-01T00:00:00Z'")
    closed = [row["price_id"] for row in expanded(tmp_path, base, plain, us, end) if row["status"] == "ended"]
    assert closed == ["end"], "the row written out for the region has its own life"


def test_a_window_over_midnight_is_two_ranges_of_the_local_day(tmp_path: Path):
    hours = "utc_hours: ['23:00-02:00'], weekdays: [5, 1], timezone: Asia/Shanghai"
    (row,) = expanded(tmp_path, price_row(window=f"{{{hours}, exclude_dates: ['2026-10-01']}}"))
    assert row["window_minutes"] == "0-120,1380-1440"
    assert row["window_weekdays"] == "1,5"
    assert row["window_timezone"] == "Asia/Shanghai"
    assert row["window_exclude_dates"] == "2026-10-01"
    assert row["window_key"] == "Asia/Shanghai 0-120,1380-1440 days 1,5 except 2026-10-01"


def test_a_window_that_ends_at_midnight_is_one_range(tmp_path: Path):
    to_midnight = expanded(tmp_path, price_row(window="{utc_hours: ['22:00-24:00']}"))
    to_zero = expanded(tmp_path, price_row(window="{utc_hours: ['22:00-00:00']}"))
    assert to_midnight[0]["window_key"] == to_zero[0]["window_key"] == "UTC 1320-1440"
    assert to_midnight[0]["window_weekdays"] is None


def test_fees_keep_the_vendors_denominator_and_lose_no_digit(tmp_path: Path):
    fees = (
        "unit_fees: {request: '0.000000000000000123', input_character: '0.000015',"
        " input_audio_second: {price: '0.111', per: 3600, minimum_units: '10'}}"
    )
    (row,) = expanded(tmp_path, price_row(rest=fees))
    assert (row["input_audio_second_fee"], row["input_audio_second_per"]) == (Decimal("0.111"), 3600)
    assert row["input_audio_second_minimum_units"] == 10
    assert (row["input_character_fee"], row["input_character_per"]) == (Decimal("0.000015"), 1)
    assert row["request_fee"] / row["request_per"] == Decimal("0.000000000000000123")
    landed = to_arrow(expand(load(tmp_path, book_text(price_row(rest=fees)))))["prices"].to_pylist()[0]
    assert landed["request_fee"] == row["request_fee"], "fits the column without rounding"


def test_instants_are_utc_and_the_source_is_kept(tmp_path: Path):
    (row,) = expanded(tmp_path, price_row(source="{url: 'https://example.com/p', verified: true}"))
    assert row["effective_from"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert row["source"] == '{"url": "https://example.com/p", "verified": true}'
    assert row["book_line"] == 3


def test_the_hash_knows_meaning_not_spelling_nor_place(tmp_path: Path):
    def hashes(*rows: str) -> dict[str, str]:
        return {row["price_id"]: row["row_hash"] for row in expanded(tmp_path, *rows)}

    spelled = price_row(rest="bands: [{rates: {output: '15.0', input: '3.00'}, min_context_tokens: 0}]")
    one = hashes(price_row())["one"]
    assert hashes(price_row("zero", model="m0"), spelled)["one"] == one
    dearer = price_row(rest="bands: [{min_context_tokens: 0, rates: {input: '3.000000001', output: '15'}}]")
    assert hashes(dearer)["one"] != one


def test_the_order_of_rows_in_the_file_does_not_matter(tmp_path: Path):
    rows = [price_row("b", model="m2"), price_row("a"), price_row("c", effective_from=LATER)]
    aliases = (alias_row(alias="z"), alias_row(alias="a"))

    def without_lines(*rows: str) -> list[dict[str, Any]]:
        return [{**row, "book_line": 0} for row in expanded(tmp_path, *rows, aliases=aliases)]

    assert without_lines(*rows) == without_lines(*reversed(rows))
