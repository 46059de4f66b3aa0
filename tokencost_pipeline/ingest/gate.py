"""The strict JSON gate: one line in, one object out, or a refusal with its reason.

orjson gives the verdict (it accepts every valid and refuses every invalid document of JSONTestSuite),
Python's own parser gives the values, because it can hand out exact decimals and see duplicate keys.
Written rules on top of the standard: the document is an object, no key twice, no nesting beyond
MAX_DEPTH, no number longer than MAX_DIGITS.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import orjson

from tokencost_pipeline.ingest.fields import Refused, kind
from tokencost_pipeline.ingest.limits import MAX_DEPTH, MAX_DIGITS

SAFE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}")
"""Names that a reason or a counter may repeat: field names look like this, prompts and keys do not."""


def parse_object(data: bytes) -> dict[str, Any]:
    """The JSON object in `data` (UTF-8): whole numbers as int, other numbers as Decimal.

    Raises Refused. The reason never contains text of the document other than a plain field name.
    """
    return as_object(parse_value(data))


def as_object(value: Any) -> dict[str, Any]:
    """The value if it is an object. Raises Refused."""
    if not isinstance(value, dict):
        raise Refused(f"expected a JSON object, got {kind(value)}")
    return value


def parse_value(data: bytes) -> Any:
    """`parse_object` for any JSON value."""
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Refused(f"not valid JSON: {error.msg} (byte {error.pos + 1})") from None
    if data.count(b"{") + data.count(b"[") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise Refused(f"nested deeper than {MAX_DEPTH} levels")
    try:
        return json.loads(
            data.decode(),
            parse_float=_decimal,
            parse_int=_whole,
            parse_constant=_constant,
            object_pairs_hook=_unique,
        )
    except (RecursionError, ValueError, ArithmeticError):
        # unreachable as far as known once orjson agrees; the line must still not take its neighbours with it
        raise Refused("not valid JSON: the value cannot be read") from None


def _depth(data: bytes) -> int:
    """Deepest nesting of a valid document: brackets inside strings do not count."""
    depth = deepest = 0
    for token in re.finditer(rb'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]', data, re.DOTALL):
        mark = token[0]
        if mark in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in b"]}":
            depth -= 1
    return deepest


def _decimal(digits: str) -> Decimal:
    if len(digits) > MAX_DIGITS:
        raise Refused(f"a number of {len(digits)} characters; at most {MAX_DIGITS} are read")
    return Decimal(digits)


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Refused(f"a number of {len(digits)} characters; at most {MAX_DIGITS} are read")
    return int(digits)


def _constant(word: str) -> None:
    raise Refused(f"{word} is no JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Refused(f"duplicate key {twice}" if SAFE_NAME.fullmatch(twice) else "duplicate key")
    return result
