"""What a run remembers of the shards it made, for the next one."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import duckdb
import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.reports.shards.lines import FORMAT, field_names
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
class State:
    """`files` are the keys of the export files the shards were made from; `shards` is prefix -> content hash; `names`
    are all files below the site; `root` is the first file of the map."""

    width: int
    requests: int
    files: frozenset[str]
    shards: dict[str, str]
    names: frozenset[str]
    root: str


def read_state(folder: Path) -> State | None:
    """None when there is none, when it cannot be read, or when another version of anything that matters wrote it."""
    try:
        found = orjson.loads((folder / "state.json").read_bytes())
        if found["made_by"] != MADE_BY:
            return None
        return State(
            int(found["width"]),
            int(found["requests"]),
            frozenset(found["files"]),
            dict(found["shards"]),
            frozenset(found["names"]),
            str(found["root"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_state(folder: Path, state: State) -> None:
    content = {
        "made_by": MADE_BY,
        "width": state.width,
        "requests": state.requests,
        "files": sorted(state.files),
        "shards": state.shards,
        "names": sorted(state.names),
        "root": state.root,
    }
    atomic.write_bytes(folder / "state.json", orjson.dumps(content))
