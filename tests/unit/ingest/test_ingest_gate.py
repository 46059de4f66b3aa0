"""The strict JSON gate: what it takes, what it refuses, and what it never says."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ingest_lab import Lab, line

from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.gate import parse_object, parse_value
from tokencost_pipeline.ingest.limits import MAX_DEPTH, MAX_DIGITS, Limits

SECRET = "hunter2 is my password"


def test_numbers_keep_their_digits() -> None:
    value = parse_object(b'{"a": 0.1000000000000000055, "b": 12345678901234567890, "c": 1e-7, "d": 3.0}')
    assert value == {
        "a": Decimal("0.1000000000000000055"),
        "b": 12345678901234567890,
        "c": Decimal("1E-7"),
        "d": Decimal("3.0"),
    }
    assert type(value["d"]) is Decimal


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not valid JSON"),
        (b'{"a": 1,}', "not valid JSON"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": Infinity}', "not valid JSON"),
        (b'{"a": 1e400}', "not valid JSON"),
        (b'{"a": 01}', "not valid JSON"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b'{"a": "\xc3"}', "not valid JSON"),
        (b'{"a": "\xed\xa0\x80"}', "not valid JSON"),
        (rb'{"a": "\ud800"}', "not valid JSON"),
        (b'{"a": "\x00"}', "not valid JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "not valid JSON"),
        (b'{"a": 1} {"b": 2}', "not valid JSON"),
        (b'{"a": 1, "a": 1}', "duplicate key a"),
        (b'{"x": [{"a b": 1, "a b": 2}]}', "duplicate key"),
        (rb'{"a": 1, "\u0061": 2}', "duplicate key a"),
        (b'[{"a": 1}]', "expected a JSON object, got an array"),
        (b"12", "expected a JSON object, got 12"),
        (b'"text"', "expected a JSON object, got text"),
        (b'{"a": ' + b"9" * (MAX_DIGITS + 1) + b"}", "a number of 65 characters"),
        (b'{"a": 0.' + b"9" * MAX_DIGITS + b"}", "a number of 66 characters"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a":' * MAX_DEPTH + b"{}" + b"}" * MAX_DEPTH, f"nested deeper than {MAX_DEPTH} levels"),
        (b"[" * 1_000_000, "not valid JSON"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_rule(data: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_object(data)
    assert str(refusal.value).startswith(reason)


@pytest.mark.parametrize(
    "data",
    [
        f'{{"a": {SECRET}}}'.encode(),
        f'{{"a": "{SECRET}'.encode(),
        f'{{"{SECRET}": 1, "{SECRET}": 2}}'.encode(),
        f'"{SECRET}"'.encode(),
        f'{{"a": 1}} {SECRET}'.encode(),
    ],
)
def test_a_reason_never_repeats_the_text_of_a_line(data: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        parse_object(data)
    assert "hunter2" not in str(refusal.value)


def test_depth_up_to_the_bound_is_read_whatever_the_stack() -> None:
    data = b'{"a":' * (MAX_DEPTH - 1) + b"{}" + b"}" * (MAX_DEPTH - 1)

    def deeper(levels: int) -> object:
        return parse_object(data) if levels == 0 else deeper(levels - 1)

    assert deeper(0) == deeper(400)


def test_brackets_inside_text_are_no_depth() -> None:
    text = '[{"\\' * 200
    assert parse_object(json.dumps({"a": text, "b": [1, 2]}).encode()) == {"a": text, "b": [1, 2]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@given(json_values)
def test_every_valid_document_is_read_as_it_is(value: object) -> None:
    assert parse_value(json.dumps(value).encode()) == value


@given(st.binary(max_size=60) | st.text('{}[]",:0123456789.eE+-truefalsn \\u', max_size=40).map(str.encode))
def test_bytes_that_json_does_not_allow_are_never_read(data: bytes) -> None:
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        with pytest.raises(Refused):
            parse_value(data)


# ---- the rules through the whole ingest, by both ways of reading

GOOD_LINE = line(1, computed_cost="0.5").rstrip("\n").encode()
FATES = {  # a line -> the start of its reason, '' when it is an event
    GOOD_LINE: "",
    GOOD_LINE + b"\r": "",
    b" \t" + GOOD_LINE + b" ": "",
    GOOD_LINE.replace(b'"2026-11-20T10:00:01Z"', b'"2026-11-20t12:00:01.5+02:00"'): "",
    GOOD_LINE.replace(b'"0.5"', b"0.500000000000001"): "",
    GOOD_LINE.replace(b'"0.5"', b"5e-15"): "",
    GOOD_LINE.replace(b"101", b"1000000000000"): "",
    GOOD_LINE.replace(b"101", b"-0"): "",
    GOOD_LINE.replace(b'"r1"', '"\u2028é\U0001d11e"'.encode()): "",
    GOOD_LINE.replace(b'"r1"', rb'"\ud834\udd1e"'): "",
    GOOD_LINE[:-1] + b', "x": {"y": [1e5, null]}}': "",
    GOOD_LINE[:-1] + b', "model": "gpt-4o-mini"}': "duplicate key model",
    GOOD_LINE[:-1] + b', "x": {"y": 1, "y": 1}}': "duplicate key y",
    GOOD_LINE.replace(b"101", b"NaN"): "not valid JSON",
    GOOD_LINE.replace(b'"0.5"', b"Infinity"): "not valid JSON",
    GOOD_LINE.replace(b'"0.5"', b"-Infinity"): "not valid JSON",
    GOOD_LINE.replace(b'"0.5"', b'"NaN"'): "computed_cost: expected a number",
    GOOD_LINE.replace(b'"0.5"', b"1e400"): "not valid JSON",
    GOOD_LINE.replace(b"101", b"101.0"): "prompt_tokens: expected a whole number",
    GOOD_LINE.replace(b"101", b"1e2"): "prompt_tokens: expected a whole number",
    GOOD_LINE.replace(b"101", b"true"): "prompt_tokens: expected a whole number",
    GOOD_LINE.replace(b"101", b'"101"'): "prompt_tokens: expected a whole number",
    GOOD_LINE.replace(b"101", b"-1"): "prompt_tokens: expected a whole number",
    GOOD_LINE.replace(b"101", b"1000000000001"): "prompt_tokens: expected a whole number",
    GOOD_LINE.replace(b"101", b"18446744073709551717"): "prompt_tokens: expected a whole number",
    GOOD_LINE.replace(b"101", b"null"): "prompt_tokens: missing",
    GOOD_LINE.replace(b"101", b"0101"): "not valid JSON",
    GOOD_LINE.replace(b"101", b"1" * (MAX_DIGITS + 1)): "a number of 65 characters",
    GOOD_LINE.replace(b'"0.5"', b"0.0000000000000005"): "computed_cost: more than 15 decimals",
    GOOD_LINE.replace(b'"0.5"', b'"1e-16"'): "computed_cost: more than 15 decimals",
    GOOD_LINE.replace(b'"0.5"', b"-0.5"): "computed_cost: expected a number >= 0",
    GOOD_LINE.replace(b'"0.5"', b"true"): "computed_cost: expected a number",
    GOOD_LINE.replace(b'"0.5"', b'"1e23"'): "computed_cost: more than 23 digits",
    GOOD_LINE.replace(b"01Z", b"01"): "timestamp: has no offset",
    GOOD_LINE.replace(b"01Z", b"61Z"): "timestamp: no such date",
    GOOD_LINE.replace(b"11-20", b"02-30"): "timestamp: no such date",
    GOOD_LINE.replace(b"01Z", b"01-24:00"): "timestamp: no such date",
    GOOD_LINE.replace(b"2026", b"2099"): "timestamp: more than a day in the future",
    GOOD_LINE.replace(b"2026", b"1970"): "timestamp: before 2015",
    GOOD_LINE.replace(b'"2026-11-20T10:00:01Z"', b"1795255050"): "timestamp: expected RFC 3339",
    GOOD_LINE.replace(b'"2026-11-20T10:00:01Z"', b'"infinity"'): "timestamp: not an RFC 3339",
    GOOD_LINE[:-1] + b', "x": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}": "nested deeper than 128 levels",
    GOOD_LINE[:-1] + b', "x": ' + b"[" * 100_000 + b"}": "not valid JSON",
    GOOD_LINE.ljust(200_001): "longer than 200,000 bytes",
    GOOD_LINE.replace(b"gpt", b"g\x00t"): "not valid JSON",
    GOOD_LINE.replace(b"gpt", rb"g\u0000t"): "model: contains a NUL character",
    b"\x00" + GOOD_LINE: "not valid JSON",
    GOOD_LINE + b"\x00": "not valid JSON",
    b"\x00" * 64: "not valid JSON",
    b"\xef\xbb\xbf" + GOOD_LINE: "not valid JSON",
    GOOD_LINE + b"\r\r": "",
    GOOD_LINE.replace(b"gpt", b"g\rt"): "not valid JSON",
    GOOD_LINE.replace(b"gpt", b"caf\xe9"): "not valid JSON",
    GOOD_LINE.replace(b"gpt", b"\xc0\xaf"): "not valid JSON",
    GOOD_LINE.replace(b"gpt", b"\xed\xa0\x80"): "not valid JSON",
    GOOD_LINE.replace(b"gpt", rb"\ud800"): "not valid JSON",
    GOOD_LINE.replace(b"gpt", rb"\udd1e\ud834"): "not valid JSON",
}


@pytest.mark.parametrize("least_block_bytes", [1, 10**9])
def test_each_line_becomes_an_event_or_is_refused_by_its_rule(lab: Lab, least_block_bytes: int) -> None:
    """Each odd line twice among good ones, so that one way or another it stands where a block ends."""
    odd = [data.replace(b'"e1"', b'"o%d"' % number) for number, data in enumerate(FATES)]
    lab.put("events/a.jsonl", b"".join(line(10 + n).encode() + data + b"\n" for n, data in enumerate(odd)))
    lab.put("events/b.jsonl", b"\xef\xbb\xbf" + b"".join(data + b"\n" for data in reversed(odd)))
    total = lab.run(limits=Limits(200_000, least_block_bytes=least_block_bytes, block_bytes=1000)).total

    reasons = {
        row["line_no"]: row["reason"] for row in lab.rows("quarantine") if row["path"].endswith("a.jsonl")
    }
    for number, (data, reason) in enumerate(FATES.items()):
        found = reasons.get(2 * number + 2, "")
        assert found.startswith(reason) if reason else not found, (data[:300], found)
    good = sum(not reason for reason in FATES.values())
    assert Counter(row["event_id"][0] for row in lab.rows("events")) == {"e": len(odd), "o": good}
    assert (total.duplicates, total.conflicts, total.ignored) == (good, 0, 0)
    assert total.quarantined == 2 * (len(odd) - good)
