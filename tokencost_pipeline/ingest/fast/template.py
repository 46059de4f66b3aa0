"""A line with its values cut out: the literal bytes in between, and what stands in the gaps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tokencost_pipeline.ingest.fields import Refused
from tokencost_pipeline.ingest.gate import parse_object
from tokencost_pipeline.ingest.reader import MARGIN

_TOKEN = re.compile(
    rb'"(?P<text>[^"]*)"|(?P<mark>[\[\]{}:,])|(?P<space>[ \t\r\n]+)|(?P<scalar>[^\s\[\]{}:,"]+)'
)


@dataclass(frozen=True)
class Slot:
    """One value. `path` is the field's name, or ('tags', key) for a text inside an object."""

    path: tuple[str, ...]
    is_text: bool  # in quotes; else a number, true, false or null
    end_quote: int  # index, among the line's quotes, of the one from which the value's end is found; -1: none
    end_shift: int  # bytes from the value's end to that quote (to the line's end when there is none)


@dataclass(frozen=True)
class Template:
    """`literals` has one entry more than `slots`: literal, value, literal, ..., literal."""

    literals: tuple[bytes, ...]
    slots: tuple[Slot, ...]
    fields: tuple[str, ...]  # names of all fields, in their order; those of empty objects too
    quotes: int


def derive(line: bytes) -> Template | None:
    """The template of a line; None when the strict gate refuses it, when it has an escape, an array, or an
    object that is not one of texts directly below the top."""
    if b"\\" in line:
        return None
    try:
        record = parse_object(line)
    except Refused:
        return None
    found = list(_values(line, record))
    if any(path is None for path, _, _, _ in found):
        return None
    literals, slots, position, quotes = [], [], 0, 0
    for place, (path, is_text, start, end) in enumerate(found):
        assert path is not None
        literals.append(line[position:start])
        quotes += literals[-1].count(b'"')
        following = line[end : found[place + 1][2] if place + 1 < len(found) else len(line)]
        shift = following.find(b'"')
        slots.append(
            Slot(path, is_text, quotes if shift >= 0 else -1, shift if shift >= 0 else len(following))
        )
        position = end
    literals.append(line[position:])
    if max(map(len, literals)) > MARGIN - 8:
        return None
    return Template(tuple(literals), tuple(slots), tuple(record), line.count(b'"'))


_Value = tuple[tuple[str, ...] | None, bool, int, int]


def _values(line: bytes, record: dict[str, Any]) -> Iterator[_Value]:
    """(path, in quotes?, start, end) of each value of a line that the gate accepts; a path of None where
    the line has more structure than a template."""
    keys: list[str] = []  # of the objects we are in
    depth, is_key = 0, False
    for token in _TOKEN.finditer(line):
        if token["space"] is not None:
            continue
        mark = token["mark"]
        if mark == b"{":
            depth += 1
            is_key = True
            if depth > 2:
                yield None, False, 0, 0
                return
        elif mark == b"}":
            depth -= 1
            keys = keys[:depth]
        elif mark == b",":
            is_key = True
        elif mark == b":":
            is_key = False
        elif mark is not None:  # an array
            yield None, False, 0, 0
            return
        elif token["text"] is not None and is_key:
            keys = [*keys[: depth - 1], token["text"].decode()]
        else:
            is_text = token["text"] is not None
            name = "text" if is_text else "scalar"
            plain = depth == 1 or (is_text and depth == 2)
            yield (tuple(keys) if plain else None), is_text, token.start(name), token.end(name)
