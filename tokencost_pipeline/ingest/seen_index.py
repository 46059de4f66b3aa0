"""The index of seen events as the manifest has it, or made anew from what has landed."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from tokencost_pipeline.ingest.content import CONTENT, marks
from tokencost_pipeline.ingest.dedup import SeenEvents
from tokencost_pipeline.ingest.manifest import Manifest
from tokencost_pipeline.ingest.seen_runs import DamagedRun

_NO_EVENTS = frozenset({"quarantine", "quarantine_replayed", "conflicts", "files", "ids"})
_ROWS = 100_000


def open_index(landing_dir: Path, manifest: Manifest, staging: Path) -> SeenEvents:
    """What is known of earlier events. Where the manifest is of a version without an index, or a file of it is missing
    or damaged, the landed events are read once. Files that the retention has purged hold closed events alone: those
    that come again are refused as too late then, and never counted twice."""
    if manifest.seen is not None:
        seen = SeenEvents(landing_dir, manifest.seen, staging)
        try:
            seen.check()
        except DamagedRun:
            pass
        else:
            return seen
    return _made_anew(landing_dir, manifest, staging)


def _made_anew(landing_dir: Path, manifest: Manifest, staging: Path) -> SeenEvents:
    seen = SeenEvents(landing_dir, (), staging)
    for batch in manifest.batches:
        for source, entry in batch.tables.items():
            if source in _NO_EVENTS or entry.file in manifest.purged:
                continue
            with pq.ParquetFile(landing_dir / entry.file) as file:
                columns = [name for name in ("event_id", *CONTENT) if name in file.schema_arrow.names]
                for rows in file.iter_batches(_ROWS, columns=columns):
                    seen.learn(marks(source, rows))
    return seen
