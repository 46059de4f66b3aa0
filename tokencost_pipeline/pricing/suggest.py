"""For models without a price: the nearest price somebody knows. A suggestion for people, it never prices anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from shlex import quote
from typing import Any

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing import terms
from tokencost_pipeline.pricing.book import PriceBook, PriceRow
from tokencost_pipeline.pricing.catalogues import Card, Catalogue, CatalogueModel
from tokencost_pipeline.pricing.guards import doubts
from tokencost_pipeline.pricing.history import leads
from tokencost_pipeline.pricing.nearest import Finder, Nearest, nearest_proposal
from tokencost_pipeline.pricing.price_sources import PriceSources
from tokencost_pipeline.pricing.propose import NEW_MODEL, Proposal, new_row
from tokencost_pipeline.pricing.timeline import by_key, in_force
from tokencost_pipeline.settings import Settings

OWN_BOOK = "price book"
MOST_ASKED = 500
"""Models that get a suggestion in one report. With more of them, names are hardly names of models any more."""

Names = tuple[str, str]
Suggest = Callable[[Iterable[Names], datetime], Mapping[Names, "Suggestion"]]
"""Suggestions for (provider, model) pairs at an instant; pairs without one are left out."""


@dataclass(frozen=True)
class Suggestion:
    """What `provider`/`model` costs by `source` ("genai-prices 0.2.3", or the price book itself), standard tier.

    `rates` are USD per 1,000,000 tokens as decimal strings for short requests; `bands` counts the rate cards, more than
    one where long requests cost otherwise. `since` is the day it holds from, None where the source does not say. `how`
    tells why it is the nearest, `doubts` why not to believe it, `see` is the command that shows it whole.
    """

    source: str
    provider: str
    model: str
    how: str
    since: str | None
    rates: Mapping[str, str]
    bands: int
    doubts: tuple[str, ...]
    see: str | None

    @property
    def figures(self) -> dict[str, Any]:
        """As one flat object: rates as exact Decimals under their own names."""
        facts = {
            name: value for name, value in asdict(self).items() if name not in ("rates", "bands", "doubts")
        }
        rates = {name: Decimal(rate) for name, rate in self.rates.items()}
        return {**facts, **rates, "context_bands": self.bands, "doubts": list(self.doubts)}

    @property
    def price(self) -> str:
        """The gist: '2.5 in, 10 out', USD per 1,000,000 tokens."""
        short = {"input": "in", "output": "out"}
        told = [f"{rate} {short[name]}" for name, rate in self.rates.items() if name in short]
        long = ", long requests otherwise" if self.bands > 1 else ""
        return (", ".join(told) or "by the piece") + long

    @property
    def origin(self) -> str:
        """Who says so, and why it is the nearest: 'genai-prices 0.2.3, the same provider's entry'."""
        since = f", from {self.since}" if self.since else ""
        doubtful = "; doubtful: " + "; ".join(self.doubts) if self.doubts else ""
        return f"{self.source}, {self.how}{since}{doubtful}"


def nothing_to_suggest(wanted: Iterable[Names], at: datetime) -> Mapping[Names, Suggestion]:
    """Where there is nobody to ask."""
    return {}


def suggester(settings: Settings, names: tuple[str, ...] | None = None) -> Suggest:
    """Suggestions out of the installed catalogues and the book of `settings`; no network, nothing imported twice.

    Same day, same book and same catalogues give the same answer. A book with a mistake suggests nothing: what is wrong
    with it is told elsewhere. `names` restricts the catalogues, () asks the book alone.
    """

    def suggest(wanted: Iterable[Names], at: datetime) -> Mapping[Names, Suggestion]:
        sources = PriceSources(settings, at) if names is None else PriceSources(settings, at, names)
        asked = list(dict.fromkeys(wanted))[:MOST_ASKED]
        memory = sources.memory
        new = [it for it in asked if _question(it) not in memory]
        if new:
            memory.keep(_answers(sources, new))
        found = {it: memory[_question(it)] for it in asked if _question(it) in memory}
        return {it: _from_json(answer) for it, answer in found.items() if answer is not None}

    return suggest


