"""Canonical events from the lines of a block that fit a template: the mapping of `sources.canonical_events`, column by
column. It takes fewer forms than the mapping does and never another value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tokencost_pipeline.ingest.fast import cells
from tokencost_pipeline.ingest.fast.lines import Block, Fitting, Flags, Positions, Value, Words, fit
from tokencost_pipeline.ingest.fast.template import Slot, Template
from tokencost_pipeline.ingest.limits import MAX_COUNT, MAX_TEXT_BYTES
from tokencost_pipeline.ingest.schema import INSTANT, MONEY
from tokencost_pipeline.ingest.sources import canonical_events as events
from tokencost_pipeline.ingest.sources.providers import family

_KEYS = ("event_id", "request_id", "provider", "model")  # texts that no event goes without here
_TEXTS = frozenset((*_KEYS, *events.TEXTS))
_COUNTS = frozenset((*events.REQUIRED_COUNTS, *events.COUNTS))
_DECIMALS = {"computed_cost": "reported_cost_usd", "input_audio_seconds": "input_audio_seconds"}
_NANO = 10**6  # in units of 10^-15


@dataclass(frozen=True)
class Columns:
    """Landed columns of some lines of a block. Columns of the schema that are not there are NULL throughout."""

    numbers: Positions  # of the lines in the block, from 0, rising
    arrays: dict[str, pa.Array]


class EventTemplate:
    """A template whose lines can be events. `unknown` are its fields that the format does not have."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.unknown = tuple(name for name in template.fields if name not in events.FIELDS)

    @cached_property
    def is_usable(self) -> bool:
        """Whether a line of it could be read here: what an event needs is there, and every known field is in the form
        that the field has."""
        slots = {slot.path: slot for slot in self.template.slots}
        needed = [*_KEYS, "timestamp", *events.REQUIRED_COUNTS]
        if not all((name,) in slots for name in needed):
            return False
        known = [name for name in self.template.fields if name in events.FIELDS and name != "tags"]
        return all((name,) in slots and self._is_readable(slots[(name,)]) for name in known)

    @staticmethod
    def _is_readable(slot: Slot) -> bool:
        name = slot.path[0]
        if name in _KEYS or name == "timestamp":
            return slot.is_text
        if name in _COUNTS or name == "cache_hit":
            return not slot.is_text
        return True  # texts may be null, amounts may be text

    @cached_property
    def words(self) -> tuple[int, ...]:
        """How many words of each value are wanted."""
        return tuple(self._words_of(slot) for slot in self.template.slots)

    @staticmethod
    def _words_of(slot: Slot) -> int:
        name = slot.path[0]
        if name == "timestamp":
            return cells.INSTANT_WORDS
        if name in _DECIMALS or (name not in events.FIELDS and not slot.is_text):
            return cells.DECIMAL_WORDS
        if name in _COUNTS:
            return cells.WHOLE_WORDS
        return 0 if slot.is_text else 1

    def read(self, block: Block, numbers: Positions, now: datetime) -> tuple[Columns, Positions]:
        """(columns of those of the lines `numbers` that are events of this template beyond doubt, all lines that fit
        the template). See `fit` for what the lines must be."""
        fitting = fit(block, self.template, numbers, self.words)
        if not len(fitting.numbers):
            return Columns(fitting.numbers, {}), fitting.numbers
        return _Reader(fitting, now).columns(), fitting.numbers


