"""From the file a person edits to a validated `PriceBook`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tokencost_pipeline.pricing import rows, rules
from tokencost_pipeline.pricing.book import PriceBook
from tokencost_pipeline.pricing.problems import Problems
from tokencost_pipeline.pricing.shape import Node
from tokencost_pipeline.pricing.strict_yaml import read_strict_yaml

Row = TypeVar("Row")

_REQUIRED = ("schema_version", "prices")
_OPTIONAL = ("generated_by", "versions", "units", "currency", "aliases", "request_estimates")


def load_price_book(path: Path) -> PriceBook:
    """Read and check a price book. Raises UserError that lists every problem as file:line with what to write.

    Rates are USD (or the row's currency) per 1,000,000 tokens as decimal strings, instants are UTC.
    """
    file = read_strict_yaml(path)
    problems = Problems(path)
    top = Node(file, problems, file.value).fields(_REQUIRED, _OPTIONAL)
    top.read("schema_version", lambda node: node.whole(1, 1), 1)
    top.read("currency", Node.currency, "USD")
    book = PriceBook(
        path=path,
        sha256=file.sha256,
        prices=_all(top.get("prices"), rows.read_price),
        aliases=_all(top.get("aliases"), rows.read_alias),
        request_estimates=_all(top.get("request_estimates"), rows.read_estimate),
    )
    rules.check(book, problems)
    problems.raise_if_any()
    return book


def _all(node: Node | None, read: Callable[[Node], Row]) -> tuple[Row, ...]:
    """The rows that could be read whole; rules over several rows then speak of what was really written."""
    found = []
    for item in node.items() if node else []:
        before = len(item.problems.found)
        row = read(item)
        if len(item.problems.found) == before:
            found.append(row)
    return tuple(found)
