"""The manifest: the one commit record of the landing zone.

`landing/manifest.json` names every file of every batch and how far each raw file was read. It is replaced
in one step, so rows, quarantine and offsets become visible together or not at all. What a killed run left
beside it is not in it, is therefore never seen, and is swept at the next start. One writer at a time: the
caller holds the pipeline's lock.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, overload

import orjson

from tokencost_pipeline.atomic import sync_directory
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.ingest.closed import Retention
from tokencost_pipeline.ingest.crash import crash_point
from tokencost_pipeline.ingest.identity import Fingerprint

NAME = "manifest.json"
VERSION = 2
READABLE_VERSIONS = (1, 2)
"""Version 1 kept what recognises an event again in each batch (`ids.parquet`), version 2 in `seen/`. A landing
zone of version 1 is read; its index is made anew from what has landed."""

BATCHES = "batches"
SEEN = "seen"
CLOSED = "closed"
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
    # when its inode last changed (ctime) where that was long enough ago when its bytes were compared; else 0
    changed_ns: int = field(default=0, compare=False)


@dataclass(frozen=True)
class TableEntry:
    """One Parquet file of a batch. The instants are those of its events (None for tables that hold none)."""

    file: str  # relative to landing/
    rows: int
    min_occurred_at: datetime | None = None
    max_occurred_at: datetime | None = None


@dataclass(frozen=True)
class RunEntry:
    """One file of the index of seen events, see `dedup`."""

    file: str  # relative to landing/
    rows: int


@dataclass(frozen=True)
class Batch:
    """What one run added."""

    seq: int
    committed_at: datetime
    tables: Mapping[str, TableEntry]
    unknown_fields: Mapping[str, int] = field(
        default_factory=dict
    )  # 'source.field' -> records that carried it


class Batches(Sequence[Batch]):
    """The batches as the manifest's text has them, one a line, oldest first. They are parsed when somebody asks: a run
    that adds one to thousands need not look at them."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    @cached_property
    def _parsed(self) -> tuple[Batch, ...]:
        return tuple(_batch_from(entry) for entry in orjson.loads(b"[" + self.text + b"]"))

    @cached_property
    def _last(self) -> Batch:
        return _batch_from(orjson.loads(self.text[self.text.rfind(b"\n") + 1 :]))

    def __len__(self) -> int:
        return self.text.count(b"\n") + 1 if self.text else 0

    @overload
    def __getitem__(self, place: int) -> Batch: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Batch, ...]: ...
    def __getitem__(self, place: int | slice) -> Batch | tuple[Batch, ...]:
        return self._last if place == -1 and self.text else self._parsed[place]

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._parsed)

    def __bool__(self) -> bool:
        return bool(self.text)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Batches):
            return self.text == other.text
        return isinstance(other, tuple) and self._parsed == other

    __hash__ = None  # type: ignore[assignment]


def with_batch(batches: Sequence[Batch], batch: Batch) -> Batches:
    """`batches` and one more."""
    return Batches(b",\n".join(filter(None, (_text_of(batches), orjson.dumps(_batch_to(batch))))))


def _text_of(batches: Sequence[Batch]) -> bytes:
    if isinstance(batches, Batches):
        return batches.text
    return b",\n".join(orjson.dumps(_batch_to(batch)) for batch in batches)


@dataclass(frozen=True)
class Manifest:
    """Everything that is committed."""

    batches: Sequence[Batch] = ()
    files: tuple[FileState, ...] = ()
    seen: tuple[RunEntry, ...] | None = ()  # the index of seen events; None: to be made anew
    retention: Retention | None = None  # None: nothing was ever closed

    @property
    def last_seq(self) -> int:
        return self.batches[-1].seq if self.batches else 0

    def table_files(self, table: str) -> list[str]:
        """Files of one table over all batches, relative to landing/, oldest first."""
        files = [batch.tables[table].file for batch in self.batches if table in batch.tables]
        return [file for file in files if file not in self.purged]

    @property
    def purged(self) -> frozenset[str]:
        """Files of batches that the retention took away."""
        return self.retention.purged if self.retention else frozenset()


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
        head, mark, text = data.partition(_BATCHES)
        document = orjson.loads(head + _END if mark else data)
        if document["version"] not in READABLE_VERSIONS:
            raise UserError(
                f"manifest version {document['version']} is not {VERSION}", place=str(path), hint=hint
            )
        seen = document["seen"] if document["version"] == VERSION else None
        return Manifest(
            _batches_from(document, text if mark else None),
            tuple(_file_from(entry) for entry in document["files"]),
            None if seen is None else tuple(RunEntry(entry["file"], entry["rows"]) for entry in seen),
            Retention.from_json(document["retention"]) if document.get("retention") else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"not a manifest ({type(error).__name__})", place=str(path), hint=hint) from error


_BATCHES = b'"batches":[\n'
_END = b'"batches":[]}'
"""The batches stand last and a line each; no other line feed is in the file but the last. It is one JSON document all
the same, for dbt reads it whole."""


def _batches_from(document: dict[str, Any], text: bytes | None) -> Sequence[Batch]:
    if text is None:
        return tuple(_batch_from(entry) for entry in document["batches"])
    text = text.removesuffix(b"\n]}\n")
    if zlib.crc32(text) != document["batches_crc32"]:
        raise ValueError("the batches are not as they were written")
    return Batches(text)


