"""Everything people edit for prices, checked as a whole and held against the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tokencost_pipeline.atomic import write_text
from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.baselines import load_routing_baselines
from tokencost_pipeline.pricing.book import PriceBook
from tokencost_pipeline.pricing.correction import refuse_changes
from tokencost_pipeline.pricing.discounts import load_discounts
from tokencost_pipeline.pricing.fx import FxRates, load_fx_rates
from tokencost_pipeline.pricing.land import (
    DISCOUNTS,
    FX_RATES,
    PRICE_BOOK,
    ROUTING_BASELINES,
    unpriced_baselines,
)
from tokencost_pipeline.pricing.ledger import (
    LEDGER,
    Differences,
    Ledger,
    checked_ledger,
    compare,
    fingerprints,
    ledger_text,
)
from tokencost_pipeline.pricing.problems import Problems, shown
from tokencost_pipeline.pricing.read_book import load_price_book

Found = TypeVar("Found")


@dataclass(frozen=True)
class CheckReport:
    """A check that passed. `rows` counts what each file says, `new_rows` what the ledger does not know yet."""

    rows: Mapping[str, int]
    ledger_rows: int
    new_rows: tuple[str, ...]
    accepted: int
    warnings: tuple[str, ...]


def check_prices(
    folder: Path,
    now: datetime,
    *,
    accept: bool = False,
    also: Mapping[str, Callable[[Path], int]] | None = None,
) -> CheckReport:
    """Check the price files in `folder`; with `accept` also add the book's new rows to its ledger.

    Files other than the book may be missing. `also` are readers of further files in the folder, by name: each returns
    how many rows the file has, and raises UserError for a bad one.

    Raises the UserError of the first bad file with the other files' problems in its hint, each under its own
    file:line. The ledger is written in one step, and only when all is well.
    """
    errors: list[UserError] = []
    book = _attempt(load_price_book, folder / PRICE_BOOK, errors)
    baselines = _attempt(load_routing_baselines, folder / ROUTING_BASELINES, errors)
    fx = _attempt(load_fx_rates, folder / FX_RATES, errors)
    discounts = _attempt(load_discounts, folder / DISCOUNTS, errors)
    rows = {
        PRICE_BOOK: len(book.prices) + len(book.aliases) + len(book.request_estimates) if book else 0,
        ROUTING_BASELINES: len(baselines.rules) if baselines else 0,
        FX_RATES: len(fx.rates) if fx else 0,
        DISCOUNTS: len(discounts or ()),
        **{name: _attempt(count, folder / name, errors) or 0 for name, count in (also or {}).items()},
    }
    ledger = _attempt(checked_ledger, folder / LEDGER, errors)
    differences = compare(ledger or Ledger(), book) if book else Differences()
    if book:
        _refuse(differences, book, folder / LEDGER, now, errors)
    raise_all(errors)
    assert book is not None
    warnings = _currency_warnings(book, fx or FxRates())
    if baselines:
        unknown = unpriced_baselines(baselines, book)
        warnings += [f"{ROUTING_BASELINES}: {name} has no price: savings are unknown" for name in unknown]
    accepted = 0
    if accept and (differences.new or ledger is None or differences.is_foreign):
        accepted = _accept(folder / LEDGER, ledger, differences, book)
    else:
        warnings += _ledger_warnings(folder / LEDGER, ledger, differences)
    return CheckReport(
        rows=rows,
        ledger_rows=accepted + (0 if ledger is None or differences.is_foreign else len(ledger.entries)),
        new_rows=() if accept else tuple(entry.key for entry, _ in differences.new),
        accepted=accepted,
        warnings=tuple(warnings),
    )


def raise_all(errors: list[UserError]) -> None:
    """Raise the first error; the others follow in its hint as they would have been printed."""
    if not errors:
        return
    first, *others = errors
    hint = "\n".join([part for part in [first.hint, *map(str, others)] if part])
    raise UserError(first.message, place=first.place, hint=hint or None)


def _attempt(read: Callable[[Path], Found], path: Path, errors: list[UserError]) -> Found | None:
    """What `read` makes of the file; None for a bad one, whose error is kept, and for a missing one."""
    if not path.is_file() and path.name != PRICE_BOOK:
        return None
    try:
        return read(path)
    except UserError as error:
        errors.append(error)
        return None


def _refuse(
    differences: Differences, book: PriceBook, ledger_path: Path, now: datetime, errors: list[UserError]
) -> None:
    of_book, of_ledger = Problems(book.path), Problems(ledger_path)
    refuse_changes(differences, book, of_book, of_ledger, now)
    for problems in (of_book, of_ledger):
        try:
            problems.raise_if_any()
        except UserError as error:
            errors.append(error)


def _currency_warnings(book: PriceBook, fx: FxRates) -> list[str]:
    first: dict[str, int] = {}
    lines = [(row.currency, row.line) for row in book.prices]
    lines += [(row.currency, row.line) for row in book.request_estimates]
    for currency, line in lines:
        if currency not in fx.currencies:
            first.setdefault(currency, line)
    return [
        f"{shown(book.path)}:{line}: no rate for {currency} in {FX_RATES}: what this row prices is unpriced"
        for currency, line in sorted(first.items())
    ]


def _ledger_warnings(path: Path, ledger: Ledger | None, differences: Differences) -> list[str]:
    if ledger is None:
        return [f"{shown(path)} does not exist: begin it with `tokencost prices check --accept`"]
    if differences.is_foreign:
        return [
            f"{shown(path)} belongs to another book: {len(differences.deleted)} of its {len(ledger.entries)} rows are"
            " not in this one, so nothing was compared; --accept begins it anew"
        ]
    return []


def _accept(path: Path, ledger: Ledger | None, differences: Differences, book: PriceBook) -> int:
    begins_anew = ledger is None or differences.is_foreign
    known = {} if ledger is None or begins_anew else dict(ledger.entries)
    new = {key: entry for key, (entry, _) in fingerprints(book).items() if key not in known}
    write_text(path, ledger_text(known | new))
    return len(new)
