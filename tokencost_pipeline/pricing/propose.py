"""What a catalogue would change in the book, as rows to paste. Pure: nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tokencost_pipeline.pricing import terms
from tokencost_pipeline.pricing.book import Band, PriceBook, PriceRow, UnitFee
from tokencost_pipeline.pricing.catalogues import Card, Catalogue, CatalogueModel
from tokencost_pipeline.pricing.correction import free_id
from tokencost_pipeline.pricing.guards import doubts, rate_at, starts_of
from tokencost_pipeline.pricing.history import leads
from tokencost_pipeline.pricing.row_yaml import price_yaml
from tokencost_pipeline.pricing.timeline import now_in_force
from tokencost_pipeline.pricing.variants import explicit_rows

CHANGED, CORRECTION, NEW_TIER, NEW_MODEL = "changed", "correction", "new tier", "new model"
_BOOKS_CURRENCY = "USD"


@dataclass(frozen=True)
class Proposal:
    """A complete row for the book. With `doubts` it needs a person's judgement before it is pasted."""

    kind: str
    row: PriceRow
    before: PriceRow | None
    differences: tuple[str, ...]
    doubts: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def yaml(self) -> str:
        """The row under comments that say why; commented out as a whole when it is doubtful."""
        told = [f"# {self.kind}: {self.row.provider}/{self.row.model}, {self.row.service_tier}"]
        told += [f"#   {line}" for line in (*self.differences, *self.notes)]
        row = price_yaml(self.row)
        if not self.doubts:
            return "\n".join([*told, row])
        told += [f"#   doubtful: {doubt}" for doubt in self.doubts]
        return "\n".join([*told, *(f"# {line}" for line in row.splitlines())])


def propose(
    book: PriceBook,
    catalogue: Catalogue,
    now: datetime,
    *,
    model: str | None = None,
    new_models: bool = False,
) -> list[Proposal]:
    """Rows that would bring the book's prices in force at `now` to the catalogue's, sorted by id.

    Compared are rows in USD without window for the default region. `model` (a model's or an alias' name) looks at
    that one only; one the book does not know is proposed as a new one. Other models that the book lacks are proposed
    with `new_models`, for the providers it knows.
    """
    names = None if model is None else _billed_as(book, model)
    held = [
        row
        for row in now_in_force(book.prices, now).values()
        if row.region == "default" and row.window is None and row.currency == _BOOKS_CURRENCY
        if row.model != terms.ANY_MODEL and (names is None or row.model in names)
    ]
    found = [*_changes(held, catalogue, now), *_new_tiers(book, held, catalogue, now)]
    if new_models or (names is not None and not held):
        found += _new_models(book, catalogue, now, model)
    return _with_free_ids(sorted(found, key=lambda it: it.row.id), {row.id for row in book.prices})


def new_row(
    provider: str, model: str, card: Card, catalogue: Catalogue, now: datetime, entry: str | None = None
) -> PriceRow:
    """A row of the book made of a catalogue's card; `entry` names the catalogue's entry where it is another name."""
    start = card.since or now.replace(hour=0, minute=0, second=0, microsecond=0)
    return PriceRow(
        id=_id(provider, model, start, card.service_tier),
        provider=provider,
        model=model,
        region="default",
        service_tier=card.service_tier,
        currency=_BOOKS_CURRENCY,
        effective_from=start,
        recorded_at=now.replace(microsecond=0),
        line=0,
        effective_from_known=card.since is not None,
        bands=card.bands,
        unit_fees=card.unit_fees,
        source=_source(catalogue, model, entry, now),
    )


def _changes(held: Iterable[PriceRow], catalogue: Catalogue, now: datetime) -> Iterator[Proposal]:
    for row in held:
        entry = catalogue.find(row.provider, row.model)
        card = entry.card(row.service_tier) if entry else None
        if entry is None or card is None:
            continue
        fees = _in_the_books_units(card.unit_fees, row.unit_fees)
        differences = (*_rate_differences(card.bands, row.bands), *_fee_differences(fees, row.unit_fees))
        if differences:
            yield _change(row, replace(card, unit_fees=fees), entry, catalogue, now, differences)


def _change(
    before: PriceRow,
    card: Card,
    entry: CatalogueModel,
    catalogue: Catalogue,
    now: datetime,
    differences: tuple[str, ...],
) -> Proposal:
    bands, kept = _completed(card.bands, before.bands)
    standard = entry.card()
    found = doubts(
        before.service_tier, bands, standard.bands if standard else None, before=before.bands or None
    )
    notes = [f"kept from the book, for the catalogue does not say: {', '.join(kept)}"] if kept else []
    start, known, kind = card.since, True, CHANGED
    if start == before.effective_from:
        kind = CORRECTION
    elif start is not None and start < before.effective_from:
        found.append(
            f"the catalogue's price is of {start:%Y-%m-%d}, the book's is newer ({before.effective_from:%Y-%m-%d})"
        )
        start = None
    if start is None:
        known = False
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        start = midnight if midnight > before.effective_from else now.replace(microsecond=0)
        notes.append("the catalogue does not say since when: look it up and set effective_from")
    identity = _id(before.provider, before.model, start, before.service_tier)
    row = replace(
        before,
        id=f"{before.id}/corrected" if kind == CORRECTION else identity,
        effective_from=start,
        effective_from_known=known,
        recorded_at=now.replace(microsecond=0),
        bands=bands,
        unit_fees={**before.unit_fees, **card.unit_fees},
        promo_until=None,
        source=_source(catalogue, before.model, entry.name, now),
    )
    return Proposal(kind, row, before, differences, tuple(found), tuple(notes))


