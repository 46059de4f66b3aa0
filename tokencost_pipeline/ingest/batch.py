"""From mapped rows to a batch: deduplicate, count, write, in chunks of bounded size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tokencost_pipeline.ingest.closed import Retention
from tokencost_pipeline.ingest.columns import Piece, kept, stacked, whole_table
from tokencost_pipeline.ingest.content import Marks, marks
from tokencost_pipeline.ingest.dedup import CONFLICT, NEW, VERDICTS, SeenEvents, Verdicts
from tokencost_pipeline.ingest.gate import SAFE_NAME
from tokencost_pipeline.ingest.landing import BatchWriter, to_table
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.manifest import Counters
from tokencost_pipeline.ingest.reader import Record
from tokencost_pipeline.ingest.rows import shown
from tokencost_pipeline.ingest.schema import ATTEMPTS, CONFLICTS, INSTANT, LINEAGE, PLACE, QUARANTINE

_LINEAGE_NAMES = tuple(entry.name for entry in LINEAGE)
_PLACE_NAMES = tuple(entry.name for entry in PLACE)
_LINE_BITS = 44
_MAX_NAMES = 200
OTHER_NAMES = "(other)"


@dataclass
class Tally:
    """The counters of one file generation while it is read. `lines` is counted by the reader, the rest by
    what became of each line; that they agree is checked before anything is committed."""

    path: str
    source: str
    file_id: str = ""
    lines: int = 0
    became: Counter[str] = field(default_factory=Counter)

    def counters(self) -> Counters:
        became = self.became
        return Counters(
            self.lines,
            became["event"],
            became["duplicate"],
            became["conflict"],
            became["quarantined"],
            became["ignored"],
        )


@dataclass(frozen=True)
class Note:
    """Where a line was refused and why."""

    path: str
    line_no: int
    reason: str


@dataclass
class _Pending:
    row: dict[str, Any]  # mapped fields only
    lineage: dict[str, Any]
    tally: Tally
    file_no: int  # rises from one file to the next


@dataclass(frozen=True)
class Columns:
    """Rows that were read column by column. Columns of ATTEMPTS that are not there are NULL throughout."""

    arrays: dict[str, pa.Array]  # mapped fields only
    line_no: NDArray[np.int64]  # rising
    byte_offset: NDArray[np.int64]
    again: Callable[
        [int], tuple[Record, dict[str, Any]]
    ]  # the n-th row's record and mapped row, line by line


@dataclass
class _Held:
    columns: Columns
    tally: Tally
    file_no: int

    @property
    def rows(self) -> int:
        return len(self.columns.line_no)


class BatchBuilder:
    """Takes rows and refusals, holds at most a chunk, writes the rest. Rows of one source after the other."""

    def __init__(
        self, writer: BatchWriter, seen: SeenEvents, limits: Limits, closed: Retention | None = None
    ) -> None:
        """`closed`: new events of days that the retention has closed are refused."""
        self.unknown_fields: Counter[str] = Counter()
        self.notes: list[Note] = []
        self._writer = writer
        self._seen = seen
        self._limits = limits
        self._closed = closed
        self._pending: list[_Pending] = []
        self._columns: list[_Held] = []
        self._file: Tally | None = None
        self._file_no = 0
        self._is_whole = True
        self._quarantine: list[dict[str, Any]] = []
        self._held_bytes = 0

    def add_row(self, tally: Tally, record: Record, row: dict[str, Any]) -> None:
        """A record that passed the gate and the mapping."""
        self._turn_to(tally)
        self._pending.append(_Pending(row, _lineage(tally, record), tally, self._file_no))
        self._hold(len(record.data or b""))

    def add_columns(self, tally: Tally, columns: Columns, size: int) -> None:
        """Records that passed the gate and the mapping, read column by column; `size` is their bytes."""
        self._turn_to(tally)
        self._columns.append(_Held(columns, tally, self._file_no))
        self._hold(size)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is added inside is classified in one go: lines of one block that come here in another order than
        they have in the file."""
        self._is_whole = False
        yield
        self._is_whole = True
        self._hold(0)

    def add_refusal(self, tally: Tally, record: Record, reason: str, body: str | None) -> None:
        """A record, or a whole file, that goes to quarantine."""
        self._refuse(tally, _lineage(tally, record), reason, body)
        self._hold(len(body or ""))

    def count_unknown(self, source: str, names: Sequence[str], records: int = 1) -> None:
        """Fields kept out, by name, of so many records; names beyond the first 200 different ones are counted
        together."""
        for name in names:
            key = f"{source}.{name}"
            if key not in self.unknown_fields and len(self.unknown_fields) >= _MAX_NAMES:
                key = f"{source}.{OTHER_NAMES}"
            self.unknown_fields[key] += records

    def counts_in_any_order(self, source: str, names: Iterable[str], others: int) -> bool:
        """Whether these names, and up to so many others, are counted the same in whatever order they come: not
        when some of them are new and could be the ones beyond the 200th."""
        new = sum(f"{source}.{name}" not in self.unknown_fields for name in names)
        return new == 0 or len(self.unknown_fields) + new + others <= _MAX_NAMES

    def flush(self) -> None:
        """Classify and write what is held."""
        if self._pending or self._columns:
            self._write_events()
        if self._quarantine:
            self._writer.write("quarantine", pa.Table.from_pylist(self._quarantine, schema=QUARANTINE))
        self._pending, self._columns, self._quarantine, self._held_bytes = [], [], [], 0

    def _turn_to(self, tally: Tally) -> None:
        if tally is self._file:
            return
        if self._file is not None and self._file.source != tally.source:
            self.flush()
        self._file, self._file_no = tally, self._file_no + 1

    def _hold(self, size: int) -> None:
        self._held_bytes += size
        held_rows = len(self._pending) + len(self._quarantine)
        if not self._is_whole:
            return
        if held_rows >= self._limits.chunk_rows or self._held_bytes >= self._limits.chunk_bytes:
            self.flush()

    def _refuse(self, tally: Tally, lineage: dict[str, Any], reason: str, body: str | None) -> None:
        tally.became["quarantined"] += 1
        self._quarantine.append({"source": tally.source, **lineage, "reason": reason, "body": body})
        if len(self.notes) < 20:
            self.notes.append(Note(tally.path, lineage["line_no"], reason))

    def _write_events(self) -> None:
        source = (self._pending or self._columns)[0].tally.source
        pending = self._pending
        slow, bad = to_table([_landed(entry) for entry in pending], ATTEMPTS)
        for position in bad:
            entry = pending[position]
            self._refuse(entry.tally, entry.lineage, "a value does not fit the landing zone", None)
        refused = set(bad)
        pending = [entry for position, entry in enumerate(pending) if position not in refused]

        held = self._columns
        table = stacked([whole_table(slow), *map(_piece, held)], ATTEMPTS)
        rows_of: list[_Pending | _Held] = [*pending, *held]
        of_file = np.repeat(
            np.array([each.file_no for each in rows_of], np.int64),
            [1] * len(pending) + [one.rows for one in held],
        )
        order = None
        if held:  # rows read by column stand behind the others
            order = (of_file << _LINE_BITS) + table["line_no"].to_numpy()
        tallies = {each.file_no: each.tally for each in rows_of}
        verdicts, late = self._classified(marks(source, table), order, table)
        for position in np.flatnonzero(late).tolist():
            row, lineage = self._again(position, pending, held)
            self._refuse(tallies[int(of_file[position])], lineage, self._closed_reason, shown(row))
        _count(tallies, of_file[~late], verdicts[~late])
        new = (verdicts == NEW) & ~late
        self._writer.write(source, kept(table, new))
        conflicts = [
            _conflict(source, *self._again(int(position), pending, held))
            for position in np.flatnonzero(verdicts == CONFLICT)
        ]
        self._writer.write("conflicts", pa.Table.from_pylist(conflicts, schema=CONFLICTS))

    def _classified(
        self, found: Marks, order: NDArray[np.int64] | None, table: pa.Table
    ) -> tuple[Verdicts, NDArray[np.bool_]]:
        """(verdicts, which are new and come too late: their day is closed). What comes again is recognised, however old
        it is; what comes too late is not known afterwards."""
        late = np.zeros(len(found), np.bool_)
        if self._closed is not None:
            times = table["occurred_at"].combine_chunks()
            closed = pc.less(times, pa.scalar(self._closed.closed_before, INSTANT)).fill_null(False)
            late = closed.to_numpy(zero_copy_only=False)
        if not late.any():
            return self._seen.classify(found, order), late
        old, rest = np.flatnonzero(late), np.flatnonzero(~late)
        verdicts = np.zeros(len(found), np.int8)
        verdicts[old] = self._seen.look(found.take(old))
        verdicts[rest] = self._seen.classify(found.take(rest), None if order is None else order[rest])
        return verdicts, late & (verdicts == NEW)

    @property
    def _closed_reason(self) -> str:
        assert self._closed is not None
        return f"its day was closed by retention on {self._closed.closed_on}; its rollup stands"

    @staticmethod
    def _again(
        position: int, pending: list[_Pending], held: list[_Held]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """(mapped fields, lineage) of a row of the table."""
        if position < len(pending):
            return pending[position].row, pending[position].lineage
        position -= len(pending)
        for one in held:
            if position < one.rows:
                record, row = one.columns.again(position)
                return row, _lineage(one.tally, record)
            position -= one.rows
        raise IndexError(position)


def _landed(entry: _Pending) -> dict[str, Any]:
    place = {name: entry.lineage[name] for name in _PLACE_NAMES}
    return entry.row | place | {"source": entry.tally.source}


def _piece(one: _Held) -> Piece:
    columns, tally = one.columns, one.tally
    places = {"line_no": pa.array(columns.line_no), "byte_offset": pa.array(columns.byte_offset)}
    same = {"source": tally.source, "grain": "attempt", "path": tally.path, "file_id": tally.file_id}
    return Piece(one.rows, columns.arrays | places, same)


def _count(tallies: dict[int, Tally], of_file: NDArray[np.int64], verdicts: NDArray[np.int8]) -> None:
    kinds = len(VERDICTS)
    found = Counter(dict(enumerate(np.bincount(of_file * kinds + verdicts).tolist())))
    for number, tally in tallies.items():
        for kind, name in enumerate(VERDICTS):
            if count := found[number * kinds + kind]:
                tally.became[name] += count


def _conflict(source: str, row: dict[str, Any], lineage: dict[str, Any]) -> dict[str, Any]:
    return {"event_id": row["event_id"], "source": source, **lineage, "body": shown(row)}


def countable(names: Iterable[str]) -> list[str]:
    """Names as they may be counted: one that does not look like a field's name could be anything."""
    return [name if SAFE_NAME.fullmatch(name) else OTHER_NAMES for name in names]


def _lineage(tally: Tally, record: Record) -> dict[str, Any]:
    values = (tally.path, tally.file_id, record.line_no, record.byte_offset, record.sha256)
    return dict(zip(_LINEAGE_NAMES, values, strict=True))
