"""What a run remembers of the rollup files it made, for the next one."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import duckdb
import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.reports.site_data.pieces import ROWS_PER_FILE, Piece
from tokencost_pipeline.reports.site_files import File

FORMAT = 3
"""Counts up when files change their shape: what an older version remembers is then of no use."""
MADE_BY = {
    "format": FORMAT,
    "rows_per_file": ROWS_PER_FILE,
    "duckdb": duckdb.__version__,
    "zlib": zlib.ZLIB_RUNTIME_VERSION,
}
"""What bytes and digests depend on beside the rows."""
STATE = "state.json"

Months = dict[str, tuple[Piece, ...]]
"""Digest of a month's export files -> its files in the site."""


def read_made(cache: Path) -> Months:
    """Nothing when there is no record, when it cannot be read, or when another version of anything that matters wrote
    it."""
    try:
        found = orjson.loads((cache / STATE).read_bytes())
        if found["made_by"] != MADE_BY:
            return {}
        return {key: tuple(map(_piece, pieces)) for key, pieces in found["months"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_made(cache: Path, months: Months) -> None:
    """Remember, and drop what earlier versions kept here. Not being able to costs time only."""
    try:
        atomic.write_bytes(cache / STATE, orjson.dumps({"made_by": MADE_BY, "months": months}))
        for path in cache.iterdir():
            if path.name != STATE:
                path.unlink(missing_ok=True)
    except OSError:
        return


def _piece(told: dict[str, Any]) -> Piece:
    return Piece(**{**told, "file": File(**told["file"])})
