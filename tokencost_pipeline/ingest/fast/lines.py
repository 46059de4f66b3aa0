"""A block of complete lines as arrays: where each line and each quote is, and which lines are out of the question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokencost_pipeline.ingest.fast.template import Template
from tokencost_pipeline.ingest.reader import MARGIN, Lines

Positions = NDArray[np.int64]
Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

_LF, _CR, _QUOTE, _BACKSLASH, _SPACE = 10, 13, 34, 92, 32


class Block:
    """Complete lines. All positions count from the start of their buffer."""

    def __init__(self, lines: Lines) -> None:
        """`lines` end with a line feed."""
        self.buffer = (
            lines.buffer
        )  # has margins: around any of its bytes, a literal and some words can be loaded
        self.bytes: Bytes = np.frombuffer(self.buffer, np.uint8)
        inside = self.bytes[: lines.end]
        control = np.flatnonzero(inside < _SPACE)
        is_feed = self.bytes[control] == _LF
        self.feeds: Positions = control if is_feed.all() else control[is_feed]
        self.starts: Positions = np.empty(len(self.feeds), np.int64)
        self.starts[0] = MARGIN
        np.add(self.feeds[:-1], 1, out=self.starts[1:])
        has_return = (self.bytes[self.feeds - 1] == _CR) & (self.feeds > self.starts)
        self.ends: Positions = self.feeds - has_return
        self.quotes: Positions = np.flatnonzero(inside == _QUOTE)
        self._count_quotes()
        self.odd = self._odd(inside, control[~is_feed])

    def __len__(self) -> int:
        return len(self.starts)

    def quote(self, first: Positions, number: int) -> Positions:
        """The `number`-th quote of lines whose first quotes have the indices `first`."""
        if self.grid is not None and len(first) == len(self.grid):
            column: Positions = self.grid[:, number]
            return column
        found: Positions = self.quotes[first + number]
        return found

    def line(self, number: int) -> bytes:
        """The bytes of a line without its line end."""
        return self.buffer[self.starts[number] : self.ends[number]]

    def raw(self, number: int) -> bytes:
        """The bytes of a line without its line feed."""
        return self.buffer[self.starts[number] : self.feeds[number]]

    def size(self, numbers: Positions) -> int:
        """Bytes of some lines."""
        return int((self.feeds[numbers] - self.starts[numbers]).sum())

    def _count_quotes(self) -> None:
        self.grid: Positions | None = None  # the quotes of each line in a row, where all lines have as many
        lines, quotes = len(self.starts), len(self.quotes)
        each = quotes // lines
        if each and each * lines == quotes:
            grid = self.quotes.reshape(lines, each)
            if (grid[:, 0] >= self.starts).all() and (grid[:, -1] < self.feeds).all():
                self.grid = grid
                self.first_quote = np.arange(0, quotes, each)
                self.quote_count = np.full(lines, each)
                return
        self.first_quote = np.searchsorted(self.quotes, self.starts)
        self.quote_count = np.diff(self.first_quote, append=quotes)

    def _odd(self, inside: Bytes, control: Positions) -> Flags:
        """Lines with a control character, a backslash, or bytes that are no UTF-8."""
        odd = np.zeros(len(self.feeds), np.bool_)
        if len(control):
            where = np.searchsorted(self.feeds, control)
            odd[where[control < self.ends[where]]] = True  # others are part of a line end
        if self.buffer.find(b"\\", 0, len(inside)) >= 0:
            odd[np.searchsorted(self.feeds, np.flatnonzero(inside == _BACKSLASH))] = True
        if not self.buffer.isascii():
            try:
                self.buffer[: len(inside)].decode()
            except UnicodeDecodeError:
                for number in np.unique(np.searchsorted(self.feeds, np.flatnonzero(inside >= 0x80))):
                    odd[number] |= not _is_utf8(self.line(int(number)))
        return odd


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True)
class Value:
    """One value of each line: where it begins and ends, and the words it begins with (a row a line), as many as the
    form of the value asks for. Bytes behind the value's end are those of the line."""

    starts: Positions
    ends: Positions
    words: Words

    @property
    def lengths(self) -> Positions:
        return self.ends - self.starts

    def take(self, places: Positions | Flags) -> Value:
        return Value(self.starts[places], self.ends[places], self.words[places])


@dataclass(frozen=True)
class Fitting:
    """The lines of a block that fit a template: their numbers and, slot by slot, their values."""

    block: Block
    template: Template
    numbers: Positions
    values: tuple[Value, ...]


def fit(block: Block, template: Template, numbers: Positions, words: Sequence[int]) -> Fitting:
    """Those of the lines `numbers` that are the template around *some* values; the values' form is for the
    caller to check. Each of these lines must have `template.quotes` quotes and must not be odd. `words`: how many
    words of each value are wanted.

    Why this is sound: literals are compared byte for byte, from the line's start to its end. The quotes in
    them are therefore the line's quotes of the same index, so a text that begins behind one of them ends at
    the next quote, and no other value holds a quote.
    """
    position, first = block.starts[numbers], block.first_quote[numbers]
    values: list[Value] = []
    for literal, slot, wanted in zip(template.literals, (*template.slots, None), (*words, 0), strict=True):
        position = position + len(literal)
        good, found = _behind(block.buffer, position, literal, wanted)
        if slot is None:
            good &= position == block.ends[numbers]
        else:
            if slot.end_quote >= 0:
                end = block.quote(first, slot.end_quote) - slot.end_shift
            else:
                end = block.ends[numbers] - slot.end_shift
            good &= end >= position
            values.append(Value(position, end, found))
            position = end
        if not good.all():
            numbers, position, first = numbers[good], position[good], first[good]
            values = [value.take(good) for value in values]
        if not len(numbers):
            break
    return Fitting(block, template, numbers, tuple(values))


def _behind(buffer: bytes, position: Positions, literal: bytes, wanted: int) -> tuple[Flags, Words]:
    """(where `literal` stands before `position`, the next `wanted` words). One look at the buffer for both: that is
    what costs. The block has margins for what is read too far."""
    before = -(-len(literal) // 8)
    size = 8 * (before + wanted)
    at_every_byte = np.ndarray((len(buffer) - size + 1,), f"V{size}", buffer=buffer, strides=(1,))
    found: Words = at_every_byte[position - 8 * before].view("<u8").reshape(-1, before + wanted)
    spare = 8 * before - len(literal)
    padded = bytes(spare) + literal
    good: Flags = (found[:, 0] >> np.uint64(8 * spare)) == np.uint64(
        int.from_bytes(literal[: 8 - spare], "little")
    )
    for place in range(1, before):
        good &= found[:, place] == np.uint64(int.from_bytes(padded[8 * place : 8 * place + 8], "little"))
    return good, found[:, before:]
