"""Which version of a price holds when: the derived end of every row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from tokencost_pipeline.pricing.book import Key, PriceRow


def in_force(rows: Iterable[PriceRow]) -> list[tuple[PriceRow, datetime | None]]:
    """(row, end) of the active versions of one key, as known by the newest recorded_at; None = open."""
    latest: dict[datetime, PriceRow] = {}
    for row in sorted(rows, key=lambda row: row.recorded_at):
        latest[row.effective_from] = row
    line = [latest[start] for start in sorted(latest) if latest[start].status != "retracted"]
    ends = [row.effective_from for row in line[1:]] + [None]
    return [(row, end) for row, end in zip(line, ends, strict=True) if row.is_active]


def by_key(rows: Iterable[PriceRow]) -> dict[Key, list[PriceRow]]:
    """Rows of one provider, model, region, tier and window together."""
    groups: dict[Key, list[PriceRow]] = defaultdict(list)
    for row in rows:
        groups[row.key].append(row)
    return groups


def now_in_force(rows: Iterable[PriceRow], now: datetime) -> dict[Key, PriceRow]:
    """The row of each key whose price holds at `now`; keys without one are left out."""
    return {
        key: row
        for key, group in by_key(rows).items()
        for row, end in in_force(group)
        if row.effective_from <= now and (end is None or now < end)
    }
