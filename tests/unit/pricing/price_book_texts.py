"""Small price books as people write them, for tests that bend one thing at a time."""

from __future__ import annotations

from pathlib import Path

from tokencost_pipeline.errors import UserError
from tokencost_pipeline.pricing.book import PriceBook
from tokencost_pipeline.pricing.read_book import load_price_book

BANDS = "bands: [{min_context_tokens: 0, rates: {input: '3', output: '15'}}]"


def price_row(name: str = "one", rest: str = BANDS, **changes: str) -> str:
    """One row on one line; `changes` replace or add fields, an empty string drops one."""
    fields = {
        "id": name,
        "provider": "acme",
        "model": "m1",
        "region": "default",
        "service_tier": "standard",
        "currency": "USD",
        "effective_from": "'2026-01-01T00:00:00Z'",
        "recorded_at": "'2026-01-01T00:00:00Z'",
    } | changes
    parts = [f"{key}: {value}" for key, value in fields.items() if value]
    return "- {" + ", ".join([*parts, *([rest] if rest else [])]) + "}"


def alias_row(**changes: str) -> str:
    fields = {
        "provider": "acme",
        "alias": "a1",
        "match": "exact",
        "model": "m1",
        "effective_from": "'2026-01-01T00:00:00Z'",
        "recorded_at": "'2026-01-01T00:00:00Z'",
    } | changes
    return "- {" + ", ".join(f"{key}: {value}" for key, value in fields.items() if value) + "}"


def book_text(*rows: str, aliases: tuple[str, ...] = (), head: str = "schema_version: 1") -> str:
    """A book whose first price row stands on line 3 (without aliases)."""
    above = ["aliases:", *aliases] if aliases else []
    return "\n".join([head, *above, "prices:", *rows]) + "\n"


def load(folder: Path, text: str) -> PriceBook:
    path = folder / "price_book.yaml"
    path.write_text(text, encoding="utf-8")
    return load_price_book(path)


def refusal(folder: Path, text: str) -> UserError:
    """The error the book is refused with; fails the test when the book is accepted."""
    try:
        load(folder, text)
    except UserError as error:
        return error
    raise AssertionError("the book was accepted")


def place_of(error: UserError) -> str:
    """File name and line, without the folder."""
    assert error.place
    return Path(error.place).name