class _Reader:
    """One pass over the slots: values first, for all lines; then the columns, for those that are good."""

    def __init__(self, fitting: Fitting, now: datetime) -> None:
        self._fitting = fitting
        self._now = now
        self._good = np.ones(len(fitting.numbers), np.bool_)
        self._numbers: dict[str, tuple[NDArray[Any], Flags | None, pa.DataType]] = {}
        self._counts: dict[str, Value] = {}
        self._texts: dict[tuple[str, ...], Value] = {}

    def columns(self) -> Columns:
        for slot, value in zip(self._fitting.template.slots, self._fitting.values, strict=True):
            self._look(slot, value)
        self._take_counts()
        self._numbers.setdefault("attempt", (np.ones(len(self._good), np.int64), None, pa.int64()))
        good = self._good
        keep = slice(None) if good.all() else np.flatnonzero(good)
        lines = self._fitting.numbers[keep]
        if not len(lines):
            return Columns(lines, {})
        arrays: dict[str, pa.Array] = {}
        for name, (values, valid, kind) in self._numbers.items():
            arrays[name] = _array(values[keep], None if valid is None else valid[keep], kind)
        texts = self._text_arrays(keep, len(lines))
        tags = {path[1]: texts.pop(path) for path in list(texts) if len(path) == 2}
        arrays |= {path[0]: array for path, array in texts.items()}
        arrays["provider"] = _families(arrays["provider"])
        if tags:
            arrays["tags"] = _tags_array(tags)
            fits = pc.binary_length(arrays["tags"]).to_numpy() <= MAX_TEXT_BYTES
            if not fits.all():
                arrays = {name: array.filter(pa.array(fits)) for name, array in arrays.items()}
                lines = lines[fits]
        return Columns(lines, arrays)

    def _look(self, slot: Slot, value: Value) -> None:
        name, words, length = slot.path[0], value.words, value.lengths
        if name not in events.FIELDS:
            if not slot.is_text:
                self._good &= _is_scalar(words, length)
        elif len(slot.path) == 2:
            self._good &= length <= MAX_TEXT_BYTES
            self._texts[slot.path] = value
        elif name == "timestamp":
            moments, good = cells.instant(value, self._now)
            self._good &= good
            self._numbers["occurred_at"] = moments, None, INSTANT
        elif slot.is_text and name in _TEXTS:
            self._good &= length <= MAX_TEXT_BYTES
            if name in _KEYS:
                self._good &= length > 0
            self._texts[slot.path] = value
        elif name in _COUNTS:
            self._counts[name] = value
        elif name == "cache_hit":
            yes, good = cells.flag(words, length)
            self._good &= good if good.all() else good | cells.null(words, length)
            self._numbers[name] = yes, good, pa.bool_()
        elif name in _DECIMALS:
            self._take_decimal(name, slot, words, length)
        elif slot.is_text:  # tags that are a text: not ours to judge
            self._good[:] = False
        else:  # a text or the tags, but not in quotes: null is absent
            self._good &= cells.null(words, length)

    def _take_counts(self) -> None:
        """All counts at once: there are many, and a call costs as much as some hundred values."""
        words = np.concatenate([value.words for value in self._counts.values()])
        length = np.concatenate([value.lengths for value in self._counts.values()])
        values, there = cells.whole(words, length)
        good = there & (values <= MAX_COUNT)
        if not good.all():
            good |= cells.null(words, length)
        shape = (len(self._counts), len(self._good))
        for name, number, is_there, is_good in zip(
            self._counts, values.reshape(shape), there.reshape(shape), good.reshape(shape), strict=True
        ):
            is_required = name in events.REQUIRED_COUNTS
            self._good &= is_there & is_good if is_required else is_good
            if name == "attempt":
                self._numbers[name] = np.where(is_there, number, 1), None, pa.int64()
            else:
                self._numbers[name] = number, None if is_required else is_there, pa.int64()

    def _take_decimal(self, name: str, slot: Slot, words: Words, length: Positions) -> None:
        values, valid = cells.decimal(words, length)
        good = valid & (values % _NANO == 0) if name == "input_audio_seconds" else valid
        if not slot.is_text and not valid.all():
            good = good | cells.null(words, length)
        self._good &= good
        self._numbers[_DECIMALS[name]] = values, valid, MONEY

    def _text_arrays(self, keep: slice | Positions, lines: int) -> dict[tuple[str, ...], pa.Array]:
        """The texts of the lines to keep. All of them in one go: Arrow sets memory aside by the mean length of what
        it takes from, and here that is mostly what is between two texts."""
        count = len(self._texts)
        borders = np.empty((lines, count, 2), np.int32)
        for place, value in enumerate(self._texts.values()):
            borders[:, place, 0], borders[:, place, 1] = value.starts[keep], value.ends[keep]
        # the block's own bytes, cut at every border; every second piece is a text
        pieces = pa.StringArray.from_buffers(
            2 * lines * count - 1, pa.py_buffer(borders), pa.py_buffer(self._fitting.block.buffer)
        )
        wanted = np.arange(0, 2 * lines * count, 2, dtype=np.int32).reshape(lines, count).T.ravel()
        empty = (borders[:, :, 0] == borders[:, :, 1]).T.ravel()
        absent = None
        if empty.any():  # an empty text is an absent one; in tags it is a text
            is_tag = np.array([len(path) == 2 for path in self._texts])
            absent = empty & ~np.repeat(is_tag, lines)
        texts = pieces.take(pa.array(wanted, mask=absent))
        return {path: texts.slice(place * lines, lines) for place, path in enumerate(self._texts)}


def _is_scalar(words: Words, length: Positions) -> Flags:
    """Values of unknown fields that are JSON beyond doubt: short numbers without a minus, true, false, null."""
    good = cells.decimal(words, length)[1]
    if not good.all():
        good |= cells.null(words, length) | cells.flag(words, length)[1]
    return good


def _tags_array(tags: dict[str, pa.Array]) -> pa.Array:
    parts: list[pa.Array | str] = []
    before = "{"
    for key in sorted(tags):
        parts += [f'{before}{json.dumps(key, ensure_ascii=False)}:"', tags[key]]
        before = '",'
    return pc.binary_join_element_wise(*parts, '"}', "")


def _families(providers: pa.Array) -> pa.Array:
    encoded = providers.dictionary_encode()
    families = pa.array([family(name) for name in encoded.dictionary.to_pylist()], pa.string())
    return families.take(encoded.indices)


def _array(values: NDArray[Any], valid: Flags | None, kind: pa.DataType) -> pa.Array:
    absent = None if valid is None or valid.all() else ~valid
    if kind == MONEY:
        wide = np.zeros((len(values), 2), np.int64)  # the upper half of a small number >= 0 is 0
        wide[:, 0] = values
        bits = None if absent is None else pa.array(~absent).buffers()[1]
        return pa.Array.from_buffers(MONEY, len(values), [bits, pa.py_buffer(wide)])
    if kind == INSTANT:
        return pa.array(values, pa.int64()).view(INSTANT)
    return pa.array(values, kind, mask=absent)
