from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from price_book_texts import BANDS, alias_row, book_text, load, place_of, price_row, refusal

LATER = "'2026-02-01T00:00:00Z'"


def rates(text: str) -> str:
    return f"bands: [{{min_context_tokens: 0, rates: {{{text}}}}}]"


@pytest.mark.parametrize(
    ("row", "what", "instead"),
    [
        (price_row(rest=rates("input: 3.0, output: '15'")), "3.0 is a YAML float", "'3.0'"),
        (price_row(rest=rates("input: 1e-6, output: '15'")), "1e-6 is a YAML float", "'0.000001'"),
        (price_row(rest=rates("input: 3, output: '15'")), "3 without quotes", "'3'"),
        (price_row(rest=rates("input: true, output: '15'")), "not a decimal string", "'0.075'"),
        (price_row(rest=rates("input: [1], output: '15'")), "not a decimal string", "'0.075'"),
        (price_row(rest=rates("input: '0.1234567891', output: '15'")), "more than 9 decimals", "1,000,000"),
        (price_row(rest=rates("input: '1e-6', output: '15'")), "scientific notation", "'0.000001'"),
        (price_row(rest=rates("input: '-3', output: '15'")), "negative", "0 or more"),
        (price_row(rest=rates("input: '03', output: '15'")), "'03'", "leading zeros"),
        (price_row(rest=rates("input: '3,5', output: '15'")), "'3,5'", "'0.075'"),
        (price_row(rest=rates("input: 'NaN', output: '15'")), "'NaN'", "'0.075'"),
        (price_row(rest=rates("input: '٣', output: '15'")), "'٣'", "'3'"),
        (price_row(rest=rates("inptu: '3'")), "unknown key 'inptu'", "cache_write_5m"),
        (price_row(rest=rates("")), "rates is empty", "input"),
        (price_row(rest="bands: []"), "bands is empty", "at least one"),
        (price_row(rest="bands: {min_context_tokens: 0}"), "not a list", "- "),
        (price_row(rest=""), "without prices", "bands"),
        (price_row(rest="unit_fees: {}"), "unit_fees is empty", "web_search"),
        (price_row(rest="unit_fees: {web_serch: '1'}"), "unknown key 'web_serch'", "web_search"),
        (price_row(rest="unit_fees: {request: {price: '1', per: 0}}"), "per is 0", "whole number"),
        (price_row(rest="unit_fees: {request: {price: '1'}}"), "no 'per'", "per"),
        (price_row(rest="unit_fees: {request: '0.1234567890123456789'}"), "more than 18 decimals", "noise"),
        (price_row(effective_from="'2026-01-01'"), "'2026-01-01'", "'2026-01-01T00:00:00Z'"),
        (price_row(effective_from="'2026-01-01T00:00:00'"), "effective_from", "Z"),
        (price_row(effective_from="'2026-01-01T00:00:00+00:00'"), "effective_from", "UTC"),
        (price_row(effective_from="'2026-02-30T00:00:00Z'"), "effective_from", "UTC"),
        (price_row(effective_from="2026-01-01T00:00:00Z"), "YAML date", "quotes"),
        (price_row(status="retired"), "unknown status 'retired'", "active, retracted, ended"),
        (price_row(colour="blue"), "unknown key 'colour'", "effective_from"),
        (price_row(provider=""), "no 'provider'", "provider"),
        (price_row(provider="OpenAI"), "provider is 'OpenAI'", "lower case"),
        (price_row(service_tier="Batch"), "service_tier", "lower case"),
        (price_row(model="' m1'"), "model", "plain text"),
        (price_row(model="5"), "model is 5", "'5'"),
        (price_row(currency="UDS"), "unknown currency 'UDS'", "ISO 4217"),
        (price_row(effective_from_known="'false'"), "effective_from_known", "true or false"),
        (price_row(multipliers="[{factor: '1.1'}]"), "multiplier for nothing", "region"),
        (price_row(multipliers="[{region: us, factor: 1.1}]"), "1.1 is a YAML float", "'1.1'"),
        (price_row(model="'*'"), "every model of a provider", "'0'"),
        (
            price_row(rest="bands: [{min_context_tokens: 1, rates: {input: '3', output: '15'}}]"),
            "does not start at 0",
            "min_context_tokens: 0",
        ),
        (
            price_row(
                rest="bands: [{min_context_tokens: 0, rates: {input: '3'}},"
                " {min_context_tokens: 200, rates: {input: '6'}},"
                " {min_context_tokens: 200, rates: {input: '7'}}]"
            ),
            "from 200 does not lie above",
            "ascending",
        ),
        (
            price_row(
                multipliers="[{region: us, factor: '1.123456789'}]", rest=rates("input: '0.075', output: '1'")
            ),
            "times the factor",
            "row of its own",
        ),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_a_remedy(tmp_path: Path, row: str, what: str, instead: str):
    error = refusal(tmp_path, book_text(row))
    assert place_of(error) == "price_book.yaml:3"
    assert what in error.message
    assert instead in (error.hint or "")


@pytest.mark.parametrize(
    ("window", "what"),
    [
        ("{utc_hours: []}", "utc_hours is empty"),
        ("{utc_hours: ['1:00-4:00']}", "hours '1:00-4:00'"),
        ("{utc_hours: ['01:00-25:00']}", "hours"),
        ("{utc_hours: ['01:60-02:00']}", "hours"),
        ("{utc_hours: ['02:00-02:00']}", "hours"),
        ("{utc_hours: ['24:00-02:00']}", "hours"),
        ("{utc_hours: ['01:00-04:00', '03:00-05:00']}", "hours of this window overlap"),
        ("{utc_hours: ['23:00-02:00', '01:00-03:00']}", "hours of this window overlap"),
        ("{weekdays: [1]}", "no 'utc_hours'"),
        ("{utc_hours: ['01:00-04:00'], weekdays: [0]}", "item 1 is 0"),
        ("{utc_hours: ['01:00-04:00'], weekdays: [1, 8]}", "item 2 is 8"),
        ("{utc_hours: ['01:00-04:00'], weekdays: [1, 1]}", "name a day twice"),
        ("{utc_hours: ['01:00-04:00'], timezone: Mars/Olympus}", "unknown time zone"),
        ("{utc_hours: ['01:00-04:00'], timezone: ../../etc/passwd}", "unknown time zone"),
        ("{utc_hours: ['01:00-04:00'], exclude_dates: ['2026-13-01']}", "item 1 is '2026-13-01'"),
        ("{utc_hours: ['01:00-04:00'], exclude_dates: ['1.10.2026']}", "item 1 is '1.10.2026'"),
    ],
)
def test_a_bad_window_is_refused_with_its_line(tmp_path: Path, window: str, what: str):
    error = refusal(tmp_path, book_text(price_row(window=window)))
    assert place_of(error) == "price_book.yaml:3"
    assert what in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (price_row("one", effective_from=LATER), "duplicate id 'one', first on line 3"),
        (price_row("two"), "overlapping versions: 'two' and 'one' (line 3)"),
        (price_row("two", rest="", status="retracted"), "overlapping versions"),
        (price_row("two", rest="", status="retracted", effective_from=LATER), "retracts nothing"),
        (price_row("two", rest="", status="ended", model="m2"), "ends nothing"),
    ],
)
def test_two_rows_that_contradict_each_other_are_refused_with_both_lines(
    tmp_path: Path, second: str, what: str
):
    error = refusal(tmp_path, book_text(price_row("one"), second))
    assert place_of(error) == "price_book.yaml:4"
    assert what in str(error)


