"""A row written as YAML reads back as the same row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tokencost_pipeline.pricing.book import PriceBook
from tokencost_pipeline.pricing.ledger import fingerprints
from tokencost_pipeline.pricing.read_book import load_price_book
from tokencost_pipeline.pricing.row_yaml import alias_yaml, price_yaml, text
from tokencost_pipeline.pricing.strict_yaml import parse_strict_yaml

SHIPPED = Path(__file__).parents[3] / "pricing" / "price_book.yaml"


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return load_price_book(SHIPPED)


def test_every_row_of_the_shipped_book_survives_being_written_and_read(book: PriceBook, tmp_path: Path):
    written = ["schema_version: 1", "aliases:", *map(alias_yaml, book.aliases)]
    written += ["prices:", *map(price_yaml, book.prices)]
    path = tmp_path / "price_book.yaml"
    path.write_text("\n".join(written) + "\n", encoding="utf-8")
    again = load_price_book(path)
    assert {key: entry for key, (entry, _) in fingerprints(again).items()} == {
        key: entry for key, (entry, _) in fingerprints(book).items()
    }
    assert [row.source for row in again.prices] == [row.source for row in book.prices]
    assert [replace(row, line=0) for row in again.aliases] == [replace(row, line=0) for row in book.aliases]


@pytest.mark.parametrize(
    "value",
    ["no", "NULL", "true", "3.0", "2026-01-01", "a: b", "a #b", "it's", "a, b", "{x}", "1e-6", "*", "-"],
)
def test_text_that_yaml_could_take_for_something_else_is_quoted(value: str):
    read = parse_strict_yaml(f"x: {{a: {text(value)}, b: {text(value)}}}\n", Path("x.yaml"))
    assert read.value == {"x": {"a": value, "b": value}}
