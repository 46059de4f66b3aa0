"""What a quarantined line may show of itself: never a prompt, a completion, a header or a key.

The rule is an allow-list, not a search for bad words: a line is somebody's data until it is known to be
ours. The raw file, which nobody changes, still has the line; lineage says where.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson

from tokencost_pipeline.ingest.limits import MAX_BODY_BYTES
from tokencost_pipeline.ingest.rows import shown

BodyOf = Callable[[bytes | None, dict[str, Any] | None, dict[str, Any], frozenset[str]], str | None]
"""(line, parsed record if it parses, landed fields read so far, the format's fields) -> body or None."""

_MAX_TEXT = 256


def mapped_body(
    line: bytes | None, record: dict[str, Any] | None, row: dict[str, Any], known: frozenset[str]
) -> str | None:
    """For foreign formats, whose lines are full of prompts: the mapped fields that could be read, else
    nothing."""
    return shown({name: value for name, value in row.items() if name != "grain"})


def event_body(
    line: bytes | None, record: dict[str, Any] | None, row: dict[str, Any], known: frozenset[str]
) -> str | None:
    """For canonical events: the line itself when it holds nothing but the format's fields; of a line with
    more than that the format's fields alone; of a line that does not parse its text, if it is made of
    such fields throughout."""
    if line is None:
        return None
    if record is None:
        return _clipped(line) if _looks_like_event(line, known) else None
    kept = {name: _short(name, value) for name, value in record.items() if name in known}
    kept = {name: value for name, value in kept.items() if value is not _DROPPED}
    if kept == record:
        return _clipped(line)
    return _clipped(orjson.dumps(kept, default=_number)) if kept else None


_DROPPED = object()


def _short(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else f"<text of {len(value)} characters>"
    if isinstance(value, dict):
        texts = all(isinstance(inner, str) and len(inner) <= _MAX_TEXT for inner in value.values())
        return value if name == "tags" and texts else _DROPPED
    return _DROPPED if isinstance(value, list) else value


def _number(value: object) -> Any:
    if isinstance(value, Decimal | int):
        return orjson.Fragment(str(value).encode())
    raise TypeError(type(value).__name__)


def _looks_like_event(line: bytes, known: frozenset[str]) -> bool:
    """Whether a broken line is a sequence of `"known field": short scalar`, so that it can hold no prompt."""
    return re.fullmatch(_shape(known), line) is not None


_SHAPES: dict[frozenset[str], re.Pattern[bytes]] = {}


def _shape(known: frozenset[str]) -> re.Pattern[bytes]:
    if known not in _SHAPES:
        names = "|".join(sorted(map(re.escape, known))).encode()
        words = rb"true|false|null|True|False|None|[-+]?(?:NaN|Infinity)"
        scalar = rb'"[^"\\]{0,%d}+"|%s|[-+0-9.eExX_]{1,64}+' % (_MAX_TEXT, words)
        pair = rb'"(?:%s)"\s*+:\s*+(?:%s)?+\s*+' % (names, scalar)
        # possessive throughout: a hostile line costs one pass, not a search
        _SHAPES[known] = re.compile(rb"\s*+\{\s*+%s(?:,\s*+(?:%s)?+)*+\}?+\s*+" % (pair, pair))
    return _SHAPES[known]


def _clipped(body: bytes) -> str:
    return body[:MAX_BODY_BYTES].decode("utf-8", "replace").replace("\x00", "�")
