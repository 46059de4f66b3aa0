"""One raw file, through its reader once more, for the sake of the records that were refused: see `replay`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.batch import BatchBuilder, Tally
from tokencost_pipeline.ingest.content import marks
from tokencost_pipeline.ingest.dedup import NEW, SeenEvents
from tokencost_pipeline.ingest.document import AS_LINES, DocumentSplitter
from tokencost_pipeline.ingest.fields import Ignored, Refused
from tokencost_pipeline.ingest.gate import as_object, parse_value
from tokencost_pipeline.ingest.landing import to_table
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.manifest import FileState
from tokencost_pipeline.ingest.packed import RawUnreadable, unpack
from tokencost_pipeline.ingest.read_file import SPLITTERS, Fate, Outcome
from tokencost_pipeline.ingest.reader import LineSplitter, Record, Splitter
from tokencost_pipeline.ingest.scan import Candidate
from tokencost_pipeline.ingest.schema import ATTEMPTS
from tokencost_pipeline.ingest.sources import PACKED_SUFFIX

WHOLE_FILE = 0
"""Line number of a refusal that is about a file."""

GONE = "the raw file is gone, or it is another one by now"
CHANGED = "the line is not there any more as it was"
UNCLEAR = "several records stand in this line, and it is not clear which of them were refused"

Row = dict[str, Any]
"""A refusal, as it has landed."""


class ReplayBuilder(BatchBuilder):
    """Holds refusals back: only what is refused for another reason than before is written."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.refusals: defaultdict[int, list[Row]] = defaultdict(list)  # by id of the tally

    def _refuse(self, tally: Tally, lineage: Row, reason: str, body: str | None) -> None:
        tally.became["quarantined"] += 1
        self.refusals[id(tally)].append({"source": tally.source, **lineage, "reason": reason, "body": body})


@dataclass(frozen=True)
class RefusedFile:
    """A raw file with refusals: its entry in the ledger, where it is now (None: gone), and the refusals by place."""

    state: FileState
    candidate: Candidate | None
    refusals: Mapping[tuple[int, int], Sequence[Row]]


@dataclass(frozen=True)
class Take:
    """The refusals of one place, read again: `tally` says what became of them, `missing` why they were not."""

    before: Sequence[Row]
    tally: Tally | None = None
    missing: str | None = None


@dataclass(frozen=True)
class Taken:
    """One file, read again."""

    state: FileState  # counters as before; header and next line as they are read now
    takes: tuple[Take, ...]


