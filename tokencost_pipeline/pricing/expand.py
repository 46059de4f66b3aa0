"""A price book as dbt reads it: one flat row per version, rate card and variant."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from tokencost_pipeline.ingest.schema import ALIASES, PRICES, REQUEST_ESTIMATES
from tokencost_pipeline.pricing import terms
from tokencost_pipeline.pricing.book import AliasRow, Band, EstimateRow, PriceBook, PriceRow, UnitFee
from tokencost_pipeline.pricing.hashing import row_hash
from tokencost_pipeline.pricing.variants import explicit_rows

Row = dict[str, Any]

_FEE_DECIMALS = 15
_VERSION = ("effective_from", "recorded_at")
_PRICE_ORDER = (
    *("provider", "model", "region", "service_tier", "window_key"),
    *(*_VERSION, "min_context_tokens"),
)
_ALIAS_ORDER = ("provider", "alias", "match", *_VERSION)
_ESTIMATE_ORDER = ("provider", "model", *_VERSION)


@dataclass(frozen=True)
class ExpandedBook:
    """Rows in the shape of PRICES, ALIASES and REQUEST_ESTIMATES of the landing schema, in a stable order."""

    prices: list[Row]
    aliases: list[Row]
    request_estimates: list[Row]


def expand(book: PriceBook) -> ExpandedBook:
    """Flatten a book: a row per band and variant, with rates per 1,000,000 tokens (None where omitted).

    A row without bands, and a retracted or ended one, becomes one row without rates. Parent rules (cache_read
    from input and so on) are not applied here: they are part of the formula.
    """
    prices = [flat for row in explicit_rows(book.prices) for flat in _flat_prices(row)]
    return ExpandedBook(
        prices=_in_order(prices, PRICES, _PRICE_ORDER),
        aliases=_in_order([_flat_alias(row) for row in book.aliases], ALIASES, _ALIAS_ORDER),
        request_estimates=_in_order(
            [_flat_estimate(row) for row in book.request_estimates], REQUEST_ESTIMATES, _ESTIMATE_ORDER
        ),
    )


def to_arrow(book: ExpandedBook) -> dict[str, pa.Table]:
    """The tables `prices`, `price_aliases` and `request_estimates` in the landing schema's exact types."""
    return {
        "prices": pa.Table.from_pylist(book.prices, schema=PRICES),
        "price_aliases": pa.Table.from_pylist(book.aliases, schema=ALIASES),
        "request_estimates": pa.Table.from_pylist(book.request_estimates, schema=REQUEST_ESTIMATES),
    }


def _flat_prices(row: PriceRow) -> list[Row]:
    bands = row.bands if row.is_active else ()
    starts = [band.min_context_tokens for band in bands]
    if not bands:
        return [_flat_price(row, None, None)]
    uppers = [*starts[1:], None]
    return [_flat_price(row, band, upper) for band, upper in zip(bands, uppers, strict=True)]


def _flat_price(row: PriceRow, band: Band | None, upper: int | None) -> Row:
    window = row.window
    rates: Mapping[str, Decimal] = band.rates if band else {}
    flat: Row = {
        "price_id": row.id,
        "provider": row.provider,
        "model": row.model,
        "region": row.region,
        "service_tier": row.service_tier,
        "currency": row.currency,
        "status": row.status,
        "effective_from": row.effective_from,
        "recorded_at": row.recorded_at,
        "min_context_tokens": band.min_context_tokens if band else 0,
        "max_context_tokens": upper,
        "window_key": window.key if window else "",
        "window_timezone": window.timezone if window else None,
        "window_minutes": _joined(f"{start}-{end}" for start, end in window.minutes) if window else None,
        "window_weekdays": _joined(map(str, window.weekdays)) if window else None,
        "window_exclude_dates": _joined(day.isoformat() for day in window.exclude_dates) if window else None,
        **{f"{component}_rate": rates.get(component) for component in terms.COMPONENTS},
        "source": _source_text(row.source),
    }
    for unit in terms.UNITS:
        flat |= _flat_fee(unit, row.unit_fees.get(unit) if row.is_active else None)
    return {**flat, "row_hash": row_hash(flat), "book_line": row.line}


def _flat_fee(unit: str, fee: UnitFee | None) -> Row:
    price, per = _fitting(fee) if fee else (None, None)
    return {
        f"{unit}_fee": price,
        f"{unit}_per": per,
        f"{unit}_minimum_units": fee.minimum_units if fee else None,
    }


def _fitting(fee: UnitFee) -> tuple[Decimal, int]:
    """The fee with at most 15 decimals: a longer one is written for ten, a hundred, … times the units."""
    exponent = fee.price.normalize().as_tuple().exponent
    excess = max(0, -int(exponent) - _FEE_DECIMALS)
    return fee.price.scaleb(excess), fee.per * 10**excess


def _flat_alias(row: AliasRow) -> Row:
    flat: Row = {
        "provider": row.provider,
        "alias": row.alias,
        "match": row.match,
        "model": row.model,
        "effective_from": row.effective_from,
        "recorded_at": row.recorded_at,
        "status": row.status,
    }
    return {**flat, "row_hash": row_hash(flat)}


def _flat_estimate(row: EstimateRow) -> Row:
    flat: Row = {
        "provider": row.provider,
        "model": row.model,
        "cost_per_request": row.cost_per_request,
        "currency": row.currency,
        "effective_from": row.effective_from,
        "recorded_at": row.recorded_at,
        "method": row.method,
    }
    return {**flat, "row_hash": row_hash(flat)}


def _joined(parts: Iterable[str]) -> str | None:
    return ",".join(parts) or None


def _source_text(source: Any) -> str | None:
    if source is None or isinstance(source, str):
        return source
    return json.dumps(source, ensure_ascii=False, sort_keys=True)


def _in_order(rows: list[Row], schema: pa.Schema, by: tuple[str, ...]) -> list[Row]:
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in by))
    return [{name: row[name] for name in schema.names} for row in ordered]
