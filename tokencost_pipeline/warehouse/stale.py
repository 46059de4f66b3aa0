"""Which days of the exports are behind the warehouse. Kept in a file, so that a run that dies leaves no day behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from tokencost_pipeline import atomic
from tokencost_pipeline.settings import Settings
from tokencost_pipeline.warehouse.store import open_store

TOUCHED = """
select distinct day::varchar from (
    select day from intermediate.int_days__touched
    union all
    select first_day as day from intermediate.int_requests__touched
) as touched
where day is not null
"""
"""Days of which a row of a mart may have changed in the last build. A request stands in the day of its first attempt,
which need not be the day that was touched."""


@dataclass(frozen=True)
class Stale:
    """Days (YYYY-MM-DD) to export again; None = every day."""

    days: frozenset[str] | None

    def __or__(self, other: Stale) -> Stale:
        return Stale(None if self.days is None or other.days is None else self.days | other.days)

    def has(self, day: str) -> bool:
        return self.days is None or day in self.days


EVERYTHING = Stale(None)
NOTHING = Stale(frozenset())


def stale_path(settings: Settings) -> Path:
    return settings.dbt_target_dir / "stale_exports.json"


def read_stale(settings: Settings) -> Stale:
    """What is behind; nothing when nothing was noted."""
    try:
        days = orjson.loads(stale_path(settings).read_bytes())["days"]
    except FileNotFoundError:
        return NOTHING
    except (ValueError, KeyError, TypeError):
        return EVERYTHING
    return Stale(None if days is None else frozenset(days))


def note_stale(settings: Settings, stale: Stale) -> None:
    """Note it before the warehouse changes, and more precisely after."""
    days = None if stale.days is None else sorted(stale.days)
    atomic.write_bytes(stale_path(settings), orjson.dumps({"days": days}))


def forget_stale(settings: Settings) -> None:
    """The exports are what the warehouse is."""
    stale_path(settings).unlink(missing_ok=True)


def touched_days(settings: Settings) -> Stale:
    """The days that the last build may have changed."""
    with open_store(settings) as store:
        return Stale(frozenset(day for (day,) in store.rows(TOUCHED)))
