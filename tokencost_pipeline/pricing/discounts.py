"""`discounts.yaml`: what was negotiated off the list price, for whom and when."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa

from tokencost_pipeline.ingest.schema import DISCOUNTS
from tokencost_pipeline.pricing.hashing import row_hash
from tokencost_pipeline.pricing.problems import Problems
from tokencost_pipeline.pricing.shape import Node
from tokencost_pipeline.pricing.strict_yaml import read_strict_yaml

ANY = "*"
OPEN = datetime(9999, 12, 31, tzinfo=UTC)
_MOST_DECIMALS = 6
_UNREAD = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Discount:
    """`percent` off what `provider` bills for `model` to `tenant` ('*' = any), in [effective_from, effective_to)."""

    id: str
    provider: str
    model: str
    tenant: str
    percent: Decimal
    effective_from: datetime
    effective_to: datetime
    line: int

    @property
    def factor(self) -> Decimal:
        """What is left to pay: 0.85 at 15 % off. Exact: shifting the point is no division."""
        return (100 - self.percent).scaleb(-2)

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.provider, self.model, self.tenant)


def load_discounts(path: Path) -> tuple[Discount, ...]:
    """Read and check the file; one that does not exist means no discounts.

    Raises UserError that lists every problem as file:line with what to write.
    """
    if not path.is_file():
        return ()
    file = read_strict_yaml(path)
    problems = Problems(path)
    top = Node(file, problems, file.value).fields(["schema_version", "discounts"])
    top.read("schema_version", lambda node: node.whole(1, 1), 1)
    none: tuple[Discount, ...] = ()
    discounts = top.read("discounts", _read_discounts, none)
    _ids_are_unique(discounts, problems)
    _one_holds_at_a_time(discounts, problems)
    problems.raise_if_any()
    return discounts


def to_arrow(discounts: tuple[Discount, ...]) -> pa.Table:
    """The table `discounts` in the landing schema; instants UTC, factor = share of the list price to pay."""
    rows = []
    for discount in sorted(discounts, key=lambda it: (it.key, it.effective_from)):
        row: dict[str, Any] = {
            "discount_id": discount.id,
            "provider": discount.provider,
            "model": discount.model,
            "tenant_id": discount.tenant,
            "effective_from": discount.effective_from,
            "effective_to": discount.effective_to,
            "factor": discount.factor,
        }
        rows.append({**row, "row_hash": row_hash(row)})
    return pa.Table.from_pylist(rows, schema=DISCOUNTS)


def _read_discounts(node: Node) -> tuple[Discount, ...]:
    """The ones that could be read whole; rules over several then speak of what was really written."""
    found = []
    for item in node.items():
        before = len(item.problems.found)
        discount = _read_discount(item)
        if len(item.problems.found) == before:
            found.append(discount)
    return tuple(found)


def _read_discount(node: Node) -> Discount:
    fields = node.fields(
        ["id", "provider", "percent", "effective_from"], ["model", "tenant", "effective_to", "note"]
    )
    start = fields.read("effective_from", Node.instant, _UNREAD)
    end = fields.read("effective_to", Node.instant, OPEN)
    if end <= start:
        fields["effective_to"].wrong(
            "effective_to does not lie after effective_from",
            "effective_to is the first instant without the discount; leave it out while it is open",
        )
    return Discount(
        id=fields.read("id", Node.text, ""),
        provider=fields.read("provider", Node.word, ""),
        model=fields.read("model", Node.text, ANY),
        tenant=fields.read("tenant", Node.text, ANY),
        percent=fields.read("percent", _read_percent, Decimal(0)),
        effective_from=start,
        effective_to=end,
        line=node.line,
    )


def _read_percent(node: Node) -> Decimal | None:
    percent = node.amount()
    if percent is None:
        return None
    if not 0 < percent <= 100:
        node.wrong(f"percent is {percent:f}", "write how much is taken off, above '0' and at most '100'")
        return None
    if -int(percent.normalize().as_tuple().exponent) > _MOST_DECIMALS:
        node.wrong(f"percent has more than {_MOST_DECIMALS} decimals", "round it as your contract does")
        return None
    return percent


def _ids_are_unique(discounts: tuple[Discount, ...], problems: Problems) -> None:
    first: dict[str, Discount] = {}
    for discount in discounts:
        other = first.setdefault(discount.id, discount)
        if other is not discount:
            message = f"duplicate id '{discount.id}', first on line {other.line}"
            problems.add(discount.line, message, "give every discount an id of its own")


def _one_holds_at_a_time(discounts: tuple[Discount, ...], problems: Problems) -> None:
    by_key: dict[tuple[str, str, str], list[Discount]] = defaultdict(list)
    for discount in discounts:
        by_key[discount.key].append(discount)
    for group in by_key.values():
        for one, other in combinations(sorted(group, key=lambda it: it.line), 2):
            if one.effective_from < other.effective_to and other.effective_from < one.effective_to:
                problems.add(
                    other.line,
                    f"'{other.id}' and '{one.id}' (line {one.line}) hold at the same time for the same"
                    " provider, model and tenant",
                    "end the earlier one by effective_to, or say for which model or tenant each is meant",
                )
