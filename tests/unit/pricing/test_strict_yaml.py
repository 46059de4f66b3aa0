from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.strict_yaml import MAX_BYTES, parse_strict_yaml, read_strict_yaml

HERE = Path("book.yaml")


def test_plain_values_come_with_their_lines():
    read = parse_strict_yaml("a: 1\nb:\n- {x: 'y', on_sale: true}\n- text\nc: '1.5'\n", HERE)
    assert read.value == {"a": 1, "b": [{"x": "y", "on_sale": True}, "text"], "c": "1.5"}
    assert read.line_of(("b",)) == 2
    assert read.line_of(("b", 1)) == 4
    assert read.line_of(("b", 0, "missing")) == 3, "an absent key is reported where its parent stands"


@pytest.mark.parametrize(
    ("text", "line", "what", "instead"),
    [
        ("a: 1\nb: 3.0\n", 2, "float", "'3.0'"),
        ("a: 1e-6\n", 1, "float", "'0.000001'"),
        ("a: .inf\n", 1, "float", "quoted"),
        ("a: 1\nb: 2\na: 3\n", 3, "duplicate key 'a', first on line 1", "keep one"),
        ("{a: 1, a: 2}\n", 1, "duplicate key 'a'", "keep one"),
        ("a: &x [1]\n", 1, "anchor '&x'", "write the value out"),
        ("a: 1\nb: *a\n", 2, "alias '*a'", "write the value out"),
        ("a: &x 1\nb: *x\n", 1, "anchor", "write the value out"),
        ("<<: {a: 1}\n", 1, "merge key", "write the values out"),
        ("a: !!str 3\n", 1, "tag", "remove the tag"),
        ("a: !python/object:os.system x\n", 1, "tag", "remove the tag"),
        ("a: 1\n---\nb: 2\n", 2, "second document", "---"),
        ("%YAML 1.1\n---\na: 1\n", 1, "directive", "%"),
        ("a: 2026-01-01\n", 1, "date", "'2026-01-01'"),
        ("a: 2026-01-01T00:00:00Z\n", 1, "date", "quotes"),
        ("a: 12:30\n", 1, "base of 60", "'12:30'"),
        ("a: yes\n", 1, "boolean or text", "true or false"),
        ("a: 1\nb:\n", 2, "without a value", "leave the key out"),
        ("a: ~\n", 1, "without a value", "leave the key out"),
        ("a: 0x1F\n", 1, "oddly written", "plain digits"),
        ("a: 1_000\n", 1, "oddly written", "plain digits"),
        ("a: 017\n", 1, "oddly written", "plain digits"),
        ("1: 2\n", 1, "not text", "'1'"),
        ("? [a]\n: b\n", 1, "used as a key", "plain text"),
        ("a: " + "[" * 40 + "]" * 40 + "\n", 1, "deeper than", "bracket"),
        ("a: [1\nb: 2\n", 2, "not readable", "brackets"),
        ("a: b\x00c\n", 1, "not readable", "brackets"),
        ("- 1\n", 1, "no mapping", "schema_version"),
        ("", 1, "no mapping", "schema_version"),
    ],
)
def test_what_could_be_read_two_ways_is_refused_with_its_line(text: str, line: int, what: str, instead: str):
    with pytest.raises(UserError) as refused:
        parse_strict_yaml(text, HERE)
    assert refused.value.place == f"book.yaml:{line}"
    assert what in refused.value.message
    assert instead in (refused.value.hint or "")


def test_all_problems_are_told_at_once_in_the_order_of_their_lines():
    with pytest.raises(UserError) as refused:
        parse_strict_yaml("a: 3.0\nb: yes\na: 2026-01-01\n", HERE)
    lines = [line for line in str(refused.value).splitlines() if line.startswith("book.yaml:")]
    assert [line.split(":")[1] for line in lines] == ["1", "2", "3", "3"]


def test_no_more_than_twenty_problems_are_told():
    with pytest.raises(UserError) as refused:
        parse_strict_yaml("".join(f"k{n}: 1.5\n" for n in range(50)), HERE)
    assert str(refused.value).count("book.yaml:") == 20
    assert "and 30 more" in str(refused.value)


def test_a_file_too_large_to_be_written_by_hand_is_refused(tmp_path: Path):
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(UserError, match="more than"):
        read_strict_yaml(path)


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nb: café\n".encode("latin-1"))
    with pytest.raises(UserError) as refused:
        read_strict_yaml(path)
    assert str(refused.value.place).endswith("latin.yaml:2")


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UserError, match="cannot be read"):
        read_strict_yaml(tmp_path / "none.yaml")


@given(st.text(max_size=200))
def test_wild_text_is_read_or_refused_and_never_crashes(text: str):
    try:
        read = parse_strict_yaml(text, HERE)
    except UserError as refused:
        told = (refused.place, refused.hint)
    else:
        told = (isinstance(read.value, dict), True)
    assert all(told)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_no_float_is_ever_let_through_unquoted(number: float):
    written = {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(repr(number), repr(number))
    with pytest.raises(UserError, match="float"):
        parse_strict_yaml(f"a: {written}\n", HERE)