class FileAgain:
    """One file, through its reader again, for the sake of some of its records."""

    def __init__(
        self,
        file: RefusedFile,
        builder: ReplayBuilder,
        seen: SeenEvents,
        now: datetime,
        limits: Limits,
        unpacked: Path,
    ) -> None:
        self._file = file
        self._state = file.state
        self._builder = builder
        self._seen = seen
        self._now = now
        self._limits = limits
        self._unpacked = unpacked
        self._sha256 = ""  # of a packed file
        self._left = dict(file.refusals)
        self._takes: list[Take] = []

    def take(self) -> Taken:
        missing = GONE
        if self._file.candidate is not None:
            missing = CHANGED
            try:
                with self._stream(self._file.candidate) as stream:
                    self._read(self._file.candidate, stream)
            except (OSError, RawUnreadable) as error:
                missing = f"the raw file cannot be read: {getattr(error, 'strerror', None) or error}"
        self._takes += [Take(rows, missing=missing) for rows in self._left.values()]
        return Taken(self._state, tuple(self._takes))

    @contextmanager
    def _stream(self, candidate: Candidate) -> Iterator[tuple[BinaryIO, int] | None]:
        """(bytes to split, how many), or None for a packed file that is still refused."""
        with candidate.place.open("rb", buffering=0) as handle:
            if not candidate.packed:
                yield handle, self._state.fingerprint.offset
                return
            size = self._state.fingerprint.offset
            packed = unpack(handle, self._unpacked, size=size, limits=self._limits)
        try:
            self._sha256 = packed.sha256
            if packed.problem:
                self._take_whole([Record(0, 0, packed.sha256, None, None, packed.problem)], None)
                yield None
            else:
                with self._unpacked.open("rb", buffering=0) as unpacked:
                    yield unpacked, self._unpacked.stat().st_size
        finally:
            self._unpacked.unlink(missing_ok=True)

    def _read(self, candidate: Candidate, stream: tuple[BinaryIO, int] | None) -> None:
        if stream is None:
            return
        handle, size = stream
        kind = SPLITTERS[candidate.format.removesuffix(PACKED_SUFFIX)]
        splitter = kind(handle, size=size, limits=self._limits, complete_last=candidate.packed)
        if self._state.header == ():
            self._state = replace(self._state, header=None)  # no usable header so far: it is looked for again
        if any(line_no == WHOLE_FILE for line_no, _ in self._left):
            self._take_whole(splitter.records(), splitter)
            return
        for record in _records(splitter, sorted(offset for _, offset in self._left)):
            if record.columns is not None and self._state.header is None:
                self._learn_header(record)
            rows = self._left.get((record.line_no, record.byte_offset))
            if rows is not None and rows[0]["body_sha256"] == record.sha256:
                del self._left[record.line_no, record.byte_offset]
                self._takes.append(self._take(record, rows))
        if splitter.failure:
            raise OSError(splitter.failure)

    def _take_whole(self, records: Iterable[Record], splitter: Splitter | None) -> None:
        """All records of a file that was refused as a whole."""
        [(place, rows)] = [(place, rows) for place, rows in self._left.items() if place[0] == WHOLE_FILE]
        is_packed = self._file.candidate is not None and self._file.candidate.packed
        if is_packed and rows[0]["body_sha256"] != self._sha256:
            return
        fate = self._fate()
        for record in records:
            fate.take(record)
        if splitter is not None:
            if splitter.failure:  # some of it may be in the builder: nothing of this replay may count
                raise UserError(
                    f"could not be read to its end: {splitter.failure}",
                    place=self._state.path,
                    hint="nothing was replayed; mend it and try again",
                )
            as_lines = isinstance(splitter, DocumentSplitter) and splitter.as_lines
            header = AS_LINES if as_lines else fate.outcome.header
            self._state = replace(self._state, next_line=splitter.next_line, header=header)
        del self._left[place]
        self._takes.append(Take(rows, fate.outcome.tally))

    def _fate(self) -> Fate:
        assert self._file.candidate is not None
        state, candidate = self._state, self._file.candidate
        tally = Tally(candidate.path, state.source, state.file_id)
        outcome = Outcome(tally, state, candidate, state.generation, header=state.header)
        return Fate(outcome, self._builder, self._now, self._limits)

    def _learn_header(self, record: Record) -> None:
        if record.problem or record.blank or record.columns is None:
            return
        fate = self._fate()
        with suppress(Refused):
            fate.take_header(record.columns)
        self._state = replace(self._state, header=fate.outcome.header)

    def _take(self, record: Record, rows: Sequence[Row]) -> Take:
        fate = self._fate()
        several = self._several(record)
        if several is None or len(several) in {0, 1, len(rows)}:
            fate.take(record)
            return Take(rows, fate.outcome.tally)
        is_known = [self._is_known(value) for value in several]
        if sum(is_known) == len(several) - len(rows):
            for value, known in zip(several, is_known, strict=True):
                if not known:
                    fate.take_one(record, partial(as_object, value))
        elif len(rows) == 1 and sum(is_known) < len(several) - 1:
            fate.take(record)  # the line was refused before its records were looked at
        else:
            return Take(rows, missing=UNCLEAR)
        return Take(rows, fate.outcome.tally)

    def _several(self, record: Record) -> list[Any] | None:
        """The records in a line, where its format allows for several and they can be read."""
        explode = self._file.candidate.source.explode if self._file.candidate else None
        if explode is None or record.problem or record.blank:
            return None
        try:
            return explode(parse_value(record.data or b""))
        except Exception:  # `Fate` says what is wrong with it
            return None

    def _is_known(self, value: Any) -> bool:
        """Whether the record is ignored by rule, or an event that is known."""
        assert self._file.candidate is not None
        source = self._file.candidate.source
        row: Row = {}
        try:
            source.map_record(as_object(value), row, self._now)
        except Ignored:
            return True
        except Exception:  # no event then, known or not: `Fate` refuses it and says why
            return False
        place = {"path": "", "file_id": "", "line_no": 0, "byte_offset": 0, "source": source.name}
        table, bad = to_table([row | place], ATTEMPTS)
        return not bad and bool(self._seen.look(marks(source.name, table))[0] != NEW)


def _records(splitter: Splitter, offsets: list[int]) -> Iterator[Record]:
    """The records of a file, those at `offsets` among them. Blocks of lines without any are passed over."""
    if type(splitter) is not LineSplitter:
        yield from splitter.records()
        return
    for found in splitter.blocks():
        if isinstance(found, Record):
            yield found
        elif any(found.offset <= offset < found.offset + found.size for offset in offsets):
            yield from splitter.split(found)
