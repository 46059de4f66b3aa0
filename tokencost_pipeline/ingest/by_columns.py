"""Blocks of lines of canonical events: what `fast` reads as columns, and what it does not, line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tokencost_pipeline.ingest.batch import BatchBuilder, Columns, countable
from tokencost_pipeline.ingest.fast.lines import Positions
from tokencost_pipeline.ingest.fast.parse import EventParser, ParsedBlock, Read
from tokencost_pipeline.ingest.gate import parse_object
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.reader import Lines, LineSplitter, Record

if TYPE_CHECKING:
    from tokencost_pipeline.ingest.read_file import Outcome


_LF = 10


@dataclass(frozen=True)
class _Again:
    """Lines that were read as columns, to be read once more one by one: conflicts show their mapped fields."""

    lines: Lines
    block: ParsedBlock
    numbers: Positions
    splitter: LineSplitter
    map_record: Callable[[dict[str, Any], dict[str, Any], datetime], None]
    now: datetime

    def __call__(self, position: int) -> tuple[Record, dict[str, Any]]:
        record = record_of(self.lines, self.block, int(self.numbers[position]), self.splitter)
        row: dict[str, Any] = {}
        self.map_record(parse_object(record.data or b""), row, self.now)
        return record, row


def record_of(lines: Lines, parsed: ParsedBlock, number: int, splitter: LineSplitter) -> Record:
    """A line of a block as a record."""
    block = parsed.block
    offset = lines.offset + parsed.offset(number)
    return splitter.record_at(block.raw(number), offset, lines.line_no + number)


class ByColumns:
    """The fate of the lines of one file's blocks. `take_record` is what happens to a line that `fast` leaves."""

    def __init__(
        self,
        outcome: Outcome,
        builder: BatchBuilder,
        now: datetime,
        limits: Limits,
        take_record: Callable[[Record], None],
    ) -> None:
        self._outcome = outcome
        self._builder = builder
        self._now = now
        self._limits = limits
        self._take_record = take_record
        self._parser = EventParser(now, limits.line_bytes)

    def take(self, lines: Lines, splitter: LineSplitter) -> None:
        """All lines of a block."""
        if lines.size < self._limits.least_block_bytes or lines.buffer[lines.end - 1] != _LF:
            self._one_by_one(lines, splitter)
            return
        parsed = self._parser.parse(lines)
        lines.count = len(parsed.block)
        names = {name for read in parsed.reads for name in countable(read.unknown)}
        others = int(parsed.block.quote_count[parsed.rest].sum()) // 2
        if not self._builder.counts_in_any_order(self._outcome.candidate.source.name, names, others):
            # which names are counted for themselves hangs on the order in which they come
            self._one_by_one(lines, splitter)
            return
        with self._builder.together():
            for read in parsed.reads:
                self._add(lines, parsed, read, splitter)
            for number in parsed.rest.tolist():
                self._take_record(record_of(lines, parsed, number, splitter))

    def _one_by_one(self, lines: Lines, splitter: LineSplitter) -> None:
        for record in splitter.split(lines):
            self._take_record(record)

    def _add(self, lines: Lines, parsed: ParsedBlock, read: Read, splitter: LineSplitter) -> None:
        numbers, source, tally = read.columns.numbers, self._outcome.candidate.source, self._outcome.tally
        tally.lines += len(numbers)
        if read.unknown:
            self._builder.count_unknown(source.name, countable(read.unknown), len(numbers))
        columns = Columns(
            read.columns.arrays,
            numbers + lines.line_no,
            parsed.offset(numbers) + lines.offset,
            _Again(lines, parsed, numbers, splitter, source.map_record, self._now),
        )
        self._builder.add_columns(tally, columns, parsed.block.size(numbers))
