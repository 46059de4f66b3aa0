"""Which Parquet files the exports have now, told apart by their content."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import duckdb

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.reports.shards.lines import RELATIONS
from tokencost_pipeline.warehouse.exports import read_current
from tokencost_pipeline.warehouse.look import parquet_files

_NAMED_AFTER_CONTENT = re.compile(r"\.[0-9a-f]{16}\.parquet\Z")


@dataclass(frozen=True)
class Part:
    """One file of a relation: its path below the exports, and a name that no other content has."""

    relation: str
    path: str
    key: str

    @property
    def name(self) -> str:
        return Path(self.path).name


def current_parts(exports: Path, relations: tuple[str, ...] = RELATIONS) -> tuple[Part, ...]:
    """The files of `relations` in the current generation. Raises UserError when nothing was exported yet."""
    current = read_current(exports)
    if current is None:
        raise UserError("nothing has been exported yet", hint="run `tokencost run` first")
    return tuple(
        Part(relation, path, _key(exports / path))
        for relation in relations
        for path in current["relations"].get(relation, ())
    )


def count_rows(
    connection: duckdb.DuckDBPyConnection, exports: Path, parts: tuple[Part, ...], relation: str
) -> int:
    """Rows of a relation, from the files' footers."""
    files = [part.path for part in parts if part.relation == relation]
    if not files:
        return 0
    found = connection.execute(
        f"select count(*) from read_parquet({parquet_files(exports, files)})"
    ).fetchone()
    return int(found[0]) if found else 0


def _key(path: Path) -> str:
    if _NAMED_AFTER_CONTENT.search(path.name):
        return path.name
    return f"{path.stem}.{sha256(path.read_bytes()).hexdigest()[:16]}.parquet"
