"""Price catalogues that are installed on this machine, as neutral cards. Nothing here uses the network.

They are asked for proposals only: catalogues have been late by months, and wrong by a factor of 1000. The adapters
`from_genai_prices` and `from_litellm` are pure; `load_catalogue` finds what is installed.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing import litellm_map
from tokencost_pipeline.pricing.book import Band, UnitFee

GENAI_PRICES = "genai-prices"
LITELLM = "litellm"
SOURCES = (GENAI_PRICES, LITELLM)

_GENAI_PROVIDERS = {"aws": "bedrock", "x-ai": "xai"}
_GENAI_RATES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write_5m",
    "cache_write_5m_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "input_audio",
    "output_audio_mtok": "output_audio",
    "cache_audio_read_mtok": "cache_read_audio",
    "input_image_mtok": "input_image",
    "output_image_mtok": "output_image",
    "output_reasoning_mtok": "output_reasoning",
}
_GENAI_FEES = {
    "web_searches_kcount": ("web_search", 1000),
    "requests_kcount": ("request", 1000),
    "rerank_searches_kcount": ("rerank_search", 1000),
    "input_audio_hours": ("input_audio_second", 3600),
    "input_mchars": ("input_character", 1_000_000),
    "input_document_kpages": ("input_page", 1000),
}
_GENAI_TIERS = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("speed", "fast"): "fast",
}


@dataclass(frozen=True)
class Card:
    """What a catalogue says a model costs now at one service tier: USD per 1,000,000 tokens, and fees.

    `since` is the instant from which it says so, None where it does not say.
    """

    service_tier: str
    bands: tuple[Band, ...]
    unit_fees: Mapping[str, UnitFee]
    since: datetime | None = None


@dataclass(frozen=True)
class CatalogueModel:
    """One entry: `name` in the catalogue's spelling, `provider` in the book's. `answers` is its own matching rule."""

    provider: str
    name: str
    cards: tuple[Card, ...]
    answers: Callable[[str], bool]

    def card(self, service_tier: str = "standard") -> Card | None:
        return next((card for card in self.cards if card.service_tier == service_tier), None)


@dataclass(frozen=True)
class Catalogue:
    """`models` in the catalogue's own order, in which the first one that answers to a name holds."""

    name: str
    version: str
    models: tuple[CatalogueModel, ...]

    def find(self, provider: str, model: str) -> CatalogueModel | None:
        """The provider's entry of that very name, else the first one that answers to it."""
        ours = [entry for entry in self.models if entry.provider == provider]
        exact = (entry for entry in ours if entry.name == model)
        return next(exact, None) or next((entry for entry in ours if entry.answers(model)), None)


def load_catalogue(source: str, now: datetime) -> Catalogue:
    """The installed catalogue `source` with its prices at `now`. Raises UserError where it is not installed."""
    if source == GENAI_PRICES:
        data = _installed("genai_prices.data", GENAI_PRICES)
        return from_genai_prices(data.providers, _version(GENAI_PRICES), now)
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    return from_litellm(_litellm_model_cost(), _version(LITELLM))


def from_genai_prices(providers: Iterable[Any], version: str, now: datetime) -> Catalogue:
    """Objects shaped like `genai_prices.data.providers`.

    Of dated prices the last one begun at `now` counts. Prices for hours of the day are left out, for the catalogue
    cannot say on which days they hold. A tier's card inherits what it does not name, as the catalogue has it.
    """
    models = []
    for provider in providers:
        name = _GENAI_PROVIDERS.get(provider.id, provider.id)
        for info in provider.models:
            if cards := tuple(_genai_cards(info, now)):
                models.append(CatalogueModel(name, info.id, cards, info.is_match))
    return Catalogue(GENAI_PRICES, version, tuple(models))


def from_litellm(model_cost: Mapping[str, Any], version: str) -> Catalogue:
    """A mapping shaped like `litellm.model_cost`; entries that are not priced by the token or search are left out."""
    models = []
    for key, entry in model_cost.items():
        provider, name = litellm_map.place(key, entry)
        cards = [
            Card(tier, bands, litellm_map.fees(entry) if tier == "standard" else {})
            for tier, bands in litellm_map.cards(entry)
        ]
        if cards:
            models.append(CatalogueModel(provider, name, tuple(cards), name.__eq__))
    return Catalogue(LITELLM, version, tuple(models))


def _genai_cards(info: Any, now: datetime) -> Iterable[Card]:
    base: dict[str, Any] | None = None
    since: datetime | None = None
    dated = info.prices if isinstance(info.prices, list) else None
    for conditional in dated or ():
        begins = _begins(conditional.constraint)
        if begins is None or begins <= now:
            base, since = _priced(conditional.prices), begins
    if dated is None:
        base = _priced(info.prices)
    if base is None:
        return
    yield from _genai_card("standard", base, since)
    tiers: dict[str, Card] = {}
    for variant in info.price_variants or ():
        tier = _GENAI_TIERS.get(next(iter(variant.when.items()))) if len(variant.when) == 1 else None
        begins = _begins(variant.constraint)
        if tier and (begins is None or begins <= now):
            for card in _genai_card(tier, base | _priced(variant.prices), begins):
                tiers[tier] = card
    yield from tiers.values()


def _begins(constraint: Any) -> datetime | None:
    """Midnight UTC of a start date; the end of time for hours of the day, which never count here."""
    if constraint is None:
        return None
    start = getattr(constraint, "start_date", None)
    return datetime.combine(start, time(), UTC) if start else datetime.max.replace(tzinfo=UTC)


def _priced(prices: Any) -> dict[str, Any]:
    names = [*_GENAI_RATES, *_GENAI_FEES]
    values = {name: getattr(prices, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _genai_card(tier: str, prices: Mapping[str, Any], since: datetime | None) -> Iterable[Card]:
    rates = {component: prices[name] for name, component in _GENAI_RATES.items() if name in prices}
    starts = {0} | {step.start + 1 for rate in rates.values() for step in getattr(rate, "tiers", ())}
    bands = tuple(
        Band(start, {component: _genai_rate(rate, start) for component, rate in rates.items()}, 0)
        for start in sorted(starts)
    )
    fees = {
        unit: UnitFee(_genai_rate(prices[name], 0), per)
        for name, (unit, per) in _GENAI_FEES.items()
        if name in prices
    }
    if rates or fees:
        yield Card(tier, bands if rates else (), fees, since)


def _genai_rate(rate: Any, start: int) -> Decimal:
    """The rate for requests of `start` tokens: a tier holds for counts above its own start."""
    if not hasattr(rate, "tiers"):
        return Decimal(rate)
    reached = [step.price for step in rate.tiers if step.start < start]
    return Decimal(reached[-1] if reached else rate.base)


def _litellm_model_cost() -> Mapping[str, Any]:
    """The map as installed. Read from its file: importing the library takes a quarter of a minute."""
    try:
        spec = importlib.util.find_spec(LITELLM)
    except (ImportError, ValueError):
        spec = None
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "model_prices_and_context_window_backup.json"
        if path.is_file():
            found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
            return found
    installed: Mapping[str, Any] = _installed(LITELLM, LITELLM).model_cost
    return installed


def _installed(module: str, distribution: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"the catalogue {distribution} is not installed",
            hint=f"install it beside tokencost: {sys.executable} -m pip install {distribution}",
        ) from error


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
