"""One raw file, record by record: each becomes exactly one of event (or duplicate, conflict),
quarantined, ignored."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from tokencost_pipeline.ingest.batch import BatchBuilder, Tally, countable
from tokencost_pipeline.ingest.by_columns import ByColumns
from tokencost_pipeline.ingest.crash import crash_point
from tokencost_pipeline.ingest.document import AS_LINES, DocumentSplitter
from tokencost_pipeline.ingest.fields import Ignored, Refused
from tokencost_pipeline.ingest.gate import as_object, parse_object, parse_value
from tokencost_pipeline.ingest.identity import Track, file_id
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.manifest import Counters, FileState
from tokencost_pipeline.ingest.packed import Packed, RawUnreadable, unpack
from tokencost_pipeline.ingest.reader import CsvSplitter, LineSplitter, Record, Splitter
from tokencost_pipeline.ingest.scan import Candidate, Reading
from tokencost_pipeline.ingest.sources import LINE_KEY, PACKED_SUFFIX, Source
from tokencost_pipeline.ingest.text_lines import TextSplitter

SPLITTERS: dict[str, type[Splitter]] = {
    "jsonl": LineSplitter,
    "csv": CsvSplitter,
    "document": DocumentSplitter,
    "text": TextSplitter,
}
_PROGRESS_EVERY = 10_000  # records


@dataclass
class Outcome:
    """What became of one file in this run."""

    tally: Tally
    old: FileState | None
    candidate: Candidate
    generation: int
    consumed: int = 0  # bytes
    pending: int = 0  # bytes behind the last complete record
    failure: str | None = None  # why it could not be read, or not to its end
    track: Track | None = None
    next_line: int = 1
    header: tuple[str, ...] | None = None

    @property
    def is_new(self) -> bool:
        return self.old is None

    def state(self, now: datetime) -> FileState | None:
        """The ledger's new entry, None when no record was read. Only final once the builder is flushed."""
        if self.track is None or self.tally.lines == 0:
            return None
        return FileState(
            file_id=self.tally.file_id,
            path=self.candidate.path,
            first_path=self.old.first_path if self.old else self.candidate.path,
            source=self.candidate.source.name,
            format=self.candidate.format,
            generation=self.generation,
            dev=self.candidate.dev,
            inode=self.candidate.inode,
            fingerprint=self.track.fingerprint(),
            next_line=self.next_line,
            header=self.header,
            counters=(self.old.counters if self.old else Counters()) + self.tally.counters(),
            last_read_at=now,
        )


def read_file(
    reading: Reading,
    *,
    generation: int,
    builder: BatchBuilder,
    now: datetime,
    limits: Limits,
    staging: Path,
    progress: Callable[[int], object],
) -> Outcome:
    """Read what is new in one file into `builder`. `generation` is the number for a file that is new. A
    raw file that cannot be read is no error: the outcome says so and the next run tries again."""
    candidate, old = reading.candidate, reading.state
    tally = Tally(candidate.path, candidate.source.name, old.file_id if old else "")
    outcome = Outcome(tally, old, candidate, old.generation if old else generation)
    try:
        handle = candidate.place.open("rb", buffering=0)
    except OSError as error:
        outcome.failure = error.strerror or type(error).__name__
        return outcome
    with handle:
        if candidate.packed:
            _read_packed(handle, outcome, builder, now, limits, staging, progress)
        else:
            _read_plain(handle, outcome, builder, now, limits, progress)
    return outcome


def _read_plain(
    handle: BinaryIO,
    outcome: Outcome,
    builder: BatchBuilder,
    now: datetime,
    limits: Limits,
    progress: Callable[[int], object],
) -> None:
    size = os.fstat(handle.fileno()).st_size
    track, next_line = Track(), 1
    if (old := outcome.old) is not None:
        try:
            edges = old.fingerprint.still_in(handle, size)
        except OSError as error:
            outcome.failure = error.strerror or type(error).__name__
            return
        if edges is None:
            outcome.failure = "changed while it was looked at"
            return
        track, next_line, outcome.header = Track(old.fingerprint.offset, *edges), old.next_line, old.header
    start = track.offset
    splitter = SPLITTERS[outcome.candidate.format](
        handle, size=size, limits=limits, track=track, next_line=next_line
    )
    if isinstance(splitter, TextSplitter) and outcome.header:
        splitter.chain = outcome.header[0]
    Fate(outcome, builder, now, limits).read(splitter, progress, start)
    if isinstance(splitter, DocumentSplitter) and splitter.as_lines:
        outcome.header = AS_LINES
    if isinstance(splitter, TextSplitter):
        outcome.header = (splitter.chain,)
    outcome.track, outcome.next_line, outcome.failure = track, splitter.next_line, splitter.failure
    outcome.consumed, outcome.pending = track.offset - start, size - track.offset


def _read_packed(
    handle: BinaryIO,
    outcome: Outcome,
    builder: BatchBuilder,
    now: datetime,
    limits: Limits,
    staging: Path,
    progress: Callable[[int], object],
) -> None:
    target = staging / "unpacked"
    size = os.fstat(handle.fileno()).st_size
    try:
        packed = unpack(handle, target, size=size, limits=limits)
    except RawUnreadable as error:
        outcome.failure = str(error)
        return
    tally = outcome.tally
    tally.file_id = file_id(outcome.candidate.path, outcome.generation, packed.sha256)
    lines = Fate(outcome, builder, now, limits)
    if packed.problem:
        lines.refuse_file(packed)
    else:
        with target.open("rb", buffering=0) as unpacked:
            splitter = SPLITTERS[outcome.candidate.format.removesuffix(PACKED_SUFFIX)](
                unpacked, size=target.stat().st_size, limits=limits, complete_last=True
            )
            lines.read(splitter, lambda done: None, 0)
            outcome.next_line = splitter.next_line
            if splitter.failure:
                raise OSError(f"{target}: {splitter.failure}")  # our own file: nothing of this run may count
    target.unlink()
    outcome.track, outcome.consumed = packed.track, packed.track.offset
    progress(outcome.consumed)


