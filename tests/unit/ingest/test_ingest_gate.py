"""The strict JSON gate: what it takes, what it refuses, and what it never says."""

from __future__ import annotations

import json
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.gate import parse_object, parse_value
from tokencost_pipeline.ingest.limits import MAX_DEPTH, MAX_DIGITS

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
