"""Relations of the warehouse as Parquet files that are named after their content.

The large ones are cut by day or month, so that a run writes what it touched and keeps the files of all other days.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Literal

from tokencost_pipeline.warehouse.stale import Stale
from tokencost_pipeline.warehouse.store import Store

WHOLE = "all"
COUNTED = "count"  # what plain logs let one count has no day where the log has none: a part of its own


@dataclass(frozen=True)
class Cut:
    """How a relation is cut: by `day` or `month` of its date `column`; `counted` where it holds rows of grain count."""

    by: Literal["day", "month"]
    counted: bool = False
    column: str = "day"

    def part_of(self, day: str) -> str:
        """The part that a day (YYYY-MM-DD) lies in."""
        return day if self.by == "day" else day[:7]

    def condition(self, part: str) -> str:
        """The rows of a part, as ranges over plain columns, so that the engine skips the blocks of all other days."""
        if part == COUNTED:
            return "grain = 'count'"
        first = part if self.by == "day" else f"{part}-01"
        within = f"{self.column} >= date '{first}' and {self.column} < date '{first}' + interval 1 {self.by}"
        return f"{within} and grain is distinct from 'count'" if self.counted else within


CUTS = {
    "marts.fct_attempts": Cut("day", counted=True),
    "marts.fct_requests": Cut("day"),
    "marts.agg_hourly": Cut("day"),
    "marts.agg_daily": Cut("month"),
    "marts.agg_monthly": Cut("month", column="month"),
}


def write_relation(
    store: Store,
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
        return {WHOLE: write_part(store, name, "true", order, folder, WHOLE)}
    behind = {cut.part_of(day) for day in stale.days} if stale.days is not None else None
    parts = {"": known.get("") or write_part(store, name, "false", order, folder, "none")}
    for part in parts_of(store, name, cut):
        fresh = behind is not None and part not in behind and part != COUNTED and part in known
        parts[part] = (
            known[part] if fresh else write_part(store, name, cut.condition(part), order, folder, part)
        )
    return parts


def parts_of(store: Store, name: str, cut: Cut) -> list[str]:
    """The parts that have rows now, in order."""
    priced = "where grain is distinct from 'count'" if cut.counted else ""
    days = store.rows(f"select distinct {cut.column} from {name} {priced}")
    parts = sorted({cut.part_of(day.isoformat()) for (day,) in days})
    if cut.counted and store.rows(f"select 1 from {name} where grain = 'count' limit 1"):
        parts.append(COUNTED)
    return parts


def write_part(store: Store, name: str, where: str, order: str, folder: Path, part: str) -> str:
    """Write one part in a fixed order; returns the file's name, made from its content."""
    building = folder / f".{name}.building"
    store.copy(f"select * from {name} where {where}", order, building)
    with building.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
    file = f"{name}.{part}.{digest[:16]}.parquet"
    building.replace(folder / file)
    return file