def book_as_catalogue(book: PriceBook, at: datetime) -> Catalogue:
    """The book's own models as a catalogue, to look for siblings in: USD, default region, standard tier, no windows.

    Each with the price it had last at `at`, also where that has ended; else with the first one to come.
    """
    models = []
    for (provider, model, region, tier, window), rows in sorted(by_key(book.prices).items()):
        held = [row for row, _ in in_force(rows) if row.currency == "USD"]
        if held and (region, tier, window) == ("default", "standard", "") and model != terms.ANY_MODEL:
            row = max((it for it in held if it.effective_from <= at), key=_start, default=held[0])
            since = row.effective_from if row.effective_from_known else None
            card = Card(tier, row.bands, row.unit_fees, since)
            models.append(CatalogueModel(provider, model, (card,), _answers_to(book, provider, model)))
    return Catalogue(OWN_BOOK, "", tuple(models))


def nearest_of(provider: str, model: str, finders: Iterable[Finder]) -> Nearest | None:
    """The nearest entry of several catalogues; of two at the same distance the earlier catalogue's."""
    found = [it for finder in finders if (it := finder.nearest(provider, model))]
    return min(found, key=lambda it: it.distance, default=None)


def nearest_row(
    book: PriceBook, catalogue: Catalogue, provider: str, model: str, now: datetime
) -> Proposal | None:
    """A row for a model the book lacks, made of the catalogue's nearest entry. None where the book has the model, or
    the catalogue nothing near. A price that is another name's or another provider's is doubtful."""
    rows = {(row.provider, row.model) for row in book.prices}
    if (provider, model) in rows or any(
        row.provider == provider and leads(row, model) for row in book.aliases
    ):
        return None
    nearest = nearest_proposal(provider, model, catalogue)
    if nearest is None:
        return None
    entry, card = nearest.entry, nearest.card
    found = doubts(card.service_tier, card.bands)
    if nearest.distance:
        found.insert(0, f"this is the price of {entry.provider}/{entry.name}, {nearest.how}")
    notes = (
        () if card.since else ("the catalogue does not say since when: look it up and set effective_from",)
    )
    row = new_row(provider, model, card, catalogue, now, entry.name)
    return Proposal(NEW_MODEL, row, None, (), tuple(found), notes)


def _answers(sources: PriceSources, wanted: Iterable[Names]) -> dict[str, Any]:
    try:
        book = sources.book
    except UserError:
        return {}
    finders = [Finder(it) for it in (*sources.catalogues, book_as_catalogue(book, sources.day_ends))]
    answers: dict[str, Any] = {}
    for names in wanted:
        nearest = nearest_of(*names, finders)
        answers[_question(names)] = None if nearest is None else _as_json(nearest, names)
    return answers


def _as_json(nearest: Nearest, names: Names) -> dict[str, Any]:
    entry, card = nearest.entry, nearest.card
    rates = card.bands[0].rates if card.bands else {}
    return {
        "source": nearest.catalogue.strip(),
        "provider": entry.provider,
        "model": entry.name,
        "how": nearest.how,
        "since": f"{card.since:%Y-%m-%d}" if card.since else None,
        "rates": {name: f"{rates[name].normalize():f}" for name in terms.COMPONENTS if name in rates},
        "bands": len(card.bands),
        "doubts": doubts(card.service_tier, card.bands),
        "see": _see(nearest, names),
    }


def _see(nearest: Nearest, names: Names) -> str | None:
    """The verb that prints the row to paste, or the book's row to copy."""
    catalogue = nearest.catalogue.split(" ")[0]
    provider, model = names
    if nearest.catalogue.startswith(OWN_BOOK):
        entry = nearest.entry
        return f"tokencost prices history {quote(entry.name)} --provider {quote(entry.provider)}"
    if not provider:
        return None
    return f"tokencost prices diff --source {catalogue} --provider {quote(provider)} --model {quote(model)}"


def _answers_to(book: PriceBook, provider: str, model: str) -> Callable[[str], bool]:
    aliases = [row for row in book.aliases if (row.provider, row.model) == (provider, model)]
    return lambda name: any(leads(alias, name) for alias in aliases)


def _start(row: PriceRow) -> datetime:
    return row.effective_from


def _question(names: Names) -> str:
    provider, model = names
    return f"nearest {provider}\0{model}"


def _from_json(answer: Mapping[str, Any]) -> Suggestion:
    return Suggestion(**{**answer, "doubts": tuple(answer["doubts"])})
