"""What the rows of a price book must not do to each other. Each rule notes the lines of both rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

from tokencost_pipeline.pricing import terms
from tokencost_pipeline.pricing.book import AliasRow, PriceBook, PriceRow
from tokencost_pipeline.pricing.problems import Problems
from tokencost_pipeline.pricing.timeline import in_force
from tokencost_pipeline.pricing.variants import explicit_rows, forgotten_variants
from tokencost_pipeline.pricing.windows import meet

_CORRECTION = "to correct a row, write it again with a later recorded_at; else change effective_from"


def check(book: PriceBook, problems: Problems) -> None:
    """Note every breach of a rule that spans fields or rows."""
    rows = explicit_rows(book.prices)
    _ids_are_unique(rows, problems)
    _versions_are_distinct(rows, problems)
    _closings_close_something(book.prices, problems)
    _multiplied_rates_are_exact(book.prices, rows, problems)
    _variants_are_carried_on(book.prices, problems)
    _windows_do_not_meet(rows, problems)
    _any_model_is_free(book.prices, problems)
    _aliases_lead_somewhere_new(book, problems)
    _estimates_are_distinct(book, problems)


def _ids_are_unique(rows: Iterable[PriceRow], problems: Problems) -> None:
    first: dict[str, PriceRow] = {}
    for row in rows:
        other = first.setdefault(row.id, row)
        if other is not row:
            message = f"duplicate id '{row.id}', first on line {other.line}"
            problems.add(row.line, message, "give every row an id of its own, such as provider/model@date")


def _versions_are_distinct(rows: Iterable[PriceRow], problems: Problems) -> None:
    first: dict[object, PriceRow] = {}
    for row in rows:
        other = first.setdefault((row.key, row.effective_from, row.recorded_at), row)
        if other is row or other.id == row.id:
            continue
        made = _made_by_multiplier(row) or _made_by_multiplier(other)
        problems.add(
            row.line,
            f"overlapping versions: '{row.id}' and '{other.id}' (line {other.line}) have the same provider,"
            " model, region, tier, window, effective_from and recorded_at",
            "drop the multiplier or the row written out: both give the same price" if made else _CORRECTION,
        )


def _made_by_multiplier(row: PriceRow) -> bool:
    return "|region=" in row.id or "|tier=" in row.id


def _closings_close_something(rows: Iterable[PriceRow], problems: Problems) -> None:
    active = defaultdict(list)
    rows = list(rows)
    for row in explicit_rows(rows):
        if row.is_active:
            active[row.key].append(row)
    for row in rows:
        if row.multipliers and not row.is_active:
            message = f"a row with status {row.status} has multipliers"
            problems.add(row.line, message, "drop them: what they made is closed together with the row")
        if row.status == "retracted" and not any(
            it.effective_from == row.effective_from and it.recorded_at < row.recorded_at
            for it in active[row.key]
        ):
            problems.add(
                row.line,
                f"'{row.id}' retracts nothing: no active row of this provider, model, region, tier and window"
                " has this effective_from and an earlier recorded_at",
                "copy these fields from the row to withdraw, with a later recorded_at",
            )
        if row.status == "ended" and not any(
            it.effective_from < row.effective_from for it in active[row.key]
        ):
            problems.add(
                row.line,
                f"'{row.id}' ends nothing: no earlier active row of this provider, model, region, tier"
                " and window",
                "copy these fields from the row to end",
            )


def _multiplied_rates_are_exact(
    written: Iterable[PriceRow], rows: Iterable[PriceRow], problems: Problems
) -> None:
    written_ids = {row.id for row in written}
    for row in rows:
        if row.id in written_ids:
            continue
        for band in row.bands:
            for name, rate in band.rates.items():
                if not terms.DECIMAL.fullmatch(f"{rate.normalize():f}"):
                    message = f"{name} times the factor is {rate:f}: more than 9 decimals or 9 digits"
                    problems.add(
                        row.line,
                        message,
                        "write this region or tier as a row of its own, with its list price",
                    )


def _variants_are_carried_on(rows: Iterable[PriceRow], problems: Problems) -> None:
    for row, before, multiplier in forgotten_variants(rows):
        what = multiplier.suffix.lstrip("|").replace("|", ", ")
        problems.add(
            row.line,
            f"'{row.id}' says nothing about {what}, which '{before.id}' (line {before.line}) made by a"
            " multiplier: its old price would stay in force",
            "repeat the multiplier, or add a row for it with this effective_from (status: ended closes it)",
        )


def _windows_do_not_meet(rows: Iterable[PriceRow], problems: Problems) -> None:
    by_place: dict[tuple[str, ...], dict[str, list[PriceRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.window:
            by_place[row.key[:4]][row.key[4]].append(row)
    for windows in by_place.values():
        for ours, theirs in combinations(windows.values(), 2):
            if ours[0].window and theirs[0].window and meet(ours[0].window, theirs[0].window):
                _note_meetings(ours, theirs, problems)


def _note_meetings(ours: list[PriceRow], theirs: list[PriceRow], problems: Problems) -> None:
    for one, one_end in in_force(ours):
        for other, other_end in in_force(theirs):
            starts_in_time = other_end is None or one.effective_from < other_end
            if starts_in_time and (one_end is None or other.effective_from < one_end):
                earlier, later = sorted((one, other), key=lambda row: (row.effective_from, row.line))
                problems.add(
                    later.line,
                    f"overlapping windows: the hours of '{later.id}' meet those of '{earlier.id}'"
                    f" (line {earlier.line}) while both are in force",
                    "change the hours, or end the earlier window by a row with status: ended",
                )


def _any_model_is_free(rows: Iterable[PriceRow], problems: Problems) -> None:
    for row in rows:
        charges = any(rate for band in row.bands for rate in band.rates.values()) or bool(row.unit_fees)
        if row.model == terms.ANY_MODEL and charges:
            problems.add(
                row.line,
                "a price for every model of a provider: model '*' may only have rates of '0'",
                "write a row for each model (one without a row is reported as unpriced), or rates of '0'",
            )


def _aliases_lead_somewhere_new(book: PriceBook, problems: Problems) -> None:
    priced = {(row.provider, row.model) for row in book.prices}
    names = {(row.provider, row.alias): row for row in book.aliases if row.match == "exact"}
    first: dict[object, AliasRow] = {}
    for row in book.aliases:
        if row.match == "exact" and row.alias == row.model:
            problems.add(row.line, f"alias '{row.alias}' points to itself", "name the model that is billed")
        key = (row.provider, row.alias, row.match, row.effective_from, row.recorded_at)
        other = first.setdefault(key, row)
        if other is not row:
            problems.add(
                row.line, f"alias '{row.alias}' is written twice, first on line {other.line}", _CORRECTION
            )
        via = names.get((row.provider, row.model))
        if via and row.alias != row.model and (row.provider, row.model) not in priced:
            problems.add(
                row.line,
                f"alias '{row.alias}' points to '{row.model}', itself only an alias (line {via.line})",
                f"aliases are followed once: point it to '{via.model}'",
            )


def _estimates_are_distinct(book: PriceBook, problems: Problems) -> None:
    first: dict[object, int] = {}
    for row in book.request_estimates:
        key = (row.provider, row.model, row.effective_from, row.recorded_at)
        other = first.setdefault(key, row.line)
        if other != row.line:
            problems.add(row.line, f"this estimate is written twice, first on line {other}", _CORRECTION)
