"""`fx_rates.yaml`: what a unit of another currency was worth in USD, day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokencost_pipeline.ingest.schema import FX_RATES
from tokencost_pipeline.pricing.hashing import row_hash
from tokencost_pipeline.pricing.problems import Problems
from tokencost_pipeline.pricing.shape import Node
from tokencost_pipeline.pricing.strict_yaml import read_strict_yaml

REPORTING_CURRENCY = "USD"
DEFAULT_MAX_AGE_DAYS = 7
_OLDEST_MAX_AGE_DAYS = 366
_UNREAD = date.min


@dataclass(frozen=True)
class FxRate:
    """From the start of the UTC day `day` on, one unit of `currency` is worth `usd_per_unit` USD."""

    currency: str
    day: date
    usd_per_unit: Decimal
    line: int


@dataclass(frozen=True)
class FxRates:
    """A rate holds to the day of the next one, but never for more than `max_age_days` days."""

    max_age_days: int = DEFAULT_MAX_AGE_DAYS
    rates: tuple[FxRate, ...] = ()

    @property
    def currencies(self) -> frozenset[str]:
        """Currencies with a rate for some day; USD needs none."""
        return frozenset({REPORTING_CURRENCY} | {rate.currency for rate in self.rates})

    def periods(self) -> Iterator[tuple[FxRate, date]]:
        """(rate, first day on which it no longer holds), by currency and day."""
        by_currency: dict[str, list[FxRate]] = defaultdict(list)
        for rate in self.rates:
            by_currency[rate.currency].append(rate)
        for currency in sorted(by_currency):
            ordered = sorted(by_currency[currency], key=lambda rate: rate.day)
            starts = [rate.day for rate in ordered[1:]]
            for rate, following in zip(ordered, [*starts, date.max], strict=True):
                yield rate, min(following, rate.day + timedelta(days=self.max_age_days))


def load_fx_rates(path: Path) -> FxRates:
    """Read and check the file; one that does not exist means no rates.

    Raises UserError that lists every problem as file:line with what to write.
    """
    if not path.is_file():
        return FxRates()
    file = read_strict_yaml(path)
    problems = Problems(path)
    top = Node(file, problems, file.value).fields(
        ["schema_version", "rates"], ["reporting_currency", "max_age_days"]
    )
    top.read("schema_version", lambda node: node.whole(1, 1), 1)
    top.read("reporting_currency", lambda node: node.choice((REPORTING_CURRENCY,)), REPORTING_CURRENCY)
    oldest = top.read("max_age_days", lambda node: node.whole(1, _OLDEST_MAX_AGE_DAYS), DEFAULT_MAX_AGE_DAYS)
    fx = FxRates(oldest, top.read("rates", _read_rates, ()))
    _every_day_is_written_once(fx, problems)
    problems.raise_if_any()
    return fx


def to_arrow(fx: FxRates) -> pa.Table:
    """The table `fx_rates` in the landing schema: half-open [valid_from, valid_to), USD per unit."""
    rows = []
    for rate, end in fx.periods():
        row: dict[str, Any] = {
            "currency": rate.currency,
            "valid_from": rate.day,
            "valid_to": end,
            "usd_per_unit": rate.usd_per_unit,
        }
        rows.append({**row, "row_hash": row_hash(row)})
    return pa.Table.from_pylist(rows, schema=FX_RATES)


def _read_rates(node: Node) -> tuple[FxRate, ...]:
    return tuple(_read_rate(item) for item in node.items())


def _read_rate(node: Node) -> FxRate:
    fields = node.fields(["currency", "date", "usd_per_unit"], ["source"])
    return FxRate(
        currency=fields.read("currency", _read_currency, ""),
        day=fields.read("date", Node.day, _UNREAD),
        usd_per_unit=fields.read("usd_per_unit", _read_worth, Decimal(1)),
        line=node.line,
    )


def _read_currency(node: Node) -> str | None:
    currency = node.currency()
    if currency == REPORTING_CURRENCY:
        node.wrong("a rate for USD", "drop this row: one USD is one USD on every day")
        return None
    return currency


def _read_worth(node: Node) -> Decimal | None:
    worth = node.amount()
    if worth is not None and not worth:
        node.wrong("usd_per_unit is 0", "write what one unit costs in USD, such as '1.0834' for a euro")
        return None
    return worth


def _every_day_is_written_once(fx: FxRates, problems: Problems) -> None:
    first: dict[tuple[str, date], int] = {}
    for rate in fx.rates:
        if not rate.currency or rate.day == _UNREAD:
            continue
        other = first.setdefault((rate.currency, rate.day), rate.line)
        if other != rate.line:
            message = f"{rate.currency} has two rates for {rate.day}, the other on line {other}"
            problems.add(rate.line, message, "keep one of the two: a day has one rate")
