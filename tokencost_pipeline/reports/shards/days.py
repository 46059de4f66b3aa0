"""The shards of a day: one sort in DuckDB, whose result is cut where the top bits of the keys change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from tokencost_pipeline.reports.data_scripts import packed_script
from tokencost_pipeline.reports.export_parts import Part, label_of
from tokencost_pipeline.reports.shards.lines import RELATIONS, lines_sql
from tokencost_pipeline.reports.site_folders import FOLDER, Folder
from tokencost_pipeline.reports.site_publish import SiteWriter
from tokencost_pipeline.warehouse.look import parquet_files

Places = npt.NDArray[np.uint32]
Files = Mapping[int, tuple[Part, ...]]

LINES_PER_SHARD = 256
"""At most so many on average: some 100 requests, 20 KB."""
_TOGETHER = 50_000  # lines; a query of its own for each of a year's small days takes ten times as long
_BATCH = 50_000


@dataclass(frozen=True)
class Made:
    """The shards of a day in `folder` (None where its files have no line), cut by the first `bits` bits of the key, and
    the places of its lines, sorted, each once."""

    number: int
    folder: Folder | None
    bits: int
    places: Places


@dataclass(frozen=True)
class Cut:
    """The lines of one shard, and their places."""

    day: int
    shard: int
    text: bytes
    places: Places


def make_days(
    connection: duckdb.DuckDBPyConnection, exports: Path, files: Files, writer: SiteWriter
) -> Iterator[Made]:
    """Make the shards of each day of `files`. Memory and temporary disk hold one day, or few small ones."""
    lines = _lines(connection, exports, files)
    for days in _together(lines):
        bits = {number: bits_for(lines[number], LINES_PER_SHARD) for number in days}
        cuts = _cuts(connection, exports, [part for number in days for part in files[number]], bits)
        found = {
            number: _put(number, bits[number], mine, writer)
            for number, mine in groupby(cuts, key=lambda cut: cut.day)
        }
        for number in days:
            yield found.get(number) or Made(number, None, 0, np.empty(0, np.uint32))


def bits_for(number: int, most: int) -> int:
    """The fewest bits that cut `number` things into pieces of no more than `most` on average."""
    bits = 0
    while number > most << bits:
        bits += 1
    return bits


def shard_of(label: str, shard: int) -> str:
    """The name under which a shard hands over its lines."""
    return f"{label}-{shard}"


def _put(number: int, bits: int, cuts: Iterator[Cut], writer: SiteWriter) -> Made:
    label = label_of(number)
    places = []
    with closing(writer.new_folder()) as folder:
        for cut in cuts:
            folder.add(f"{cut.shard}.js", packed_script(shard_of(label, cut.shard), cut.text))
            places.append(cut.places)
        return Made(number, writer.add_folder(folder, f"{FOLDER}/{label}"), bits, np.concatenate(places))


def _lines(connection: duckdb.DuckDBPyConnection, exports: Path, files: Files) -> dict[int, int]:
    """How many rows each day's files have, from their footers."""
    names = {part.name: number for number, parts in files.items() for part in parts}
    found = dict.fromkeys(files, 0)
    paths = [part.path for parts in files.values() for part in parts]
    rows = connection.execute(
        f"select parse_filename(file_name), num_rows from parquet_file_metadata({parquet_files(exports, paths)})"
    ).fetchall()
    for name, lines in rows:
        found[names[name]] += int(lines)
    return found


def _together(lines: Mapping[int, int]) -> Iterator[list[int]]:
    """Days to be read in one query."""
    days: list[int] = []
    held = 0
    for number, mine in lines.items():
        if days and held + mine > _TOGETHER:
            yield days
            days, held = [], 0
        days.append(number)
        held += mine
    if days:
        yield days


def _cuts(
    connection: duckdb.DuckDBPyConnection, exports: Path, parts: list[Part], bits: Mapping[int, int]
) -> Iterator[Cut]:
    """The shards of all days in order, empty ones left out."""
    shift = np.full(max(bits) + 1, 32, np.uint64)
    for number, mine in bits.items():
        shift[number] = 32 - mine
    held: list[tuple[bytes, Places]] = []
    current = (0, 0)
    for batch in _sorted(connection, exports, parts):
        day = batch.column("day").to_numpy(zero_copy_only=False).astype(np.uint64)
        place = batch.column("place").to_numpy(zero_copy_only=False).astype(np.uint64)
        shard = place >> shift[day]
        piece = day << np.uint64(32) | shard
        offsets, text = _text(batch.column("line"))
        starts = [0, *(np.flatnonzero(piece[1:] != piece[:-1]) + 1).tolist(), len(piece)]
        for start, end in pairwise(starts):
            begun = (int(day[start]), int(shard[start]))
            if held and begun != current:
                yield _cut(current, held)
                held = []
            current = begun
            held.append((bytes(text[offsets[start] : offsets[end]]), place[start:end].astype(np.uint32)))
    if held:
        yield _cut(current, held)


def _cut(of: tuple[int, int], held: list[tuple[bytes, Places]]) -> Cut:
    places = np.unique(np.concatenate([places for _, places in held]))
    return Cut(*of, b"".join(text for text, _ in held), places)


def _sorted(connection: duckdb.DuckDBPyConnection, exports: Path, parts: list[Part]) -> Iterator[Any]:
    """Arrow batches of day, line and place, sorted by day and line."""
    selects = [
        lines_sql(connection, exports, relation, [part.path for part in parts if part.relation == relation])
        for relation in RELATIONS
        if any(part.relation == relation for part in parts)
    ]
    connection.execute("create or replace temp table shard_files (name varchar, day usmallint)")
    connection.execute(
        "insert into shard_files select unnest(?), unnest(?)",
        [[part.name for part in parts], [part.day for part in parts]],
    )
    lines = connection.sql(
        f"select day, line, place from ({' union all '.join(selects)}) as lines"
        " join shard_files on shard_files.name = lines.file order by day, line"
    )
    for batch in lines.to_arrow_reader(_BATCH):
        if batch.num_rows:
            yield batch


def _text(column: Any) -> tuple[list[int], memoryview]:
    """Where each line begins in the column's text, and the text: the lines stand behind one another."""
    _, offsets, text = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return bounds.tolist(), memoryview(text)
