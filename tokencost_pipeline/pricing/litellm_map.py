"""Reading one entry of litellm's model map: names, rate cards and fees. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from tokencost_pipeline.pricing.book import Band, UnitFee

_PROVIDERS = {"gemini": "google", "bedrock_converse": "bedrock", "cohere_chat": "cohere"}
_PREFIXES = ("gemini/", "google/", "bedrock/", "cohere_chat/")
_RATES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write_5m": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "input_audio": "input_cost_per_audio_token",
    "output_audio": "output_cost_per_audio_token",
    "output_reasoning": "output_cost_per_reasoning_token",
    "output_image": "output_cost_per_image_token",
}
_TIERS = {"standard": "", "batch": "_batches", "flex": "_flex", "priority": "_priority"}
_ABOVE = re.compile(r"_above_([0-9]+)k_tokens")
_INCLUSIVE = {"xai"}
"""Providers whose long-context price begins at the threshold itself, not one token above it."""


def place(key: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    """(provider, model) in the book's spelling: the provider's own prefix is dropped from the key."""
    theirs = str(entry.get("litellm_provider", ""))
    provider = _PROVIDERS.get(theirs, theirs)
    for prefix in (f"{theirs}/", f"{provider}/", *_PREFIXES):
        if prefix != "/" and key.startswith(prefix):
            return provider, key.removeprefix(prefix)
    return provider, key


def cards(entry: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Band, ...]]]:
    """(service tier, bands) in USD per 1,000,000 tokens.

    A tier counts when it names both input and output. Entries with prices by the hour or with lists of tiers are left
    out: to show one of their prices as the price would mislead.
    """
    if "off_peak_pricing" in entry or "tiered_pricing" in entry:
        return
    for tier, suffix in _TIERS.items():
        short = _rates(entry, "", suffix)
        if "input" not in short or "output" not in short:
            continue
        if not any(short.values()) and fees(entry):
            continue
        bands = [Band(0, short, 0)]
        for threshold in _thresholds(entry, suffix):
            rates = _rates(entry, f"_above_{threshold}k_tokens", suffix)
            start = threshold * 1000 + (0 if entry.get("litellm_provider") in _INCLUSIVE else 1)
            bands.append(Band(start, {**short, **rates}, 0))
        yield tier, tuple(bands)
    if fees(entry) and not any(_rates(entry, "", "").values()):
        yield "standard", ()


def fees(entry: Mapping[str, Any]) -> dict[str, UnitFee]:
    """Fees that are billed for the thing itself. Search fees are left to the book: here they vary by context size."""
    price = _amount(entry.get("input_cost_per_query"), 1)
    return {"rerank_search": UnitFee(price)} if price else {}


def _thresholds(entry: Mapping[str, Any], suffix: str) -> list[int]:
    """Thresholds in thousands at which this tier's input gets another price; zeros are left-overs."""
    found = set()
    for key, value in entry.items():
        match = _ABOVE.search(key)
        if match and key == f"input_cost_per_token{match[0]}{suffix}" and value:
            found.add(int(match[1]))
    return sorted(found)


def _rates(entry: Mapping[str, Any], above: str, suffix: str) -> dict[str, Decimal]:
    rates = {}
    for component, name in _RATES.items():
        rate = _amount(entry.get(f"{name}{above}{suffix}"), 1_000_000)
        if rate is not None and (rate or component in ("input", "output")):
            rates[component] = rate
    return rates


def _amount(value: Any, times: int) -> Decimal | None:
    """The decimal that the map's author wrote: a float's shortest text is just that."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return (Decimal(repr(value)) * times).normalize()
