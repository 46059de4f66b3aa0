"""JSON whose numbers are exact: a Decimal becomes a JSON number in plain notation, digit for digit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


def plain(value: Decimal) -> str:
    """A Decimal in plain notation without trailing zeros: 1.250000 -> '1.25', 0E-15 -> '0', never an
    exponent."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def instant(value: datetime) -> str:
    """An aware instant as RFC 3339 in UTC: '2026-11-21T13:00:00Z', with microseconds only when there are
    some."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def dumps(value: Any, indent: int = 0) -> str:
    """`value` as JSON text, two spaces a level, keys in the given order.

    Takes dict, list, str, bool, int, Decimal, datetime, date and None. Raises TypeError for a float: money
    that went through one is no longer exact.
    """
    if value is None or isinstance(value, bool | int | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return json.dumps(instant(value))
    if isinstance(value, date):
        return json.dumps(value.isoformat())
    inner = "  " * (indent + 1)
    if isinstance(value, Mapping):
        items = [
            f"{inner}{json.dumps(str(key), ensure_ascii=False)}: {dumps(item, indent + 1)}"
            for key, item in value.items()
        ]
        return _block("{", items, "}", indent)
    if isinstance(value, Sequence):
        return _block("[", [inner + dumps(item, indent + 1) for item in value], "]", indent)
    raise TypeError(f"{type(value).__name__} has no exact form in JSON")


def _block(opening: str, items: list[str], closing: str, indent: int) -> str:
    if not items:
        return opening + closing
    return opening + "\n" + ",\n".join(items) + "\n" + "  " * indent + closing