def test_a_later_recorded_row_is_a_correction_and_allowed(tmp_path: Path):
    book = load(tmp_path, book_text(price_row("one"), price_row("two", recorded_at=LATER)))
    assert [row.id for row in book.prices] == ["one", "two"]


def test_a_multiplier_that_repeats_a_row_written_out_is_refused(tmp_path: Path):
    base = price_row("one", multipliers="[{region: us, factor: '1.1'}]")
    error = refusal(tmp_path, book_text(price_row("explicit", region="us"), base))
    assert place_of(error) == "price_book.yaml:4"
    assert "'one|region=us' and 'explicit' (line 3)" in error.message


def test_a_new_price_that_forgets_a_multiplier_is_refused(tmp_path: Path):
    base = price_row("one", multipliers="[{region: us, factor: '1.1'}]")
    error = refusal(tmp_path, book_text(base, price_row("two", effective_from=LATER)))
    assert place_of(error) == "price_book.yaml:4"
    assert "its old price would stay in force" in error.message


def test_a_multiplier_may_be_dropped_by_ending_what_it_made(tmp_path: Path):
    base = price_row("one", multipliers="[{region: us, factor: '1.1'}]")
    end = price_row("us-ended", rest="", region="us", status="ended", effective_from=LATER)
    book = load(tmp_path, book_text(base, price_row("two", effective_from=LATER), end))
    assert len(book.prices) == 3


NIGHT = "{utc_hours: ['22:00-02:00']}"


@pytest.mark.parametrize(
    "other",
    [
        "{utc_hours: ['01:00-03:00']}",
        "{utc_hours: ['21:00-23:00'], weekdays: [7]}",
        "{utc_hours: ['06:00-08:00'], timezone: Asia/Shanghai}",
    ],
)
def test_windows_that_are_open_at_once_are_refused_with_both_lines(tmp_path: Path, other: str):
    text = book_text(price_row("plain"), price_row("night", window=NIGHT), price_row("other", window=other))
    error = refusal(tmp_path, text)
    assert place_of(error) == "price_book.yaml:5"
    assert "hours of 'other' meet those of 'night' (line 4)" in error.message


@pytest.mark.parametrize(
    "other",
    [
        "{utc_hours: ['02:00-22:00']}",
        "{utc_hours: ['10:00-22:00'], timezone: Asia/Shanghai}",
    ],
)
def test_windows_side_by_side_are_allowed(tmp_path: Path, other: str):
    book = load(tmp_path, book_text(price_row("night", window=NIGHT), price_row("other", window=other)))
    assert len(book.prices) == 2


