"""From mapped rows to a batch: deduplicate, count, write, in chunks of bounded size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from tokencost_pipeline.ingest.dedup import SeenEvents, Verdict, ids_table
from tokencost_pipeline.ingest.landing import BatchWriter, only, to_table
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.manifest import Counters
from tokencost_pipeline.ingest.reader import Record
from tokencost_pipeline.ingest.rows import content_hash, key_hash, shown
from tokencost_pipeline.ingest.schema import ATTEMPTS, CONFLICTS, LINEAGE, QUARANTINE

_LINEAGE_NAMES = tuple(entry.name for entry in LINEAGE)
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


class BatchBuilder:
    """Takes rows and refusals, holds at most a chunk, writes the rest. Rows of one source after the other."""

    def __init__(self, writer: BatchWriter, seen: SeenEvents, limits: Limits) -> None:
        self.unknown_fields: Counter[str] = Counter()
        self.notes: list[Note] = []
        self._writer = writer
        self._seen = seen
        self._limits = limits
        self._pending: list[_Pending] = []
        self._quarantine: list[dict[str, Any]] = []
        self._held_bytes = 0
        self.min_occurred_at: datetime | None = None
        self.max_occurred_at: datetime | None = None

    def add_row(self, tally: Tally, record: Record, row: dict[str, Any]) -> None:
        """A record that passed the gate and the mapping."""
        if self._pending and self._pending[-1].tally.source != tally.source:
            self.flush()
        self._pending.append(_Pending(row, _lineage(tally, record), tally))
        self._hold(len(record.data or b""))

    def add_refusal(self, tally: Tally, record: Record, reason: str, body: str | None) -> None:
        """A record, or a whole file, that goes to quarantine."""
        self._refuse(tally, _lineage(tally, record), reason, body)
        self._hold(len(body or ""))

    def count_unknown(self, source: str, names: Sequence[str]) -> None:
        """Fields kept out, by name; names beyond the first 200 different ones are counted together."""
        for name in names:
            key = f"{source}.{name}"
            if key not in self.unknown_fields and len(self.unknown_fields) >= _MAX_NAMES:
                key = f"{source}.{OTHER_NAMES}"
            self.unknown_fields[key] += 1

    def flush(self) -> None:
        """Classify and write what is held."""
        if self._pending:
            self._write_events(self._pending)
        if self._quarantine:
            self._writer.write("quarantine", pa.Table.from_pylist(self._quarantine, schema=QUARANTINE))
        self._pending, self._quarantine, self._held_bytes = [], [], 0

    def _hold(self, size: int) -> None:
        self._held_bytes += size
        held_rows = len(self._pending) + len(self._quarantine)
        if held_rows >= self._limits.chunk_rows or self._held_bytes >= self._limits.chunk_bytes:
            self.flush()

    def _refuse(self, tally: Tally, lineage: dict[str, Any], reason: str, body: str | None) -> None:
        tally.became["quarantined"] += 1
        self._quarantine.append({"source": tally.source, **lineage, "reason": reason, "body": body})
        if len(self.notes) < 20:
            self.notes.append(Note(tally.path, lineage["line_no"], reason))

    def _write_events(self, pending: list[_Pending]) -> None:
        source = pending[0].tally.source
        table, bad = to_table([entry.row | entry.lineage | {"source": source} for entry in pending], ATTEMPTS)
        for position in bad:
            entry = pending[position]
            self._refuse(entry.tally, entry.lineage, "a value does not fit the landing zone", None)
        refused = set(bad)
        pending = [entry for position, entry in enumerate(pending) if position not in refused]

        keys = [key_hash(entry.row["event_id"]) for entry in pending]
        contents = [content_hash(entry.row) for entry in pending]
        verdicts = self._seen.classify(source, keys, contents)
        for entry, verdict in zip(pending, verdicts, strict=True):
            entry.tally.became[verdict.value] += 1
        new = [verdict is Verdict.NEW for verdict in verdicts]
        self._writer.write(source, only(table, new))
        self._writer.write(
            "ids",
            ids_table(
                source,
                [key for key, keep in zip(keys, new, strict=True) if keep],
                [content for content, keep in zip(contents, new, strict=True) if keep],
            ),
        )
        conflicts = [
            {"event_id": entry.row["event_id"], "source": source, **entry.lineage, "body": shown(entry.row)}
            for entry, verdict in zip(pending, verdicts, strict=True)
            if verdict is Verdict.CONFLICT
        ]
        self._writer.write("conflicts", pa.Table.from_pylist(conflicts, schema=CONFLICTS))


def _lineage(tally: Tally, record: Record) -> dict[str, Any]:
    values = (tally.path, tally.file_id, record.line_no, record.byte_offset, record.sha256)
    return dict(zip(_LINEAGE_NAMES, values, strict=True))