class Fate:
    """The fate of each record of one file, in `outcome`."""

    def __init__(self, outcome: Outcome, builder: BatchBuilder, now: datetime, limits: Limits) -> None:
        self.outcome = outcome
        self._tally = outcome.tally
        self._source: Source = outcome.candidate.source
        self._builder = builder
        self._now = now
        self._limits = limits

    def read(self, splitter: Splitter, progress: Callable[[int], object], start: int) -> None:
        if self._source.by_columns and isinstance(splitter, LineSplitter):
            self._read_blocks(splitter, progress, start)
            return
        tally = self._tally
        for record in splitter.records():
            crash_point("mid_read")
            if not tally.file_id:
                tally.file_id = file_id(tally.path, self.outcome.generation, record.sha256)
            before = tally.lines
            self.take(record)
            if tally.lines // _PROGRESS_EVERY != before // _PROGRESS_EVERY:
                progress(splitter.track.offset - start)
        progress(splitter.track.offset - start)

    def _read_blocks(self, splitter: LineSplitter, progress: Callable[[int], object], start: int) -> None:
        blocks = ByColumns(self.outcome, self._builder, self._now, self._limits, self.take)
        for found in splitter.blocks(self._limits.block_bytes):
            crash_point("mid_read")
            if not self._tally.file_id:
                first = found if isinstance(found, Record) else next(splitter.split(found))
                self._tally.file_id = file_id(self._tally.path, self.outcome.generation, first.sha256)
            if isinstance(found, Record):
                self.take(found)
            else:
                blocks.take(found, splitter)
            progress(splitter.track.offset - start)

    def refuse_file(self, packed: Packed) -> None:
        """A file of which nothing counts: one quarantined line, number 0."""
        whole = Record(line_no=0, byte_offset=0, sha256=packed.sha256, data=None)
        self._tally.lines += 1
        self._builder.add_refusal(self._tally, whole, packed.problem or "", None)

    def take(self, record: Record) -> None:
        """A record of the file, which may hold several of the source's: each is counted for itself."""
        if self._source.explode is None or record.problem or record.blank:
            self.take_one(record, partial(self._parsed, record))
            return
        try:
            inner = self._source.explode(parse_value(record.data or b""))
        except Exception as error:
            reason = str(error) if isinstance(error, Refused) else _unmapped(error)
            self._tally.lines += 1
            self._refuse(record, reason, None, {})
            return
        if not inner:
            self._tally.lines += 1
            self._tally.became["ignored"] += 1
        for value in inner:
            self.take_one(record, partial(as_object, value))
            record = replace(record, data=None)  # the bytes are held once, with the first

    def take_one(self, record: Record, parse: Callable[[], dict[str, Any]]) -> None:
        parsed: dict[str, Any] | None = None
        row: dict[str, Any] = {}
        self._tally.lines += 1
        try:
            if record.problem:
                raise Refused(record.problem)
            if record.blank:
                raise Ignored
            parsed = parse()
            self._source.map_record(parsed, row, self._now)
        except Ignored:
            self._tally.became["ignored"] += 1
        except Refused as refusal:
            self._refuse(record, str(refusal), parsed, row)
        except Exception as error:
            # a mistake in a mapping must cost one line, not the file
            self._refuse(record, _unmapped(error), parsed, row)
        else:
            self._count_unknown(parsed)
            self._builder.add_row(self._tally, record, row)

    def _parsed(self, record: Record) -> dict[str, Any]:
        if record.line_key is not None:
            assert self._source.parse_line is not None
            return {**self._source.parse_line(record.data or b""), LINE_KEY: record.line_key}
        if record.columns is None:
            return parse_object(record.data or b"")
        if self.outcome.header is None:
            self.take_header(record.columns)
        header = self.outcome.header or ()
        if self._projected(record.columns) == header:
            raise Ignored  # the header, or the header again where exports were joined
        if not header:
            raise Refused("the file has no usable header")
        if len(record.columns) != len(header):
            raise Refused(f"expected {len(header)} columns, as in the header, got {len(record.columns)}")
        assert self._source.csv_record is not None
        named = {name: value for name, value in zip(header, record.columns, strict=True) if name}
        return self._source.csv_record(named)

    def take_header(self, columns: tuple[str, ...]) -> None:
        header = self._projected(columns)
        missing = sorted(self._source.csv_required.difference(header))
        read = [name for name in header if name]
        if missing or len(set(read)) != len(read):
            self.outcome.header = ()
            what = f"column {missing[0]} is missing" if missing else "a column is there twice"
            raise Refused(f"not a header of {self._source.name}: {what}")
        self.outcome.header = header

    def _projected(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the columns that are read, '' for the others: those may be anything, and stay out."""
        return tuple(name if name in self._source.csv_columns else "" for name in columns)

    def _refuse(
        self, record: Record, reason: str, parsed: dict[str, Any] | None, row: dict[str, Any]
    ) -> None:
        known = self._source.known_fields or frozenset()
        body = self._source.body_of(record.data, parsed, row, known)
        self._builder.add_refusal(self._tally, record, reason, body)

    def _count_unknown(self, parsed: dict[str, Any]) -> None:
        known = self._source.known_fields
        if known is not None and not known.issuperset(parsed):
            names = countable(name for name in parsed if name not in known)
            self._builder.count_unknown(self._source.name, names)


def _unmapped(error: Exception) -> str:
    return f"could not be mapped ({type(error).__name__})"  # the error's text could hold data