def commit(landing_dir: Path, manifest: Manifest) -> None:
    """Put `manifest` in force: the rename is the commit, everything before it can be lost without a trace."""
    landing_dir.mkdir(parents=True, exist_ok=True)
    batches = _text_of(manifest.batches)
    document = {
        "version": VERSION,
        "files": [_file_to(state) for state in manifest.files],
        "seen": None
        if manifest.seen is None
        else [{"file": run.file, "rows": run.rows} for run in manifest.seen],
        **({"retention": manifest.retention.to_json()} if manifest.retention else {}),
        "batches_crc32": zlib.crc32(batches),
    }
    path = landing_dir / NAME
    temporary = landing_dir / f".{NAME}.tmp"
    with temporary.open("wb") as handle:
        handle.write(b"".join((orjson.dumps(document)[:-1], b",", _BATCHES, batches, b"\n]}\n")))
        handle.flush()
        os.fsync(handle.fileno())
    crash_point("mid_manifest")
    temporary.replace(path)
    sync_directory(landing_dir)
    crash_point("after_manifest")


def sweep(landing_dir: Path, manifest: Manifest, *, after_commit: bool = False) -> list[str]:
    """Remove what a killed run left: batch folders, runs of the index and closed rows that the manifest does not know,
    files that it calls purged, staging, a half-written manifest. Returns the names removed. Parquet files that the
    manifest lists as in force are never touched. `after_commit`: the batches were swept when the run began."""
    last = manifest.last_seq  # batches are numbered without a gap
    batches = (
        [] if after_commit or _holds_just(landing_dir / BATCHES, last) else _names(landing_dir / BATCHES)
    )
    runs = {PurePosixPath(run.file).name for run in manifest.seen or ()}
    newest = f"{last:08d}"
    foreign = [name for name in batches if name > newest or name[:1] == "."]
    if batches and len(batches) - len(foreign) != last:
        foreign = [
            name for name in batches if not (len(name) == 8 and name.isdecimal() and 0 < int(name) <= last)
        ]
    leftovers = [landing_dir / BATCHES / name for name in foreign]
    leftovers += [entry for entry in _entries(landing_dir / SEEN) if entry.name not in runs]
    archived = {
        PurePosixPath(entry.file).name
        for entries in (manifest.retention.archive.values() if manifest.retention else ())
        for entry in entries
    }
    leftovers += [entry for entry in _entries(landing_dir / CLOSED) if entry.name not in archived]
    removing = manifest.retention.removing if manifest.retention else ()
    leftovers += [place for file in sorted(removing) if (place := landing_dir / file).exists()]
    leftovers += [entry for entry in (landing_dir / STAGING, landing_dir / f".{NAME}.tmp") if entry.exists()]
    for entry in leftovers:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return sorted(entry.name for entry in leftovers)


def _holds_just(folder: Path, last: int) -> bool:
    """Whether the folder is known to hold the batches up to `last` and nothing else, without listing thousands of them:
    most file systems count a folder's folders in its links."""
    try:
        return folder.stat().st_nlink == last + 2 and not (folder / f"{last + 1:08d}").exists()
    except OSError:
        return False


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
    return [folder / name for name in sorted(_names(folder))]


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    with os.scandir(
        folder
    ) as entries:  # a Path for each of a year's batches would cost as much as an hour's events
        return [entry.name for entry in entries]


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
    known, counters = state.fingerprint, state.counters
    # written out: a loop over the names costs as much as the rest of a small run once there are thousands of files
    return {
        "file_id": state.file_id,
        "path": state.path,
        "first_path": state.first_path,
        "source": state.source,
        "format": state.format,
        "generation": state.generation,
        "dev": state.dev,
        "inode": state.inode,
        "next_line": state.next_line,
        "header": state.header,
        "offset": known.offset,
        "head_sha256": known.head_sha256,
        "tail_sha256": known.tail_sha256,
        "lines": counters.lines,
        "events": counters.events,
        "duplicates": counters.duplicates,
        "conflicts": counters.conflicts,
        "quarantined": counters.quarantined,
        "ignored": counters.ignored,
        "last_read_at": instant_text(state.last_read_at),
        "changed_ns": state.changed_ns,
    }


_PLAIN = ("file_id", "path", "first_path", "source", "format", "generation", "dev", "inode", "next_line")
_COUNTED = ("lines", "events", "duplicates", "conflicts", "quarantined", "ignored")


def _file_from(entry: dict[str, Any]) -> FileState:
    header = entry["header"]
    return FileState(
        **{name: entry[name] for name in _PLAIN},
        fingerprint=Fingerprint(entry["offset"], entry["head_sha256"], entry["tail_sha256"]),
        header=None if header is None else tuple(header),
        counters=Counters(**{name: entry[name] for name in _COUNTED}),
        last_read_at=datetime.fromisoformat(entry["last_read_at"]),
        changed_ns=entry.get("changed_ns", 0),
    )


def seen_at(state: FileState, *, path: str, dev: int, inode: int, changed_ns: int = 0) -> FileState:
    """The same generation under the name and inode it has now."""
    if (state.path, state.dev, state.inode, state.changed_ns) == (path, dev, inode, changed_ns):
        return state
    return replace(state, path=path, dev=dev, inode=inode, changed_ns=changed_ns)
