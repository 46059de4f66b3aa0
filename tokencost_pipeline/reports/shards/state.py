"""What a run remembers of the shards it made, for the next one."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.reports.shards.days import Places
from tokencost_pipeline.reports.shards.lines import FORMAT, field_names
from tokencost_pipeline.reports.site_folders import Folder
from tokencost_pipeline.reports.text import MAX_TEXT

MADE_BY = {
    "format": FORMAT,
    "fields": field_names(),
    "max_text": MAX_TEXT,
    "duckdb": duckdb.__version__,
    "zlib": zlib.ZLIB_RUNTIME_VERSION,
}
"""What bytes depend on beside the rows."""


@dataclass(frozen=True)
class Day:
    """The shards of a day: the export files they were made from, the folder (None: no lines), the bits that choose a
    shard, how many places there are and the digest of all of them."""

    files: tuple[str, ...]
    folder: Folder | None
    bits: int
    size: int
    places: str


@dataclass(frozen=True)
class Index:
    """A part of the index: the digest of what it was made from, its folder, the bits that choose a bucket."""

    made_from: str
    folder: Folder
    bits: int


@dataclass(frozen=True)
class State:
    """Number of a day -> its shards; name of a part of the index -> that part."""

    days: dict[int, Day] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)


def read_state(cache: Path) -> State:
    """An empty one when there is none, when it cannot be read, or when another version of anything that matters wrote
    it."""
    try:
        found = orjson.loads((cache / "state.json").read_bytes())
        if found["made_by"] != MADE_BY:
            return State()
        return State(
            {int(number): _day(told) for number, told in found["days"].items()},
            {str(name): _index(told) for name, told in found["indexes"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def write_state(cache: Path, state: State) -> None:
    """Remember, and forget the places that nothing refers to."""
    content = {
        "made_by": MADE_BY,
        "days": {str(number): asdict(day) for number, day in state.days.items()},
        "indexes": {name: asdict(index) for name, index in state.indexes.items()},
    }
    atomic.write_bytes(cache / "state.json", orjson.dumps(content))
    kept = {day.places for day in state.days.values()}
    for path in (cache / "places").glob("*"):
        if path.name not in kept:
            path.unlink(missing_ok=True)


def write_places(cache: Path, places: Places) -> str:
    """Keep the places of a day under their digest. A torn file is found out by whoever reads it, so nobody waits for
    the disk here."""
    content = places.astype("<u4").tobytes()
    digest = digest_of([content])
    (cache / "places").mkdir(parents=True, exist_ok=True)
    (cache / "places" / digest).write_bytes(content)
    return digest


def read_places(cache: Path, digest: str) -> Places:
    """Raises OSError when they are not there, ValueError when they are damaged."""
    content = (cache / "places" / digest).read_bytes()
    if digest_of([content]) != digest:
        raise ValueError("places are not what their name says")
    return np.frombuffer(content, "<u4")


def digest_of(contents: Iterable[bytes]) -> str:
    whole = blake2b(digest_size=16)
    for content in contents:
        whole.update(content)
    return whole.hexdigest()


def _day(told: dict[str, Any]) -> Day:
    return Day(
        tuple(map(str, told["files"])),
        None if told["folder"] is None else _folder(told["folder"]),
        int(told["bits"]),
        int(told["size"]),
        str(told["places"]),
    )


def _index(told: dict[str, Any]) -> Index:
    return Index(str(told["made_from"]), _folder(told["folder"]), int(told["bits"]))


def _folder(told: dict[str, Any]) -> Folder:
    return Folder(str(told["path"]), int(told["files"]), int(told["bytes"]))
