"""For a model without a price: the catalogue's entry that most likely means the same, told with how it was found.

A proposal for people, never a price: nothing here is used to cost a request. Names are compared whole, or without what
vendors and resellers put around them; likeness of spelling is no reason (gpt-4.1 is not a kind of gpt-4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tokencost_pipeline.pricing.catalogues import Card, Catalogue, CatalogueModel

_PREFIXES = re.compile(
    r"^(?:[a-z0-9_.-]+/)*(?:(?:us|eu|apac|global|jp|au|ca|us-gov)\.)?"
    r"(?:(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|qwen|openai|google)\.)?"
)
_SUFFIXES = re.compile(r"(?:[-@](?:20[0-9]{6}|20[0-9]{2}-[0-9]{2}-[0-9]{2})|[-:]latest|-v[0-9]+:[0-9]+)$")
"""Dates, `latest` and Bedrock's `-v1:0`. Not `-v3`, `:7b` or `-preview`: these are other models."""
_MAKERS = (
    "openai",
    "anthropic",
    "google",
    "mistral",
    "deepseek",
    "xai",
    "cohere",
    "zai",
    "moonshotai",
    "meta",
)


@dataclass(frozen=True)
class Nearest:
    """`entry` of `catalogue` ("name version"), its standard card, and `how` it answers to the wanted model."""

    entry: CatalogueModel
    card: Card
    how: str
    catalogue: str


def nearest_proposal(provider: str, model: str, catalogue: Catalogue) -> Nearest | None:
    """The nearest entry with a standard price, or None. `provider` and `model` as the book would spell them.

    In this order: the same provider's entry (same name or the catalogue's own alias), the same name at another provider
    (makers before resellers, then by name), the base name without prefix and date at the same provider, then at others.
    """
    priced = [entry for entry in catalogue.models if entry.card()]
    others = sorted(
        (entry for entry in priced if entry.provider != provider),
        key=lambda entry: (_rank(entry.provider), entry.provider, entry.name),
    )
    own = catalogue.find(provider, model)
    base = base_name(model)
    candidates = [
        (own if own and own.card() else None, "the same provider's entry"),
        (_first(others, model), "the same name at another provider"),
        (_first_base(priced, base, provider), "the base name at the same provider"),
        (_first_base(others, base), "the base name at another provider"),
    ]
    for entry, how in candidates:
        card = entry.card() if entry else None
        if entry and card:
            return Nearest(entry, card, how, f"{catalogue.name} {catalogue.version}")
    return None


def base_name(model: str) -> str:
    """The name without a reseller's path, a region, a vendor's prefix, a date or a version; in lower case."""
    name = _PREFIXES.sub("", model.lower(), count=1) or model.lower()
    while (shorter := _SUFFIXES.sub("", name)) != name and shorter:
        name = shorter
    return name


def _first(entries: Iterable[CatalogueModel], model: str) -> CatalogueModel | None:
    return next((entry for entry in entries if entry.name == model), None)


def _first_base(
    entries: Iterable[CatalogueModel], base: str, provider: str | None = None
) -> CatalogueModel | None:
    """The plain name if there is one, else the newest of those with a date: these sort by it."""
    same = [
        entry for entry in entries if provider in (None, entry.provider) and base_name(entry.name) == base
    ]
    plain = [entry for entry in same if entry.name.lower() == base]
    if plain or not same:
        return plain[0] if plain else None
    first = [entry for entry in same if entry.provider == same[0].provider]
    return max(first, key=lambda entry: entry.name)


def _rank(provider: str) -> int:
    return _MAKERS.index(provider) if provider in _MAKERS else len(_MAKERS)