def test_an_older_window_must_be_ended_before_another_takes_its_hours(tmp_path: Path):
    old, new = "{utc_hours: ['01:00-04:00']}", "{utc_hours: ['01:00-04:00'], weekdays: [1, 2, 3, 4, 5]}"
    rows = [price_row("old", window=old), price_row("new", window=new, effective_from=LATER)]
    assert "overlapping windows" in refusal(tmp_path, book_text(*rows)).message
    ended = price_row("ended", window=old, rest="", status="ended", effective_from=LATER)
    assert len(load(tmp_path, book_text(*rows, ended)).prices) == 3


@pytest.mark.parametrize(
    ("alias", "what"),
    [
        (alias_row(model="a1"), "points to itself"),
        (alias_row(match="prefix"), "unknown match 'prefix'"),
        (alias_row(status="ended"), "unknown status 'ended'"),
        (alias_row(effective_from="'2026-01-01'"), "effective_from"),
        (alias_row(model=""), "no 'model'"),
    ],
)
def test_a_bad_alias_is_refused_with_its_line(tmp_path: Path, alias: str, what: str):
    error = refusal(tmp_path, book_text(price_row(), aliases=(alias,)))
    assert place_of(error) == "price_book.yaml:3"
    assert what in error.message


def test_equal_aliases_and_chains_of_aliases_are_refused(tmp_path: Path):
    twice = refusal(tmp_path, book_text(price_row(), aliases=(alias_row(), alias_row(model="m2"))))
    assert place_of(twice) == "price_book.yaml:4"
    assert "first on line 3" in twice.message
    chain = refusal(
        tmp_path, book_text(price_row(), aliases=(alias_row(), alias_row(alias="a0", model="a1")))
    )
    assert "only an alias (line 3)" in chain.message
    assert "'m1'" in (chain.hint or "")


def test_a_dated_name_of_a_model_itself_is_a_good_alias(tmp_path: Path):
    alias = alias_row(alias="m1", match="date_suffix")
    assert load(tmp_path, book_text(price_row(), aliases=(alias,))).aliases[0].model == "m1"


def test_a_repeated_estimate_is_refused(tmp_path: Path):
    estimate = (
        "- {provider: acme, model: m1, cost_per_request: '0.01', effective_from: '2026-01-01T00:00:00Z',"
        " recorded_at: '2026-01-01T00:00:00Z'}"
    )
    text = book_text(price_row()) + f"request_estimates:\n{estimate}\n{estimate}\n"
    assert place_of(refusal(tmp_path, text)) == "price_book.yaml:6"


@pytest.mark.parametrize(
    ("head", "what"),
    [
        ("schema_version: 2", "schema_version is 2"),
        ("schema_version: 1\ncurrency: XXX", "unknown currency"),
        ("schema_version: 1\nprizes: []", "unknown key 'prizes'"),
        ("currency: USD", "no 'schema_version'"),
    ],
)
def test_a_bad_head_is_refused(tmp_path: Path, head: str, what: str):
    assert what in refusal(tmp_path, book_text(price_row(), head=head)).message


def test_every_problem_of_a_book_is_told_at_once(tmp_path: Path):
    rows = [price_row(f"r{n}", model=f"m{n}", rest=rates(f"input: {n}, output: '1'")) for n in range(3)]
    told = str(refusal(tmp_path, book_text(*rows)))
    assert [line.rsplit(":", 2)[1] for line in told.splitlines() if "without quotes" in line] == [
        "3",
        "4",
        "5",
    ]


def test_a_price_in_another_currency_is_kept(tmp_path: Path):
    assert load(tmp_path, book_text(price_row(currency="EUR"))).prices[0].currency == "EUR"


def test_a_local_provider_may_be_free_for_every_model(tmp_path: Path):
    row = price_row(model="'*'", rest=rates("input: '0', output: '0'"))
    assert load(tmp_path, book_text(row)).prices[0].model == "*"


decimals = st.from_regex(r"-?[0-9]{0,11}(\.[0-9]{0,11})?(e-?[0-9]{1,2})?", fullmatch=True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=decimals)
def test_a_decimal_string_is_accepted_exactly_when_it_has_the_one_right_form(tmp_path: Path, text: str):
    book = book_text(price_row(rest=rates(f"input: '{text}', output: '15'")))
    if re.fullmatch(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?", text):
        assert load(tmp_path, book).prices[0].bands[0].rates["input"] == Decimal(text)
    else:
        assert place_of(refusal(tmp_path, book)) == "price_book.yaml:3"


def test_the_plain_row_the_other_tests_bend_is_good(tmp_path: Path):
    row = load(tmp_path, book_text(price_row())).prices[0]
    assert (row.line, row.bands[0].rates["output"]) == (3, Decimal(15))
    assert BANDS in price_row()
