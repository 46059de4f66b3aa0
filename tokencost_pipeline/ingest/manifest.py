"""The manifest: the one commit record of the landing zone.

`landing/manifest.json` names every file of every batch and how far each raw file was read. It is replaced
in one step, so rows, quarantine and offsets become visible together or not at all. What a killed run left
beside it is not in it, is therefore never seen, and is swept at the next start. One writer at a time: the
caller holds the pipeline's lock.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from tokencost_pipeline.atomic import sync_directory
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.crash import crash_point
from tokencost_pipeline.ingest.identity import Fingerprint

NAME = "manifest.json"
VERSION = 1
BATCHES = "batches"
STAGING = ".staging"
SAMPLE_PREFIX = "sample_"


@dataclass(frozen=True)
class Counters:
    """Complete records of a file generation, a source or a run. `lines` is the sum of the others: that is the
    invariant. A file that is refused whole (broken gzip) counts as one quarantined line."""

    lines: int = 0
    events: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0
    ignored: int = 0

    def __add__(self, other: Counters) -> Counters:
        return Counters(*(mine + theirs for mine, theirs in zip(self._all(), other._all(), strict=True)))

    def _all(self) -> tuple[int, ...]:
        return (self.lines, self.events, self.duplicates, self.conflicts, self.quarantined, self.ignored)

    @property
    def adds_up(self) -> bool:
        return self.lines == sum(self._all()[1:])


@dataclass(frozen=True)
class FileState:
    """One generation of a raw file and how far it was read. `path` is where it was last seen, relative to
    raw/."""

    file_id: str
    path: str
    first_path: (
        str  # the name under which it was first read: part of file_id, and what generations are counted by
    )
    source: str
    format: str  # "jsonl", "csv", with ".gz" when packed
    generation: int
    dev: int
    inode: int
    fingerprint: Fingerprint  # its offset is the bytes consumed (packed bytes for gzip, which is read whole)
    next_line: int
    header: tuple[str, ...] | None  # of a CSV file: the columns that are read, by position; () = unusable
    counters: Counters
    last_read_at: datetime


@dataclass(frozen=True)
class TableEntry:
    """One Parquet file of a batch. The instants are those of its events (None for tables that hold none)."""

    file: str  # relative to landing/
    rows: int
    min_occurred_at: datetime | None = None
    max_occurred_at: datetime | None = None


@dataclass(frozen=True)
class Batch:
    """What one run added."""

    seq: int
    committed_at: datetime
    tables: Mapping[str, TableEntry]
    unknown_fields: Mapping[str, int] = field(
        default_factory=dict
    )  # 'source.field' -> records that carried it


@dataclass(frozen=True)
class Manifest:
    """Everything that is committed."""

    batches: tuple[Batch, ...] = ()
    files: tuple[FileState, ...] = ()

    @property
    def last_seq(self) -> int:
        return self.batches[-1].seq if self.batches else 0

    def table_files(self, table: str) -> list[str]:
        """Files of one table over all batches, relative to landing/, oldest first."""
        return [batch.tables[table].file for batch in self.batches if table in batch.tables]


def read_manifest(landing_dir: Path) -> Manifest:
    """The manifest in force; an empty one before the first batch. Raises UserError when it cannot be read."""
    path = landing_dir / NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Manifest()
    except OSError as error:
        raise UserError(
            f"the manifest cannot be read: {error.strerror}", place=str(path), hint="mend its permissions"
        ) from error
    hint = "restore it from a backup, or remove the whole landing folder to read raw/ anew"
    try:
        document = orjson.loads(data)
        if document["version"] != VERSION:
            raise UserError(
                f"manifest version {document['version']} is not {VERSION}", place=str(path), hint=hint
            )
        return Manifest(
            tuple(_batch_from(entry) for entry in document["batches"]),
            tuple(_file_from(entry) for entry in document["files"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"not a manifest ({type(error).__name__})", place=str(path), hint=hint) from error


def commit(landing_dir: Path, manifest: Manifest) -> None:
    """Put `manifest` in force: the rename is the commit, everything before it can be lost without a trace."""
    landing_dir.mkdir(parents=True, exist_ok=True)
    document = {
        "version": VERSION,
        "batches": [_batch_to(batch) for batch in manifest.batches],
        "files": [_file_to(state) for state in manifest.files],
    }
    path = landing_dir / NAME
    temporary = landing_dir / f".{NAME}.tmp"
    with temporary.open("wb") as handle:
        handle.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))
        handle.flush()
        os.fsync(handle.fileno())
    crash_point("mid_manifest")
    temporary.replace(path)
    sync_directory(landing_dir)
    crash_point("after_manifest")


def sweep(landing_dir: Path, manifest: Manifest) -> list[str]:
    """Remove what a killed run left: batch folders the manifest does not know, staging, a half-written
    manifest. Returns the names removed. Parquet files the manifest lists are never touched."""
    known = {
        PurePosixPath(table.file).parts[1] for batch in manifest.batches for table in batch.tables.values()
    }
    leftovers: list[Path] = [entry for entry in _entries(landing_dir / BATCHES) if entry.name not in known]
    leftovers += [entry for entry in (landing_dir / STAGING, landing_dir / f".{NAME}.tmp") if entry.exists()]
    for entry in leftovers:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return sorted(entry.name for entry in leftovers)


def newest_occurred_at(manifest: Manifest) -> datetime | None:
    """The newest event's instant, None when nothing has landed."""
    return max(_instants(manifest), default=None)


