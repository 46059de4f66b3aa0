"""A block of lines in, columns of the lines that are canonical events beyond doubt out; the rest by number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from tokencost_pipeline.ingest.fast.events import Columns, EventTemplate
from tokencost_pipeline.ingest.fast.lines import Block, Positions
from tokencost_pipeline.ingest.fast.template import derive
from tokencost_pipeline.ingest.reader import MARGIN, Lines

_NEW_TEMPLATES = 24
"""Lines looked at per block to learn templates: what has no two lines alike goes line by line."""

_KEPT_TEMPLATES = 64


@dataclass(frozen=True)
class Read:
    """Some lines of a block: their columns, and the fields they all carry that the format does not have."""

    columns: Columns
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class ParsedBlock:
    """Every line of the block is in one of `reads` or in `rest`."""

    block: Block
    reads: tuple[Read, ...]
    rest: Positions  # numbers of the lines that go line by line

    def offset(self, numbers: Any) -> Any:
        """Where a line, or each of several, begins, in bytes from the block's start."""
        return self.block.starts[numbers] - MARGIN


class EventParser:
    """Reads blocks. Keeps the templates it has met: a file's lines are alike."""

    def __init__(self, now: datetime, line_bytes: int) -> None:
        """`now`: the machine's clock, see `fields.plausible`. Longer lines than `line_bytes` are not read."""
        self._now = now
        self._line_bytes = line_bytes
        self._templates: list[EventTemplate] = []

    def parse(self, lines: Lines) -> ParsedBlock:
        """`lines` end with a line feed."""
        block = Block(lines)
        left = np.flatnonzero(~block.odd & (block.ends - block.starts <= self._line_bytes))
        reads: list[Read] = []
        for known in list(self._templates):
            left = self._use(known, block, left, reads)
        for _ in range(_NEW_TEMPLATES):
            if not len(left):
                break
            template = derive(block.line(int(left[0])))
            learned = EventTemplate(template) if template is not None else None
            if learned is None or not learned.is_usable:
                left = left[1:]
                continue
            self._templates.append(learned)
            before = len(left)
            left = self._use(learned, block, left, reads)
            if len(left) == before:  # its own values are not beyond doubt
                left = left[1:]
        return ParsedBlock(block, tuple(reads), self._rest(block, reads))

    def _use(self, known: EventTemplate, block: Block, left: Positions, reads: list[Read]) -> Positions:
        """Reads what fits; returns the lines that are still to be tried. A line that fits and is not good goes
        line by line."""
        likely = block.quote_count[left] == known.template.quotes
        if not likely.any():
            return left
        columns, fitting = known.read(block, left if likely.all() else left[likely], self._now)
        if not len(fitting):
            return left
        if len(columns.numbers):
            reads.append(Read(columns, known.unknown))
            self._templates.remove(known)
            self._templates.insert(0, known)
            del self._templates[_KEPT_TEMPLATES:]
        return np.setdiff1d(left, fitting, assume_unique=True) if len(fitting) < len(left) else left[:0]

    @staticmethod
    def _rest(block: Block, reads: list[Read]) -> Positions:
        if len(reads) == 1 and len(reads[0].columns.numbers) == len(block):
            return np.empty(0, np.int64)
        seen = np.zeros(len(block), np.bool_)
        for read in reads:
            seen[read.columns.numbers] = True
        return np.flatnonzero(~seen)
