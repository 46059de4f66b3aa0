"""What to write instead of editing or deleting an accepted row, with that row's own example."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from tokencost_pipeline.pricing.book import AliasRow, PriceBook, PriceRow
from tokencost_pipeline.pricing.ledger import Differences, Entry, Row
from tokencost_pipeline.pricing.problems import Problems
from tokencost_pipeline.pricing.row_yaml import alias_yaml, estimate_yaml, price_yaml


def refuse_changes(
    differences: Differences, book: PriceBook, of_book: Problems, of_ledger: Problems, now: datetime
) -> None:
    """Note every accepted row that was edited or renamed (its place in the book) or deleted (in the ledger)."""
    if differences.is_foreign:
        return
    ids = {row.id for row in book.prices}
    for entry, row in differences.edited:
        of_book.add(
            row.line,
            f"'{entry.key}' was accepted with other values: a row that may have priced something is not edited",
            "put the old values back, and write the right ones as a new row, known from now on:\n"
            + _indented(_correction(row, ids, now)),
        )
    for entry, row in differences.renamed:
        message = f"'{entry.key}' now stands here under another id: earlier costs name the old one"
        of_book.add(row.line, message, f"put the old id back: '{entry.key}'")
    for entry in differences.deleted:
        of_ledger.add(
            entry.line,
            f"'{entry.key}' was accepted, but is no longer in {book.path.name}: rows are not deleted",
            _how_to_withdraw(entry, now),
        )


def _correction(row: Row, ids: Collection[str], now: datetime) -> str:
    later = max(now, row.recorded_at).replace(microsecond=0)
    if isinstance(row, PriceRow):
        return price_yaml(replace(row, id=free_id(f"{row.id}/corrected", ids), recorded_at=later))
    if isinstance(row, AliasRow):
        return alias_yaml(replace(row, recorded_at=later))
    return estimate_yaml(replace(row, recorded_at=later))


def free_id(wanted: str, ids: Collection[str]) -> str:
    """`wanted`, or with the first number that makes it new."""
    numbered = (f"{wanted}-{number}" for number in range(2, len(ids) + 3))
    return wanted if wanted not in ids else next(name for name in numbered if name not in ids)


def _how_to_withdraw(entry: Entry, now: datetime) -> str:
    recorded = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    if entry.key.startswith("estimate:"):
        return "put the row back; to replace it write it again with a later recorded_at"
    if entry.key.startswith("alias:"):
        example = f"- {{…, recorded_at: '{recorded}', status: retracted}}"
    else:
        example = f"- {{id: '{entry.key}/retracted', …, recorded_at: '{recorded}', status: retracted}}"
    return (
        "put the row back (version control has it); if it should never have been, withdraw it by a new row below\n"
        "  it, where … are its provider, model, region, service_tier, currency, window and effective_from:\n"
        + _indented(example)
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