def oldest_occurred_at(manifest: Manifest) -> datetime | None:
    """The oldest event's instant, None when nothing has landed."""
    tables = (table for batch in manifest.batches for table in batch.tables.values())
    return min((table.min_occurred_at for table in tables if table.min_occurred_at is not None), default=None)


def fully_read(manifest: Manifest, raw_dir: Path) -> bool:
    """Whether every file in the folders below `raw_dir` has been read to its end, by name and size alone."""
    read_to = {state.path: state.fingerprint.offset for state in manifest.files}
    return bool(read_to) and all(
        read_to.get(path.relative_to(raw_dir).as_posix()) == path.stat().st_size
        for path in raw_dir.glob("*/**/*")
        if path.is_file() and not path.name.startswith(".")
    )


def only_sample_files(manifest: Manifest) -> bool:
    """Whether everything read so far is the sample that ships with the project (file names begin with
    `sample_`). Its reports then look from its newest event, not from today."""
    return bool(manifest.files) and all(
        PurePosixPath(state.path).name.startswith(SAMPLE_PREFIX) for state in manifest.files
    )


def _instants(manifest: Manifest) -> Iterable[datetime]:
    for batch in manifest.batches:
        for table in batch.tables.values():
            if table.max_occurred_at is not None:
                yield table.max_occurred_at


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def instant_text(moment: datetime) -> str:
    """An instant as the manifest writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _batch_to(batch: Batch) -> dict[str, Any]:
    tables = {}
    for name, table in batch.tables.items():
        tables[name] = {"file": table.file, "rows": table.rows}
        if table.min_occurred_at and table.max_occurred_at:
            tables[name]["min_occurred_at"] = instant_text(table.min_occurred_at)
            tables[name]["max_occurred_at"] = instant_text(table.max_occurred_at)
    return {
        "seq": batch.seq,
        "committed_at": instant_text(batch.committed_at),
        "tables": tables,
        "unknown_fields": dict(batch.unknown_fields),
    }


def _batch_from(entry: dict[str, Any]) -> Batch:
    tables = {
        name: TableEntry(
            table["file"],
            table["rows"],
            _instant_or_none(table.get("min_occurred_at")),
            _instant_or_none(table.get("max_occurred_at")),
        )
        for name, table in entry["tables"].items()
    }
    return Batch(
        entry["seq"], datetime.fromisoformat(entry["committed_at"]), tables, entry.get("unknown_fields", {})
    )


def _instant_or_none(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _file_to(state: FileState) -> dict[str, Any]:
    flat = asdict(state)
    flat |= flat.pop("fingerprint")
    flat |= flat.pop("counters")
    return flat | {"last_read_at": instant_text(state.last_read_at)}


def _file_from(entry: dict[str, Any]) -> FileState:
    header = entry["header"]
    plain = ("file_id", "path", "first_path", "source", "format", "generation", "dev", "inode", "next_line")
    counted = ("lines", "events", "duplicates", "conflicts", "quarantined", "ignored")
    return FileState(
        **{name: entry[name] for name in plain},
        fingerprint=Fingerprint(entry["offset"], entry["head_sha256"], entry["tail_sha256"]),
        header=None if header is None else tuple(header),
        counters=Counters(**{name: entry[name] for name in counted}),
        last_read_at=datetime.fromisoformat(entry["last_read_at"]),
    )


def seen_at(state: FileState, *, path: str, dev: int, inode: int) -> FileState:
    """The same generation under the name and inode it has now."""
    return replace(state, path=path, dev=dev, inode=inode)
