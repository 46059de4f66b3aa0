"""A price book as it is written, row by row, before anything is expanded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

Key = tuple[str, str, str, str, str]
"""What a price is for: provider, model, region, service tier, window key."""


@dataclass(frozen=True)
class Window:
    """Times at which a row's prices hold: minutes and weekdays of the request's own local day.

    A window over midnight is two ranges. `minutes` are half-open, `weekdays` are ISO (Monday = 1); none of
    them means every day.
    """

    timezone: str
    minutes: tuple[tuple[int, int], ...]
    weekdays: tuple[int, ...] = ()
    exclude_dates: tuple[date, ...] = ()

    @property
    def key(self) -> str:
        """Canonical text: equal exactly for windows that are open at the same times by the same rule."""
        parts = [self.timezone, ",".join(f"{start}-{end}" for start, end in self.minutes)]
        if self.weekdays:
            parts.append("days " + ",".join(map(str, self.weekdays)))
        if self.exclude_dates:
            parts.append("except " + ",".join(day.isoformat() for day in self.exclude_dates))
        return " ".join(parts)


@dataclass(frozen=True)
class Band:
    """A complete rate card (per 1,000,000 tokens) for requests of at least so many input tokens in total."""

    min_context_tokens: int
    rates: Mapping[str, Decimal]
    line: int


@dataclass(frozen=True)
class UnitFee:
    """`price` for every `per` units; never less than `minimum_units` are billed."""

    price: Decimal
    per: int = 1
    minimum_units: Decimal | None = None


@dataclass(frozen=True)
class Multiplier:
    """The same token rates times `factor` for another region or service tier; fees stay as they are."""

    region: str | None
    service_tier: str | None
    factor: Decimal
    line: int

    @property
    def suffix(self) -> str:
        region = f"|region={self.region}" if self.region else ""
        tier = f"|tier={self.service_tier}" if self.service_tier else ""
        return region + tier


@dataclass(frozen=True)
class PriceRow:
    """One row of `prices:`. Instants are UTC; `recorded_at` is when we learnt it."""

    id: str
    provider: str
    model: str
    region: str
    service_tier: str
    currency: str
    effective_from: datetime
    recorded_at: datetime
    line: int
    status: str = "active"
    effective_from_known: bool = True
    window: Window | None = None
    bands: tuple[Band, ...] = ()
    unit_fees: Mapping[str, UnitFee] = field(default_factory=dict)
    multipliers: tuple[Multiplier, ...] = ()
    promo_until: str | None = None
    source: Any = None

    @property
    def key(self) -> Key:
        window = self.window.key if self.window else ""
        return (self.provider, self.model, self.region, self.service_tier, window)

    @property
    def is_active(self) -> bool:
        return self.status == "active"


@dataclass(frozen=True)
class AliasRow:
    """From `effective_from` on, `alias` is billed as `model`."""

    provider: str
    alias: str
    match: str
    model: str
    effective_from: datetime
    recorded_at: datetime
    status: str
    line: int


@dataclass(frozen=True)
class EstimateRow:
    """What to assume for a request that reports no tokens."""

    provider: str
    model: str
    cost_per_request: Decimal
    currency: str
    effective_from: datetime
    recorded_at: datetime
    method: str | None
    line: int


@dataclass(frozen=True)
class PriceBook:
    """A validated price book."""

    path: Path
    sha256: str
    prices: tuple[PriceRow, ...]
    aliases: tuple[AliasRow, ...] = ()
    request_estimates: tuple[EstimateRow, ...] = ()
