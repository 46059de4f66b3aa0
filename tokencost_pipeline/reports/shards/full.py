"""Every shard from every exported row: one sort in DuckDB, whose result is cut where the prefix changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from tokencost_pipeline.reports.shards.lines import RELATIONS, lines_sql
from tokencost_pipeline.reports.shards.marks import Marks
from tokencost_pipeline.reports.shards.parts import Part

_BATCH = 100_000
Text = bytes | memoryview


@dataclass
class Found:
    """Marks of every line seen, gathered while shards are made."""

    parts: tuple[Part, ...]
    file: list[npt.NDArray[np.int32]] = field(default_factory=list)
    digest: list[npt.NDArray[np.uint64]] = field(default_factory=list)
    place: list[npt.NDArray[np.uint32]] = field(default_factory=list)

    def marks(self) -> Iterator[tuple[str, Marks]]:
        """Key of each export file, and the marks of its lines."""
        if self.file:
            file = np.concatenate(self.file)
            order = np.argsort(file, kind="stable")
            digest, place = np.concatenate(self.digest)[order], np.concatenate(self.place)[order]
            bounds = np.searchsorted(file[order], np.arange(len(self.parts) + 1))
        else:
            digest, place = np.empty(0, np.uint64), np.empty(0, np.uint32)
            bounds = np.zeros(len(self.parts) + 1, np.int64)
        for number, part in enumerate(self.parts):
            rows = slice(bounds[number], bounds[number + 1])
            yield part.key, Marks(digest[rows], place[rows])


def all_shards(
    connection: duckdb.DuckDBPyConnection, exports: Path, parts: tuple[Part, ...], width: int, found: Found
) -> Iterator[tuple[str, bytes]]:
    """(prefix of `width` hex digits, text of the shard) in order, empty shards left out; fills `found`."""
    held: list[Text] = []
    prefix = ""
    for batch in _sorted(connection, exports, parts):
        found.file.append(batch.column("file").to_numpy(zero_copy_only=False).astype(np.int32))
        found.digest.append(batch.column("digest").to_numpy(zero_copy_only=False).astype(np.uint64))
        place = batch.column("place").to_numpy(zero_copy_only=False).astype(np.uint32)
        found.place.append(place)
        offsets, text = _text(batch.column("line"))
        shard = place >> np.uint32(32 - 4 * width)
        starts = [0, *(np.flatnonzero(shard[1:] != shard[:-1]) + 1).tolist(), len(shard)]
        for start, end in pairwise(starts):
            mine = f"{int(shard[start]):0{width}x}"
            if held and mine != prefix:
                yield prefix, b"".join(held)
                held = []
            prefix = mine
            held.append(bytes(text[offsets[start] : offsets[end]]))
    if held:
        yield prefix, b"".join(held)


def _sorted(connection: duckdb.DuckDBPyConnection, exports: Path, parts: tuple[Part, ...]) -> Iterator[Any]:
    """Arrow batches of line, digest, place and number of the file, sorted by line."""
    selects = [
        lines_sql(connection, exports, relation, [part.path for part in parts if part.relation == relation])
        for relation in RELATIONS
        if any(part.relation == relation for part in parts)
    ]
    if not selects:
        return
    connection.execute("create or replace temp table shard_files (name varchar, number integer)")
    connection.execute(
        "insert into shard_files select unnest(?), unnest(?)",
        [[part.name for part in parts], list(range(len(parts)))],
    )
    lines = connection.sql(
        f"select line, digest, place, number as file from ({' union all '.join(selects)}) as lines"
        " join shard_files on shard_files.name = lines.file order by line"
    )
    for batch in lines.to_arrow_reader(_BATCH):
        if batch.num_rows:
            yield batch


def _text(column: Any) -> tuple[list[int], memoryview]:
    """Where each line begins in the column's text, and the text: the lines stand behind one another."""
    _, offsets, text = column.buffers()
    bounds = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return bounds.tolist(), memoryview(text)
