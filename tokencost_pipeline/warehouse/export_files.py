"""Relations of the warehouse as Parquet files that are named after their content.

The large ones are cut by day or month, so that a run writes what it touched and keeps the files of all other days.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import duckdb

from tokencost_pipeline.warehouse.stale import Stale

WHOLE = "all"


@dataclass(frozen=True)
class Cut:
    """How a relation is cut: `key` gives the name of a row's part, of `length` first characters of its day."""

    key: str
    length: int


CUTS = {
    # what plain logs let one count has no day where the log has none
    "marts.fct_attempts": Cut("case when grain = 'count' then 'count' else day::varchar end", 10),
    "marts.fct_requests": Cut("day::varchar", 10),
    "marts.agg_hourly": Cut("strftime(day, '%Y-%m')", 7),
    "marts.agg_daily": Cut("strftime(day, '%Y-%m')", 7),
}


def write_relation(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    order: str,
    folder: Path,
    known: dict[str, str],
    stale: Stale,
) -> dict[str, str]:
    """Part -> file name of a relation, written to `folder` where it is stale and taken over from `known` elsewhere.

    `name` is a catalogue name, never user input. The first part is empty and has the columns.
    """
    cut = CUTS.get(name)
    if cut is None:
        return {WHOLE: write_part(connection, name, "true", order, folder, WHOLE)}
    found = connection.execute(f"select distinct {cut.key} as part from {name} order by part").fetchall()
    behind = {day[: cut.length] for day in stale.days} if stale.days is not None else None
    parts = {"": known.get("") or write_part(connection, name, "false", order, folder, "none")}
    for (part,) in found:
        fresh = behind is not None and part not in behind and part != "count" and part in known
        parts[part] = (
            known[part]
            if fresh
            else write_part(connection, name, f"{cut.key} = '{part}'", order, folder, part)
        )
    return parts


def write_part(
    connection: duckdb.DuckDBPyConnection, name: str, where: str, order: str, folder: Path, part: str
) -> str:
    """Write one part in a fixed order; returns the file's name, made from its content."""
    building = folder / f".{name}.building"
    target = str(building).replace("'", "''")
    by = f" order by {order}" if order else ""
    connection.execute(
        f"copy (select * from {name} where {where}{by}) to '{target}' (format parquet, compression zstd)"
    )
    file = f"{name}.{part}.{sha256(building.read_bytes()).hexdigest()[:16]}.parquet"
    building.replace(folder / file)
    return file
