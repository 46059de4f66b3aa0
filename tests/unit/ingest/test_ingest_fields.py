"""Typed fields: exact or refused, never coerced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokencost_pipeline.ingest import fields
from tokencost_pipeline.ingest.fields import Refused

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [True, False, Decimal("3.0"), Decimal("3.7"), "3", "", -1, 10**12 + 1, [], {}]
)
def test_a_count_is_a_whole_number_and_nothing_else(value: object) -> None:
    with pytest.raises(Refused, match=r"^prompt_tokens: expected a whole number"):
        fields.count(value, "prompt_tokens")


def test_counts_reach_from_zero_to_two_to_the_53() -> None:
    assert [fields.count(value, "n") for value in (None, 0, 7, 10**12)] == [None, 0, 7, 10**12]


def test_a_refused_count_says_what_it_got() -> None:
    with pytest.raises(Refused, match=r"^prompt_tokens: expected a whole number >= 0, got 3\.7$"):
        fields.count(Decimal("3.7"), "prompt_tokens")
    with pytest.raises(Refused, match=r"got text$"):
        fields.count("hunter2", "prompt_tokens")


def test_text_is_kept_exactly_or_refused() -> None:
    assert fields.text(" Ünïcode\u2028 ", "f") == " Ünïcode\u2028 "
    assert fields.text("", "f") is None
    assert fields.text("x" * 32768, "f") == "x" * 32768
    for value, reason in ((1, "expected text"), ("a\x00b", "NUL"), ("é" * 20000, "longer than 32 KiB")):
        with pytest.raises(Refused, match=reason):
            fields.text(value, "f")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (0, "0.000000000000000"),
        (Decimal("0.1"), "0.100000000000000"),
        ("0.000000000000001", "0.000000000000001"),
        ("2.3e-06", "0.000002300000000"),
        (Decimal("0.10000000000000000000"), "0.100000000000000"),
        (10**22, "10000000000000000000000.000000000000000"),
        (Decimal("-0.0"), "0.000000000000000"),
    ],
)
def test_exact_decimals_are_stored_as_they_are(value: object, stored: str) -> None:
    exact = fields.exact_decimal(value, "computed_cost")
    assert exact is not None
    assert format(exact, "f") == stored


@pytest.mark.parametrize(
    "value",
    ["0.0000000000000001", Decimal("1E-16"), -1, Decimal("-0.01"), 10**23, Decimal("1E+400"), "NaN", "1_0",
     "0x10", " 1", "", "1e99999", True, [], "١"],
)  # fmt: skip
def test_a_decimal_that_would_be_changed_is_refused(value: object) -> None:
    with pytest.raises(Refused, match=r"^computed_cost: "):
        fields.exact_decimal(value, "computed_cost")


def test_money_from_floats_is_rounded_half_even_to_15_decimals() -> None:
    assert fields.float_money(Decimal("0.016920750000000002"), "spend") == Decimal("0.016920750000000")
    assert fields.float_money(Decimal("0.0000000000000005"), "spend") == 0
    assert fields.float_money(Decimal("0.0000000000000015"), "spend") == Decimal("0.000000000000002")
    assert fields.float_money("2.3e-06", "spend") == fields.float_money(Decimal("0.0000023"), "spend")
    with pytest.raises(Refused, match="expected a number >= 0"):
        fields.float_money(Decimal("-0.1"), "spend")


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00+00:00"),
        ("2026-11-21t10:00:00z", "2026-11-21T10:00:00+00:00"),
        ("2026-11-21 10:00:00+02:00", "2026-11-21T08:00:00+00:00"),
        ("2026-11-21T00:30:00.123456789+05:45", "2026-11-20T18:45:00.123456+00:00"),
        ("2026-11-21T10:00:00.5-00:00", "2026-11-21T10:00:00.500000+00:00"),
        ("2026-11-23T11:59:59Z", "2026-11-23T11:59:59+00:00"),
    ],
)
def test_instants_with_offset_become_utc(value: str, utc: str) -> None:
    assert fields.instant(value, "timestamp", NOW).isoformat() == utc


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2026-11-21T10:00:00", "has no offset"),
        ("2026-11-21", "not an RFC 3339 instant"),
        ("2026-11-21T10:00Z", "not an RFC 3339 instant"),
        ("2026-11-21T10:00:00+0200", "not an RFC 3339 instant"),
        ("2026-11-21T10:00:00Z ", "not an RFC 3339 instant"),
        ("2026-11-21T10:00:00Z\n", "not an RFC 3339 instant"),
        ("٢026-11-21T10:00:00Z", "not an RFC 3339 instant"),
        ("infinity", "not an RFC 3339 instant"),
        ("2026-02-30T10:00:00Z", "no such date"),
        ("2026-11-21T24:00:00Z", "no such date"),
        ("2026-11-21T10:00:60Z", "no such date"),
        ("2026-11-21T10:00:00-25:00", "no such date"),
        ("0001-01-01T00:00:00+23:59", "no such date"),
        ("2014-12-31T23:59:59Z", "before 2015"),
        ("2026-11-23T12:00:01Z", "more than a day in the future"),
        ("9999-12-31T23:59:59Z", "more than a day in the future"),
        (1795254803, "expected RFC 3339 text"),
        (None, "expected RFC 3339 text"),
    ],
)
def test_instants_that_say_too_little_or_cannot_be_are_refused(value: object, reason: str) -> None:
    with pytest.raises(Refused, match=f"^timestamp: {reason}"):
        fields.instant(value, "timestamp", NOW)


def test_epoch_seconds_keep_their_microseconds() -> None:
    moment = fields.epoch_seconds(Decimal("1795254803.965665"), "startTime", NOW)
    assert moment == datetime(2026, 11, 21, 9, 53, 23, 965665, tzinfo=UTC)
    # a double near 1.8e9 has steps of 2.4e-7: the nearest microsecond is the one that was meant
    assert fields.epoch_seconds(Decimal("1795254803.9656649"), "startTime", NOW) == moment
    for value in (True, "1795254803", Decimal("-1"), 0, 10**11, Decimal("1E+30"), None):
        with pytest.raises(Refused, match=r"^startTime: "):
            fields.epoch_seconds(value, "startTime", NOW)


def test_both_ways_to_write_a_utc_time_without_zone_are_one_instant() -> None:
    meant = datetime(2026, 11, 21, 10, 18, 29, 820000, tzinfo=UTC)
    for value in ("2026-11-21 10:18:29.82", "2026-11-21T10:18:29.82", "2026-11-21T10:18:29.820Z"):
        assert fields.naive_utc(value, "startTime", NOW) == meant
    with pytest.raises(Refused):
        fields.naive_utc("2026-11-21T10:18:29+02:00", "startTime", NOW)


def test_durations_are_rounded_half_even_and_never_negative() -> None:
    def after(micros: int) -> int | None:
        return fields.milliseconds_between(NOW, NOW + timedelta(microseconds=micros))

    assert [after(micros) for micros in (0, 500, 1500, 2499, -1)] == [0, 0, 2, 2, None]


anything: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text() | st.lists(st.none()) | st.just({})
)


def reason_of(read: Callable[..., Any], *arguments: Any) -> str | None:
    try:
        read(*arguments)
    except Refused as refusal:
        return str(refusal)
    return None


@given(anything)
def test_any_value_is_typed_or_refused(value: Any) -> None:
    typed = (fields.count, fields.text, fields.boolean, fields.mapping, fields.exact_decimal)
    reasons = [reason_of(read, value, "f") for read in (*typed, fields.float_money)]
    reasons += [
        reason_of(read, value, "f", NOW) for read in (fields.instant, fields.naive_utc, fields.epoch_seconds)
    ]
    assert all(reason is None or reason.startswith("f: ") for reason in reasons)
