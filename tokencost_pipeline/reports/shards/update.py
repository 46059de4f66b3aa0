"""Brings the request shards of the site up to the exports: the days whose files changed, and the index."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import orjson

from tokencost_pipeline.reports.data_scripts import HASH_LENGTH, named, packed_script
from tokencost_pipeline.reports.export_parts import by_day, current_parts
from tokencost_pipeline.reports.shards.days import Files, Places, make_days, shard_of
from tokencost_pipeline.reports.shards.index import buckets, by_age
from tokencost_pipeline.reports.shards.lines import KEY_LENGTH, field_names
from tokencost_pipeline.reports.shards.state import (
    Day,
    Index,
    State,
    digest_of,
    read_places,
    read_state,
    write_places,
    write_state,
)
from tokencost_pipeline.reports.site_folders import FOLDER, Folder
from tokencost_pipeline.reports.site_publish import SiteWriter

_MEMORY = "512MB"


@dataclass(frozen=True)
class ShardReport:
    """`root` is the file that names all others, with its `content`; `folders` are all folders in force. `made` are the
    days and parts of the index that this run made."""

    root: str
    content: bytes
    folders: tuple[Folder, ...]
    made: tuple[int | str, ...]


def update_shards(exports: Path, writer: SiteWriter, cache: Path) -> ShardReport:
    """Add the folders of shards and index that are not there yet; nothing is deleted, and the root is left to the
    caller to publish.

    All are named after their content, so pages that name the old ones keep working. `cache` holds what the next run
    needs to make only what changed; without it, or when it does not fit what is in the site, everything is made from
    the exports, which gives the same bytes. Raises UserError when nothing was exported yet.
    """
    files = by_day(current_parts(exports))
    state = read_state(cache)
    run = _Run(exports, writer, cache, files)
    behind = []
    for number in files:
        known = state.days.get(number)
        if known and known.files == _keys(files, number) and (not known.folder or writer.has(known.folder)):
            run.days[number] = known
        else:
            behind.append(number)
    run.make(behind)
    indexes: dict[str, Index] = {}
    for name, numbers in by_age({number: day.size for number, day in run.days.items()}).items():
        indexes[name] = run.index(name, numbers, state.indexes.get(name))
    days = {number: run.days[number] for number in files}
    if run.made or days.keys() != state.days.keys() or indexes.keys() != state.indexes.keys():
        writer.make_durable()  # what the state says must outlive a power cut
        write_state(cache, State(days, indexes))
    content = _root(days, indexes)
    folders = [day.folder for day in days.values() if day.folder]
    return ShardReport(
        named("requests", content),
        content,
        (*folders, *(index.folder for index in indexes.values())),
        tuple(run.made),
    )


@dataclass
class _Run:
    exports: Path
    writer: SiteWriter
    cache: Path
    files: Files
    days: dict[int, Day] = field(default_factory=dict)
    made: list[int | str] = field(default_factory=list)

    def make(self, numbers: list[int]) -> None:
        """Make the shards of these days."""
        if not numbers:
            return
        sorting = self.cache / "sorting"
        sorting.mkdir(parents=True, exist_ok=True)
        try:
            with closing(_connect(sorting)) as connection:
                wanted = {number: self.files[number] for number in numbers}
                for day in make_days(connection, self.exports, wanted, self.writer):
                    self.days[day.number] = Day(
                        _keys(self.files, day.number),
                        day.folder,
                        day.bits,
                        len(day.places),
                        write_places(self.cache, day.places),
                    )
                    self.made.append(day.number)
        finally:
            shutil.rmtree(sorting, ignore_errors=True)

    def index(self, name: str, numbers: tuple[int, ...], known: Index | None) -> Index:
        """The part of the index over these days, made anew where it is another one."""
        made_from = digest_of(f"{number} {self.days[number].places}\n".encode() for number in numbers)
        if known and known.made_from == made_from and self.writer.has(known.folder):
            return known
        bits, found = buckets({number: self.places(number) for number in numbers})
        with closing(self.writer.new_folder()) as folder:
            for number, content in found:
                folder.add(f"{number}.js", packed_script(shard_of(name, number), content))
            self.made.append(name)
            return Index(made_from, self.writer.add_folder(folder, f"{FOLDER}/{name}"), bits)

    def places(self, number: int) -> Places:
        try:
            return read_places(self.cache, self.days[number].places)
        except (OSError, ValueError):
            self.make([number])
            return read_places(self.cache, self.days[number].places)


def _keys(files: Files, number: int) -> tuple[str, ...]:
    return tuple(part.key for part in files[number])


def _connect(sorting: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB that sorts on disk what does not fit."""
    connection = duckdb.connect(":memory:", config={"temp_directory": str(sorting)})
    connection.execute(
        f"set TimeZone = 'UTC'; set memory_limit = '{_MEMORY}'; set preserve_insertion_order = false"
    )
    return connection


def _root(days: Mapping[int, Day], indexes: Mapping[str, Index]) -> bytes:
    """A script that says how keys, folders and lines are read: length of a key, parts of the index as [name, hash,
    bits], and number of a day -> [hash, bits]."""
    return packed_script(
        "requests",
        orjson.dumps(
            {
                "key": KEY_LENGTH,
                "fields": field_names(),
                "indexes": [[name, _hash(index.folder), index.bits] for name, index in indexes.items()],
                "days": {
                    str(number): [_hash(day.folder), day.bits] for number, day in days.items() if day.folder
                },
            }
        ),
    )


def _hash(folder: Folder) -> str:
    return folder.path[-HASH_LENGTH:]
