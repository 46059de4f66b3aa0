"""Brings the request shards of the site up to the exports, writing only those that changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from tokencost_pipeline.reports.data_scripts import FOLDER, content_hash, packed_script, unpack_script
from tokencost_pipeline.reports.shards.full import Found, all_shards
from tokencost_pipeline.reports.shards.lines import RELATIONS, lines_sql
from tokencost_pipeline.reports.shards.maps import map_files, width_for
from tokencost_pipeline.reports.shards.marks import Marks, difference, forget_marks, read_marks, write_marks
from tokencost_pipeline.reports.shards.parts import Part, count_rows, current_parts
from tokencost_pipeline.reports.shards.patch import Change, Inconsistent, changes, patched
from tokencost_pipeline.reports.shards.state import State, read_state, write_state

Write = Callable[[str, bytes], None]
"""Puts content at a path below the site, whole or not at all."""

_MEMORY = "1GB"
_TOO_MANY = 2
"""A full build is cheaper when one file in so many changed, or one shard in so many would be patched."""


@dataclass(frozen=True)
class ShardReport:
    """`root` is the first file of the map, `names` are all files in force (paths below the site); `written` and `bytes`
    are what this run wrote; `full` tells whether everything was made anew."""

    root: str
    names: frozenset[str]
    written: int
    bytes: int
    shards: int
    requests: int
    full: bool


def update_shards(exports: Path, site: Path, cache: Path, write: Write) -> ShardReport:
    """Write the shards and maps below `site`/data that are not there yet; nothing is deleted.

    All are named after their content, so pages that name the old ones keep working. `cache` holds what the next run
    needs to write only what changed; without it, or when it does not fit what is in `site`, everything is made from the
    exports, which gives the same bytes. Raises UserError when nothing was exported yet.
    """
    parts = current_parts(exports)
    there = files_in(site / FOLDER)
    state = read_state(cache)
    if state is not None and not state.names <= there:
        state = None
    keys = frozenset(part.key for part in parts)
    if state is not None and state.files == keys:
        return ShardReport(state.root, state.names, 0, 0, len(state.shards), state.requests, False)
    run = _Run(site, write, there)
    cache.mkdir(parents=True, exist_ok=True)
    with closing(_connect(cache)) as connection:
        requests = count_rows(connection, exports, parts, RELATIONS[0])
        width = width_for(requests)
        shards: dict[str, str] | None = None
        marks: Iterable[tuple[str, Marks]] = ()
        if state is not None and state.width == width:
            try:
                shards, marks = _patch(connection, exports, cache / "marks", state, parts, run)
            except (Inconsistent, OSError, ValueError):
                shards = None
        full = shards is None
        if shards is None:
            found = Found(parts)
            shards = {
                prefix: run.put_shard(prefix, text)
                for prefix, text in all_shards(connection, exports, parts, width, found)
            }
            marks = found.marks()
        root, maps = map_files(width, shards)
        for path, content in maps.items():
            run.put(path, content)
        for key, mine in marks:
            write_marks(cache / "marks", key, mine)
    names = frozenset(maps) | {shard_path(prefix, digest) for prefix, digest in shards.items()}
    write_state(cache, State(width, requests, keys, shards, names, root))
    forget_marks(cache / "marks", set(keys))
    return ShardReport(root, names, run.written, run.size, len(shards), requests, full)


def shard_path(prefix: str, digest: str) -> str:
    return f"{FOLDER}/r{prefix}-{digest}.js"


def files_in(folder: Path) -> frozenset[str]:
    """The files of the data folder, as paths below the site."""
    try:
        with os.scandir(folder) as found:
            return frozenset(f"{FOLDER}/{entry.name}" for entry in found)
    except FileNotFoundError:
        return frozenset()


@dataclass
class _Run:
    """Writes what is not there, and counts."""

    site: Path
    write: Write
    there: frozenset[str]
    written: int = 0
    size: int = 0

    def put(self, path: str, content: bytes) -> None:
        if path not in self.there:
            self.write(path, content)
            self.written += 1
            self.size += len(content)

    def put_shard(self, prefix: str, text: bytes) -> str:
        content = packed_script(f"r{prefix}", text)
        digest = content_hash(content)
        self.put(shard_path(prefix, digest), content)
        return digest

    def read_shard(self, prefix: str, digest: str) -> bytes:
        content = (self.site / shard_path(prefix, digest)).read_bytes()
        if content_hash(content) != digest:
            raise Inconsistent(f"shard {prefix} is not what its name says")
        return unpack_script(content)


def _connect(cache: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB that sorts on disk what does not fit."""
    connection = duckdb.connect(":memory:", config={"temp_directory": str(cache / "sorting")})
    connection.execute(
        f"set TimeZone = 'UTC'; set memory_limit = '{_MEMORY}'; set preserve_insertion_order = false"
    )
    return connection


def _patch(
    connection: duckdb.DuckDBPyConnection,
    exports: Path,
    folder: Path,
    state: State,
    parts: tuple[Part, ...],
    run: _Run,
) -> tuple[dict[str, str], list[tuple[str, Marks]]]:
    """All shards' hashes after the change, and the marks of the files that came."""
    came = [part for part in parts if part.key not in state.files]
    went = state.files - {part.key for part in parts}
    if len(came) + len(went) > max(10, len(parts) // _TOO_MANY):
        raise Inconsistent("most files changed")
    old = Marks.together([read_marks(folder, key) for key in sorted(went)])
    marks: list[tuple[str, Marks]] = []
    lines: list[tuple[bytes, int]] = []
    for part in came:
        select = lines_sql(connection, exports, part.relation, [part.path])
        found = connection.execute(f"select line, digest, place from ({select})").fetchall()
        mine = Marks(
            np.array([digest for _, digest, _ in found], np.uint64),
            np.array([place for *_, place in found], np.uint32),
        )
        marks.append((part.key, mine))
        lines += ((line.encode(), digest) for line, digest, _ in found)
    moved = difference(old, Marks.together([mine for _, mine in marks]))
    affected: dict[str, Change] = changes(moved, old, lines, state.width)
    if len(affected) > max(64, 16**state.width // _TOO_MANY):
        raise Inconsistent("most shards change")
    shards = dict(state.shards)

    def read(prefix: str) -> bytes | None:
        digest = state.shards.get(prefix)
        return None if digest is None else run.read_shard(prefix, digest)

    for prefix, text in patched(affected, read):
        if text is None:
            shards.pop(prefix, None)
        else:
            shards[prefix] = run.put_shard(prefix, text)
    return dict(sorted(shards.items())), marks
