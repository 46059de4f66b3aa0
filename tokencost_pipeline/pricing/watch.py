"""The price watch: for which prices of the book an installed catalogue knows a newer one. Nothing is ever fetched.

A difference alone is no news: catalogues disagree with the book in dozens of rows that people have decided on. A price
is newer when a catalogue dates it after the book's, or when two catalogues name the same other price.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from shlex import quote
from typing import Any

from tokencost_pipeline.pricing.book import Key, PriceBook, PriceRow
from tokencost_pipeline.pricing.catalogues import SOURCES, Catalogue
from tokencost_pipeline.pricing.price_sources import INSTALL, PriceSources
from tokencost_pipeline.pricing.propose import CHANGED, Proposal, propose
from tokencost_pipeline.settings import Settings

_QUESTION = "watch"
Names = tuple[str, str]


@dataclass(frozen=True)
class NewerPrice:
    """A price of the book that looks outdated. `differences` read "input: 2 in the book, 3 in the catalogue".

    `since` is the day from which the catalogue dates its price, None where only two catalogues agree. `sources` are
    "name version". `see` is the command that prints the row to paste.
    """

    provider: str
    model: str
    service_tier: str
    price_id: str
    book_since: str
    since: str | None
    sources: tuple[str, ...]
    differences: tuple[str, ...]
    doubts: tuple[str, ...]
    see: str

    @property
    def row(self) -> dict[str, str]:
        """For a table people read."""
        return {
            "model": f"{self.provider}/{self.model}",
            "tier": self.service_tier,
            "since": self.since or "not said; two catalogues agree",
            "in the book since": self.book_since,
            "USD per 1M tokens": "; ".join(self.differences),
            "by": ", ".join(self.sources),
            "doubts": "; ".join(self.doubts),
            "see the YAML": self.see,
        }


@dataclass(frozen=True)
class Watch:
    """`newer` for models that were used, `unused` for the book's other ones. `undated` counts by catalogue the prices
    that differ without a later date: told, not warned about. `unreadable` catalogues come with the reason."""

    catalogues: Mapping[str, str]
    unreadable: Mapping[str, str]
    newer: tuple[NewerPrice, ...]
    unused: tuple[NewerPrice, ...]
    undated: Mapping[str, int]

    @property
    def told(self) -> str:
        """The result in a sentence or two."""
        if not self.catalogues:
            return f"No price catalogue is installed, so nothing was compared. To have the book watched: {INSTALL}"
        names = " and ".join(f"{name} {version}" for name, version in self.catalogues.items())
        if self.unreadable:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self.unreadable.items())
            return f"An installed catalogue cannot be read ({reasons}). Installed: {names}."
        if self.newer:
            prices = "1 price" if len(self.newer) == 1 else f"{len(self.newer)} prices"
            return f"Outdated, as it seems: {prices} of models you use, compared with {names}."
        return f"No newer price for a model you use in {names}."


def watch_prices(
    settings: Settings, seen: Iterable[Names], now: datetime, names: tuple[str, ...] = SOURCES
) -> Watch:
    """Compare the book in `settings.pricing_dir` with the installed catalogues on the UTC day of `now`.

    `seen` are (provider, model) as the book spells them, aliases followed. Milliseconds
    when nothing is installed or nothing changed since it was asked last; the book is not even read then. Raises
    UserError where a catalogue is installed and the book has a mistake.
    """
    sources = PriceSources(settings, now, names)
    if not sources.installed:
        return Watch({}, {}, (), (), {})
    memory = sources.memory
    if _QUESTION not in memory:
        memory.keep({_QUESTION: _ask(sources)})
    answer = memory[_QUESTION]
    used = set(seen)
    newer = [_from_json(price) for price in answer["newer"]]
    return Watch(
        sources.installed,
        answer["unreadable"],
        tuple(it for it in newer if (it.provider, it.model) in used),
        tuple(it for it in newer if (it.provider, it.model) not in used),
        answer["undated"],
    )


def newer_prices(book: PriceBook, catalogues: Iterable[Catalogue], now: datetime) -> list[NewerPrice]:
    """Every row in force at `now` whose price some catalogue dates later, or two catalogues give the same other price.

    One entry a row of the book, sorted by provider, model and tier; the catalogue with the latest date speaks. Pure.
    """
    return _judge(_differences(book, catalogues, now))[0]


def _ask(sources: PriceSources) -> dict[str, Any]:
    found = _differences(sources.book, sources.catalogues, sources.day_ends)
    newer, undated = _judge(found)
    return {
        "newer": [asdict(it) for it in newer],
        "undated": undated,
        "unreadable": sources.unreadable,
    }


def _differences(
    book: PriceBook, catalogues: Iterable[Catalogue], now: datetime
) -> list[tuple[Catalogue, PriceRow, Proposal]]:
    """Proposals that change the price of a row in force, with the catalogue and the row."""
    return [
        (catalogue, it.before, it)
        for catalogue in catalogues
        for it in propose(book, catalogue, now)
        if it.before is not None
    ]


def _judge(found: list[tuple[Catalogue, PriceRow, Proposal]]) -> tuple[list[NewerPrice], dict[str, int]]:
    """(newer prices, how many others each catalogue has)."""
    by_row: dict[Key, list[tuple[Catalogue, PriceRow, Proposal]]] = {}
    for item in found:
        by_row.setdefault(item[1].key, []).append(item)
    newer, undated = [], Counter[str]()
    for key in sorted(by_row):
        items = by_row[key]
        dated = [item for item in items if item[2].kind == CHANGED and item[2].row.effective_from_known]
        shared = _agreed([item[2] for item in items])
        if dated:
            latest = max(dated, key=lambda item: item[2].row.effective_from)
            newer.append(_newer(dated, latest, latest[2].differences))
        elif shared:
            newer.append(_newer(items, items[0], shared))
        else:
            undated.update(catalogue.name for catalogue, _, _ in items)
    return newer, dict(sorted(undated.items()))


def _agreed(proposals: list[Proposal]) -> tuple[str, ...]:
    """Differences that every one of several catalogues names alike."""
    if len(proposals) < 2:
        return ()
    others = [set(it.differences) for it in proposals[1:]]
    return tuple(line for line in proposals[0].differences if all(line in other for other in others))


def _newer(
    items: list[tuple[Catalogue, PriceRow, Proposal]],
    speaker: tuple[Catalogue, PriceRow, Proposal],
    differences: tuple[str, ...],
) -> NewerPrice:
    catalogue, row, proposal = speaker
    known = proposal.kind == CHANGED and proposal.row.effective_from_known
    return NewerPrice(
        provider=row.provider,
        model=row.model,
        service_tier=row.service_tier,
        price_id=row.id,
        book_since=f"{row.effective_from:%Y-%m-%d}",
        since=f"{proposal.row.effective_from:%Y-%m-%d}" if known else None,
        sources=tuple(f"{it.name} {it.version}" for it, _, _ in items),
        differences=differences,
        doubts=proposal.doubts,
        see=f"tokencost prices diff --source {catalogue.name} --model {quote(row.model)}",
    )


def _from_json(price: Mapping[str, Any]) -> NewerPrice:
    lists = {name: tuple(price[name]) for name in ("sources", "differences", "doubts")}
    return NewerPrice(**{**price, **lists})
