"""Catalogues in the shapes their packages really have, small enough to bend. No package is needed to read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any


def prices(**rates: Any) -> SimpleNamespace:
    """A genai-prices ModelPrice: attributes for what is priced, as Decimal or as `tiered`."""
    return SimpleNamespace(
        **{name: Decimal(rate) if isinstance(rate, str) else rate for name, rate in rates.items()}
    )


def tiered(base: str, **above: str) -> SimpleNamespace:
    """TieredPrices: tiered('3', k200='6') costs 6 above 200,000 tokens."""
    tiers = [
        SimpleNamespace(start=int(name[1:]) * 1000, price=Decimal(price)) for name, price in above.items()
    ]
    return SimpleNamespace(base=Decimal(base), tiers=tiers)


def starting(day: str, **rates: Any) -> SimpleNamespace:
    constraint = SimpleNamespace(start_date=date.fromisoformat(day))
    return SimpleNamespace(constraint=constraint, prices=prices(**rates))


def always(**rates: Any) -> SimpleNamespace:
    return SimpleNamespace(constraint=None, prices=prices(**rates))


def in_some_hours(**rates: Any) -> SimpleNamespace:
    return SimpleNamespace(constraint=SimpleNamespace(start_time=1, end_time=2), prices=prices(**rates))


def variant(when: dict[str, str], day: str | None = None, **rates: Any) -> SimpleNamespace:
    constraint = SimpleNamespace(start_date=date.fromisoformat(day)) if day else None
    return SimpleNamespace(when=when, prices=prices(**rates), constraint=constraint)


def info(
    name: str, model_prices: Any, *variants: Any, match: Callable[[str], bool] | None = None
) -> SimpleNamespace:
    """A genai-prices ModelInfo; `match` stands for its clauses."""
    return SimpleNamespace(
        id=name, prices=model_prices, price_variants=list(variants) or None, is_match=match or name.__eq__
    )


def provider(name: str, *models: Any) -> SimpleNamespace:
    return SimpleNamespace(id=name, models=list(models))
