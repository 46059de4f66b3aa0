"""The ingest: raw/ to one more batch in the landing zone, or to nothing when there is nothing new.

sweep what a killed run left -> scan raw/ -> read new complete bytes -> gate -> map -> deduplicate ->
write a Parquet batch -> commit the manifest. Only the last step makes anything visible. The caller holds
the pipeline's lock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.batch import BatchBuilder, Note
from tokencost_pipeline.ingest.crash import crash_point
from tokencost_pipeline.ingest.dedup import SeenEvents
from tokencost_pipeline.ingest.landing import BatchWriter
from tokencost_pipeline.ingest.limits import Limits
from tokencost_pipeline.ingest.manifest import (
    STAGING,
    Batch,
    Counters,
    FileState,
    Manifest,
    commit,
    read_manifest,
    seen_at,
    sweep,
    with_batch,
)
from tokencost_pipeline.ingest.read_file import Outcome, read_file
from tokencost_pipeline.ingest.scan import Found, Plan, next_generation, plan, scan
from tokencost_pipeline.ingest.schema import FILES
from tokencost_pipeline.ingest.seen_index import open_index
from tokencost_pipeline.ingest.sources import SOURCES, Source
from tokencost_pipeline.settings import Settings

Progress = Callable[[str, int, int], None]
"""(path, bytes done, bytes in all), called after each file."""


@dataclass(frozen=True)
class IngestReport:
    """What one run did. Instants are UTC; `batch_seq` is None when there was nothing new."""

    batch_seq: int | None
    total: Counters
    sources: Mapping[str, Counters]
    new_files: int  # file generations that were not in the ledger before
    bytes_read: int  # consumed from raw files (packed bytes for gzip)
    pending_bytes: int  # behind the last complete record: left for the next run
    min_occurred_at: datetime | None
    max_occurred_at: datetime | None
    quarantined: tuple[Note, ...]  # the first of them
    unknown_fields: Mapping[str, int]  # 'source.field' -> records that carried it; kept out of the warehouse
    unrecognised: tuple[str, ...]  # folders and files under raw/ of no known format
    unreadable: tuple[tuple[str, str], ...]  # (path, reason); tried again at the next run


def ingest(
    settings: Settings,
    *,
    now: datetime,
    stamp: datetime | None = None,
    progress: Progress | None = None,
    limits: Limits | None = None,
    sources: Mapping[str, Source] = SOURCES,
) -> IngestReport:
    """Take in everything new under `settings.raw_dir`.

    `now` (with offset) is the machine's clock: instants more than a day after it are refused. `stamp` is
    written as committed_at and last_read_at (default: `now`); it may be a fixed instant, so that runs can be
    repeated. Raises UserError when raw/ is missing or the landing zone cannot be read or written; bad input
    raises nothing, it is counted and quarantined.
    """
    if now.tzinfo is None:
        raise ValueError("now has no offset")
    landing = settings.landing_dir
    manifest = read_manifest(landing)
    found = scan(settings.raw_dir, dict(sources))
    try:
        sweep(landing, manifest)
        todo = plan(found.candidates, manifest.files)
        crash_point("after_scan")
        done = _read_all(landing, manifest, todo, now, stamp or now, limits or Limits(), progress)
        batch = None
        if done.states:
            manifest = _commit(landing, manifest, todo, done, stamp or now)
            batch = manifest.batches[-1]
        sweep(landing, manifest, after_commit=True)
    except (OSError, duckdb.IOException) as error:
        raise UserError(
            f"the landing zone cannot be used: {getattr(error, 'strerror', None) or error}",
            place=str(getattr(error, "filename", None) or landing),
            hint="what was committed before stands; make room or mend the permissions and run again",
        ) from error
    return _report(batch, done, todo, found)


@dataclass(frozen=True)
class _Done:
    """What was read: nothing of it is visible yet."""

    writer: BatchWriter
    seen: SeenEvents | None
    outcomes: tuple[Outcome, ...]
    states: tuple[FileState, ...]  # new state of every file that gave at least one record
    notes: tuple[Note, ...]
    unknown_fields: Mapping[str, int]


def _read_all(
    landing: Path,
    manifest: Manifest,
    todo: Plan,
    now: datetime,
    stamp: datetime,
    limits: Limits,
    progress: Progress | None,
) -> _Done:
    writer = BatchWriter(landing, manifest.last_seq + 1)
    if not todo.readings:
        return _Done(writer, None, (), (), (), {})
    staging = landing / STAGING
    staging.mkdir(parents=True)
    total = sum(reading.candidate.size - reading.offset for reading in todo.readings)
    before = 0
    outcomes = []
    try:
        seen = open_index(landing, manifest, staging)
        builder = BatchBuilder(writer, seen, limits, manifest.retention)
        # one source after the other: a chunk holds rows of one table
        for reading in sorted(todo.readings, key=lambda reading: reading.candidate.source.name):
            outcomes.append(
                read_file(
                    reading,
                    generation=next_generation(reading.candidate.path, manifest.files),
                    builder=builder,
                    now=now,
                    limits=limits,
                    staging=staging,
                    progress=_reporter(progress, reading.candidate.path, before, total),
                )
            )
            before += reading.candidate.size - reading.offset
        builder.flush()
    except BaseException:
        writer.abandon()
        raise
    states = tuple(state for outcome in outcomes if (state := outcome.state(stamp)) is not None)
    return _Done(writer, seen, tuple(outcomes), states, tuple(builder.notes), dict(builder.unknown_fields))


def _reporter(progress: Progress | None, path: str, before: int, total: int) -> Callable[[int], None]:
    def report(done: int) -> None:
        if progress is not None:
            progress(path, before + done, total)

    return report


def _commit(landing: Path, manifest: Manifest, todo: Plan, done: _Done, stamp: datetime) -> Manifest:
    for state in done.states:
        if not state.counters.adds_up:
            raise AssertionError(
                f"{state.path}: lines do not add up: {state.counters}; nothing was committed"
            )
    ledger = {state.file_id: state for state in manifest.files}
    ledger |= {
        state.file_id: seen_at(
            state, path=file.path, dev=file.dev, inode=file.inode, changed_ns=file.settled_ns
        )
        for state, file in todo.moved
    }
    ledger |= {state.file_id: state for state in done.states}
    done.writer.write(
        "files", pa.Table.from_pylist([ledger_row(state) for state in ledger.values()], schema=FILES)
    )
    seq = manifest.last_seq + 1
    seen = done.seen.finish(seq) if done.seen else manifest.seen
    batch = Batch(seq, stamp, done.writer.finish(), done.unknown_fields)
    grown = replace(
        manifest, batches=with_batch(manifest.batches, batch), files=tuple(ledger.values()), seen=seen
    )
    commit(landing, grown)
    return grown


def ledger_row(state: FileState) -> dict[str, object]:
    counters = state.counters
    return {
        "file_id": state.file_id,
        "path": state.path,
        "source": state.source,
        "generation": state.generation,
        "bytes_read": state.fingerprint.offset,
        "lines": counters.lines,
        "events": counters.events,
        "duplicates": counters.duplicates,
        "conflicts": counters.conflicts,
        "quarantined": counters.quarantined,
        "ignored": counters.ignored,
        "last_read_at": state.last_read_at,
    }


def _report(batch: Batch | None, done: _Done, todo: Plan, found: Found) -> IngestReport:
    by_source: defaultdict[str, Counters] = defaultdict(Counters)
    for outcome in done.outcomes:
        by_source[outcome.tally.source] += outcome.tally.counters()
    tables = batch.tables.values() if batch else ()
    failures = [(outcome.tally.path, outcome.failure) for outcome in done.outcomes if outcome.failure]
    return IngestReport(
        batch_seq=batch.seq if batch else None,
        total=sum(by_source.values(), Counters()),
        sources=dict(by_source),
        new_files=sum(outcome.consumed > 0 and outcome.is_new for outcome in done.outcomes),
        bytes_read=sum(outcome.consumed for outcome in done.outcomes),
        pending_bytes=sum(outcome.pending for outcome in done.outcomes),
        min_occurred_at=min(
            (table.min_occurred_at for table in tables if table.min_occurred_at), default=None
        ),
        max_occurred_at=max(
            (table.max_occurred_at for table in tables if table.max_occurred_at), default=None
        ),
        quarantined=done.notes,
        unknown_fields=done.unknown_fields,
        unrecognised=found.unrecognised,
        unreadable=(*found.unreadable, *todo.unreadable, *failures),
    )
