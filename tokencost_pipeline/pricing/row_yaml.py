"""A price or alias row as YAML to paste, in the shape of the shipped book."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tokencost_pipeline.pricing import terms
from tokencost_pipeline.pricing.book import AliasRow, Band, EstimateRow, Multiplier, PriceRow, UnitFee, Window

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/@+-]*")
_NOT_PLAIN = {"true", "false", "yes", "no", "on", "off", "null", "nan", "inf"}


def price_yaml(row: PriceRow, source: Any = None) -> str:
    """`row` as a list item of `prices:`; `source` replaces the row's own. Reads back as the same row."""
    head = {
        "id": text(row.id),
        "provider": text(row.provider),
        "model": text(row.model),
        "region": text(row.region),
        "service_tier": text(row.service_tier),
        "currency": row.currency,
        "effective_from": instant(row.effective_from),
    }
    if not row.effective_from_known:
        head["effective_from_known"] = "false"
    head["recorded_at"] = instant(row.recorded_at)
    if not row.is_active:
        head["status"] = row.status
    lines = [_inside(head)]
    if row.window:
        lines.append(f"window: {_window(row.window)}")
    if row.bands:
        lines.append(f"bands: [{', '.join(_band(band) for band in row.bands)}]")
    if row.unit_fees:
        lines.append(f"unit_fees: {_mapping({name: _fee(fee) for name, fee in row.unit_fees.items()})}")
    if row.multipliers:
        lines.append(f"multipliers: [{', '.join(map(_multiplier, row.multipliers))}]")
    if row.promo_until:
        lines.append(f"promo_until: {text(row.promo_until)}")
    source = source if source is not None else row.source
    if source is not None:
        lines.append(f"source: {_value(source)}")
    return "- {" + ",\n   ".join(lines) + "}"


def alias_yaml(row: AliasRow) -> str:
    """`row` as a list item of `aliases:`."""
    fields = {
        "provider": text(row.provider),
        "alias": text(row.alias),
        "match": row.match,
        "model": text(row.model),
        "effective_from": instant(row.effective_from),
        "recorded_at": instant(row.recorded_at),
    }
    return "- " + _mapping(fields | ({} if row.status == "active" else {"status": row.status}))


def estimate_yaml(row: EstimateRow) -> str:
    """`row` as a list item of `request_estimates:`."""
    fields = {
        "provider": text(row.provider),
        "model": text(row.model),
        "cost_per_request": amount(row.cost_per_request),
        "currency": row.currency,
        "effective_from": instant(row.effective_from),
        "recorded_at": instant(row.recorded_at),
    }
    return "- " + _mapping(fields | ({"method": text(row.method)} if row.method else {}))


def text(value: str) -> str:
    """Plain where YAML cannot take it for anything else, in quotes elsewhere."""
    if _PLAIN.fullmatch(value) and value.lower() not in _NOT_PLAIN:
        return value
    return "'" + value.replace("'", "''") + "'"


def amount(value: Decimal) -> str:
    """A quoted decimal string without needless zeros."""
    return f"'{value.normalize():f}'"


def instant(value: datetime) -> str:
    return value.astimezone(UTC).strftime("'%Y-%m-%dT%H:%M:%SZ'")


def _inside(fields: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in fields.items())


def _mapping(fields: Mapping[str, str]) -> str:
    return "{" + _inside(fields) + "}"


def _band(band: Band) -> str:
    rates = {name: amount(band.rates[name]) for name in terms.COMPONENTS if name in band.rates}
    return _mapping({"min_context_tokens": str(band.min_context_tokens), "rates": _mapping(rates)})


def _fee(fee: UnitFee) -> str:
    if fee.per == 1 and fee.minimum_units is None:
        return amount(fee.price)
    fields = {"price": amount(fee.price), "per": str(fee.per)}
    if fee.minimum_units is not None:
        fields["minimum_units"] = amount(fee.minimum_units)
    return _mapping(fields)


def _multiplier(multiplier: Multiplier) -> str:
    fields = {"region": multiplier.region, "service_tier": multiplier.service_tier}
    written = {name: text(value) for name, value in fields.items() if value}
    return _mapping({**written, "factor": amount(multiplier.factor)})


def _window(window: Window) -> str:
    fields = {"utc_hours": _list(f"'{_clock(start)}-{_clock(end)}'" for start, end in window.minutes)}
    if window.weekdays:
        fields["weekdays"] = _list(map(str, window.weekdays))
    if window.timezone != "UTC":
        fields["timezone"] = text(window.timezone)
    if window.exclude_dates:
        fields["exclude_dates"] = _list(f"'{day.isoformat()}'" for day in window.exclude_dates)
    return _mapping(fields)


def _clock(minute: int) -> str:
    return "{:02d}:{:02d}".format(*divmod(minute, 60))


def _list(items: Iterable[str]) -> str:
    return "[" + ", ".join(items) + "]"


def _value(value: Any) -> str:
    """What the strict reader makes of a `source:`: text, whole numbers, true / false, lists and mappings."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return _mapping({text(str(name)): _value(inner) for name, inner in value.items()})
    if isinstance(value, list):
        return _list(_value(item) for item in value)
    return text(str(value))