def _new_tiers(
    book: PriceBook, held: Iterable[PriceRow], catalogue: Catalogue, now: datetime
) -> Iterator[Proposal]:
    known = {row.key for row in explicit_rows(book.prices)}
    for row in held:
        entry = catalogue.find(row.provider, row.model) if row.service_tier == "standard" else None
        for card in entry.cards if entry else ():
            key = (row.provider, row.model, row.region, card.service_tier, "")
            if entry and key not in known:
                card = replace(card, unit_fees=_in_the_books_units(card.unit_fees, row.unit_fees))
                made = new_row(row.provider, row.model, card, catalogue, now, entry.name)
                yield Proposal(NEW_TIER, made, None, (), tuple(_doubts_of(entry, card, row)), _since(card))


def _new_models(
    book: PriceBook, catalogue: Catalogue, now: datetime, model: str | None
) -> Iterator[Proposal]:
    known: dict[str, set[str]] = {}
    for row in book.prices:
        known.setdefault(row.provider, set()).add(row.model)
    proposed: set[tuple[str, str]] = set()
    for entry in catalogue.models:
        place = (entry.provider, entry.name)
        if entry.provider not in known or (model is not None and entry.name != model) or place in proposed:
            continue
        if any(entry.name == name or entry.answers(name) for name in known[entry.provider]):
            continue
        if any(alias.provider == entry.provider and leads(alias, entry.name) for alias in book.aliases):
            continue
        proposed.add(place)
        for card in entry.cards:
            row = new_row(entry.provider, entry.name, card, catalogue, now)
            yield Proposal(NEW_MODEL, row, None, (), tuple(_doubts_of(entry, card)), _since(card))


def _doubts_of(entry: CatalogueModel, card: Card, standard: PriceRow | None = None) -> list[str]:
    theirs = entry.card()
    bands = standard.bands if standard else theirs.bands if theirs else None
    return doubts(card.service_tier, card.bands, bands)


def _since(card: Card) -> tuple[str, ...]:
    if card.since:
        return ()
    return ("the catalogue does not say since when: look it up and set effective_from",)


def _billed_as(book: PriceBook, name: str) -> set[str]:
    return {name} | {row.model for row in book.aliases if row.status == "active" and leads(row, name)}


def _rate_differences(theirs: tuple[Band, ...], ours: tuple[Band, ...]) -> Iterator[str]:
    stated = {component for band in theirs for component in band.rates}
    for start in starts_of(theirs, ours):
        for component in (name for name in terms.COMPONENTS if name in stated):
            new, old = rate_at(theirs, start, component), rate_at(ours, start, component)
            if new != old:
                where = f" from {start} tokens on" if start else ""
                yield f"{component}{where}: {_shown(old)} in the book, {_shown(new)} in the catalogue"


def _fee_differences(theirs: Mapping[str, UnitFee], ours: Mapping[str, UnitFee]) -> Iterator[str]:
    for unit, fee in theirs.items():
        mine = ours.get(unit)
        if mine is None or mine.price * fee.per != fee.price * mine.per:
            said = f"{mine.price:f} for {mine.per}" if mine else "no fee"
            yield f"{unit}: {said} in the book, {fee.price:f} for {fee.per} in the catalogue"


def _in_the_books_units(theirs: Mapping[str, UnitFee], ours: Mapping[str, UnitFee]) -> dict[str, UnitFee]:
    """Search fees under the name the book has for them, minimum units as the book has them."""
    named = {}
    for unit, fee in theirs.items():
        by_prompt = unit == "web_search" and unit not in ours and "grounded_prompt" in ours
        name = "grounded_prompt" if by_prompt else unit
        mine = ours.get(name)
        named[name] = replace(fee, minimum_units=mine.minimum_units) if mine else fee
    return named


def _completed(theirs: tuple[Band, ...], ours: tuple[Band, ...]) -> tuple[tuple[Band, ...], list[str]]:
    """The catalogue's cards with the rates only the book has, and the names of these."""
    if not theirs:
        return ours, []
    stated = {component for band in theirs for component in band.rates}
    written = {component for band in ours for component in band.rates}
    kept = [name for name in terms.COMPONENTS if name in written - stated]
    bands = []
    for band in theirs:
        extra = {name: rate_at(ours, band.min_context_tokens, name) for name in kept}
        known = {name: rate for name, rate in extra.items() if rate is not None}
        bands.append(replace(band, rates={**band.rates, **known}))
    return tuple(bands), kept


def _with_free_ids(proposals: Iterable[Proposal], taken: set[str]) -> list[Proposal]:
    found = []
    for proposal in proposals:
        identity = free_id(proposal.row.id, taken)
        taken = taken | {identity}
        found.append(replace(proposal, row=replace(proposal.row, id=identity)))
    return found


def _id(provider: str, model: str, start: datetime, tier: str) -> str:
    at = f"{start:%Y-%m-%d}" if not (start.hour or start.minute) else f"{start:%Y-%m-%dT%H%MZ}"
    return f"{provider}/{model}@{at}" + ("" if tier == "standard" else f"/{tier}")


def _source(catalogue: Catalogue, model: str, entry: str | None, now: datetime) -> dict[str, Any]:
    source: dict[str, Any] = {"catalogue": f"{catalogue.name} {catalogue.version}"}
    if entry and entry != model:
        source["entry"] = entry
    return {**source, "checked_on": f"{now:%Y-%m-%d}", "verified": False}


def _shown(rate: object) -> str:
    return "none" if rate is None else f"{rate:f}"
