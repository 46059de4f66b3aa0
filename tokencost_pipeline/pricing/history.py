"""What a model cost over time: its versions with their derived ends, and a chart small enough for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tokencost_pipeline.pricing.book import AliasRow, PriceBook, PriceRow
from tokencost_pipeline.pricing.timeline import by_key, in_force
from tokencost_pipeline.pricing.variants import explicit_rows

BLOCKS = "▁▂▃▄▅▆▇█"
GAP = "·"
_DATE_SUFFIX = re.compile(r"-([0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2})")


@dataclass(frozen=True)
class Version:
    """One row of the book and when it holds: [effective_from, effective_to), None = open.

    `state`: past | now | future, or why it never holds: corrected (by a later recorded_at), retracted, or ended
    (the row that closes the price).
    """

    row: PriceRow
    effective_to: datetime | None
    state: str


@dataclass(frozen=True)
class History:
    """Versions of `provider`/`model`, sorted by region, tier, window and time. `via` are the aliases followed."""

    provider: str
    model: str
    versions: tuple[Version, ...]
    via: tuple[AliasRow, ...] = ()


def histories(book: PriceBook, name: str, now: datetime, provider: str | None = None) -> list[History]:
    """Every (provider, model) that `name` is or was: exact model, exact alias, or base name with a date.

    Sorted by provider and model; empty when the book knows nothing of that name. An exact model wins over an alias
    of the same name, as it does in pricing.
    """
    rows = [row for row in explicit_rows(book.prices) if provider in (None, row.provider)]
    exact = {(row.provider, row.model) for row in rows if row.model == name}
    found: dict[tuple[str, str], list[AliasRow]] = {place: [] for place in exact}
    for alias in book.aliases:
        if provider in (None, alias.provider) and (alias.provider, name) not in exact and leads(alias, name):
            found.setdefault((alias.provider, alias.model), []).append(alias)
    return [
        History(
            place[0],
            place[1],
            versions([row for row in rows if (row.provider, row.model) == place], now),
            tuple(via),
        )
        for place, via in sorted(found.items())
    ]


def versions(rows: Iterable[PriceRow], now: datetime) -> tuple[Version, ...]:
    """Every row, also the ones that were corrected or retracted, with its derived end."""
    found = []
    for group in by_key(rows).values():
        ends = {row.id: end for row, end in in_force(group)}
        for row in group:
            if row.id in ends:
                found.append(Version(row, ends[row.id], _state(row, ends[row.id], now)))
            elif row.is_active:
                found.append(Version(row, None, _why_not(row, group)))
            else:
                found.append(Version(row, None, row.status))
    return tuple(sorted(found, key=lambda it: (it.row.key, it.row.effective_from, it.row.recorded_at)))


def chart(versions: Iterable[Version], component: str, now: datetime, width: int = 60) -> str:
    """The first band's rate as a line of blocks, from the first known version to now or the last future one.

    The tallest block is the highest rate, a dot a time without a rate. Empty when there is nothing to draw.
    """
    held = [it for it in versions if it.state in ("past", "now", "future") and it.row.bands]
    if not held:
        return ""
    start, end = span(held, now)
    rates = list(_sampled(held, component, start, end, width))
    top = max((rate for rate in rates if rate is not None), default=Decimal(0))
    return "".join(GAP if rate is None else _block(rate, top) for rate in rates)


def span(versions: Iterable[Version], now: datetime) -> tuple[datetime, datetime]:
    """First and last instant of a chart. A start that is not known is drawn half a year before the next one."""
    held = list(versions)
    starts = sorted({it.row.effective_from for it in held})
    known = sorted({it.row.effective_from for it in held if it.row.effective_from_known})
    first = starts[0]
    if first not in known:
        later = known[0] if known else now
        first = max(first, later - timedelta(days=183))
    last = max(now, starts[-1])
    return first, last + (last - first) * 0.05 if last > now else max(last, first + timedelta(days=1))


def _sampled(
    held: list[Version], component: str, start: datetime, end: datetime, width: int
) -> Iterator[Decimal | None]:
    step = (end - start) / width
    for column in range(width):
        at = start + step * column + step / 2
        holding = [
            it
            for it in held
            if it.row.effective_from <= at and (it.effective_to is None or at < it.effective_to)
        ]
        yield holding[0].row.bands[0].rates.get(component) if holding else None


def _block(rate: Decimal, top: Decimal) -> str:
    reached = sum(rate * len(BLOCKS) > top * step for step in range(len(BLOCKS)))
    return BLOCKS[max(reached, 1) - 1]


def leads(alias: AliasRow, name: str) -> bool:
    """Whether the alias answers to `name`: exactly, or as its base name followed by a date."""
    if alias.match == "date_suffix":
        return name.startswith(alias.alias) and bool(_DATE_SUFFIX.fullmatch(name[len(alias.alias) :]))
    return alias.alias == name


def _state(row: PriceRow, end: datetime | None, now: datetime) -> str:
    if row.effective_from > now:
        return "future"
    return "now" if end is None or now < end else "past"


def _why_not(row: PriceRow, group: Iterable[PriceRow]) -> str:
    later = [
        it for it in group if it.effective_from == row.effective_from and it.recorded_at > row.recorded_at
    ]
    last = max(later, key=lambda it: it.recorded_at, default=row)
    return "retracted" if last.status == "retracted" else "corrected"
