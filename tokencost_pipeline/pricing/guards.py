"""What makes a catalogue's price doubtful. Each guard stands for an error that catalogues have really made."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from tokencost_pipeline.pricing import terms
from tokencost_pipeline.pricing.book import Band

Bands = tuple[Band, ...]

DEAREST_INPUT = Decimal(200)
"""USD per 1,000,000 input tokens; nothing sold so far costs more."""
_PARENTS = {
    "cache_read": ("input",),
    "cache_write_5m": ("input",),
    "cache_write_1h": ("cache_write_5m", "input"),
    "input_audio": ("input",),
    "input_image": ("input",),
    "cache_read_audio": ("cache_read", "input"),
    "output_audio": ("output",),
    "output_image": ("output",),
    "output_reasoning": ("output",),
}


def doubts(
    service_tier: str, bands: Bands, standard: Bands | None = None, before: Bands | None = None
) -> list[str]:
    """Reasons not to believe a rate card (USD per 1,000,000 tokens); empty when none is found.

    `standard` is the same model's card at the standard tier, `before` the card now in the book. A rate that a card
    leaves out counts as its parent's, as in pricing.
    """
    found = [*_within_a_card(bands), *_from_band_to_band(bands)]
    if standard and service_tier in ("batch", "flex"):
        found += _dearer(service_tier, bands, standard, Decimal(1))
    if standard and service_tier == "priority":
        found += _dearer(service_tier, bands, standard, Decimal(3))
    if before:
        found += _leaps(bands, before)
    return list(dict.fromkeys(found))


def rate_at(bands: Bands, tokens: int, component: str) -> Decimal | None:
    """The rate of `component` for a request of `tokens` input tokens, by the parent rule; None = unknown."""
    band = max((it for it in bands if it.min_context_tokens <= tokens), key=_start, default=None)
    if band is None:
        return None
    names = (component, *_PARENTS.get(component, ()))
    return next((band.rates[name] for name in names if name in band.rates), None)


def starts_of(*cards: Bands) -> list[int]:
    """Every threshold of the cards, ascending."""
    return sorted({band.min_context_tokens for bands in cards for band in bands})


def _start(band: Band) -> int:
    return band.min_context_tokens


def _within_a_card(bands: Bands) -> Iterator[str]:
    for band in bands:
        start, rates = band.min_context_tokens, band.rates
        where = f" from {start} tokens on" if start else ""
        price = rates.get("input")
        if price is not None and price > DEAREST_INPUT:
            yield f"input of {price:f} is above {DEAREST_INPUT} per 1M{where}"
        if price is not None and rates.get("cache_read", price) > price:
            yield f"cache_read is dearer than input{where}"
        write = rate_at(bands, start, "cache_write_5m")
        if write is not None and rates.get("cache_write_1h", write) < write:
            yield f"cache_write_1h is cheaper than cache_write_5m{where}"
        for name, rate in rates.items():
            if not terms.DECIMAL.fullmatch(f"{rate.normalize():f}"):
                yield f"{name} of {rate.normalize():f} has more than 9 decimals: the noise of a float{where}"


def _from_band_to_band(bands: Bands) -> Iterator[str]:
    starts = starts_of(bands)
    for lower, upper in pairwise(starts):
        for name in ("input", "output", "cache_read"):
            short, long = rate_at(bands, lower, name), rate_at(bands, upper, name)
            if short is not None and long is not None and long < short:
                yield f"{name} is cheaper from {upper} tokens on than below"


def _dearer(service_tier: str, bands: Bands, standard: Bands, times: Decimal) -> Iterator[str]:
    for start in starts_of(bands, standard):
        for name in ("input", "output"):
            ours, theirs = rate_at(bands, start, name), rate_at(standard, start, name)
            if ours is not None and theirs is not None and ours > theirs * times:
                yield f"{name} at tier {service_tier} is dearer than {'' if times == 1 else f'{times}x '}standard"


def _leaps(bands: Bands, before: Bands) -> Iterator[str]:
    written = {name for band in (*bands, *before) for name in band.rates}
    for start in starts_of(bands, before):
        for name in (name for name in terms.COMPONENTS if name in written):
            new, old = rate_at(bands, start, name), rate_at(before, start, name)
            if new is None or old is None:
                continue
            if new > old * 2 or old > new * 2:
                yield f"{name} changes from {old:f} to {new:f}, by more than 2x: needs a second source"
