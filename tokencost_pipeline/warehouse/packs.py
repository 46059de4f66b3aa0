"""Small landed files, read as one.

A run lands a file of its own for each table, so an hourly schedule lands 8,760 a year, and opening them costs more than
what is in them. Once there are many, copies of the oldest are put together into one file that dbt reads in their place
(`macros/engine/landing.sql`). The manifest keeps naming the originals: a pack can be deleted at any time, and one whose
originals are not all in force any more is not read.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tokencost_pipeline import atomic
from tokencost_pipeline.ingest.manifest import read_manifest
from tokencost_pipeline.settings import Settings

FOLDER = "packs"
RECORD = "packs.json"
FILES = 128
SMALL_ROWS = 20_000
UNPACKED = {"files"}
"""The ledger of files: only the newest is read."""


@dataclass(frozen=True)
class Pack:
    """A file that holds the rows of others. All paths are relative to landing/."""

    table: str
    file: str
    replaces: tuple[str, ...]


def pack_landed(settings: Settings, files: int = FILES) -> list[Pack]:
    """Put every `files` small landed files of a table together and record it; returns the packs in force.

    The caller holds the pipeline's lock.
    """
    landing = settings.landing_dir
    before = read_packs(settings)
    landed = landed_files(settings)
    in_force = {file for small in landed.values() for file, _ in small}
    packs = [pack for pack in before if in_force.issuperset(pack.replaces) and (landing / pack.file).exists()]
    packed = {file for pack in packs for file in pack.replaces}
    for table, found in landed.items():
        waiting = [file for file, rows in found if rows < SMALL_ROWS and file not in packed]
        packs += [write_pack(settings, table, group) for group in groups(waiting, files)]
    if packs != before:
        atomic.write_bytes(landing / RECORD, orjson.dumps([asdict(pack) for pack in packs]))
        named = {pack.file for pack in packs}
        for path in (landing / FOLDER).glob("*"):
            if f"{FOLDER}/{path.name}" not in named:
                path.unlink()
    return packs


def read_packs(settings: Settings) -> list[Pack]:
    """The packs on record; none when there is no record or it cannot be read."""
    try:
        found = orjson.loads((settings.landing_dir / RECORD).read_bytes())
        return [Pack(it["table"], it["file"], tuple(it["replaces"])) for it in found]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def landed_files(settings: Settings) -> dict[str, list[tuple[str, int]]]:
    """Table -> (file, rows) of the landed files in force, oldest first."""
    manifest = read_manifest(settings.landing_dir)
    purged = set(manifest.retention.purged) if manifest.retention else set()
    found: dict[str, list[tuple[str, int]]] = {}
    for batch in manifest.batches:
        for table, entry in batch.tables.items():
            if table not in UNPACKED and entry.file not in purged:
                found.setdefault(table, []).append((entry.file, entry.rows))
    return found


def groups(waiting: Sequence[str], files: int) -> Iterator[Sequence[str]]:
    """Full groups only: what is left over waits for more."""
    for start in range(0, len(waiting) - files + 1, files):
        yield waiting[start : start + files]


def write_pack(settings: Settings, table: str, files: Sequence[str]) -> Pack:
    """Copy the rows of `files`, in their order, into one file named after its content."""
    landing = settings.landing_dir
    rows = pa.concat_tables([pq.read_table(landing / file) for file in files], promote_options="default")
    buffer = io.BytesIO()
    pq.write_table(rows, buffer, compression="zstd")
    file = f"{FOLDER}/{table}-{sha256(buffer.getvalue()).hexdigest()[:16]}.parquet"
    (landing / FOLDER).mkdir(parents=True, exist_ok=True)
    atomic.write_bytes(landing / file, buffer.getvalue())
    return Pack(table, file, tuple(files))
