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
    """`entry` of `catalogue` ("name version"), its standard card, and `how` it answers to the wanted model.

    `distance` is the place of `how` in HOW: 0 is nearest.
    """

    entry: CatalogueModel
    card: Card
    how: str
    catalogue: str
    distance: int = 0


HOW = (
    "the same provider's entry",
    "the same name at another provider",
    "the base name at the same provider",
    "the base name at another provider",
)


def nearest_proposal(provider: str, model: str, catalogue: Catalogue) -> Nearest | None:
    """The nearest entry with a standard price, or None. `provider` and `model` as the book would spell them.

    In this order: the same provider's entry (same name or the catalogue's own alias), the same name at another provider
    (makers before resellers, then by name), the base name without prefix and date at the same provider, then at others.
    """
    return Finder(catalogue).nearest(provider, model)


class Finder:
    """`nearest_proposal` for many models of one catalogue: names are looked up, not searched for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._by_name: dict[str, list[CatalogueModel]] = {}
        self._by_base: dict[str, list[CatalogueModel]] = {}
        for entry in catalogue.models:
            if entry.card():
                self._by_name.setdefault(entry.name, []).append(entry)
                self._by_base.setdefault(base_name(entry.name), []).append(entry)

    def nearest(self, provider: str, model: str) -> Nearest | None:
        """See `nearest_proposal`."""
        base = base_name(model)
        own = self._catalogue.find(provider, model)
        same_base = self._by_base.get(base, [])
        candidates = (
            own if own and own.card() else None,
            next(iter(_others(self._by_name.get(model, []), provider)), None),
            _plainest([entry for entry in same_base if entry.provider == provider], base),
            _plainest(_others(same_base, provider), base),
        )
        for distance, entry in enumerate(candidates):
            card = entry.card() if entry else None
            if entry and card:
                name = f"{self._catalogue.name} {self._catalogue.version}"
                return Nearest(entry, card, HOW[distance], name, distance)
        return None


def base_name(model: str) -> str:
    """The name without a reseller's path, a region, a vendor's prefix, a date or a version; in lower case."""
    name = _PREFIXES.sub("", model.lower(), count=1) or model.lower()
    while (shorter := _SUFFIXES.sub("", name)) != name and shorter:
        name = shorter
    return name


def _others(entries: Iterable[CatalogueModel], provider: str) -> list[CatalogueModel]:
    """Those of other providers, makers before resellers, then by name."""
    return sorted(
        (entry for entry in entries if entry.provider != provider),
        key=lambda entry: (_rank(entry.provider), entry.provider, entry.name),
    )


def _plainest(entries: list[CatalogueModel], base: str) -> CatalogueModel | None:
    """The plain name if there is one, else the newest of those with a date: these sort by it."""
    plain = [entry for entry in entries if entry.name.lower() == base]
    if plain or not entries:
        return plain[0] if plain else None
    first = [entry for entry in entries if entry.provider == entries[0].provider]
    return max(first, key=lambda entry: entry.name)


def _rank(provider: str) -> int:
    return _MAKERS.index(provider) if provider in _MAKERS else len(_MAKERS)
