"""Replay: refused lines go through the gate once more, after a fix of the gate, a mapping or a limit.

The quarantine keeps no line, only where it stands and its SHA-256: the line is read from the raw file again, and counts
only if it is the same. What became of it:

| now | rows | the file's counters |
|---|---|---|
| accepted | an event or a conflict, nothing for a duplicate; the refusal is marked | quarantined - 1, that + 1 |
| refused for another reason | the refusal is marked and one with the new reason is landed | as they were |
| refused as before; or the raw file is gone or has changed | none | as they were |

All of it is one batch, committed by the manifest. A refusal of a whole file (a packed file, a document) is replayed by
reading the file: one refused line becomes the lines in it. Of a line that holds several records (an array, an OTLP
export) the quarantine does not say which were refused: those that are not known are; where that leaves a doubt the
refusal stays, and says so. Refused invoices are no part of this: every run reads them anew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tokencost_pipeline.ingest.dedup import SeenEvents
from tokencost_pipeline.ingest.landing import BatchWriter
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.manifest import (
    STAGING,
    Batch,
    Counters,
    Manifest,
    commit,
    read_manifest,
    sweep,
    with_batch,
)
from tokencost_pipeline.ingest.read_again import FileAgain, RefusedFile, ReplayBuilder, Row, Take, Taken
from tokencost_pipeline.ingest.run import ledger_row
from tokencost_pipeline.ingest.scan import plan, scan
from tokencost_pipeline.ingest.schema import FILES, QUARANTINE, QUARANTINE_REPLAYED
from tokencost_pipeline.ingest.seen_index import open_index
from tokencost_pipeline.ingest.sources import SOURCES, Source
from tokencost_pipeline.settings import Settings

_OUTCOMES = ("event", "duplicate", "conflict", "ignored")


@dataclass(frozen=True)
class Replayed:
    """One refusal and what became of it: event, duplicate, conflict, ignored, quarantined (still or again; `why` is the
    reason that holds now) or unavailable (`why` says what is missing)."""

    path: str
    line_no: int
    byte_offset: int
    reason: str
    became: str
    why: str | None = None


@dataclass(frozen=True)
class ReplayReport:
    """`batch_seq` is None when nothing changed. `events` may be more than there were refusals: of whole files."""

    batch_seq: int | None
    events: int
    refusals: tuple[Replayed, ...]


def replay(
    settings: Settings,
    *,
    now: datetime,
    stamp: datetime | None = None,
    reason: str | None = None,
    limits: Limits | None = None,
    sources: Mapping[str, Source] = SOURCES,
) -> ReplayReport:
    """Put the refused lines whose reason contains `reason` (any case; default: all) through the gate again.

    `now` and `stamp` as for `run.ingest`, which does the rest. The caller holds the pipeline's lock. Raises UserError
    when raw/ is missing or the landing zone cannot be read.
    """
    landing = settings.landing_dir
    manifest = read_manifest(landing)
    found = scan(settings.raw_dir, dict(sources))
    refused = _wanted(quarantined(landing, manifest), reason)
    sweep(landing, manifest)
    if not refused:
        return ReplayReport(None, 0, ())
    places = {state.file_id: place for state, place in plan(found.candidates, manifest.files).moved}
    staging = landing / STAGING
    staging.mkdir(parents=True)
    writer = BatchWriter(landing, manifest.last_seq + 1)
    try:
        seen = open_index(landing, manifest, staging)
        builder = ReplayBuilder(writer, seen, limits or Limits(), manifest.retention)
        takes = []
        states = {state.file_id: state for state in manifest.files}
        by_source = sorted(
            refused, key=lambda file_id: states[file_id].source
        )  # a chunk holds rows of one table
        for file_id in by_source:
            again = RefusedFile(states[file_id], places.get(file_id), refused[file_id])
            takes.append(
                FileAgain(again, builder, seen, now, limits or Limits(), staging / "unpacked").take()
            )
        builder.flush()
        report, grown = _commit(landing, manifest, takes, builder, writer, seen, stamp or now)
    except BaseException:
        writer.abandon()
        raise
    sweep(landing, grown)
    return report


def quarantined(landing: Path, manifest: Manifest) -> list[Row]:
    """The refusals in force, rows of QUARANTINE: all that landed without those that were replayed."""
    names = QUARANTINE.names
    gone = Counter(
        tuple(row[name] for name in names) for row in _landed(landing, manifest, "quarantine_replayed")
    )
    rows = []
    for row in _landed(landing, manifest, "quarantine"):
        key = tuple(row[name] for name in names)
        if gone[key]:
            gone[key] -= 1
        else:
            rows.append({name: row[name] for name in names})
    return rows


def _landed(landing: Path, manifest: Manifest, table: str) -> Iterator[Row]:
    for name in manifest.table_files(table):
        yield from pq.read_table(landing / name).to_pylist()


def _wanted(rows: list[Row], reason: str | None) -> dict[str, dict[tuple[int, int], list[Row]]]:
    """By file, then by place in it. A line of which one refusal is wanted is replayed whole."""
    by_file: defaultdict[str, defaultdict[tuple[int, int], list[Row]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in rows:
        by_file[row["file_id"]][row["line_no"], row["byte_offset"]].append(row)
    text = (reason or "").lower()
    wanted = {
        file_id: {
            place: refusals
            for place, refusals in places.items()
            if any(text in row["reason"].lower() for row in refusals)
        }
        for file_id, places in by_file.items()
    }
    return {file_id: places for file_id, places in wanted.items() if places}


def _commit(
    landing: Path,
    manifest: Manifest,
    taken: list[Taken],
    builder: ReplayBuilder,
    writer: BatchWriter,
    seen: SeenEvents,
    stamp: datetime,
) -> tuple[ReplayReport, Manifest]:
    ledger = {state.file_id: state for state in manifest.files}
    told: list[Replayed] = []
    gone: list[Row] = []
    renewed: list[Row] = []
    for file in taken:
        state = file.state
        for take in file.takes:
            if take.tally is None:
                told += [_told(row, "unavailable", take.missing) for row in take.before]
                continue
            counted = take.tally.counters()
            before = Counters(lines=len(take.before), quarantined=len(take.before))
            state = replace(state, counters=_less(state.counters, before) + counted)
            ends = _ends(take, builder.refusals[id(take.tally)])
            told += [_told(row, became, why) for row, became, why, _ in ends]
            gone += [
                row | {"replayed_at": stamp, "became": became} for row, became, _, is_new in ends if is_new
            ]
            renewed += _unmatched(take, builder.refusals[id(take.tally)])
        if not state.counters.adds_up:
            raise AssertionError(
                f"{state.path}: lines do not add up: {state.counters}; nothing was committed"
            )
        ledger[state.file_id] = state
    told.sort(key=lambda one: (one.path, one.line_no, one.byte_offset))
    if not gone:
        return ReplayReport(None, 0, tuple(told)), manifest
    writer.write("quarantine", pa.Table.from_pylist(renewed, schema=QUARANTINE))
    writer.write("quarantine_replayed", pa.Table.from_pylist(gone, schema=QUARANTINE_REPLAYED))
    rows = [ledger_row(state) for state in ledger.values()]
    writer.write("files", pa.Table.from_pylist(rows, schema=FILES))
    seq = manifest.last_seq + 1
    runs = seen.finish(seq)
    batch = Batch(seq, stamp, writer.finish(), dict(builder.unknown_fields))
    grown = replace(
        manifest, batches=with_batch(manifest.batches, batch), files=tuple(ledger.values()), seen=runs
    )
    commit(landing, grown)
    events = sum(take.tally.became["event"] for file in taken for take in file.takes if take.tally)
    return ReplayReport(seq, events, tuple(told)), grown


def _ends(take: Take, refused: list[Row]) -> list[tuple[Row, str, str | None, bool]]:
    """(refusal, what became of it, the reason that holds now, whether that is news) for each refusal of a place."""
    assert take.tally is not None
    accepted = [name for name in _OUTCOMES for _ in range(take.tally.became[name])]
    fresh = [row["reason"] for row in _unmatched(take, refused)]
    same = Counter(row["reason"] for row in refused) - Counter(fresh)
    ends: list[tuple[Row, str, str | None, bool]] = []
    for row in take.before:
        if same[row["reason"]]:
            same[row["reason"]] -= 1
            ends.append((row, "quarantined", row["reason"], False))
        elif accepted:
            ends.append((row, accepted.pop(0), None, True))
        else:
            ends.append((row, "quarantined", fresh.pop(0), True))
    return ends


def _unmatched(take: Take, refused: list[Row]) -> list[Row]:
    """Refusals that are news: for a reason that was not there before, or of a record in what was refused as a whole."""
    assert take.tally is not None
    is_same = take.tally.lines == len(take.before)
    known = Counter(row["reason"] for row in take.before if is_same)
    rows = []
    for row in refused:
        if known[row["reason"]]:
            known[row["reason"]] -= 1
        else:
            rows.append(row)
    return rows


def _told(row: Row, became: str, why: str | None) -> Replayed:
    return Replayed(row["path"], row["line_no"], row["byte_offset"], row["reason"], became, why)


def _less(one: Counters, other: Counters) -> Counters:
    return replace(one, lines=one.lines - other.lines, quarantined=one.quarantined - other.quarantined)
