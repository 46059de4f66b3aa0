"""Cost pages of the providers' admin APIs to invoice lines.

OpenAI: `GET /v1/organization/costs`, USD as JSON numbers. Anthropic: `cost_report`, cents as decimal text.
Both give one bucket per UTC day. A page is right as a whole or refused as a whole: half an invoice would look
like a gap that is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from tokencost_pipeline.ingest import fields
from tokencost_pipeline.ingest.fields import Refused, kind
from tokencost_pipeline.ingest.limits import MAX_DIGITS, MONEY_DECIMALS, MONEY_INTEGER_DIGITS

_WIDE = Context(prec=160)  # the default context would round beyond 28 digits
_STEP = Decimal(1).scaleb(-MONEY_DECIMALS)
_DECIMAL_TEXT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_MODEL_ITEM = re.compile(r"([A-Za-z0-9][A-Za-z0-9._:/-]*), \S.*", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """One amount of one UTC day, in whole units of `currency` (not cents). `key` tells it from the day's other
    lines of the same provider; the same line in another export has the same key."""

    provider: str
    day: date
    model: str | None
    description: str | None
    account_id: str | None
    currency: str
    amount: Decimal
    key: tuple[str | None, ...]


def openai_lines(page: dict[str, Any], now: datetime) -> Iterator[Line]:
    """Lines of an organization costs page. `line_item` and `project_id` are there only when grouped by them."""
    for where, bucket in _objects(page, "data", ""):
        day = _day(
            fields.epoch_seconds(bucket.get("start_time"), f"{where}.start_time", now),
            fields.epoch_seconds(bucket.get("end_time"), f"{where}.end_time", now + timedelta(days=1)),
            where,
        )
        for place, result in _objects(bucket, "results", where):
            amount = fields.mapping(result.get("amount"), f"{place}.amount")
            item = fields.text(result.get("line_item"), f"{place}.line_item")
            project = fields.text(result.get("project_id"), f"{place}.project_id")
            api_key = fields.text(result.get("api_key_id"), f"{place}.api_key_id")
            yield Line(
                "openai",
                day,
                model_of(item),
                item,
                project,
                _currency(amount.get("currency"), f"{place}.amount.currency"),
                _dollars(amount.get("value"), f"{place}.amount.value"),
                (item, project, api_key),
            )


def anthropic_lines(page: dict[str, Any], now: datetime) -> Iterator[Line]:
    """Lines of a cost_report page. Model and token type are there only when grouped by description."""
    for where, bucket in _objects(page, "data", ""):
        day = _day(
            fields.instant(bucket.get("starting_at"), f"{where}.starting_at", now),
            fields.instant(bucket.get("ending_at"), f"{where}.ending_at", now + timedelta(days=1)),
            where,
        )
        for place, result in _objects(bucket, "results", where):
            texts = {
                name: fields.text(result.get(name), f"{place}.{name}")
                for name in (
                    "model",
                    "description",
                    "workspace_id",
                    "token_type",
                    "cost_type",
                    "service_tier",
                    "context_window",
                    "inference_geo",
                )
            }
            yield Line(
                "anthropic",
                day,
                texts["model"],
                texts["description"],
                texts["workspace_id"],
                _currency(result.get("currency"), f"{place}.currency"),
                _cents(result.get("amount"), f"{place}.amount"),
                tuple(texts.values()),
            )


PROVIDERS: dict[str, Callable[[dict[str, Any], datetime], Iterator[Line]]] = {
    "openai": openai_lines,
    "anthropic": anthropic_lines,
}
"""The folder below raw/invoices names the provider and the format."""


def model_of(line_item: str | None) -> str | None:
    """The model of OpenAI's 'gpt-4o-2024-08-06, input'. None for what names no model: 'Image models'."""
    match = _MODEL_ITEM.fullmatch(line_item or "")
    return match[1] if match else None


def _objects(parent: dict[str, Any], name: str, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    path = f"{where}.{name}" if where else name
    items = parent.get(name)
    if not isinstance(items, list):
        raise Refused(f"{path}: expected an array, got {kind(items) if name in parent else 'nothing'}")
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise Refused(f"{path}[{number}]: expected an object, got {kind(item)}")
        yield f"{path}[{number}]", item


def _day(start: datetime, end: datetime, where: str) -> date:
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if start != midnight or not start < end <= start + timedelta(days=1):
        raise Refused(f"{where}: not one UTC day; export the costs in daily buckets")
    return start.date()


def _currency(value: object, name: str) -> str:
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise Refused(f"{name}: expected a currency code such as USD")
    return value.upper()


def _dollars(value: object, name: str) -> Decimal:
    """A JSON number, or its text. OpenAI prints doubles: past the 15th decimal is their noise, rounded half-even."""
    if isinstance(value, str) and len(value) <= MAX_DIGITS and _DECIMAL_TEXT.fullmatch(value):
        value = Decimal(value)
    if type(value) is int:
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise Refused(f"{name}: expected a number, got {kind(value)}")
    return _stored(value, name)


def _cents(value: object, name: str) -> Decimal:
    """Decimal text in cents to whole units, exactly: '123.45' is 1.2345."""
    if not isinstance(value, str) or len(value) > MAX_DIGITS or not _DECIMAL_TEXT.fullmatch(value):
        raise Refused(f"{name}: expected decimal text in cents such as '123.45', got {kind(value)}")
    exact = Decimal(value).scaleb(-2, context=_WIDE)
    stored = _stored(exact, name)
    if stored != exact:
        raise Refused(f"{name}: more than {MONEY_DECIMALS - 2} decimals of a cent")
    return stored


def _stored(value: Decimal, name: str) -> Decimal:
    """As the warehouse keeps it. Credits are negative and stay so."""
    if value and value.adjusted() >= MONEY_INTEGER_DIGITS:
        raise Refused(f"{name}: more than {MONEY_INTEGER_DIGITS} digits before the point")
    # plus: minus zero becomes zero
    return _WIDE.plus(value.quantize(_STEP, rounding=ROUND_HALF_EVEN, context=_WIDE))
