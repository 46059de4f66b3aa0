"""Multipliers written out: every region and service tier a row is good for becomes a row of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tokencost_pipeline.pricing.book import Key, Multiplier, PriceRow
from tokencost_pipeline.pricing.timeline import by_key


def explicit_rows(rows: Iterable[PriceRow]) -> list[PriceRow]:
    """All rows without multipliers: the written ones first, then those that multipliers make of them.

    Token rates are multiplied, fees are not. A retraction or an end written for a row also retracts or ends
    what that row's multipliers made, for nobody thinks of those as rows of their own.
    """
    rows = list(rows)
    written = [replace(row, multipliers=()) for row in rows]
    taken = {_version(row) for row in written}
    groups = by_key(rows)
    made = []
    for row in rows:
        if row.is_active:
            made += [_variant(row, multiplier) for multiplier in row.multipliers]
        elif before := predecessor(row, groups[row.key]):
            closings = [_variant(row, multiplier) for multiplier in before.multipliers]
            made += [closing for closing in closings if _version(closing) not in taken]
    return written + made


def variant_key(row: PriceRow, multiplier: Multiplier) -> Key:
    provider, model, region, tier, window = row.key
    return (provider, model, multiplier.region or region, multiplier.service_tier or tier, window)


def predecessor(row: PriceRow, same_key: Iterable[PriceRow]) -> PriceRow | None:
    """The active row that `row` replaces, corrects, retracts or ends: the last one written for the same key.

    None where an end lies between the two, or where a retraction finds nothing at its own effective_from.
    """
    earlier = [it for it in same_key if _order(it) < _order(row) and it.status != "retracted"]
    if row.status == "retracted":
        earlier = [it for it in earlier if it.effective_from == row.effective_from]
    latest = max(earlier, key=_order, default=None)
    return latest if latest and latest.is_active else None


def forgotten_variants(rows: Iterable[PriceRow]) -> Iterator[tuple[PriceRow, PriceRow, Multiplier]]:
    """(row, the row before it, multiplier) where the earlier row's variant would live on at its old price."""
    rows = list(rows)
    groups = by_key(rows)
    starts = {(row.key, row.effective_from) for row in rows}
    for row in rows:
        before = predecessor(row, groups[row.key]) if row.is_active else None
        covered = {variant_key(row, multiplier) for multiplier in row.multipliers}
        for multiplier in before.multipliers if before else ():
            key = variant_key(row, multiplier)
            if before and key not in covered and (key, row.effective_from) not in starts:
                yield row, before, multiplier


def _variant(row: PriceRow, multiplier: Multiplier) -> PriceRow:
    _, _, region, tier, _ = variant_key(row, multiplier)
    bands = tuple(
        replace(band, rates={name: rate * multiplier.factor for name, rate in band.rates.items()})
        for band in row.bands
    )
    identity = row.id + multiplier.suffix
    line = multiplier.line if row.is_active else row.line
    return replace(row, id=identity, region=region, service_tier=tier, bands=bands, multipliers=(), line=line)


def _order(row: PriceRow) -> tuple[object, ...]:
    return (row.effective_from, row.recorded_at)


def _version(row: PriceRow) -> tuple[object, ...]:
    return (row.key, row.effective_from, row.recorded_at)
